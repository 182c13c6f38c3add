#include "subscribers/engine/applier.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "subscribers/engine/backlog.h"

enum {
    WRITER_SIZE = 280, /* of a book's name */
    KEEP_DAYS = 3,     /* books that stay beside the data: today's, and those that a clock set back may still ask for */
    MOST_DAYS = 64,    /* books at which the exchange is told before more is applied */
    LOOK_EVERY_MS = 30000, /* for a catalogue that has the view */
};

struct partition {
    struct bus_ledger *ledger;
    int64_t applied; /* the stored position's `next`; -1 = none */
};

struct subscribers_applier {
    const struct subscribers_settings *settings;
    struct subscribers_receiver *receiver;
    struct subscribers_report *report;
    struct subscribers_sink_bounds bounds;
    struct partition *partitions;
    struct subscribers_backlog backlog;
    bool is_stuck;
    int64_t look_at_ms; /* monotonic; when an unknown view is looked for again */
};

struct subscribers_applier *subscribers_applier_create(const struct subscribers_settings *settings,
                                                       struct subscribers_receiver *receiver,
                                                       struct subscribers_report *report)
{
    struct subscribers_applier *applier = calloc(1, sizeof *applier);
    if (applier == NULL)
        return NULL;
    applier->settings = settings;
    applier->receiver = receiver;
    applier->report = report;
    applier->bounds = subscribers_receiver_bounds(receiver);
    applier->partitions = calloc((size_t)settings->partitions, sizeof *applier->partitions);
    if (applier->partitions != NULL)
        return applier;
    free(applier);
    return NULL;
}

void subscribers_applier_destroy(struct subscribers_applier *applier)
{
    if (applier == NULL)
        return;
    subscribers_backlog_drop(&applier->backlog, SIZE_MAX);
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        bus_ledger_destroy(applier->partitions[i].ledger);
    free(applier->partitions);
    free(applier);
}

static enum bus_status start_partition(struct subscribers_applier *applier, const struct subscribers_position *position,
                                       struct bus_error *error)
{
    struct partition *partition = &applier->partitions[position->partition];
    char writer[WRITER_SIZE];
    snprintf(writer, sizeof writer, "agent/%s/%d", applier->settings->subscriber, (int)position->partition);
    partition->applied = position->next;
    partition->ledger = bus_ledger_create(writer, KEEP_DAYS);
    if (partition->ledger == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    if (bus_ledger_decode(bus_buffer_view(&position->books), partition->ledger, error) != BUS_OK)
        return bus_fail(error, BUS_FATAL, "the sink's stored books of partition %d cannot be read",
                        (int)position->partition);
    subscribers_report_set(applier->report, position->partition, position->next, partition->ledger, INT32_MIN);
    return BUS_OK;
}

enum bus_status subscribers_applier_start(struct subscribers_applier *applier, struct subscribers_position *positions,
                                          struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status == BUS_OK && i < applier->settings->partitions; i++) {
        status = subscribers_receiver_load(applier->receiver, &positions[i], error);
        if (status == BUS_OK)
            status = start_partition(applier, &positions[i], error);
    }
    return status;
}

/* ── gathering ── */

bool subscribers_applier_is_stuck(const struct subscribers_applier *applier)
{
    return applier->is_stuck;
}

void subscribers_applier_add(struct subscribers_applier *applier, struct subscribers_piece *take_piece)
{
    subscribers_backlog_add(&applier->backlog, take_piece, bus_clock_monotonic_ms());
}

bool subscribers_applier_is_due(const struct subscribers_applier *applier, bool came)
{
    const struct subscribers_backlog *backlog = &applier->backlog;
    if (backlog->records == 0)
        return false;
    if (backlog->records >= applier->bounds.records || backlog->bytes >= applier->bounds.bytes)
        return true;
    if (applier->bounds.wait_ms == 0)
        return !came;
    return bus_clock_monotonic_ms() - backlog->since_ms >= applier->bounds.wait_ms;
}

int subscribers_applier_patience(const struct subscribers_applier *applier, int limit_ms)
{
    if (applier->backlog.records == 0)
        return limit_ms;
    int64_t left_ms = applier->backlog.since_ms + applier->bounds.wait_ms - bus_clock_monotonic_ms();
    return left_ms <= 0 ? 0 : left_ms < limit_ms ? (int)left_ms : limit_ms;
}

