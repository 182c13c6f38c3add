/* The sink against a province of its own, which stands in for HTTP and for the agent's memory. */
#include "subscribers/sinks/province/province.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/json.h"
#include "subscribers/engine/batch.h"
#include "subscribers/sinks/http/client.h"
#include "subscribers/sinks/province/compare.h"
#include "subscribers/sinks/province/memory.h"
#include "subscribers/sinks/province/row.h"
#include "tests/support/folder.h"
#include "tests/support/province_builder.h"

enum {
    BAD = 666, /* a penalty of this version is refused by the province */
    MOST = 64, /* rows held, requests, notes, deliveries */
    KEY_TEXT = 33,
    BODY_SIZE = 256 * 1024,
};

/* ── the province ── */

struct held {
    char key[KEY_TEXT], gov_id[32], state[16], mark[16];
};

struct asked {
    char path[128], key[80];
    char *body;
    size_t rows;
};

static struct {
    struct held rows[MOST];
    size_t count;
    struct asked requests[MOST];
    size_t request_count;
    /* its habits */
    bool names_nobody, names_wrongly, is_pending;
    size_t most_rows;   /* else 413; 0 = any */
    int statuses[MOST]; /* of the next requests, instead of an answer; 0 = answer; -1 = took it, and no answer comes */
    const char *next_body; /* of the next answer, instead of its own */
    int64_t retry_after_ms;
    char digest[2 * BUS_DIGEST_SIZE + 1]; /* of what it holds; "" = another than any */
} platform;

static void *waiting; /* opaque of the request under way */
static char answer[BODY_SIZE];
static int answer_status;
static enum bus_status answer_outcome;

static struct held *find_held(const char *key)
{
    for (size_t i = 0; i < platform.count; i++)
        if (strcmp(platform.rows[i].key, key) == 0)
            return &platform.rows[i];
    return NULL;
}

static const char *text_of(const struct bus_json_value *row, const char *name)
{
    static char texts[4][256];
    static int next;
    const struct bus_json_value *member = bus_json_member(row, name);
    char *text = texts[next++ % 4];
    struct bus_bytes value = member != NULL ? bus_json_as_text(member) : (struct bus_bytes){0};
    snprintf(text, sizeof texts[0], "%.*s", (int)value.length, value.data != NULL ? (const char *)value.data : "");
    return text;
}

static const char *refusal_of(const struct bus_json_value *row)
{
    const struct held *held = find_held(text_of(row, "rowKey"));
    const char *operation = text_of(row, "op");
    bool is_held = held != NULL && strcmp(held->state, "withdrawn") != 0;
    char bad[32];
    snprintf(bad, sizeof bad, "罚款%d元", BAD);
    if (strcmp(operation, "add") == 0 && is_held)
        return "ROW_EXISTS";
    if (strcmp(operation, "add") != 0 && held == NULL)
        return "ROW_UNKNOWN";
    if (strcmp(operation, "add") != 0 && strcmp(text_of(row, "govId"), held->gov_id) != 0)
        return "GOV_ID";
    const struct bus_json_value *fields = bus_json_member(row, "fields");
    return fields != NULL && strcmp(text_of(fields, "CF_NR"), bad) == 0 ? "CF_NR" : NULL;
}

static void take_row(const struct bus_json_value *row)
{
    const char *key = text_of(row, "rowKey"), *operation = text_of(row, "op");
    struct held *held = find_held(key);
    if (held == NULL) {
        held = &platform.rows[platform.count++];
        snprintf(held->key, sizeof held->key, "%s", key);
        snprintf(held->gov_id, sizeof held->gov_id, "GX%zu", platform.count);
    }
    if (strcmp(operation, "withdraw") == 0)
        snprintf(held->state, sizeof held->state, "withdrawn");
    else if (strcmp(operation, "mark") != 0)
        snprintf(held->state, sizeof held->state, platform.is_pending ? "pending" : "reported");
    snprintf(held->mark, sizeof held->mark, "%.15s", text_of(row, "mark"));
}

static void print_gov_id(struct bus_buffer *buffer, const struct held *held)
{
    if (strcmp(held->state, "pending") == 0)
        bus_buffer_printf(buffer, "null");
    else
        bus_buffer_printf(buffer, "\"%s\"", held->gov_id);
}

