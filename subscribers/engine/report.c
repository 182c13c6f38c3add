#include "subscribers/engine/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/agent_order.h"
#include "bus/catalogue.h"
#include "bus/receipt.h"
#include "bus/topics.h"

enum {
    TELL_EVERY_MS = 500,
    RECEIPT_EVERY_MS = 1000,
    WAITS_EVERY_MS = 1000,
    SIZE_EVERY_MS = 5000,
    BUFFER_MAX_SIZE = 1024 * 1024,
    KEY_SIZE = 640
};

/* What the status would say of the lanes. */
struct outline {
    uint64_t waits, size;
};

struct subscribers_report {
    const struct subscribers_settings *settings;
    const char *topic, *exchange;
    struct subscribers_lane *lanes;
    struct bus_key *key; /* NULL: no receipts */
    struct bus_producer *producer;
    char books_topic[BUS_TOPIC_SIZE], receipts_topic[BUS_TOPIC_SIZE], agent_topic[BUS_AGENT_TOPIC_SIZE];
    struct bus_offset *offsets;    /* scratch, one a partition */
    struct bus_agent_lane *states; /* scratch, one a partition */
    struct bus_buffer buffer, header;
    int64_t told_at_ms;
    /* The last status that was told. */
    enum bus_agent_state state;
    char reason[BUS_AGENT_TEXT_SIZE];
    int64_t since_ms, status_at_ms;
    struct outline outline;
};

static enum bus_status allocate(struct subscribers_report *report, struct bus_error *error)
{
    size_t count = (size_t)report->settings->partitions;
    bus_buffer_init(&report->buffer, BUFFER_MAX_SIZE);
    bus_buffer_init(&report->header, BUS_RECEIPT_MAX_SIZE);
    report->offsets = calloc(count, sizeof *report->offsets);
    report->states = calloc(count, sizeof *report->states);
    return report->offsets != NULL && report->states != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory");
}

enum bus_status subscribers_report_open(const struct subscribers_settings *settings, const char *topic,
                                        const char *exchange, struct subscribers_lane *lanes,
                                        struct subscribers_report **out_report, struct bus_error *error)
{
    struct bus_producer_options options = {0};
    struct subscribers_report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    report->settings = settings;
    report->topic = topic;
    report->exchange = exchange;
    report->lanes = lanes;
    bus_topic_named(settings->kafka.prefix, BUS_TOPIC_BOOKS, report->books_topic);
    bus_topic_named(settings->kafka.prefix, BUS_TOPIC_RECEIPTS, report->receipts_topic);
    bus_topic_agent(settings->kafka.prefix, settings->subscriber, report->agent_topic);
    enum bus_status status = allocate(report, error);
    if (status == BUS_OK && settings->receipt_key_path[0] != '\0')
        status = bus_key_load(settings->receipt_key_path, &report->key, error);
    if (status == BUS_OK && report->key != NULL && !bus_key_is_private(report->key))
        status = bus_fail(error, BUS_FATAL, "%s holds no private key", settings->receipt_key_path);
    if (status == BUS_OK)
        status = bus_producer_open(&settings->kafka.kafka, &options, &report->producer, error);
    if (status == BUS_OK)
        *out_report = report;
    else
        subscribers_report_close(report);
    return status;
}

void subscribers_report_close(struct subscribers_report *report)
{
    if (report == NULL)
        return;
    bus_producer_close(report->producer);
    bus_key_destroy(report->key);
    bus_buffer_release(&report->buffer);
    bus_buffer_release(&report->header);
    free(report->offsets);
    free(report->states);
    free(report);
}

static int64_t now_ms(void)
{
    struct bus_clock clock = bus_clock_real();
    return bus_clock_now_ms(&clock);
}

/* ── receipts ── */

static enum bus_status tell_receipt(struct subscribers_report *report, struct subscribers_lane *lane,
                                    struct bus_receipt *receipt, struct bus_error *error)
{
    char log[BUS_TOPIC_SIZE + 16];
    int64_t at_ms = now_ms();
    snprintf(log, sizeof log, "%s/%d", report->topic, (int)lane->partition);
    receipt->exchange = bus_bytes_text(report->exchange);
    receipt->subscriber = bus_bytes_text(report->settings->subscriber);
    receipt->log = bus_bytes_text(log);
    receipt->at_ms = at_ms > lane->told_at_ms ? at_ms : lane->told_at_ms + 1;
    lane->told_at_ms = receipt->at_ms;
    bus_buffer_reset(&report->buffer);
    enum bus_status status = bus_receipt_encode(receipt, report->key, &report->buffer, error);
    struct bus_record record = {.topic = report->receipts_topic,
                                .partition = lane->partition,
                                .key = bus_bytes_text(report->settings->subscriber),
                                .value = bus_buffer_view(&report->buffer)};
    return status == BUS_OK ? bus_producer_produce(report->producer, &record, error) : status;
}

