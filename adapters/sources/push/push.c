/* The source push: what departments' systems send by HTTPS (bus/http_server.h, request.h), taken a delivery at a time (desk.h) and
 * answered once Kafka has it. A delivery is in one transaction as a whole, which may hold several. */
#include <stdlib.h>

#include "adapters/engine/board.h"
#include "adapters/engine/source.h"
#include "adapters/formats/ndjson.h"
#include "adapters/sources/push/kept.h"
#include "adapters/sources/push/request.h"
#include "bus/stop.h"

enum { ROW_ARENA_LIMIT = 8 * 1024 * 1024 };

struct push {
    const struct adapters_intake *intake;
    struct adapters_push_settings settings;
    struct adapters_push_desk *desk;
    struct adapters_push_front *front;
    struct bus_http_server *http;
    struct adapters_push_answer answer; /* of the delivery at hand */
    struct adapters_ndjson ndjson;
    struct bus_arena *arena;
    uint8_t let_go[ADAPTERS_PUSH_EXPIRED_MAX][ADAPTERS_PUSH_ID_SIZE]; /* keys that this transaction lets go of */
    size_t let_go_count;
};

static void suspend(void *waiter)
{
    bus_http_call_suspend(waiter);
}

static void tell(void *waiter, struct bus_http_reply *take_reply)
{
    bus_http_call_answer(waiter, take_reply);
}

/* --- life --- */

static void push_close(void *source)
{
    struct push *push = source;
    if (push == NULL)
        return;
    if (push->desk != NULL)
        adapters_push_desk_close(push->desk);
    bus_http_server_stop(push->http);
    adapters_push_front_destroy(push->front);
    adapters_push_desk_destroy(push->desk);
    adapters_push_answer_release(&push->answer);
    bus_arena_destroy(push->arena);
    free(push);
}