static void take_batch(const struct bus_json_value *rows, struct bus_buffer *buffer)
{
    size_t count = bus_json_count(rows);
    answer_status = 200;
    if (platform.most_rows > 0 && count > platform.most_rows) {
        answer_status = 413;
        bus_buffer_printf(buffer, "{}");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct bus_json_value *row = bus_json_at(rows, i);
        const char *code = refusal_of(row);
        if (code == NULL)
            continue;
        answer_status = 422;
        if (platform.names_nobody)
            bus_buffer_printf(buffer, "{\"code\":\"%s\",\"message\":\"内容有误\"}", code);
        else
            bus_buffer_printf(buffer, "{\"row\":%zu,\"rowKey\":\"%s\",\"code\":\"%s\",\"message\":\"内容有误\"}",
                              platform.names_wrongly ? i + 1 : i, text_of(row, "rowKey"), code);
        return;
    }
    bus_buffer_printf(buffer, "{\"acks\":[");
    for (size_t i = 0; i < count; i++) {
        const struct bus_json_value *row = bus_json_at(rows, i);
        take_row(row);
        const struct held *held = find_held(text_of(row, "rowKey"));
        bus_buffer_printf(buffer, "%s{\"rowKey\":\"%s\",\"state\":\"%s\",\"govId\":", i > 0 ? "," : "", held->key,
                          strcmp(text_of(row, "op"), "mark") == 0 ? "reported" : held->state);
        print_gov_id(buffer, held);
        bus_buffer_printf(buffer, "}");
    }
    bus_buffer_printf(buffer, "]}");
}

static void answer_row(const char *path, struct bus_buffer *buffer)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    const struct held *held = find_held(path + strlen("/rows?rowKey="));
    answer_status = 200;
    bus_buffer_printf(buffer, "{\"rows\":[");
    if (held != NULL) {
        bus_buffer_printf(buffer, "{\"rowKey\":\"%s\",\"state\":\"%s\",\"digest\":\"%s\",\"govId\":", held->key,
                          held->state, platform.digest[0] != 0 ? platform.digest : zeros);
        print_gov_id(buffer, held);
        bus_buffer_printf(buffer, "}");
    }
    bus_buffer_printf(buffer, "]}");
}

enum bus_status http_client_open(const struct bus_settings *settings, const struct bus_settings_node *group,
                                 const struct bus_option *options, struct http_client **out_client,
                                 struct bus_error *error)
{
    (void)settings, (void)group, (void)options, (void)error;
    *out_client = (struct http_client *)&platform;
    return BUS_OK;
}

void http_client_close(struct http_client *client)
{
    (void)client;
}

const char *http_client_name_view(const struct http_client *client)
{
    (void)client;
    return "province.example:8443";
}

static void answer_from(const char *text)
{
    snprintf(answer, sizeof answer, "%s", text);
}

enum bus_status http_client_send(struct http_client *client, const struct http_request *request,
                                 struct bus_error *error)
{
    (void)client, (void)error;
    assert_null(waiting);
    assert_true(platform.request_count < MOST);
    int forced = platform.statuses[platform.request_count];
    struct asked *asked = &platform.requests[platform.request_count++];
    struct bus_json_document *document = NULL;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BODY_SIZE);
    snprintf(asked->path, sizeof asked->path, "%s", request->path);
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, "Idempotency-Key") == 0)
            snprintf(asked->key, sizeof asked->key, "%s", request->headers[i].value);
    asked->body =
        request->body.length > 0 ? strndup((const char *)request->body.data, request->body.length) : strdup("");
    if (request->body.length > 0) {
        assert_int_equal(bus_json_parse(request->body, &document, error), BUS_OK);
        const struct bus_json_value *rows = bus_json_member(bus_json_root(document), "rows");
        asked->rows = bus_json_count(rows);
        if (forced <= 0)
            take_batch(rows, &buffer);
    } else {
        answer_row(request->path, &buffer);
    }
    bus_buffer_u8(&buffer, '\0');
    answer_from(platform.next_body != NULL ? platform.next_body : (const char *)buffer.data);
    platform.next_body = NULL;
    if (forced > 0)
        answer_status = forced;
    answer_outcome = forced < 0 ? BUS_RETRY : BUS_OK;
    waiting = request->opaque;
    bus_json_destroy(document);
    bus_buffer_release(&buffer);
    return BUS_OK;
}

enum bus_status http_client_wait(struct http_client *client, int timeout_ms, bool *out_found,
                                 struct http_answer *out_answer, struct bus_error *error)
{
    (void)client, (void)timeout_ms;
    *out_found = waiting != NULL;
    *out_answer = (struct http_answer){.opaque = waiting,
                                       .status = answer_status,
                                       .body = bus_bytes_text(answer),
                                       .retry_after_ms = platform.retry_after_ms};
    waiting = NULL;
    return *out_found && answer_outcome == BUS_RETRY ? bus_fail(error, BUS_RETRY, "no answer in time") : BUS_OK;
}

void http_client_cancel(struct http_client *client, const void *opaque)
{
    (void)client;
    if (waiting == opaque)
        waiting = NULL;
}

