#include "adapters/sources/push/request.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "adapters/sources/push/openapi.h"
#include "adapters/sources/push/peer.h"
#include "bus/bucket.h"
#include "bus/json.h"
#include "bus/log.h"

#define FEEDS_PATH "/feeds"

enum {
    PAGE_MAX = 1024 * 1024,
    LOG_PER_MINUTE = 120,
    LOG_BURST = 60,
    LATER_S = 5,
};

struct adapters_push_front {
    const struct adapters_push_settings *settings;
    const struct adapters_feeds *feeds;
    struct adapters_push_desk *desk;
    pthread_mutex_t log_lock;
    struct bus_bucket log_bucket;
    int64_t log_left_out;
};

/* One request. */
struct request {
    struct adapters_push_front *front;
    struct bus_http_call *call;
    char peer[ADAPTERS_PUSH_PEER_SIZE], address[BUS_HTTP_ADDRESS_SIZE];
    size_t client;
    struct adapters_push_delivery *delivery; /* being received */
};

struct adapters_push_front *adapters_push_front_create(const struct adapters_push_settings *settings,
                                                       const struct adapters_feeds *feeds,
                                                       struct adapters_push_desk *desk)
{
    struct adapters_push_front *front = calloc(1, sizeof *front);
    if (front == NULL)
        return NULL;
    *front = (struct adapters_push_front){.settings = settings, .feeds = feeds, .desk = desk};
    pthread_mutex_init(&front->log_lock, NULL);
    return front;
}

void adapters_push_front_destroy(struct adapters_push_front *front)
{
    if (front == NULL)
        return;
    pthread_mutex_destroy(&front->log_lock);
    free(front);
}

/* --- refusing --- */

/* Who was refused, and why: a department may have to be called. Of a flood enough is told. */
static void log_refusal(const struct request *request, const char *code, const char *reason, bool is_stranger)
{
    struct adapters_push_front *front = request->front;
    pthread_mutex_lock(&front->log_lock);
    bool is_told = bus_bucket_take(&front->log_bucket, LOG_PER_MINUTE, LOG_BURST, bus_clock_monotonic_ms() * 1000) == 0;
    int64_t left_out = front->log_left_out;
    front->log_left_out = is_told ? 0 : left_out + 1;
    pthread_mutex_unlock(&front->log_lock);
    if (!is_told)
        return;
    if (is_stranger)
        bus_log(BUS_LOG_WARN, "push refused", "client=\"%s\" address=%s code=%s reason=\"%s\" left_out=%lld",
                request->peer, request->address, code, reason, (long long)left_out);
    else
        bus_log(BUS_LOG_INFO, "push not taken", "client=\"%s\" address=%s code=%s left_out=%lld", request->peer,
                request->address, code, (long long)left_out);
}

static void refuse_with(struct request *request, enum adapters_push_problem problem, const struct bus_error *detail,
                        int retry_after_s)
{
    bool is_stranger = problem <= ADAPTERS_PUSH_WRONG_FEED;
    const char *code = detail != NULL && detail->code[0] != '\0' ? detail->code : adapters_push_problem_code(problem);
    struct bus_http_reply reply = adapters_push_problem(problem, detail, retry_after_s);
    log_refusal(request, code, detail != NULL ? detail->message : adapters_push_problem_reason(problem), is_stranger);
    adapters_push_delivery_destroy(request->delivery);
    request->delivery = NULL;
    bus_http_call_answer(request->call, &reply);
}

static void refuse(struct request *request, enum adapters_push_problem problem)
{
    refuse_with(request, problem, NULL, 0);
}

static void refuse_method(struct request *request, const char *allow)
{
    struct bus_http_reply reply = adapters_push_problem(ADAPTERS_PUSH_WRONG_METHOD, NULL, 0);
    bus_http_reply_add(&reply, "Allow", allow);
    bus_http_call_answer(request->call, &reply);
}