static enum bus_status tell_refusals(struct subscribers_report *report, struct subscribers_lane *lane,
                                     struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(bus_buffer_view(&lane->untold.list));
    struct subscribers_refusal refusal;
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && subscribers_refusals_next(&cursor, &refusal)) {
        struct bus_receipt receipt = {.kind = BUS_RECEIPT_REFUSED,
                                      .leaf = refusal.leaf,
                                      .offset = refusal.offset,
                                      .department = refusal.department,
                                      .item = refusal.item,
                                      .code = refusal.code,
                                      .words = refusal.words};
        memcpy(receipt.record, refusal.record, BUS_IDENTITY_SIZE);
        status = tell_receipt(report, lane, &receipt, error);
    }
    return status;
}

/* Once a second, at once when it speaks of a withdrawal or refusal, and only where a seal ends. */
static bool is_receipt_due(const struct subscribers_lane *lane, bool now)
{
    if (!lane->is_sealed || lane->log.size == 0 || lane->log.size == lane->told_size)
        return false;
    return now || lane->holds_withdrawal || now_ms() - lane->told_at_ms >= RECEIPT_EVERY_MS;
}

static enum bus_status tell_applied(struct subscribers_report *report, struct subscribers_lane *lane,
                                    struct bus_error *error)
{
    struct bus_receipt receipt = {.kind = BUS_RECEIPT_APPLIED, .size = lane->log.size, .offset = lane->applied - 1};
    bus_merkle_root(&lane->log, lane->hash, receipt.root);
    return tell_receipt(report, lane, &receipt, error);
}

/* Refusals first: the receipt that follows covers their leaves. *out_size: what it will have told. */
static enum bus_status tell_receipts(struct subscribers_report *report, struct subscribers_lane *lane, bool now,
                                     uint64_t *out_size, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    *out_size = lane->told_size;
    if (report->key == NULL)
        return BUS_OK;
    if (lane->untold.count > 0)
        status = tell_refusals(report, lane, error);
    if (status != BUS_OK || !is_receipt_due(lane, now))
        return status;
    *out_size = lane->log.size;
    return tell_applied(report, lane, error);
}

/* ── books ── */

static enum bus_status tell_book(struct subscribers_report *report, int32_t partition, const struct bus_book *book,
                                 struct bus_error *error)
{
    struct bus_bytes name = bus_bytes_text(bus_book_name_view(book));
    bus_buffer_reset(&report->buffer);
    bus_buffer_reset(&report->header);
    enum bus_status status = bus_book_encode(book, now_ms(), &report->buffer, error);
    struct bus_bytes value = bus_buffer_view(&report->buffer);
    if (status == BUS_OK && report->key != NULL)
        status = bus_receipt_sign_book(report->key, report->exchange, name, value, &report->header, error);
    if (status != BUS_OK)
        return status;
    struct bus_header header = {BUS_BOOK_RECEIPT_HEADER, bus_buffer_view(&report->header)};
    struct bus_record record = {
        .topic = report->books_topic,
        .partition = partition, /* the same for a book always, so that compaction finds it */
        .key = name,
        .value = value,
        .headers = &header,
        .header_count = report->key != NULL ? 1 : 0,
    };
    return bus_producer_produce(report->producer, &record, error);
}

static enum bus_status tell_books(struct subscribers_report *report, const struct subscribers_lane *lane,
                                  struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_ledger_count(lane->ledger); i++)
        if (bus_ledger_day_at(lane->ledger, i) >= lane->books_from)
            status = tell_book(report, lane->partition, bus_ledger_book_at(lane->ledger, i), error);
    return status;
}

/* ── telling all ── */

static bool is_due(const struct subscribers_report *report, bool now)
{
    bool any = false, at_once = now;
    for (int32_t i = 0; i < report->settings->partitions; i++) {
        const struct subscribers_lane *lane = &report->lanes[i];
        if (!lane->is_held || !lane->is_new)
            continue;
        any = true;
        at_once =
            at_once || (report->key != NULL && (lane->untold.count > 0 || (lane->holds_withdrawal && lane->is_sealed)));
    }
    return any && (at_once || bus_clock_monotonic_ms() - report->told_at_ms >= TELL_EVERY_MS);
}

/* A courier's offsets move with its memory. */
static enum bus_status commit_offsets(struct subscribers_report *report, struct bus_consumer *consumer,
                                      struct bus_error *error)
{
    size_t count = 0;
    if (consumer == NULL || subscribers_sink_is_courier(report->settings->sink))
        return BUS_OK;
    for (int32_t i = 0; i < report->settings->partitions; i++)
        if (report->lanes[i].is_held && report->lanes[i].is_new && report->lanes[i].applied >= 0)
            report->offsets[count++] = (struct bus_offset){report->topic, i, report->lanes[i].applied};
    return count == 0 ? BUS_OK : bus_consumer_commit(consumer, report->offsets, count, error);
}

