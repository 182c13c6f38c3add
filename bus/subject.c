#include "bus/subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/identifier.h"

enum {
    BODY_CODE_LENGTH = 9,
    USCC_LENGTH = 18,
    USCC_BODY_AT = 8,
    KEYS_PIECE = 128, /* keys made at a time */
};

struct bus_subject_keyer {
    struct bus_hmac_sm3 hmac;
};

struct bus_subject_keyer *bus_subject_keyer_create(struct bus_bytes pepper)
{
    struct bus_subject_keyer *keyer = calloc(1, sizeof *keyer);
    if (keyer != NULL)
        bus_hmac_sm3_init(&keyer->hmac, pepper);
    return keyer;
}

void bus_subject_keyer_destroy(struct bus_subject_keyer *keyer)
{
    if (keyer == NULL)
        return;
    bus_hmac_sm3_release(&keyer->hmac);
    free(keyer);
}

/* The file holds the pepper in hex, so that it can be copied by hand to another machine of the exchange. */
static enum bus_status parse_pepper(const char *path, const char *text, struct bus_subject_keyer **out_keyer,
                                    struct bus_error *error)
{
    uint8_t pepper[BUS_PEPPER_MAX_SIZE];
    size_t length = strlen(text) / 2;
    enum bus_status status = BUS_OK;
    if (length < BUS_PEPPER_MIN_SIZE || length > sizeof pepper || !bus_unhex(text, pepper, length))
        status = bus_fail(error, BUS_FATAL, "pepper file %s: expected %d to %d bytes in hex on one line", path,
                          BUS_PEPPER_MIN_SIZE, BUS_PEPPER_MAX_SIZE);
    else if ((*out_keyer = bus_subject_keyer_create(bus_bytes_of(pepper, length))) == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    bus_wipe(pepper, sizeof pepper);
    return status;
}

enum bus_status bus_subject_keyer_load(const char *pepper_path, struct bus_subject_keyer **out_keyer,
                                       struct bus_error *error)
{
    char text[2 * BUS_PEPPER_MAX_SIZE + 2] = "";
    struct stat attributes;
    FILE *file = fopen(pepper_path, "re");
    if (file == NULL)
        return bus_fail(error, BUS_FATAL, "cannot read pepper file %s: %s", pepper_path, strerror(errno));
    enum bus_status status = BUS_OK;
    if (fstat(fileno(file), &attributes) != 0 || (attributes.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        status = bus_fail(error, BUS_FATAL, "pepper file %s may be read by others; chmod 600 it", pepper_path);
    else if (fgets(text, sizeof text, file) == NULL)
        status = bus_fail(error, BUS_FATAL, "pepper file %s is empty", pepper_path);
    fclose(file);
    text[strcspn(text, "\r\n")] = '\0';
    if (status == BUS_OK)
        status = parse_pepper(pepper_path, text, out_keyer, error);
    bus_wipe(text, sizeof text);
    return status;
}

static enum bus_status reject_subject(struct bus_error *error)
{
    return bus_reject(error, "SUBJECT_ID", "信用主体标识应为统一社会信用代码、组织机构代码、旧税号或公民身份号码",
                      "a subject is named by credit code, organisation code, old tax number or citizen number");
}

static void copy_body_code(const uint8_t *from, char out_identifier[19])
{
    memcpy(out_identifier, from, BODY_CODE_LENGTH);
    out_identifier[BODY_CODE_LENGTH] = '\0';
}

/* Nine signs that were cut from a credit code need not pass their own check: some credit codes in use do not (a flag says so). */
static bool looks_like_body_code(struct bus_bytes text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!(text.data[i] >= '0' && text.data[i] <= '9') && !(text.data[i] >= 'A' && text.data[i] <= 'Z'))
            return false;
    return text.length == BODY_CODE_LENGTH;
}

/* An old tax number ends in the organisation code. At 18 characters a mistyped credit code would pass for one, one time in
 * eleven, and the event would go to another subject: there only credit codes count. */
static bool is_old_tax_number(struct bus_bytes id)
{
    struct bus_error unused;
    return (id.length == 15 || id.length == 17 || id.length == 20) &&
           bus_identifier_organisation_code(bus_bytes_of(id.data + id.length - BODY_CODE_LENGTH, BODY_CODE_LENGTH),
                                            &unused) == BUS_OK;
}

static enum bus_status organisation_identifier(struct bus_bytes id, char out_identifier[19], struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (id.length == USCC_LENGTH) {
        status = bus_identifier_uscc(id, NULL, error);
        copy_body_code(id.data + USCC_BODY_AT, out_identifier);
    } else if (id.length == BODY_CODE_LENGTH + 1) {
        status = bus_identifier_organisation_code(id, error);
        copy_body_code(id.data, out_identifier);
        out_identifier[8] = (char)id.data[9]; /* without the dash */
    } else if (looks_like_body_code(id)) {
        copy_body_code(id.data, out_identifier);
    } else if (is_old_tax_number(id)) {
        copy_body_code(id.data + id.length - BODY_CODE_LENGTH, out_identifier);
    } else {
        status = reject_subject(error);
    }
    return status;
}

enum bus_status bus_subject_identifier(enum bus_subject_kind kind, struct bus_bytes subject_id, char out_identifier[19],
                                       struct bus_error *error)
{
    if (subject_id.length == 0)
        return reject_subject(error);
    return kind == BUS_SUBJECT_PERSON ? bus_identifier_citizen_18(subject_id, out_identifier, error)
                                      : organisation_identifier(subject_id, out_identifier, error);
}

enum bus_status bus_subject_either(struct bus_bytes subject_id, enum bus_subject_kind *out_kind,
                                   char out_identifier[19], struct bus_error *error)
{
    char person[19], organisation[19];
    struct bus_error other;
    bool digits = true;
    for (size_t i = 0; i + 1 < subject_id.length; i++)
        digits = digits && subject_id.data[i] >= '0' && subject_id.data[i] <= '9';
    bool is_person = bus_subject_identifier(BUS_SUBJECT_PERSON, subject_id, person, digits ? error : &other) == BUS_OK;
    bool is_organisation =
        bus_subject_identifier(BUS_SUBJECT_ORGANISATION, subject_id, organisation, digits ? &other : error) == BUS_OK;
    if (is_person && is_organisation)
        return bus_reject(error, "SUBJECT_KIND", "既可能是个人也可能是组织，请在前面注明 P 或 O",
                          "it may be a person's or an organisation's: write P or O in front");
    if (!is_person && !is_organisation)
        return BUS_REJECT;
    *out_kind = is_person ? BUS_SUBJECT_PERSON : BUS_SUBJECT_ORGANISATION;
    memcpy(out_identifier, is_person ? person : organisation, sizeof person);
    return BUS_OK;
}

void bus_subject_key(const struct bus_subject_keyer *keyer, enum bus_subject_kind kind, const char *identifier,
                     uint8_t out_key[BUS_SUBJECT_KEY_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    const struct bus_bytes parts[] = {bus_bytes_text(kind == BUS_SUBJECT_PERSON ? "P" : "O"),
                                      bus_bytes_text(identifier)};
    bus_hmac_sm3_compute(&keyer->hmac, parts, 2, digest);
    memcpy(out_key, digest, BUS_SUBJECT_KEY_SIZE);
}

/* At most KEYS_PIECE of them. */
static void make_keys(const struct bus_subject_keyer *keyer, const struct bus_subject *subjects, size_t count,
                      uint8_t (*out_keys)[BUS_SUBJECT_KEY_SIZE])
{
    char texts[KEYS_PIECE][1 + sizeof subjects->identifier];
    struct bus_bytes messages[KEYS_PIECE];
    uint8_t digests[KEYS_PIECE][BUS_DIGEST_SIZE];
    for (size_t i = 0; i < count; i++) {
        texts[i][0] = subjects[i].kind == BUS_SUBJECT_PERSON ? 'P' : 'O';
        memcpy(texts[i] + 1, subjects[i].identifier, sizeof subjects->identifier);
        messages[i] = bus_bytes_text(texts[i]);
    }
    bus_hmac_sm3_many(&keyer->hmac, messages, count, digests);
    for (size_t i = 0; i < count; i++)
        memcpy(out_keys[i], digests[i], BUS_SUBJECT_KEY_SIZE);
}

void bus_subject_keys(const struct bus_subject_keyer *keyer, const struct bus_subject *subjects, size_t count,
                      uint8_t (*out_keys)[BUS_SUBJECT_KEY_SIZE])
{
    for (size_t done = 0, piece; done < count; done += piece) {
        piece = count - done < KEYS_PIECE ? count - done : KEYS_PIECE;
        make_keys(keyer, subjects + done, piece, out_keys + done);
    }
}

int32_t bus_subject_partition(const uint8_t key[BUS_SUBJECT_KEY_SIZE], int32_t partitions)
{
    return (int32_t)(bus_get_u64be(key) % (uint64_t)partitions);
}