/* --- reading --- */

static bool may_use(const struct request *request, size_t feed)
{
    return request->front->settings->clients[request->client].may[feed];
}

static void write_counts(struct bus_json *json, const char *name, const struct adapters_push_counts *counts)
{
    const struct {
        const char *name;
        int64_t value;
    } members[] = {
        {"rows", counts->rows},
        {"accepted", counts->accepted},
        {"duplicate", counts->duplicate},
        {"refused", counts->refused},
    };
    bus_json_name(json, name);
    bus_json_object(json);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        bus_json_name(json, members[i].name);
        bus_json_integer(json, members[i].value);
    }
    bus_json_end_object(json);
}

static void write_feed(struct bus_json *json, const struct request *request, size_t number)
{
    struct adapters_push_feed feed;
    char at[ADAPTERS_PUSH_TIME_SIZE];
    adapters_push_desk_feed(request->front->desk, number, &feed);
    adapters_push_time(feed.last_at_ms, at);
    bus_json_object(json);
    bus_json_name(json, "feed");
    bus_json_string(json, adapters_mapping_feed_view(request->front->feeds->mappings[number]));
    bus_json_name(json, "paused");
    bus_json_boolean(json, feed.is_paused);
    bus_json_name(json, "last_delivery_at");
    if (feed.last_at_ms != 0)
        bus_json_string(json, at);
    else
        bus_json_null(json);
    write_counts(json, "last", &feed.last);
    write_counts(json, "since_start", &feed.sums);
    bus_json_end_object(json);
}

/* One feed, or, with `count`, all that the client may use. */
static void answer_feeds(struct request *request, size_t only)
{
    const struct adapters_feeds *feeds = request->front->feeds;
    struct bus_http_reply reply = {.status = 200, .type = "application/json"};
    struct bus_json json;
    bus_buffer_init(&reply.body, PAGE_MAX);
    bus_json_init(&json, &reply.body);
    if (only < feeds->count) {
        write_feed(&json, request, only);
    } else {
        bus_json_object(&json);
        bus_json_name(&json, "feeds");
        bus_json_array(&json);
        for (size_t i = 0; i < feeds->count; i++)
            if (may_use(request, i))
                write_feed(&json, request, i);
        bus_json_end_array(&json);
        bus_json_end_object(&json);
    }
    bus_http_call_answer(request->call, &reply);
}

static void answer_openapi(struct request *request)
{
    struct bus_bytes text = adapters_push_openapi_view();
    struct bus_http_reply reply = {.status = 200, .type = "application/yaml"};
    bus_buffer_init(&reply.body, PAGE_MAX);
    bus_buffer_append_bytes(&reply.body, text);
    bus_http_call_answer(request->call, &reply);
}

/* --- a delivery's headers --- */