/* ── applying ── */

/* At a view that is unknown the catalogue may have changed without a word. RETRY: it is unknown still. */
static enum bus_status decode(struct subscribers_applier *applier, struct subscribers_batch *batch,
                              struct bus_error *error)
{
    const struct subscribers_catalogues *catalogues = subscribers_receiver_catalogues(applier->receiver);
    enum bus_status status = subscribers_backlog_decode(&applier->backlog, catalogues, batch, error);
    bool is_time = !applier->is_stuck || bus_clock_monotonic_ms() >= applier->look_at_ms;
    applier->is_stuck = status == BUS_RETRY;
    if (!applier->is_stuck || !is_time)
        return status;
    subscribers_batch_release(batch);
    subscribers_receiver_reload(applier->receiver);
    status = subscribers_backlog_decode(&applier->backlog, catalogues, batch, error);
    applier->is_stuck = status == BUS_RETRY;
    applier->look_at_ms = bus_clock_monotonic_ms() + LOOK_EVERY_MS;
    if (applier->is_stuck)
        bus_log(BUS_LOG_WARN, "视图未知，等待目录 / unknown view, waiting for its catalogue",
                "reason=\"%s\" reason_zh=\"%s\"", error->message, error->message_zh);
    return status;
}

/* One advance for each partition of the batch; its position is that of the partition's last piece. */
static enum bus_status plan_advances(const struct subscribers_applier *applier, struct subscribers_batch *batch,
                                     struct bus_error *error)
{
    batch->advances = calloc((size_t)applier->settings->partitions, sizeof *batch->advances);
    if (batch->advances == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    const struct subscribers_piece *piece = applier->backlog.first;
    for (size_t i = 0; i < batch->piece_count; i++, piece = piece->next) {
        struct subscribers_advance *advance = batch->advances;
        while (advance < batch->advances + batch->advance_count && advance->position.partition != piece->partition)
            advance++;
        if (advance == batch->advances + batch->advance_count) {
            batch->advance_count++;
            subscribers_position_init(&advance->position, piece->partition);
            advance->from = applier->partitions[piece->partition].applied;
            advance->ledger = applier->partitions[piece->partition].ledger;
        }
        advance->position.next = piece->next_offset;
        advance->position.hash = piece->hash;
        advance->position.log = piece->log;
    }
    return BUS_OK;
}

static void settle(struct subscribers_applier *applier, const struct subscribers_batch *batch)
{
    for (size_t i = 0; i < batch->advance_count; i++) {
        const struct subscribers_position *position = &batch->advances[i].position;
        struct partition *partition = &applier->partitions[position->partition];
        partition->applied = position->next;
        int32_t from_day = bus_ledger_open_from(partition->ledger);
        bus_ledger_mark(partition->ledger);
        subscribers_report_set(applier->report, position->partition, position->next, partition->ledger, from_day);
    }
    subscribers_backlog_drop(&applier->backlog, batch->piece_count);
}

enum bus_status subscribers_applier_apply(struct subscribers_applier *applier, struct bus_error *error)
{
    struct subscribers_batch batch = {.subscriber = applier->settings->subscriber, .clock = bus_clock_real()};
    enum bus_status status = decode(applier, &batch, error);
    if (applier->is_stuck) {
        status = BUS_OK;
        goto out;
    }
    if (status == BUS_OK)
        status = plan_advances(applier, &batch, error);
    if (status == BUS_OK)
        status = subscribers_receiver_apply(applier->receiver, &batch, error);
    if (status == BUS_OK)
        settle(applier, &batch);
    for (size_t i = 0; status != BUS_OK && i < batch.advance_count; i++)
        bus_ledger_rewind(batch.advances[i].ledger); /* the books that are told say what is known to be applied */
out:
    subscribers_batch_release(&batch);
    return status;
}

bool subscribers_applier_has_many_days(const struct subscribers_applier *applier)
{
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        if (bus_ledger_count(applier->partitions[i].ledger) > MOST_DAYS)
            return true;
    return false;
}