/* ── the agent's memory ── */

struct subscribers_memory {
    struct {
        uint8_t key[SUBSCRIBERS_MAX_NOTE_KEY], value[PROVINCE_NOTE_MAX_SIZE];
        size_t key_length, value_length;
    } notes[MOST];
    size_t count;
};
static struct subscribers_memory memory;

static size_t find_note(struct bus_bytes key)
{
    for (size_t i = 0; i < memory.count; i++)
        if (bus_bytes_equal(bus_bytes_of(memory.notes[i].key, memory.notes[i].key_length), key))
            return i;
    return memory.count;
}

enum bus_status subscribers_memory_get(struct subscribers_memory *self, int32_t partition, struct bus_bytes key,
                                       struct bus_bytes *out_value, struct bus_error *error)
{
    (void)self, (void)partition, (void)error;
    size_t found = find_note(key);
    *out_value = (struct bus_bytes){0};
    if (found < memory.count && memory.notes[found].value_length > 0)
        *out_value = bus_bytes_of(memory.notes[found].value, memory.notes[found].value_length);
    return BUS_OK;
}

enum bus_status subscribers_memory_walk(struct subscribers_memory *self, int32_t partition, struct bus_bytes prefix,
                                        bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value),
                                        void *taker, struct bus_error *error)
{
    (void)self, (void)partition, (void)error;
    for (size_t i = 0; i < memory.count; i++)
        if (memory.notes[i].value_length > 0 && memory.notes[i].key[0] == prefix.data[0] &&
            !take(taker, bus_bytes_of(memory.notes[i].key, memory.notes[i].key_length),
                  bus_bytes_of(memory.notes[i].value, memory.notes[i].value_length)))
            break;
    return BUS_OK;
}

static void remember(const struct subscribers_batch *batch)
{
    for (size_t i = 0; i < batch->note_count; i++) {
        const struct subscribers_note *note = &batch->notes[i];
        size_t at = find_note(bus_buffer_view(&note->key));
        if (at == memory.count)
            memory.count++;
        memcpy(memory.notes[at].key, note->key.data, note->key.length);
        memory.notes[at].key_length = note->key.length;
        memory.notes[at].value_length = note->value.length;
        if (note->value.length > 0)
            memcpy(memory.notes[at].value, note->value.data, note->value.length);
    }
}

/* No comparison here. */
enum bus_status province_compare_open(const struct subscribers_sink_context *context,
                                      const struct bus_settings_node *group, const struct bus_option *options,
                                      struct province_line *line, const struct province_mapping *mapping,
                                      struct province_compare **out_compare, struct bus_error *error)
{
    (void)context, (void)group, (void)options, (void)line, (void)mapping, (void)error;
    *out_compare = NULL;
    return BUS_OK;
}

enum bus_status province_compare_idle(struct province_compare *compare, const int32_t *partitions, size_t count,
                                      struct bus_error *error)
{
    (void)compare, (void)partitions, (void)count, (void)error;
    return BUS_OK;
}

enum bus_status province_compare_order(struct province_compare *compare, struct bus_bytes kind,
                                       struct bus_bytes subject, struct bus_error *error)
{
    (void)compare, (void)kind, (void)subject, (void)error;
    return BUS_OK;
}

void province_compare_close(struct province_compare *compare)
{
    (void)compare;
}

/* ── the sink ── */

static struct test_province province;
static char folder[TEST_FOLDER_SIZE];
static struct bus_settings *settings;
static void *sink;

static int open_province(void **state)
{
    (void)state;
    test_province_open(&province);
    test_folder_make(folder);
    return 0;
}

static int close_province(void **state)
{
    (void)state;
    test_folder_remove(folder);
    test_province_close(&province);
    return 0;
}

static int open_sink(void **state)
{
    (void)state;
    char path[256];
    struct bus_error error;
    snprintf(path, sizeof path, "%s/agent.cfg", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "province = { url = \"https://x\"; authority = \"a\"; certificate = \"c\"; private_key = \"k\"; mapping = "
            "\"%s/subscribers/receivers/province/mapping.cfg\"; };\n",
            XINQIAO_SOURCE);
    fclose(file);
    memset(&platform, 0, sizeof platform);
    memset(&memory, 0, sizeof memory);
    waiting = NULL;
    assert_int_equal(bus_settings_load(path, &settings, &error), BUS_OK);
    const struct bus_settings_node *group = bus_settings_child(bus_settings_root(settings), "province");
    assert_int_equal(bus_settings_check(group, subscribers_province.options, &error), BUS_OK);
    const struct subscribers_sink_context context = {.subscriber = "province",
                                                     .topic = "xq.out.province",
                                                     .catalogues = province.catalogues,
                                                     .settings = settings,
                                                     .memory = &memory,
                                                     .state_folder = folder};
    enum bus_status status = subscribers_province.open(&context, group, &sink, &error);
    if (status != BUS_OK)
        print_error("%s\n", error.message);
    return status == BUS_OK ? 0 : -1;
}

