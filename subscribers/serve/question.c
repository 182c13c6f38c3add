#include "subscribers/serve/question.h"

#include <ctype.h>
#include <stdio.h>

#include "bus/digest.h"
#include "bus/identifier.h"
#include "bus/utf8.h"

enum { USCC_LENGTH = 18, BODY_AT = 8, BODY_LENGTH = 9, OLD_CITIZEN_LENGTH = 15 };

static void set_organisation(struct serve_question *question, const char *code, const char *body)
{
    question->kind = BUS_SUBJECT_ORGANISATION;
    snprintf(question->code, sizeof question->code, "%s", code);
    snprintf(question->identifier, sizeof question->identifier, "%.*s", BODY_LENGTH, body);
    snprintf(question->stated, sizeof question->stated, "%s", code);
}

static void set_person(struct serve_question *question, const char *number)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    char hex[2 * BUS_DIGEST_SIZE + 1];
    question->kind = BUS_SUBJECT_PERSON;
    snprintf(question->code, sizeof question->code, "%s", number);
    snprintf(question->identifier, sizeof question->identifier, "%s", number);
    bus_digest(BUS_HASH_SM3, bus_bytes_text(number), digest);
    bus_hex(digest, sizeof digest, hex);
    snprintf(question->stated, sizeof question->stated, "sm3:%s", hex);
}

static enum bus_status read_person(struct serve_question *question, const char *code, struct bus_error *error)
{
    char number[19];
    enum bus_status status = bus_identifier_citizen_18(bus_bytes_text(code), number, error);
    if (status == BUS_OK)
        set_person(question, number);
    return status;
}

/* Some numbers are good as both: then the company is meant. */
static enum bus_status read_long(struct serve_question *question, const char *code, struct bus_error *error)
{
    struct bus_error ignored;
    enum bus_status status = bus_identifier_uscc(bus_bytes_text(code), NULL, error);
    if (status == BUS_OK)
        set_organisation(question, code, code + BODY_AT);
    else if (read_person(question, code, &ignored) == BUS_OK)
        status = BUS_OK;
    return status;
}

static enum bus_status read_short(struct serve_question *question, const char *code, struct bus_error *error)
{
    char plain[BODY_LENGTH + 1];
    enum bus_status status = bus_identifier_organisation_code(bus_bytes_text(code), error);
    snprintf(plain, sizeof plain, "%.8s%c", code, code[strlen(code) - 1]);
    if (status == BUS_OK)
        set_organisation(question, plain, plain);
    return status;
}

enum bus_status serve_question_subject(struct serve_question *question, const char *code, struct bus_error *error)
{
    char large[SERVE_CODE_SIZE];
    size_t length = strlen(code);
    if (length < sizeof large)
        for (size_t i = 0; i <= length; i++)
            large[i] = (char)toupper((unsigned char)code[i]);
    switch (length) {
    case USCC_LENGTH: return read_long(question, large, error);
    case OLD_CITIZEN_LENGTH: return read_person(question, large, error);
    case BODY_LENGTH:
    case BODY_LENGTH + 1: return read_short(question, large, error);
    default:
        return bus_reject(error, "SUBJECT_LENGTH", "应为18位统一社会信用代码或9位组织机构代码",
                          "a credit code of 18 characters or an organisation code of 9 is needed");
    }
}

bool serve_question_words(const char *text, char out_words[SERVE_WORDS_SIZE])
{
    if (text == NULL || strlen(text) >= SERVE_WORDS_SIZE || !bus_utf8_valid(bus_bytes_text(text)) ||
        bus_utf8_characters(bus_bytes_text(text)) < SERVE_WORDS_LEAST)
        return false;
    bool is_blank = true;
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
        is_blank &= *at == ' ';
    }
    snprintf(out_words, SERVE_WORDS_SIZE, "%s", text);
    return !is_blank;
}