bool adapters_push_read_key(const char *header, struct bus_bytes *out_key)
{
    size_t length = strlen(header);
    bool is_quoted = length >= 2 && header[0] == '"' && header[length - 1] == '"';
    struct bus_bytes key = is_quoted ? bus_bytes_of(header + 1, length - 2) : bus_bytes_of(header, length);
    for (size_t i = 0; i < key.length; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~' || key.data[i] == '"' || key.data[i] == '\\')
            return false;
    *out_key = key;
    return key.length > 0 && key.length <= ADAPTERS_PUSH_KEY_MAX;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

bool adapters_push_read_form(const char *header, enum adapters_push_form *out_form)
{
    const char *at = skip_blanks(header);
    size_t length = strcspn(at, "; \t");
    if (length == strlen("application/json") && strncasecmp(at, "application/json", length) == 0)
        *out_form = ADAPTERS_PUSH_ARRAY;
    else if (length == strlen("application/x-ndjson") && strncasecmp(at, "application/x-ndjson", length) == 0)
        *out_form = ADAPTERS_PUSH_LINES;
    else
        return false;
    at = skip_blanks(at + length);
    if (*at == '\0')
        return true;
    at = skip_blanks(at + (*at == ';'));
    return strcasecmp(at, "charset=utf-8") == 0 || strcasecmp(at, "charset=\"utf-8\"") == 0 || *at == '\0';
}

/* PROBLEMS when the headers are good. */
static enum adapters_push_problem read_headers(struct request *request, struct bus_bytes *out_key,
                                               enum adapters_push_form *out_form)
{
    const char *type = bus_http_call_header_view(request->call, "Content-Type");
    const char *encoding = bus_http_call_header_view(request->call, "Content-Encoding");
    const char *key = bus_http_call_header_view(request->call, "Idempotency-Key");
    const char *length = bus_http_call_header_view(request->call, "Content-Length");
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0)
        return ADAPTERS_PUSH_WRONG_ENCODING;
    if (type == NULL || !adapters_push_read_form(type, out_form))
        return ADAPTERS_PUSH_WRONG_TYPE;
    if (key == NULL)
        return ADAPTERS_PUSH_NO_KEY;
    if (!adapters_push_read_key(key, out_key))
        return ADAPTERS_PUSH_BAD_KEY;
    bool is_long = length != NULL && strtoull(length, NULL, 10) > request->front->settings->max_body_bytes;
    return is_long ? ADAPTERS_PUSH_TOO_LARGE : ADAPTERS_PUSH_PROBLEMS;
}

static void refuse_large(struct request *request)
{
    struct bus_error detail;
    size_t most = request->front->settings->max_body_bytes;
    bus_reject(&detail, "TOO_LARGE", "", "");
    snprintf(detail.message_zh, sizeof detail.message_zh, "请求体最多%zu字节；请分批推送", most);
    snprintf(detail.message, sizeof detail.message, "a body has at most %zu bytes; send it in parts", most);
    refuse_with(request, ADAPTERS_PUSH_TOO_LARGE, &detail, 0);
}

static void begin_delivery(struct request *request, size_t feed)
{
    struct bus_bytes key;
    enum adapters_push_form form;
    enum adapters_push_problem problem = read_headers(request, &key, &form);
    if (problem == ADAPTERS_PUSH_TOO_LARGE) {
        refuse_large(request);
        return;
    }
    if (problem == ADAPTERS_PUSH_PROBLEMS)
        problem = adapters_push_desk_begin(request->front->desk, request->client, feed, key, &request->delivery);
    if (problem != ADAPTERS_PUSH_PROBLEMS) {
        bool is_for_now = problem >= ADAPTERS_PUSH_TOO_FAST;
        refuse_with(request, problem, NULL, is_for_now ? LATER_S : 0);
        return;
    }
    request->delivery->form = form;
}

/* --- routes --- */

static void route_feed(struct request *request, const char *method, const char *name)
{
    const struct adapters_feeds *feeds = request->front->feeds;
    size_t feed = 0;
    while (feed < feeds->count && strcmp(adapters_mapping_feed_view(feeds->mappings[feed]), name) != 0)
        feed++;
    if (feed == feeds->count)
        refuse(request, ADAPTERS_PUSH_NO_SUCH_FEED);
    else if (!may_use(request, feed))
        refuse(request, ADAPTERS_PUSH_WRONG_FEED);
    else if (strcmp(method, "POST") == 0)
        begin_delivery(request, feed);
    else if (strcmp(method, "GET") == 0)
        answer_feeds(request, feed);
    else
        refuse_method(request, "GET, POST");
}

static void route(struct request *request, const char *method, const char *path)
{
    bool is_feeds = strcmp(path, FEEDS_PATH) == 0 || strcmp(path, FEEDS_PATH "/") == 0;
    bool is_openapi = strcmp(path, "/openapi.yaml") == 0;
    if (!is_feeds && strncmp(path, FEEDS_PATH "/", strlen(FEEDS_PATH "/")) == 0)
        route_feed(request, method, path + strlen(FEEDS_PATH "/"));
    else if (!is_feeds && !is_openapi)
        refuse(request, ADAPTERS_PUSH_NOT_FOUND);
    else if (strcmp(method, "GET") != 0)
        refuse_method(request, "GET");
    else if (is_feeds)
        answer_feeds(request, request->front->feeds->count);
    else
        answer_openapi(request);
}

static void *begin(void *self, struct bus_http_call *call, const char *method, const char *path)
{
    struct adapters_push_front *front = self;
    struct request *request = calloc(1, sizeof *request);
    struct bus_error detail = {0};
    int retry_after_s = 0;
    if (request == NULL)
        return NULL;
    request->front = front;
    request->call = call;
    bus_http_call_address(call, request->address);
    enum adapters_push_problem problem =
        adapters_push_peer(front->settings, bus_http_call_session(call), &request->client, request->peer, &detail);
    if (problem == ADAPTERS_PUSH_PROBLEMS)
        problem = adapters_push_desk_admit(front->desk, request->client, &retry_after_s);
    if (problem == ADAPTERS_PUSH_PROBLEMS)
        route(request, method, path);
    else
        refuse_with(request, problem, problem == ADAPTERS_PUSH_BAD_CERTIFICATE ? &detail : NULL, retry_after_s);
    return request;
}

/* --- a delivery's body --- */

static void body(void *context, struct bus_bytes piece)
{
    struct request *request = context;
    struct bus_error error;
    if (piece.length > request->front->settings->max_body_bytes - request->delivery->body.length) {
        refuse_large(request);
        return;
    }
    enum bus_status status = adapters_push_body_add(&request->delivery->body, piece, &error);
    if (status == BUS_OK)
        return;
    bus_log_failure(BUS_LOG_ERROR, "delivery cannot be received", status, &error);
    refuse_with(request, ADAPTERS_PUSH_NO_ROOM, NULL, LATER_S);
}

static void hand_in(struct request *request)
{
    struct bus_http_reply reply;
    struct adapters_push_delivery *delivery = request->delivery;
    request->delivery = NULL;
    if (!adapters_push_desk_hand_in(request->front->desk, delivery, request->call, &reply))
        bus_http_call_answer(request->call, &reply);
}

static void end(void *context)
{
    struct request *request = context;
    struct adapters_push_delivery *delivery = request->delivery;
    struct bus_http_reply reply;
    struct bus_error error;
    size_t rows;
    enum bus_status status = adapters_push_body_finish(&delivery->body, delivery->digest, &delivery->view, &error);
    if (status != BUS_OK) {
        bus_log_failure(BUS_LOG_ERROR, "delivery cannot be received", status, &error);
        refuse_with(request, ADAPTERS_PUSH_NO_ROOM, NULL, LATER_S);
        return;
    }
    if (adapters_push_desk_knows(request->front->desk, delivery, &reply)) {
        bus_http_call_answer(request->call, &reply);
        return;
    }
    status =
        adapters_push_rows_check(delivery->form, delivery->view, request->front->settings->max_rows, &rows, &error);
    if (status == BUS_OK)
        hand_in(request);
    else
        refuse_with(request,
                    strcmp(error.code, "ROWS_TOO_MANY") == 0 ? ADAPTERS_PUSH_TOO_MANY_ROWS : ADAPTERS_PUSH_NO_JSON,
                    &error, 0);
}

static void gone(void *context)
{
    struct request *request = context;
    adapters_push_delivery_destroy(request->delivery);
    free(request);
}

static void tick(void *self)
{
    struct adapters_push_front *front = self;
    adapters_push_desk_expire(front->desk);
}

struct bus_http_handler adapters_push_front_handler(struct adapters_push_front *front)
{
    return (struct bus_http_handler){
        .begin = begin, .body = body, .end = end, .gone = gone, .tick = tick, .self = front};
}