static int close_sink(void **state)
{
    (void)state;
    subscribers_province.close(sink);
    bus_settings_destroy(settings);
    for (size_t i = 0; i < platform.request_count; i++)
        free(platform.requests[i].body);
    return 0;
}

/* One batch, whose deliveries stay as long as the test. */
struct attempt {
    struct subscribers_batch batch;
    struct subscribers_delivery deliveries[MOST];
    enum bus_status status;
    struct bus_error error;
};
static uint64_t next_leaf;

static void put_together(struct attempt *attempt, const struct test_report *reports, size_t count)
{
    *attempt = (struct attempt){0};
    struct subscribers_delivery *deliveries = calloc(count, sizeof *deliveries);
    assert_non_null(deliveries);
    for (size_t i = 0; i < count; i++) {
        struct test_report report = reports[i];
        report.leaf = next_leaf++;
        deliveries[i] = test_province_delivery(&province, &report);
    }
    attempt->batch = (struct subscribers_batch){
        .deliveries = deliveries, .count = count, .subscriber = "province", .clock = bus_clock_real()};
}

static void go(struct attempt *attempt)
{
    struct subscribers_batch *done = NULL;
    assert_int_equal(subscribers_province.send(sink, &attempt->batch, &attempt->error), BUS_OK);
    attempt->status = subscribers_province.collect(sink, 1000, &done, &attempt->error);
    assert_ptr_equal(done, &attempt->batch);
    remember(&attempt->batch);
}

static void send_all(struct attempt *attempt, const struct test_report *reports, size_t count)
{
    put_together(attempt, reports, count);
    go(attempt);
}

static void done_with(struct attempt *attempt)
{
    test_province_free(attempt->batch.deliveries, attempt->batch.count);
    subscribers_batch_release(&attempt->batch);
}

/* Sends the reports, which must all be settled. */
static void send_well(const struct test_report *reports, size_t count)
{
    struct attempt attempt;
    send_all(&attempt, reports, count);
    assert_int_equal(attempt.status, BUS_OK);
    assert_int_equal(attempt.batch.settled, count);
    done_with(&attempt);
}

static struct test_report put(int number, int64_t version)
{
    return (struct test_report){.number = number, .version = version};
}

static struct test_report withdrawal(int number)
{
    return (struct test_report){
        .operation = BUS_DELIVERY_WITHDRAW, .reason = BUS_REASON_WITHDRAWN, .number = number, .version = 9};
}

static struct test_report dispute(int number)
{
    return (struct test_report){.operation = BUS_DELIVERY_STATUS,
                                .reason = BUS_REASON_DISPUTED,
                                .flags = 1u << BUS_FLAG_DISPUTED,
                                .number = number,
                                .version = 9};
}

static struct test_report marker(enum bus_delivery_operation operation)
{
    return (struct test_report){.operation = operation};
}

static size_t held_now(void)
{
    size_t count = 0;
    for (size_t i = 0; i < platform.count; i++)
        count += strcmp(platform.rows[i].state, "withdrawn") != 0;
    return count;
}

static void assert_body(size_t request, const char *part)
{
    if (strstr(platform.requests[request].body, part) == NULL)
        fail_msg("request %zu has no %s: %s", request, part, platform.requests[request].body);
}

/* ── batches ── */

static void a_batch_is_one_request(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1), put(2, 1), put(3, 1)}, 3);
    assert_int_equal(platform.request_count, 1);
    assert_string_equal(platform.requests[0].path, "/batches");
    assert_int_equal(strlen(platform.requests[0].key), 64);
    assert_int_equal(held_now(), 3);
}