static enum bus_status start(struct push *push, struct bus_error *error)
{
    const struct adapters_push_desk_options options = {
        .settings = &push->settings,
        .feeds = push->intake->feeds,
        .clock = push->intake->clock,
        .suspend = suspend,
        .tell = tell,
    };
    push->arena = bus_arena_create(ROW_ARENA_LIMIT);
    push->desk = adapters_push_desk_create(&options);
    push->front = adapters_push_front_create(&push->settings, push->intake->feeds, push->desk);
    if (push->arena == NULL || push->desk == NULL || push->front == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the push source: out of memory");
    enum bus_status status = adapters_push_kept_load(push->intake, push->desk, error);
    if (status != BUS_OK)
        return status;
    const struct bus_http_handler handler = adapters_push_front_handler(push->front);
    const struct adapters_push_settings *settings = &push->settings;
    const struct bus_http_options http = {
        .name = "push",
        .host = settings->host,
        .port = settings->port,
        .certificate = settings->certificate,
        .key = settings->key,
        .client_ca = settings->client_ca,
        .threads = settings->threads,
        .max_connections = settings->max_connections,
        .max_connections_per_address = settings->max_connections_per_address,
        .other_files = settings->client_count * settings->max_at_once,
        .files_words = "max_connections, and clients times max_at_once",
        .header_ms = settings->header_ms,
        .body_ms = settings->body_ms,
        .send_ms = settings->send_ms,
    };
    status = bus_http_server_start(&http, &handler, &push->http, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "listening", "address=%s port=%u clients=%zu", push->settings.host,
                bus_http_server_port(push->http), push->settings.client_count);
    return status;
}

static enum bus_status push_open(const struct adapters_intake *intake, void **out_source, struct bus_error *error)
{
    struct push *push = calloc(1, sizeof *push);
    if (push == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the push source: out of memory");
    push->intake = intake;
    adapters_push_answer_init(&push->answer);
    enum bus_status status = adapters_push_settings_read(intake->settings, intake->feeds, &push->settings, error);
    if (status == BUS_OK)
        status = start(push, error);
    if (status == BUS_OK)
        *out_source = push;
    else
        push_close(push);
    return status;
}

/* --- taking --- */

/* One row, by its number in the delivery. */
static enum bus_status take_row(struct push *push, const struct adapters_push_delivery *delivery, struct bus_bytes text,
                                int64_t number, struct bus_error *error)
{
    const struct adapters_intake *intake = push->intake;
    enum adapters_row_outcome outcome = ADAPTERS_ROW_REFUSED;
    struct adapters_refusal refusal;
    enum bus_status read = adapters_ndjson_read(&push->ndjson, intake->decoder, text, number, &refusal);
    const struct adapters_row row = {.line = number, .original = push->ndjson.original, .fields = push->ndjson.fields};
    enum bus_status status =
        read == BUS_OK ? adapters_intake_row(intake, delivery->feed, delivery->source, &row, &outcome, &refusal, error)
                       : adapters_intake_refuse(intake, delivery->feed, delivery->source, &row, &refusal, error);
    return status == BUS_OK ? adapters_push_answer_add(&push->answer, outcome, &refusal, error) : status;
}

static enum bus_status take_rows(struct push *push, struct adapters_push_delivery *delivery, struct bus_error *error)
{
    const struct adapters_layout *layout = adapters_mapping_layout(push->intake->feeds->mappings[delivery->feed]);
    struct adapters_push_rows rows;
    struct bus_bytes text;
    int64_t number = 0;
    enum bus_status status = BUS_OK;
    push->ndjson.columns = layout->columns;
    push->ndjson.column_count = layout->column_count;
    push->ndjson.arena = push->arena;
    adapters_push_answer_reset(&push->answer);
    adapters_push_rows_start(&rows, delivery->form, delivery->view);
    while (status == BUS_OK && adapters_push_rows_next(&rows, &text))
        status = take_row(push, delivery, text, ++number, error);
    delivery->counts = push->answer.counts;
    return status;
}

/* The answer goes into the transaction, so that it is kept if and only if the rows are. */
static enum bus_status keep_answer(struct push *push, struct adapters_push_delivery *delivery, struct bus_error *error)
{
    const char *feed = adapters_mapping_feed_view(push->intake->feeds->mappings[delivery->feed]);
    bus_buffer_reset(&delivery->record);
    enum bus_status status = adapters_push_answer_encode(
        &push->answer, feed, delivery->digest, bus_clock_now_ms(&push->intake->clock), &delivery->record, error);
    return status == BUS_OK
               ? adapters_push_kept_add(push->intake, delivery->id, bus_buffer_view(&delivery->record), error)
               : status;
}

static enum bus_status take_delivery(struct push *push, struct adapters_push_delivery *delivery,
                                     struct bus_error *error)
{
    enum bus_status status = take_rows(push, delivery, error);
    if (status == BUS_OK)
        status = keep_answer(push, delivery, error);
    if (status != BUS_OK)
        return status;
    adapters_board_delivered(push->intake->board, delivery->feed,
                             &(struct adapters_delivered){
                                 .name = delivery->source,
                                 .rows = delivery->counts.rows,
                                 .published = delivery->counts.accepted,
                                 .unchanged = delivery->counts.duplicate,
                                 .quarantined = delivery->counts.refused,
                             });
    return BUS_OK;
}

/* Keys that are kept for too long go with a transaction that is there anyway. */
static enum bus_status let_go(struct push *push, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (push->let_go_count > 0)
        return BUS_OK;
    size_t count = adapters_push_desk_expired(push->desk, push->let_go, ADAPTERS_PUSH_EXPIRED_MAX);
    while (status == BUS_OK && push->let_go_count < count)
        status = adapters_push_kept_add(push->intake, push->let_go[push->let_go_count++], bus_bytes_of(NULL, 0), error);
    return status;
}

static void look_for_pauses(struct push *push)
{
    for (size_t i = 0; i < push->intake->feeds->count; i++)
        adapters_push_desk_set_paused(push->desk, i, adapters_board_is_paused(push->intake->board, i));
}

static enum bus_status push_take(void *source, size_t *out_count, struct bus_error *error)
{
    struct push *push = source;
    enum bus_status status = BUS_OK;
    *out_count = 0;
    look_for_pauses(push);
    while (status == BUS_OK && !bus_stop_requested()) {
        struct adapters_push_delivery *delivery = adapters_push_desk_next(push->desk);
        if (delivery == NULL)
            return BUS_OK;
        ++*out_count;
        if (adapters_board_is_paused(push->intake->board, delivery->feed)) {
            adapters_push_desk_refuse(push->desk, ADAPTERS_PUSH_PAUSED);
            continue;
        }
        status = take_delivery(push, delivery, error);
        if (status == BUS_OK)
            status = let_go(push, error);
        if (status == BUS_OK && adapters_intake_is_due(push->intake))
            status = adapters_intake_commit(push->intake, error);
    }
    return status;
}

static bool push_committed(void *source)
{
    struct push *push = source;
    for (size_t i = 0; i < push->let_go_count; i++)
        adapters_push_desk_forget(push->desk, push->let_go[i]);
    push->let_go_count = 0;
    adapters_push_desk_committed(push->desk);
    return true;
}

static void push_aborted(void *source)
{
    struct push *push = source;
    push->let_go_count = 0;
    adapters_push_desk_aborted(push->desk);
}

static void push_wait(void *source, int64_t timeout_ms)
{
    struct push *push = source;
    adapters_push_desk_wait(push->desk, timeout_ms);
}

const struct adapters_source_type adapters_source_push = {
    .name = "push",
    .needs_image = true,
    .open = push_open,
    .close = push_close,
    .take = push_take,
    .committed = push_committed,
    .aborted = push_aborted,
    .wait = push_wait,
};
