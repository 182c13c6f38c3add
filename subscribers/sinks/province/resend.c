#include "subscribers/sinks/province/resend.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/datum.h"
#include "bus/log.h"
#include "subscribers/sinks/province/answer.h"

enum {
    BATCH_ROWS = 100,
    BATCH_BYTES = 4 * 1024 * 1024,
    ARENA_BYTES = 64 * 1024 * 1024,
    AHEAD = 2000, /* deliveries that are read over rather than sought behind */
    POLL_MS = 100,
    FETCH_MS = 5000,
    AGAIN_MS = 5000, /* the province did not answer */
    MAX_ATTEMPTS = 20,
};

struct province_resend {
    struct province_call call; /* first */
    struct subscribers_sink_context context;
    struct province_line *line;
    const struct province_mapping *mapping;
    struct bus_consumer *consumer; /* of the output topic, while anything is sent again */
    int32_t assigned;              /* its partition; -1 = none */
    int64_t next;                  /* offset that it reads next */
    struct bus_arena *arena;       /* of the batch */

    bool is_busy;
    struct province_report report;
    char occasion[PROVINCE_DATE_SIZE];
    size_t at; /* the first finding not looked at */

    /* The batch. */
    struct province_row rows[BATCH_ROWS];
    struct province_finding *findings[BATCH_ROWS]; /* of the rows */
    size_t count, sent;                            /* the first so many are asked about */
    bool is_asked;
    int attempts;
    int64_t not_before_ms;
};

static enum bus_status take(struct province_call *call, const struct province_reply *reply, struct bus_error *error);