static void a_bad_row_is_refused_in_the_provinces_words(void **state)
{
    (void)state;
    struct attempt attempt;
    send_all(&attempt, (struct test_report[]){put(1, 1), put(2, BAD), put(3, 1), put(4, BAD), put(5, 1)}, 5);
    assert_int_equal(attempt.status, BUS_OK);
    assert_int_equal(attempt.batch.settled, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(attempt.batch.deliveries[i].refusal, i % 2 == 1 ? "PROVINCE_REFUSED" : "");
    assert_string_equal(attempt.batch.deliveries[1].words, "CF_NR 内容有误");
    assert_int_equal(held_now(), 3);
    done_with(&attempt);
}

static void a_refusal_that_names_nobody_is_halved(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.names_nobody = true;
    send_all(&attempt, (struct test_report[]){put(1, 1), put(2, 1), put(3, 1), put(4, BAD), put(5, 1)}, 5);
    assert_int_equal(attempt.status, BUS_OK);
    assert_string_equal(attempt.batch.deliveries[3].refusal, "PROVINCE_REFUSED");
    assert_string_equal(attempt.batch.deliveries[2].refusal, "");
    assert_int_equal(held_now(), 4);
    done_with(&attempt);
}

static void a_row_that_is_named_wrongly_is_not_refused(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.names_wrongly = true; /* the number of the row behind it */
    send_all(&attempt, (struct test_report[]){put(1, BAD), put(2, 1), put(3, 1)}, 3);
    assert_string_equal(attempt.batch.deliveries[0].refusal, "PROVINCE_REFUSED");
    assert_string_equal(attempt.batch.deliveries[1].refusal, "");
    assert_int_equal(held_now(), 2);
    done_with(&attempt);
}

static void a_request_that_is_too_large_is_halved(void **state)
{
    (void)state;
    platform.most_rows = 2;
    send_well((struct test_report[]){put(1, 1), put(2, 1), put(3, 1), put(4, 1), put(5, 1)}, 5);
    assert_int_equal(held_now(), 5);
}

static void what_we_refuse_never_reaches_the_province(void **state)
{
    (void)state;
    struct attempt attempt;
    const struct test_field fields[] = {{"basis", ""}, {NULL, NULL}};
    struct test_report bad = put(1, 1);
    bad.fields = fields;
    send_all(&attempt, &bad, 1);
    assert_int_equal(attempt.status, BUS_OK);
    assert_string_equal(attempt.batch.deliveries[0].refusal, "PROVINCE_REQUIRED");
    assert_non_null(strstr(attempt.batch.deliveries[0].words, "字段 CF_YJ 必填"));
    assert_int_equal(platform.request_count, 0);
    done_with(&attempt);
}

static void what_is_refused_already_is_not_sent(void **state)
{
    (void)state;
    struct attempt attempt;
    put_together(&attempt, (struct test_report[]){put(1, 1), put(2, 1)}, 2);
    subscribers_delivery_refuse(&attempt.batch.deliveries[0], "SKIPPED");
    go(&attempt);
    assert_int_equal(attempt.batch.settled, 2);
    assert_int_equal(platform.requests[0].rows, 1);
    assert_string_equal(attempt.batch.deliveries[0].refusal, "SKIPPED");
    done_with(&attempt);
}

static void what_came_from_the_province_does_not_go_back(void **state)
{
    (void)state;
    const struct test_field fields[] = {{"source_unit", "广西壮族自治区公共信用信息平台"}, {NULL, NULL}};
    struct test_report report = put(1, 1);
    report.fields = fields;
    send_well(&report, 1);
    assert_int_equal(platform.request_count, 0);
}

/* ── versions of a record ── */

static void a_later_version_quotes_the_gov_id(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_well((struct test_report[]){put(1, 2)}, 1);
    assert_body(1, "\"op\":\"update\"");
    assert_body(1, "\"govId\":\"GX1\"");
}

static void the_same_content_is_not_sent_again(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_well((struct test_report[]){put(1, 1)}, 1);
    assert_int_equal(platform.request_count, 1);
}

static void a_batch_is_cut_where_a_record_comes_again(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1), put(2, 1), put(1, 2), withdrawal(2), withdrawal(1), put(2, 3)}, 6);
    assert_int_equal(platform.request_count, 3);
    assert_int_equal(platform.requests[0].rows, 2);
    assert_int_equal(platform.requests[1].rows, 2);
    assert_int_equal(platform.requests[2].rows, 2);
    assert_body(1, "\"op\":\"update\"");
    assert_body(1, "\"op\":\"withdraw\"");
    assert_body(2, "\"op\":\"add\""); /* again, after its withdrawal */
    assert_int_equal(held_now(), 1);
}

static void a_withdrawal_of_what_was_never_taken_is_settled(void **state)
{
    (void)state;
    struct attempt attempt;
    send_all(&attempt, (struct test_report[]){put(1, BAD), withdrawal(1), withdrawal(2)}, 3);
    assert_int_equal(attempt.status, BUS_OK);
    assert_int_equal(attempt.batch.settled, 3);
    assert_string_equal(attempt.batch.deliveries[1].refusal, "");
    assert_int_equal(platform.request_count, 1);
    done_with(&attempt);
}

static void a_status_marks_what_is_held(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_well((struct test_report[]){dispute(1), dispute(2)}, 2);
    assert_int_equal(platform.requests[1].rows, 1);
    assert_body(1, "\"mark\":\"DISPUTED\"");
    send_well((struct test_report[]){dispute(1)}, 1); /* it says so already */
    assert_int_equal(platform.request_count, 2);
    struct test_report resolved = dispute(1);
    resolved.flags = 0;
    resolved.reason = BUS_REASON_DISPUTE_RESOLVED;
    send_well(&resolved, 1);
    assert_body(2, "\"mark\":\"NONE\"");
}