static enum bus_status tell_lane(struct subscribers_report *report, struct subscribers_lane *lane, bool now,
                                 uint64_t *out_size, struct bus_error *error)
{
    enum bus_status status = tell_receipts(report, lane, now, out_size, error);
    return status == BUS_OK ? tell_books(report, lane, error) : status;
}

/* The exchange has it all; a receipt may still be owed. */
static void mark_told(const struct subscribers_report *report, struct subscribers_lane *lane, uint64_t told_size)
{
    bus_ledger_forget(lane->ledger);
    lane->books_from = INT32_MAX;
    if (told_size != lane->told_size)
        lane->holds_withdrawal = false;
    lane->told_size = told_size;
    subscribers_refusals_clear(&lane->untold);
    lane->is_new = report->key != NULL && lane->is_sealed && lane->log.size != told_size;
}

enum bus_status subscribers_report_tell(struct subscribers_report *report, struct bus_consumer *consumer, bool now,
                                        struct bus_error *error)
{
    int32_t count = report->settings->partitions;
    if (!is_due(report, now))
        return BUS_OK;
    uint64_t *sizes = calloc((size_t)count, sizeof *sizes);
    if (sizes == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    report->told_at_ms = bus_clock_monotonic_ms();
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < count; i++)
        if (report->lanes[i].is_held && report->lanes[i].is_new)
            status = tell_lane(report, &report->lanes[i], now, &sizes[i], error);
    if (status == BUS_OK)
        status = bus_producer_flush(report->producer, error);
    if (status == BUS_OK)
        status = commit_offsets(report, consumer, error);
    for (int32_t i = 0; status == BUS_OK && i < count; i++)
        if (report->lanes[i].is_held && report->lanes[i].is_new)
            mark_told(report, &report->lanes[i], sizes[i]);
    free(sizes);
    return status;
}

/* ── status ── */

static void fill_lanes(struct subscribers_report *report, struct bus_agent_status *status)
{
    status->lanes = report->states;
    status->lane_count = 0;
    for (int32_t i = 0; i < report->settings->partitions; i++) {
        const struct subscribers_lane *lane = &report->lanes[i];
        if (!lane->is_held)
            continue;
        struct bus_agent_lane *state = &report->states[status->lane_count++];
        *state = (struct bus_agent_lane){.partition = i,
                                         .next = lane->applied,
                                         .size = lane->log.size,
                                         .waits_since_ms = lane->waits_since_ms,
                                         .waits_leaf = lane->waits_since_ms != 0 ? lane->log.size : 0};
        snprintf(state->reason, sizeof state->reason, "%s", lane->reason);
    }
}

static struct outline outline_of(const struct subscribers_report *report)
{
    struct outline outline = {0};
    for (int32_t i = 0; i < report->settings->partitions; i++) {
        const struct subscribers_lane *lane = &report->lanes[i];
        if (!lane->is_held)
            continue;
        outline.size += lane->log.size;
        outline.waits = outline.waits * 31 + (uint64_t)lane->waits_since_ms;
    }
    return outline;
}

static bool is_status_due(const struct subscribers_report *report, const struct bus_agent_status *status,
                          struct outline outline, int64_t at_ms)
{
    int64_t age_ms = at_ms - report->status_at_ms;
    if (report->status_at_ms == 0 || age_ms < 0 || age_ms >= BUS_AGENT_TELL_EVERY_MS)
        return true;
    if (status->state != report->state || strcmp(status->reason_en, report->reason) != 0)
        return true;
    return (outline.waits != report->outline.waits && age_ms >= WAITS_EVERY_MS) ||
           (outline.size != report->outline.size && age_ms >= SIZE_EVERY_MS);
}

enum bus_status subscribers_report_status(struct subscribers_report *report, struct bus_agent_status *status, bool now,
                                          struct bus_error *error)
{
    char key[KEY_SIZE];
    int64_t at_ms = now_ms();
    struct outline outline = outline_of(report);
    if (!now && !is_status_due(report, status, outline, at_ms))
        return BUS_OK;
    if (status->state != report->state || report->since_ms == 0)
        report->since_ms = at_ms;
    fill_lanes(report, status);
    status->since_ms = report->since_ms;
    status->at_ms = at_ms;
    snprintf(key, sizeof key, "S%s", report->settings->instance);
    bus_buffer_reset(&report->buffer);
    enum bus_status result = bus_agent_status_encode(status, &report->buffer, error);
    struct bus_record record = {.topic = report->agent_topic,
                                .partition = report->settings->partitions,
                                .key = bus_bytes_text(key),
                                .value = bus_buffer_view(&report->buffer)};
    if (result == BUS_OK)
        result = bus_producer_produce(report->producer, &record, error);
    if (result == BUS_OK && status->state == BUS_AGENT_STOPPED) /* there is no later */
        result = bus_producer_flush(report->producer, error);
    if (result != BUS_OK)
        return result;
    report->state = status->state;
    snprintf(report->reason, sizeof report->reason, "%s", status->reason_en);
    report->status_at_ms = at_ms;
    report->outline = outline;
    return BUS_OK;
}