enum bus_status province_resend_create(const struct subscribers_sink_context *context, struct province_line *line,
                                       const struct province_mapping *mapping, struct province_resend **out_resend,
                                       struct bus_error *error)
{
    struct province_resend *resend = calloc(1, sizeof *resend);
    if (resend == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    resend->call.take = take;
    resend->context = *context;
    resend->line = line;
    resend->mapping = mapping;
    resend->assigned = -1;
    resend->arena = bus_arena_create(ARENA_BYTES);
    if (resend->arena == NULL) {
        province_resend_destroy(resend);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    *out_resend = resend;
    return BUS_OK;
}

void province_resend_destroy(struct province_resend *resend)
{
    if (resend == NULL)
        return;
    if (resend->is_asked)
        province_line_cancel(resend->line, &resend->call);
    bus_consumer_close(resend->consumer);
    province_report_release(&resend->report);
    bus_arena_destroy(resend->arena);
    free(resend);
}

static int by_place(const void *a, const void *b)
{
    const struct province_finding *left = a, *right = b;
    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

void province_resend_begin(struct province_resend *resend, struct province_report *take_report)
{
    province_report_release(&resend->report);
    resend->report = *take_report;
    *take_report = (struct province_report){0};
    if (resend->report.finding_count > 0)
        qsort(resend->report.findings, resend->report.finding_count, sizeof *resend->report.findings, by_place);
    snprintf(resend->occasion, sizeof resend->occasion, "%lld", (long long)resend->report.made_at_ms);
    resend->is_busy = true;
    resend->at = resend->count = resend->sent = 0;
    resend->attempts = 0;
    resend->not_before_ms = 0;
}

bool province_resend_is_busy(const struct province_resend *resend)
{
    return resend->is_busy;
}

/* ── outcomes ── */

/* Cut to fit, at a character. */
static void settle(struct province_finding *finding, const char *outcome)
{
    size_t length = strnlen(outcome, sizeof finding->outcome - 1);
    while (length > 0 && outcome[length] != '\0' && (outcome[length] & 0xC0) == 0x80)
        length--;
    memcpy(finding->outcome, outcome, length);
    finding->outcome[length] = '\0';
}

static void settle_batch(struct province_resend *resend, const char *outcome)
{
    for (size_t i = 0; i < resend->count; i++)
        settle(resend->findings[i], outcome);
    resend->count = 0;
}

/* The row leaves the batch; those behind it move up. */
static void remove_row(struct province_resend *resend, size_t at)
{
    resend->count--;
    memmove(&resend->rows[at], &resend->rows[at + 1], (resend->count - at) * sizeof resend->rows[0]);
    memmove(&resend->findings[at], &resend->findings[at + 1], (resend->count - at) * sizeof(struct province_finding *));
}

/* ── the delivery behind a finding ── */

/* Findings come in the order of the topic, so most of them are a little further on. */
static enum bus_status go_to(struct province_resend *resend, int32_t partition, int64_t offset, struct bus_error *error)
{
    const struct bus_consumer_options options = {0};
    const struct bus_partition place = {resend->context.topic, partition, offset};
    enum bus_status status = BUS_OK;
    if (resend->consumer == NULL)
        status = bus_consumer_open(resend->context.kafka, &options, &resend->consumer, error);
    if (status != BUS_OK || (resend->assigned == partition && resend->next <= offset && offset - resend->next < AHEAD))
        return status;
    status = resend->assigned == partition ? bus_consumer_seek(resend->consumer, &place, 1, error)
                                           : bus_consumer_assign(resend->consumer, &place, 1, error);
    resend->assigned = partition;
    resend->next = offset;
    return status;
}

/* The record at that offset, the caller's to release. REJECT: the topic has it no more. */
static enum bus_status fetch(struct province_resend *resend, const struct province_finding *finding,
                             struct bus_message *out_message, struct bus_error *error)
{
    int64_t until_ms = bus_clock_monotonic_ms() + FETCH_MS;
    enum bus_status status = go_to(resend, finding->partition, finding->offset, error);
    while (status == BUS_OK) {
        status = bus_consumer_poll(resend->consumer, POLL_MS, out_message, error);
        if (status == BUS_OK && out_message->handle != NULL) {
            resend->next = out_message->offset + 1;
            if (out_message->offset == finding->offset)
                return BUS_OK;
            bool is_behind = out_message->offset > finding->offset;
            bus_message_release(out_message);
            if (is_behind)
                break;
        } else if (status == BUS_OK && bus_clock_monotonic_ms() > until_ms) {
            resend->assigned = -1;
            return bus_fail(error, BUS_RETRY, "read topic %s: Kafka does not answer", resend->context.topic);
        } else if (status == BUS_OK && out_message->partition >= 0) {
            break; /* the end */
        }
    }
    return status == BUS_OK ? bus_reject(error, "PROVINCE_GONE", "投递已不在主题中，请发起重同步",
                                         "the topic has the delivery no more: ask for a resync")
                            : status;
}

static enum bus_status read_row(struct province_resend *resend, const struct province_finding *finding,
                                const struct province_note *note, const struct bus_message *message,
                                struct province_row *out_row, struct bus_error *error)
{
    uint64_t fingerprint;
    const struct bus_view *view = NULL;
    struct subscribers_delivery delivery = {
        .partition = finding->partition, .offset = finding->offset, .leaf = note->leaf, .record = finding->record};
    if (bus_frame_fingerprint(message->value, &fingerprint, error) == BUS_OK)
        view = subscribers_catalogues_find(resend->context.catalogues, fingerprint);
    if (view == NULL)
        return bus_reject(error, "PROVINCE_VIEW", "投递的视图不在本机目录中，请发起重同步",
                          "the delivery's view is not in the catalogue any more: ask for a resync");
    enum bus_status status = subscribers_delivery_read(view, message->value, &delivery, error);
    if (status == BUS_OK && delivery.operation != BUS_DELIVERY_PUT)
        status = bus_reject(error, "PROVINCE_GONE", "该位置不是该记录的内容",
                            "there is no content of the record at that offset");
    if (status == BUS_OK)
        status = province_row_make(resend->mapping, &delivery, resend->arena, out_row, error);
    if (status == BUS_OK && memcmp(out_row->digest, note->digest, BUS_DIGEST_SIZE) != 0)
        status = bus_reject(error, "PROVINCE_MAPPING", "上报格式已改变，请发起重同步",
                            "the mapping has changed since: ask for a resync");
    return status;
}

/* The row as the province is to hold it. REJECT: it cannot be made. */
static enum bus_status make_again(struct province_resend *resend, const struct province_finding *finding,
                                  const struct province_note *note, struct province_row *out_row,
                                  struct bus_error *error)
{
    struct bus_message message = {0};
    enum bus_status status = fetch(resend, finding, &message, error);
    if (status != BUS_OK)
        return status;
    status = read_row(resend, finding, note, &message, out_row, error);
    bus_message_release(&message);
    out_row->operation = finding->kind == PROVINCE_MISSING ? PROVINCE_ADD : PROVINCE_UPDATE;
    out_row->mark = note->mark;
    return status;
}

static enum bus_status make_withdrawal(const struct province_resend *resend, const struct province_finding *finding,
                                       const struct province_note *note, struct province_row *out_row,
                                       struct bus_error *error)
{
    const struct bus_catalogue *catalogue = subscribers_catalogues_at(resend->context.catalogues, 0);
    const struct bus_item *item = bus_catalogue_item_by_number(catalogue, note->item);
    const struct province_layout *layout = item != NULL ? province_mapping_find(resend->mapping, item) : NULL;
    if (layout == NULL)
        return bus_reject(error, "PROVINCE_LAYOUT", "目录项已无上报格式", "the item has no layout any more");
    *out_row = (struct province_row){
        .operation = PROVINCE_TAKE_BACK,
        .item = item,
        .type = layout->type,
        .day = note->day,
        .part = finding->partition,
        .serial = note->named,
        .reason = bus_delivery_reason_name(BUS_REASON_WITHDRAWN),
    };
    return BUS_OK;
}

static bool is_held(const int32_t *partitions, size_t count, int32_t partition)
{
    for (size_t i = 0; i < count; i++)
        if (partitions[i] == partition)
            return true;
    return false;
}

/* Whether the record is noted as it was when it was found. */
static bool is_unchanged(const struct province_finding *finding, const struct province_note *note)
{
    bool is_here = note->state == PROVINCE_REPORTED || note->state == PROVINCE_PENDING;
    return note->offset == finding->offset && note->named == finding->named &&
           is_here == (finding->kind != PROVINCE_NOT_WITHDRAWN);
}

/* Adds the finding's row to the batch, or says why not. RETRY: not now. */
static enum bus_status prepare(struct province_resend *resend, struct province_finding *finding,
                               const int32_t *partitions, size_t count, struct bus_error *error)
{
    struct province_note note;
    struct province_row *row = &resend->rows[resend->count];
    if (finding->kind == PROVINCE_UNKNOWN || strcmp(finding->outcome, PROVINCE_TAKEN) == 0)
        return BUS_OK;
    if (!is_held(partitions, count, finding->partition)) {
        settle(finding, "由另一代理负责 / another agent's now");
        return BUS_OK;
    }
    enum bus_status status =
        province_memory_find(resend->context.memory, finding->partition, finding->record, &note, error);
    if (status != BUS_OK)
        return status;
    if (!is_unchanged(finding, &note)) {
        settle(finding, "此后已变更，无需重报 / has changed since");
        return BUS_OK;
    }
    status = finding->kind == PROVINCE_NOT_WITHDRAWN ? make_withdrawal(resend, finding, &note, row, error)
                                                     : make_again(resend, finding, &note, row, error);
    if (status == BUS_REJECT) {
        char outcome[sizeof error->code + sizeof error->message_zh];
        snprintf(outcome, sizeof outcome, "%s %s", error->code, error->message_zh);
        settle(finding, outcome);
        return BUS_OK;
    }
    row->record = finding->record;
    memcpy(row->gov_id, finding->kind == PROVINCE_MISSING ? note.gov_id : finding->gov_id, sizeof row->gov_id);
    if (status == BUS_OK)
        resend->findings[resend->count++] = finding;
    return status;
}

/* ── the province's answers ── */

static void come_again(struct province_resend *resend, int64_t least_ms, const char *why)
{
    resend->not_before_ms = bus_clock_monotonic_ms() + (least_ms > AGAIN_MS ? least_ms : AGAIN_MS);
    if (++resend->attempts >= MAX_ATTEMPTS)
        settle_batch(resend, why);
}

static enum bus_status take_acks(struct province_resend *resend, struct bus_bytes body, struct bus_error *error)
{
    struct province_ack acks[BATCH_ROWS];
    const struct province_row *rows[BATCH_ROWS];
    for (size_t i = 0; i < resend->sent; i++)
        rows[i] = &resend->rows[i];
    enum bus_status status = province_answer_acks(body, rows, resend->sent, acks, error);
    if (status == BUS_REJECT) {
        come_again(resend, 0, error->message_zh);
        return BUS_OK;
    }
    for (size_t i = 0; status == BUS_OK && i < resend->sent; i++)
        settle(resend->findings[i], PROVINCE_TAKEN);
    for (size_t i = resend->sent; status == BUS_OK && i > 0; i--)
        remove_row(resend, i - 1);
    resend->attempts = 0;
    return status;
}

static enum bus_status take_refusal(struct province_resend *resend, struct bus_bytes body, struct bus_error *error)
{
    struct province_refusal refusal = {.row = SIZE_MAX};
    const struct province_row *rows[BATCH_ROWS];
    for (size_t i = 0; i < resend->sent; i++)
        rows[i] = &resend->rows[i];
    enum bus_status status = province_answer_refusal(body, rows, resend->sent, &refusal, error);
    if (status == BUS_FATAL)
        return status;
    const char *outcome = status == BUS_OK ? refusal.words : "HTTP 422";
    if (status == BUS_OK && refusal.row < resend->sent) {
        settle(resend->findings[refusal.row], outcome);
        remove_row(resend, refusal.row);
    } else {
        settle_batch(resend, outcome);
    }
    return BUS_OK;
}

static enum bus_status take(struct province_call *call, const struct province_reply *reply, struct bus_error *error)
{
    struct province_resend *resend = (struct province_resend *)call;
    resend->is_asked = false;
    if (reply->status != BUS_OK || reply->http_status == 409 || reply->http_status == 429 ||
        reply->http_status >= 500) {
        come_again(resend, reply->retry_after_ms, "平台未应答 / the province did not answer");
        return BUS_OK;
    }
    if (reply->http_status == 200)
        return take_acks(resend, reply->body, error);
    if (reply->http_status == 422)
        return take_refusal(resend, reply->body, error);
    char outcome[PROVINCE_OUTCOME_SIZE];
    snprintf(outcome, sizeof outcome, "HTTP %d", reply->http_status);
    settle_batch(resend, outcome);
    return BUS_OK;
}

/* ── steps ── */

static enum bus_status send_batch(struct province_resend *resend, struct bus_error *error)
{
    const struct province_row *rows[BATCH_ROWS];
    for (size_t i = 0; i < resend->count; i++)
        rows[i] = &resend->rows[i];
    enum bus_status status = province_line_report(resend->line, rows, resend->count, BATCH_BYTES, resend->occasion,
                                                  &resend->call, &resend->sent, error);
    resend->is_asked = status == BUS_OK;
    return status;
}

static enum bus_status finish(struct province_resend *resend, struct bus_error *error)
{
    const struct province_report *report = &resend->report;
    enum bus_status status = province_report_write(report, resend->context.state_folder,
                                                   subscribers_catalogues_at(resend->context.catalogues, 0), error);
    bus_log(BUS_LOG_INFO, "已重报对账差异 / what the comparison found was sent again", "day=%s found=%zu taken=%zu",
            report->day, report->finding_count, province_report_taken(report));
    resend->is_busy = false;
    bus_consumer_close(resend->consumer);
    resend->consumer = NULL;
    resend->assigned = -1;
    return status;
}

/* Fills the batch until it is full or the time is over. */
static enum bus_status fill(struct province_resend *resend, const int32_t *partitions, size_t count, int64_t until_ms,
                            struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (resend->count == 0)
        bus_arena_reset(resend->arena);
    while (status == BUS_OK && resend->count < BATCH_ROWS && resend->at < resend->report.finding_count &&
           bus_clock_monotonic_ms() < until_ms) {
        status = prepare(resend, &resend->report.findings[resend->at], partitions, count, error);
        resend->at += status == BUS_OK;
    }
    if (status != BUS_RETRY)
        return status;
    resend->not_before_ms = bus_clock_monotonic_ms() + AGAIN_MS;
    return BUS_OK;
}

enum bus_status province_resend_step(struct province_resend *resend, const int32_t *partitions, size_t count,
                                     int timeout_ms, struct bus_error *error)
{
    int64_t until_ms = bus_clock_monotonic_ms() + timeout_ms, now_ms;
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && resend->is_busy && (now_ms = bus_clock_monotonic_ms()) < until_ms) {
        bool found = true;
        if (resend->is_asked) {
            status = province_line_drive(resend->line, (int)(until_ms - now_ms), &found, error);
            continue;
        }
        if (now_ms < resend->not_before_ms)
            break;
        if (resend->count == 0 && resend->at == resend->report.finding_count)
            return finish(resend, error);
        if (resend->count == 0)
            status = fill(resend, partitions, count, until_ms, error);
        if (status == BUS_OK && resend->count > 0)
            status = send_batch(resend, error);
    }
    return status;
}