/* ── govIds that come late ── */

static void a_withdrawal_waits_for_its_gov_id(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.is_pending = true;
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_all(&attempt, (struct test_report[]){put(2, 1), withdrawal(1), put(3, 1)}, 3);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_int_equal(attempt.batch.settled, 1); /* what stands before it */
    assert_false(attempt.batch.is_away);
    assert_non_null(strstr(attempt.error.message_zh, "govId"));
    assert_null(find_held("3"));
    done_with(&attempt);
    snprintf(platform.rows[0].state, sizeof platform.rows[0].state, "reported");
    send_well((struct test_report[]){withdrawal(1), put(3, 1)}, 2);
    assert_string_equal(platform.rows[0].state, "withdrawn");
    assert_string_equal(platform.requests[platform.request_count - 1].path, "/batches");
}

static void what_stands_before_a_row_that_waits_counts_only_when_it_was_taken(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.is_pending = true;
    send_well((struct test_report[]){put(1, 1)}, 1);
    platform.statuses[2] = 503; /* behind the question about the first */
    put_together(&attempt, (struct test_report[]){put(2, 1), withdrawal(1), put(3, 1)}, 3);
    go(&attempt);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_int_equal(attempt.batch.settled, 0);
    assert_int_equal(attempt.batch.note_count, 0);
    assert_null(find_held("2"));
    go(&attempt);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_int_equal(attempt.batch.settled, 1);
    assert_int_equal(attempt.batch.note_count, 1);
    assert_int_equal(platform.count, 2);
    done_with(&attempt);
}

/* As if the agent had died after the update was taken: the province holds the new content already, and is told so again. */
static void what_the_province_holds_does_not_change_what_is_sent(void **state)
{
    (void)state;
    platform.is_pending = true;
    send_well((struct test_report[]){put(1, 1)}, 1);
    platform.is_pending = false;
    snprintf(platform.rows[0].state, sizeof platform.rows[0].state, "reported");
    struct attempt attempt;
    put_together(&attempt, (struct test_report[]){put(1, 2)}, 1);
    struct subscribers_delivery *delivery = &attempt.batch.deliveries[0];
    struct province_row row;
    struct bus_arena *arena = bus_arena_create(1024 * 1024);
    assert_int_equal(province_row_make(province.mapping, delivery, arena, &row, &attempt.error), BUS_OK);
    bus_hex(row.digest, sizeof row.digest, platform.digest);
    bus_arena_destroy(arena);
    go(&attempt);
    assert_int_equal(attempt.status, BUS_OK);
    assert_body(platform.request_count - 1, "\"op\":\"update\"");
    done_with(&attempt);
}

static void a_row_that_the_province_lost_is_added_again(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1), put(2, 1)}, 2);
    platform.count = 0;
    send_well((struct test_report[]){put(1, 2), withdrawal(2)}, 2);
    assert_int_equal(held_now(), 1);
}

static void a_row_that_is_there_already_is_brought_up_to_date(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1)}, 1);
    memory.count = 0; /* the agent has forgotten */
    send_well((struct test_report[]){put(1, 2)}, 1);
    assert_int_equal(held_now(), 1);
    assert_body(platform.request_count - 1, "\"op\":\"update\"");
}

/* ── a province that is away, or does not keep to what was agreed ── */

static void after_a_lost_answer_the_same_request_is_made(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.statuses[0] = -1;
    put_together(&attempt, (struct test_report[]){put(1, 1), put(2, 1)}, 2);
    go(&attempt);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_true(attempt.batch.is_away);
    assert_int_equal(attempt.batch.settled, 0);
    assert_int_equal(attempt.batch.note_count, 0);
    assert_non_null(strstr(attempt.error.message, "province.example:8443"));
    platform.count = 0; /* this one knows nothing of idempotency keys */
    go(&attempt);
    assert_int_equal(attempt.status, BUS_OK);
    assert_string_equal(platform.requests[0].key, platform.requests[1].key);
    assert_string_equal(platform.requests[0].body, platform.requests[1].body);
    done_with(&attempt);
}

