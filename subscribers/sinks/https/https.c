#include "subscribers/sinks/https/https.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "subscribers/sinks/http/client.h"
#include "subscribers/sinks/https/answer.h"
#include "subscribers/sinks/https/event.h"
#include "subscribers/sinks/https/proof.h"

enum {
    MAX_BODY_BYTES = 512 * 1024 * 1024,
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_TIMEOUT = 408,
    HTTP_CONFLICT = 409,
    HTTP_TOO_LARGE = 413,
    HTTP_UNPROCESSABLE = 422,
    HTTP_TOO_MANY = 429,
    HTTP_SERVER_ERROR = 500,
};

static const struct bus_option options[] = {
    HTTP_CLIENT_OPTIONS,
    {"records", BUS_OPTION_INTEGER, "500", 1, 100000, NULL, "deliveries in one request at most"},
    {"format", BUS_OPTION_TEXT, "json", 0, 0, "json|avro",
     "what a delivery is in the request: JSON, or the Avro bytes that are sealed"},
    {0},
};

struct https {
    struct http_client *client;
    size_t records;
    enum https_event_format format;
    struct bus_arena *arena;
    struct bus_buffer body;
};

static void https_close(void *self)
{
    struct https *sink = self;
    if (sink == NULL)
        return;
    http_client_close(sink->client);
    bus_arena_destroy(sink->arena);
    bus_buffer_release(&sink->body);
    free(sink);
}

static enum bus_status https_open(const struct subscribers_sink_context *context, const struct bus_settings_node *group,
                                  void **out_self, struct bus_error *error)
{
    struct https *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    bus_buffer_init(&sink->body, MAX_BODY_BYTES);
    sink->records = (size_t)bus_settings_integer(group, options, "records");
    bool is_avro = strcmp(bus_settings_text(group, options, "format"), "avro") == 0;
    sink->format = is_avro ? HTTPS_EVENT_AVRO : HTTPS_EVENT_JSON;
    sink->arena = bus_arena_create(HTTPS_PROOF_ARENA);
    enum bus_status status = sink->arena != NULL
                                 ? http_client_open(context->settings, group, options, &sink->client, error)
                                 : bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        *out_self = sink;
    else
        https_close(sink);
    return status;
}

static void https_bounds(const void *self, struct subscribers_sink_bounds *out_bounds)
{
    *out_bounds = (struct subscribers_sink_bounds){.records = ((const struct https *)self)->records};
}

/* Also when nothing in it is to be applied: the receiver's log has to go on behind it. */
static enum bus_status https_send(void *self, struct subscribers_batch *batch, struct bus_error *error)
{
    struct https *sink = self;
    char key[HTTPS_EVENT_KEY_SIZE];
    https_event_key(batch, key);
    bus_buffer_reset(&sink->body);
    enum bus_status status = https_event_body(batch, sink->format, sink->arena, &sink->body, error);
    if (status != BUS_OK)
        return status;
    const struct http_header headers[] = {
        {"Content-Type", "application/cloudevents-batch+json; charset=utf-8"},
        {"Accept", "application/json"},
        {"Idempotency-Key", key},
    };
    const struct http_request request = {.method = "POST",
                                         .path = "",
                                         .headers = headers,
                                         .header_count = sizeof headers / sizeof headers[0],
                                         .body = bus_buffer_view(&sink->body),
                                         .opaque = batch};
    return http_client_send(sink->client, &request, error);
}

/* What a status other than 200 means: to us, and to whom it falls to act. */
struct refusal {
    const char *code, *zh, *en;
    bool is_away; /* or about this batch alone */
};

static const struct refusal *refusal_of(int http_status)
{
    static const struct refusal
        busy = {"HTTP_BUSY", "接收端要求稍后再发", "it asks to come later", true},
        broken = {"HTTP_SERVER", "接收端或其前端出错", "it, or what stands before it, is out of order", true},
        closed = {"HTTP_FORBIDDEN", "接收端不认可我方身份；请对方登记我方证书",
                  "it does not know us; have our certificate registered there", true},
        wrong = {"HTTP_BATCH",
                 "接收端不接受整批投递，本分区停在此处；请与对方查明原因，必要时用 xinqiao agents skip 跳过",
                 "it does not take the batch as a whole, and the partition waits here; find out why with the receiver, "
                 "`xinqiao agents skip` passes over a delivery",
                 false},
        large = {"HTTP_TOO_LARGE", "接收端认为请求过大；请减小 records",
                 "the request is too large for it: set fewer `records`", false},
        strange = {"HTTP_UNEXPECTED", "应答状态不在约定之内；请检查 url 与对方服务",
                   "it answers with a status that is not agreed; check `url` and the service there", true};
    switch (http_status) {
    case HTTP_TOO_MANY: return &busy;
    case HTTP_UNAUTHORIZED:
    case HTTP_FORBIDDEN: return &closed;
    case HTTP_BAD_REQUEST:
    case HTTP_CONFLICT:
    case HTTP_UNPROCESSABLE: return &wrong;
    case HTTP_TOO_LARGE: return &large;
    case HTTP_TIMEOUT: return &broken;
    default: return http_status >= HTTP_SERVER_ERROR ? &broken : &strange;
    }
}

static enum bus_status refuse(const struct https *sink, const struct http_answer *answer,
                              struct subscribers_batch *batch, struct bus_error *error)
{
    const struct refusal *refusal = refusal_of(answer->status);
    const char *name = http_client_name_view(sink->client);
    unsigned long long first = batch->deliveries[0].leaf, last = batch->deliveries[batch->count - 1].leaf;
    char code[BUS_ERROR_CODE_SIZE];
    https_answer_code(answer->body, code);
    const char *separator = code[0] != '\0' ? " " : "";
    batch->is_away = refusal->is_away;
    bus_fail(error, BUS_RETRY, "%s: HTTP %d%s%s to leaves %llu to %llu of partition %d: %s", name, answer->status,
             separator, code, first, last, (int)batch->deliveries[0].partition, refusal->en);
    snprintf(error->code, sizeof error->code, "%s", refusal->code);
    snprintf(error->message_zh, sizeof error->message_zh, "%s：HTTP %d%s%s（分区 %d，叶 %llu 至 %llu）：%s", name,
             answer->status, separator, code, (int)batch->deliveries[0].partition, first, last, refusal->zh);
    return BUS_RETRY;
}

static enum bus_status https_collect(void *self, int timeout_ms, struct subscribers_batch **out_batch,
                                     struct bus_error *error)
{
    struct https *sink = self;
    struct http_answer answer;
    bool found;
    *out_batch = NULL;
    enum bus_status status = http_client_wait(sink->client, timeout_ms, &found, &answer, error);
    if (!found)
        return status;
    struct subscribers_batch *batch = answer.opaque;
    *out_batch = batch;
    batch->settled = 0;
    batch->retry_ms = answer.retry_after_ms;
    batch->is_away = status != BUS_OK;
    if (status != BUS_OK)
        return status;
    return answer.status == HTTP_OK ? https_answer_read(http_client_name_view(sink->client), answer.body, batch, error)
                                    : refuse(sink, &answer, batch, error);
}

static void https_abandon(void *self, struct subscribers_batch *batch)
{
    http_client_cancel(((struct https *)self)->client, batch);
}

const struct subscribers_sink subscribers_https = {
    .name = "https",
    .options = options,
    .open = https_open,
    .bounds = https_bounds,
    .close = https_close,
    .send = https_send,
    .collect = https_collect,
    .abandon = https_abandon,
};
