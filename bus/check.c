#include "bus/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bus/base64.h"

enum { PATH_SIZE = 4096, MS = 1000 };

static const char *const folders[] = {"%s/%s", "%s/receipt_keys/%s", "%s"};

void bus_check_time(int64_t at_ms, char out_text[BUS_CHECK_TIME_SIZE])
{
    time_t seconds = (time_t)(at_ms / MS);
    struct tm utc;
    char day[BUS_CHECK_TIME_SIZE] = "";
    snprintf(out_text, BUS_CHECK_TIME_SIZE, "-");
    if (at_ms <= 0 || gmtime_r(&seconds, &utc) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc) != strlen("2026-11-24T08:30:00"))
        return;
    snprintf(out_text, BUS_CHECK_TIME_SIZE, "%.19s.%03dZ", day, (int)(at_ms % MS));
}

/* --- writing --- */

static void write_signed(const struct bus_check *check, struct bus_buffer *buffer)
{
    char asked[BUS_CHECK_TIME_SIZE], sealed[BUS_CHECK_TIME_SIZE], root[2 * BUS_DIGEST_SIZE + 1];
    bus_check_time(check->asked_at_ms, asked);
    bus_check_time(check->sealed_at_ms, sealed);
    bus_hex(check->root, BUS_DIGEST_SIZE, root);
    bus_buffer_printf(buffer,
                      BUS_CHECK_FORMAT
                      "\nexchange=%s\nsubscriber=%s\nsubject=%s\nasked_at=%s\nsealed_at=%s\nrecords=%" PRIu64
                      "\ncomplete=%s\nroot=%s\nkey=%s\n",
                      check->exchange, check->subscriber, check->subject, asked, sealed, check->records,
                      check->complete ? "yes" : "no", root, check->key_id);
}

void bus_check_write(const struct bus_check *check, struct bus_buffer *buffer)
{
    write_signed(check, buffer);
    bus_buffer_printf(buffer, "signature=");
    bus_base64_append(buffer, bus_bytes_of(check->signature, check->signature_length));
    bus_buffer_u8(buffer, '\n');
}

static bool is_word(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return text[0] != '\0';
}

enum bus_status bus_check_sign(struct bus_check *check, const struct bus_key *key, struct bus_error *error)
{
    struct bus_buffer text;
    if (!is_word(check->exchange) || !is_word(check->subscriber) || !is_word(check->subject))
        return bus_fail(error, BUS_FATAL, "a name in the statement of a check is empty or not plain ASCII");
    memcpy(check->key_id, bus_key_id_view(key), BUS_KEY_ID_SIZE);
    bus_buffer_init(&text, BUS_CHECK_MAX_SIZE);
    write_signed(check, &text);
    enum bus_status status =
        text.failed ? bus_fail(error, BUS_FATAL, "sign a check: out of memory")
                    : bus_key_sign(key, bus_buffer_view(&text), check->signature, &check->signature_length, error);
    bus_buffer_release(&text);
    return status;
}

/* --- reading --- */

bool bus_check_is_statement(struct bus_bytes text)
{
    return text.length > strlen(BUS_CHECK_FORMAT) && memcmp(text.data, BUS_CHECK_FORMAT, strlen(BUS_CHECK_FORMAT)) == 0;
}

/* The value of the next line, which has to be of that name; "" when it is not, or too long. */
static void take_line(struct bus_bytes *rest, const char *name, char *out_value, size_t size)
{
    const uint8_t *end = rest->length > 0 ? memchr(rest->data, '\n', rest->length) : NULL;
    size_t length = end != NULL ? (size_t)(end - rest->data) : rest->length, skip = strlen(name) + 1;
    out_value[0] = '\0';
    if (length >= skip && memcmp(rest->data, name, skip - 1) == 0 && rest->data[skip - 1] == '=' &&
        length - skip < size)
        snprintf(out_value, size, "%.*s", (int)(length - skip), (const char *)rest->data + skip);
    size_t whole = end != NULL ? length + 1 : length;
    rest->data += whole;
    rest->length -= whole;
}

static int64_t take_time(struct bus_bytes *rest, const char *name)
{
    char text[BUS_CHECK_TIME_SIZE];
    struct tm utc = {0};
    int ms = 0;
    take_line(rest, name, text, sizeof text);
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour, &utc.tm_min,
               &utc.tm_sec, &ms) != 7)
        return 0;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    return (int64_t)timegm(&utc) * MS + ms;
}