/* Not from the beginning: a province that often fails would never get through a batch with bad rows. */
static void what_was_taken_before_it_failed_is_not_sent_again(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.statuses[2] = 503; /* refused, the others taken, and then: */
    put_together(&attempt, (struct test_report[]){put(1, 1), put(2, BAD), put(3, 1), put(1, 2), put(2, 1), put(4, 1)},
                 6);
    go(&attempt);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_int_equal(attempt.batch.settled, 0);
    assert_string_equal(attempt.batch.deliveries[1].refusal, "");
    go(&attempt);
    assert_int_equal(attempt.status, BUS_OK);
    assert_int_equal(attempt.batch.settled, 6);
    assert_int_equal(platform.request_count, 4);
    assert_string_equal(platform.requests[2].body, platform.requests[3].body);
    assert_string_equal(attempt.batch.deliveries[1].refusal, "PROVINCE_REFUSED");
    assert_int_equal(held_now(), 4);
    done_with(&attempt);
}

/* Two bad rows of 40: the request is sent again filled up, not whole; and the next batch begins with its size. */
static void a_province_that_refuses_gets_shorter_requests(void **state)
{
    (void)state;
    struct test_report reports[40];
    for (int i = 0; i < 40; i++)
        reports[i] = put(i, i == 10 || i == 12 ? BAD : 1);
    struct attempt attempt;
    send_all(&attempt, reports, 40);
    assert_int_equal(attempt.status, BUS_OK);
    assert_int_equal(held_now(), 38);
    assert_int_equal(platform.requests[0].rows, 40);
    assert_int_equal(platform.requests[1].rows, 30);
    assert_int_equal(platform.requests[2].rows, 23);
    assert_int_equal(platform.requests[3].rows, 15); /* the rest */
    done_with(&attempt);
    for (int i = 0; i < 40; i++)
        reports[i] = put(i, i == 10 || i == 12 ? BAD : 2);
    send_all(&attempt, reports, 38);
    assert_int_equal(platform.requests[4].rows, 37);
    done_with(&attempt);
}

static void what_is_skipped_meanwhile_is_not_sent(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.statuses[0] = 503;
    put_together(&attempt, (struct test_report[]){put(1, 1), put(2, 1)}, 2);
    go(&attempt);
    subscribers_delivery_refuse(&attempt.batch.deliveries[0], "SKIPPED");
    go(&attempt);
    assert_int_equal(attempt.status, BUS_OK);
    assert_int_equal(platform.requests[1].rows, 1);
    assert_int_equal(held_now(), 1);
    done_with(&attempt);
}

static void another_batch_of_the_partition_begins_anew(void **state)
{
    (void)state;
    struct attempt first, second;
    platform.statuses[0] = 503;
    send_all(&first, (struct test_report[]){put(1, 1), put(2, 1)}, 2);
    assert_int_equal(first.status, BUS_RETRY);
    send_all(&second, (struct test_report[]){put(3, 1)}, 1);
    assert_int_equal(second.status, BUS_OK);
    assert_int_equal(platform.requests[1].rows, 1);
    done_with(&first);
    done_with(&second);
}

static void another_delivery_is_another_request(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_well((struct test_report[]){withdrawal(1)}, 1);
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_well((struct test_report[]){withdrawal(1)}, 1);
    assert_string_not_equal(platform.requests[1].key, platform.requests[3].key);
    assert_int_equal(held_now(), 0);
}

static void a_province_that_throttles_is_obeyed(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.statuses[0] = 429;
    platform.retry_after_ms = 7000;
    send_all(&attempt, (struct test_report[]){put(1, 1)}, 1);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_true(attempt.batch.is_away);
    assert_int_equal(attempt.batch.retry_ms, 7000);
    done_with(&attempt);
}

static void a_request_that_is_still_worked_on_is_repeated_soon(void **state)
{
    (void)state;
    struct attempt attempt;
    platform.statuses[0] = 409;
    send_all(&attempt, (struct test_report[]){put(1, 1)}, 1);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_false(attempt.batch.is_away);
    assert_true(attempt.batch.retry_ms > 0);
    done_with(&attempt);
}

static void bad_answers_count_for_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "<html>502</html>",
        "[]",
        "{}",
        "{\"acks\":[]}",
        "{\"acks\":[{\"rowKey\":\"00000000000000000000000000000000\",\"govId\":\"G\",\"state\":\"reported\"}]}",
        "{\"acks\":[{\"rowKey\":1}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct attempt attempt;
        platform.next_body = bodies[i];
        send_all(&attempt, (struct test_report[]){put(1, 1)}, 1);
        assert_int_equal(attempt.status, BUS_RETRY);
        assert_true(attempt.batch.is_away);
        assert_int_equal(attempt.batch.settled, 0);
        assert_string_equal(attempt.error.code, "PROVINCE_ANSWER");
        assert_non_null(strstr(attempt.error.message, "province.example:8443"));
        assert_non_null(strstr(attempt.error.message_zh, "省级平台"));
        assert_int_equal(memory.count, 0);
        done_with(&attempt);
        platform.count = 0;
    }
}

