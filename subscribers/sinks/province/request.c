#include "subscribers/sinks/province/request.h"

#include <limits.h>
#include <stdlib.h>

#include "bus/base64.h"

enum { MAX_SIGNATURE_TEXT = 256 };

struct province_line {
    struct http_client *client;
    struct bus_key *key; /* NULL: batches are not signed */
    struct bus_buffer body;
};

/* ── opening ── */

static enum bus_status load_key(const struct bus_settings *settings, const struct bus_settings_node *group,
                                const struct bus_option *options, struct bus_key **out_key, struct bus_error *error)
{
    char path[PATH_MAX];
    if (bus_settings_text(group, options, "signing_key")[0] == '\0')
        return BUS_OK;
    enum bus_status status =
        bus_settings_resolve_existing(settings, group, options, "signing_key", path, sizeof path, error);
    if (status == BUS_OK)
        status = bus_key_load(path, out_key, error);
    if (status == BUS_OK && (bus_key_suite(*out_key) != BUS_SUITE_SM2_SM3 || !bus_key_is_private(*out_key)))
        status = bus_settings_fail(group, error, "signing_key %s is no private SM2 key", path);
    return status;
}

enum bus_status province_line_open(const struct bus_settings *settings, const struct bus_settings_node *group,
                                   const struct bus_option *options, struct province_line **out_line,
                                   struct bus_error *error)
{
    struct province_line *line = calloc(1, sizeof *line);
    if (line == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    bus_buffer_init(&line->body, PROVINCE_MAX_BODY_BYTES);
    enum bus_status status = load_key(settings, group, options, &line->key, error);
    if (status == BUS_OK)
        status = http_client_open(settings, group, options, &line->client, error);
    if (status == BUS_OK)
        *out_line = line;
    else
        province_line_close(line);
    return status;
}

void province_line_close(struct province_line *line)
{
    if (line == NULL)
        return;
    http_client_close(line->client);
    bus_key_destroy(line->key);
    bus_buffer_release(&line->body);
    free(line);
}

const char *province_line_name_view(const struct province_line *line)
{
    return http_client_name_view(line->client);
}

/* ── asking ── */

/* Rows are taken while they fit; the first one always. */
static size_t write_rows(struct province_line *line, const struct province_row *const *rows, size_t count,
                         size_t limit_bytes, const char *occasion)
{
    size_t sent = 0;
    bus_buffer_reset(&line->body);
    bus_buffer_printf(&line->body, "{");
    if (occasion[0] != '\0')
        bus_buffer_printf(&line->body, "\"occasion\":\"%s\",", occasion);
    bus_buffer_printf(&line->body, "\"rows\":[");
    for (; sent < count; sent++) {
        struct bus_json json;
        size_t before = line->body.length;
        if (sent > 0)
            bus_buffer_u8(&line->body, ',');
        bus_json_init(&json, &line->body);
        province_row_write(rows[sent], &json);
        if (sent > 0 && !line->body.failed && line->body.length > limit_bytes) {
            line->body.length = before;
            break;
        }
    }
    bus_buffer_printf(&line->body, "]}");
    return sent;
}

static enum bus_status sign(const struct province_line *line, struct bus_buffer *text, struct bus_error *error)
{
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    size_t length;
    enum bus_status status = bus_key_sign(line->key, bus_buffer_view(&line->body), signature, &length, error);
    if (status != BUS_OK)
        return status;
    bus_base64_append(text, bus_bytes_of(signature, length));
    bus_buffer_u8(text, '\0');
    return text->failed ? bus_fail(error, BUS_FATAL, "out of memory for a signature") : BUS_OK;
}

static enum bus_status post(struct province_line *line, struct province_call *call, struct bus_error *error)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    char key[2 * BUS_DIGEST_SIZE + 1];
    bus_digest(BUS_HASH_SM3, bus_buffer_view(&line->body), digest);
    bus_hex(digest, sizeof digest, key);
    struct http_header headers[4] = {{"Content-Type", "application/json"}, {"Idempotency-Key", key}};
    struct http_request request = {.method = "POST",
                                   .path = "/batches",
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = bus_buffer_view(&line->body),
                                   .opaque = call};
    struct bus_buffer signature;
    bus_buffer_init(&signature, MAX_SIGNATURE_TEXT);
    enum bus_status status = line->key != NULL ? sign(line, &signature, error) : BUS_OK;
    if (status == BUS_OK && line->key != NULL) {
        headers[request.header_count++] = (struct http_header){"X-Signature", (const char *)signature.data};
        headers[request.header_count++] = (struct http_header){"X-Key-Id", bus_key_id_view(line->key)};
    }
    if (status == BUS_OK)
        status = http_client_send(line->client, &request, error);
    bus_buffer_release(&signature);
    return status;
}

enum bus_status province_line_report(struct province_line *line, const struct province_row *const *rows, size_t count,
                                     size_t limit_bytes, const char *occasion, struct province_call *call,
                                     size_t *out_sent, struct bus_error *error)
{
    *out_sent = write_rows(line, rows, count, limit_bytes, occasion);
    if (line->body.failed)
        return bus_fail(error, BUS_FATAL, "out of memory for a batch of the province");
    return post(line, call, error);
}

enum bus_status province_line_ask(struct province_line *line, const char *path, struct province_call *call,
                                  struct bus_error *error)
{
    const struct http_request request = {.method = "GET", .path = path, .opaque = call};
    return http_client_send(line->client, &request, error);
}

void province_line_cancel(struct province_line *line, struct province_call *call)
{
    http_client_cancel(line->client, call);
}

/* ── answers ── */

enum bus_status province_line_drive(struct province_line *line, int timeout_ms, bool *out_found,
                                    struct bus_error *error)
{
    struct http_answer answer = {0};
    struct bus_error failure;
    enum bus_status status = http_client_wait(line->client, timeout_ms, out_found, &answer, &failure);
    if (status == BUS_FATAL) {
        *error = failure;
        return status;
    }
    if (!*out_found)
        return BUS_OK;
    struct province_call *call = answer.opaque;
    const struct province_reply reply = {
        .status = status,
        .http_status = answer.status,
        .body = answer.body,
        .retry_after_ms = answer.retry_after_ms,
        .error = status == BUS_OK ? NULL : &failure,
    };
    return call->take(call, &reply, error);
}