/* What each line says; whether it said so in the one way that is allowed shows when it is written again. */
static void take_apart(struct bus_bytes rest, struct bus_check *check)
{
    char number[24], word[8], root[2 * BUS_DIGEST_SIZE + 1], signature[2 * BUS_SIGNATURE_MAX_SIZE];
    struct bus_buffer bytes;
    take_line(&rest, BUS_CHECK_FORMAT, word, sizeof word);
    take_line(&rest, "exchange", check->exchange, sizeof check->exchange);
    take_line(&rest, "subscriber", check->subscriber, sizeof check->subscriber);
    take_line(&rest, "subject", check->subject, sizeof check->subject);
    check->asked_at_ms = take_time(&rest, "asked_at");
    check->sealed_at_ms = take_time(&rest, "sealed_at");
    take_line(&rest, "records", number, sizeof number);
    sscanf(number, "%" SCNu64, &check->records);
    take_line(&rest, "complete", word, sizeof word);
    check->complete = strcmp(word, "yes") == 0;
    take_line(&rest, "root", root, sizeof root);
    if (!bus_unhex(root, check->root, BUS_DIGEST_SIZE))
        memset(check->root, 0, sizeof check->root);
    take_line(&rest, "key", check->key_id, sizeof check->key_id);
    take_line(&rest, "signature", signature, sizeof signature);
    bus_buffer_init(&bytes, BUS_SIGNATURE_MAX_SIZE);
    if (bus_base64_read(bus_bytes_text(signature), &bytes) && bytes.length > 0) {
        memcpy(check->signature, bytes.data, bytes.length);
        check->signature_length = bytes.length;
    }
    bus_buffer_release(&bytes);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Without what scanners and editors put at the ends of lines and behind the text. */
static void append_plain(struct bus_buffer *buffer, struct bus_bytes text)
{
    while (text.length > 0 && is_blank(text.data[text.length - 1]))
        text.length--;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] != '\r' || i + 1 == text.length || text.data[i + 1] != '\n')
            bus_buffer_u8(buffer, text.data[i]);
    bus_buffer_u8(buffer, '\n');
}

static bool is_good(const struct bus_check *check)
{
    uint8_t id[(BUS_KEY_ID_SIZE - 1) / 2];
    return is_word(check->exchange) && is_word(check->subscriber) && is_word(check->subject) &&
           check->asked_at_ms > 0 && check->signature_length > 0 && bus_unhex(check->key_id, id, sizeof id);
}

enum bus_status bus_check_read(struct bus_bytes text, struct bus_check *out_check, struct bus_error *error)
{
    struct bus_buffer plain, again;
    *out_check = (struct bus_check){0};
    bus_buffer_init(&plain, BUS_CHECK_MAX_SIZE);
    bus_buffer_init(&again, BUS_CHECK_MAX_SIZE);
    append_plain(&plain, text);
    if (!plain.failed) {
        take_apart(bus_buffer_view(&plain), out_check);
        bus_check_write(out_check, &again);
    }
    bool good = !plain.failed && !again.failed && is_good(out_check) &&
                bus_bytes_equal(bus_buffer_view(&plain), bus_buffer_view(&again));
    bus_buffer_release(&plain);
    bus_buffer_release(&again);
    return good ? BUS_OK
                : bus_reject(error, "CHECK_MALFORMED", "文本不是所规定格式的核查声明",
                             "the text is no statement of a check as docs/formats-check.md lays it down");
}

/* --- checking --- */

static bool may_be_a_name(const char *text)
{
    return strchr(text, '/') == NULL && text[0] != '.';
}

enum bus_status bus_check_find_key(const struct bus_check *check, const char *folder, struct bus_key **out_key,
                                   struct bus_error *error)
{
    char path[PATH_SIZE], file[PATH_SIZE + BUS_KEY_ID_SIZE + 8];
    *out_key = NULL;
    for (size_t i = 0; may_be_a_name(check->subscriber) && i < sizeof folders / sizeof *folders; i++) {
        int length = snprintf(path, sizeof path, folders[i], folder, check->subscriber);
        snprintf(file, sizeof file, "%s/%s.pem", path, check->key_id);
        if (length < PATH_SIZE && access(file, F_OK) == 0)
            return bus_key_find(path, check->key_id, out_key, error);
    }
    return bus_reject(error, "CHECK_KEY", "核查声明所用的密钥不在受信任的公钥之中",
                      "the statement names a key that is not among the pinned ones of its subscriber");
}

enum bus_status bus_check_verify(const struct bus_check *check, const struct bus_key *key, struct bus_error *error)
{
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_CHECK_MAX_SIZE);
    write_signed(check, &text);
    bool good = !text.failed && strcmp(check->key_id, bus_key_id_view(key)) == 0 &&
                bus_key_verify(key, bus_buffer_view(&text), bus_bytes_of(check->signature, check->signature_length),
                               error) == BUS_OK;
    bus_buffer_release(&text);
    return good ? BUS_OK
                : bus_reject(error, "CHECK_SIGNATURE", "核查声明的签名与内容不符",
                             "the signature does not fit the statement");
}