static void a_gov_id_that_changes_is_not_believed(void **state)
{
    (void)state;
    struct attempt attempt;
    send_well((struct test_report[]){put(1, 1)}, 1);
    char body[256];
    snprintf(body, sizeof body, "{\"acks\":[{\"rowKey\":\"%s\",\"govId\":\"GX99\",\"state\":\"reported\"}]}",
             platform.rows[0].key);
    platform.next_body = body;
    send_all(&attempt, (struct test_report[]){put(1, 2)}, 1);
    assert_int_equal(attempt.status, BUS_RETRY);
    assert_non_null(strstr(attempt.error.message, "govId of a row has changed"));
    assert_int_equal(attempt.batch.note_count, 0);
    done_with(&attempt);
}

static void a_batch_that_is_given_up_is_forgotten(void **state)
{
    (void)state;
    struct attempt attempt;
    struct subscribers_batch *done = NULL;
    put_together(&attempt, (struct test_report[]){put(1, 1)}, 1);
    assert_int_equal(subscribers_province.send(sink, &attempt.batch, &attempt.error), BUS_OK);
    subscribers_province.abandon(sink, &attempt.batch);
    assert_null(waiting);
    assert_int_equal(subscribers_province.collect(sink, 0, &done, &attempt.error), BUS_OK);
    assert_null(done);
    done_with(&attempt);
}

/* ── resync ── */

static void what_a_resync_does_not_name_is_taken_back(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1), put(2, 1), put(3, 1), put(4, 1)}, 4);
    send_well((struct test_report[]){withdrawal(4), marker(BUS_DELIVERY_RESYNC_BEGIN), put(1, 1)}, 3);
    send_well((struct test_report[]){put(3, 2), marker(BUS_DELIVERY_RESYNC_END), put(5, 1)}, 3);
    assert_string_equal(platform.rows[0].state, "reported");
    assert_string_equal(platform.rows[1].state, "withdrawn");
    assert_string_equal(platform.rows[2].state, "reported");
    assert_int_equal(held_now(), 3);
}

static void a_resync_whose_beginning_is_not_known_takes_nothing_back(void **state)
{
    (void)state;
    send_well((struct test_report[]){put(1, 1)}, 1);
    send_well((struct test_report[]){marker(BUS_DELIVERY_RESYNC_END)}, 1);
    assert_int_equal(held_now(), 1);
}

#define PROMISE(name) cmocka_unit_test_setup_teardown(name, open_sink, close_sink)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(a_batch_is_one_request),
        PROMISE(a_bad_row_is_refused_in_the_provinces_words),
        PROMISE(a_refusal_that_names_nobody_is_halved),
        PROMISE(a_row_that_is_named_wrongly_is_not_refused),
        PROMISE(a_request_that_is_too_large_is_halved),
        PROMISE(what_we_refuse_never_reaches_the_province),
        PROMISE(what_is_refused_already_is_not_sent),
        PROMISE(what_came_from_the_province_does_not_go_back),
        PROMISE(a_later_version_quotes_the_gov_id),
        PROMISE(the_same_content_is_not_sent_again),
        PROMISE(a_batch_is_cut_where_a_record_comes_again),
        PROMISE(a_withdrawal_of_what_was_never_taken_is_settled),
        PROMISE(a_status_marks_what_is_held),
        PROMISE(a_withdrawal_waits_for_its_gov_id),
        PROMISE(what_stands_before_a_row_that_waits_counts_only_when_it_was_taken),
        PROMISE(what_the_province_holds_does_not_change_what_is_sent),
        PROMISE(a_row_that_the_province_lost_is_added_again),
        PROMISE(a_row_that_is_there_already_is_brought_up_to_date),
        PROMISE(after_a_lost_answer_the_same_request_is_made),
        PROMISE(what_was_taken_before_it_failed_is_not_sent_again),
        PROMISE(a_province_that_refuses_gets_shorter_requests),
        PROMISE(what_is_skipped_meanwhile_is_not_sent),
        PROMISE(another_batch_of_the_partition_begins_anew),
        PROMISE(another_delivery_is_another_request),
        PROMISE(a_province_that_throttles_is_obeyed),
        PROMISE(a_request_that_is_still_worked_on_is_repeated_soon),
        PROMISE(bad_answers_count_for_nothing),
        PROMISE(a_gov_id_that_changes_is_not_believed),
        PROMISE(a_batch_that_is_given_up_is_forgotten),
        PROMISE(what_a_resync_does_not_name_is_taken_back),
        PROMISE(a_resync_whose_beginning_is_not_known_takes_nothing_back),
    };
    return cmocka_run_group_tests(tests, open_province, close_province);
}
