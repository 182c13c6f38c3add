#include "subscribers/engine/applier.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"

enum {
    MOST_DAYS = 64,        /* books at which the exchange is told before more is applied */
    LOOK_EVERY_MS = 30000, /* for a catalogue that has the view */
};

enum bus_status subscribers_applier_init(struct subscribers_applier *applier,
                                         const struct subscribers_settings *settings,
                                         struct subscribers_receiver *receiver, const struct subscribers_orders *orders,
                                         struct bus_error *error)
{
    *applier = (struct subscribers_applier){
        .settings = settings,
        .receiver = receiver,
        .orders = orders,
        .bounds = subscribers_receiver_bounds(receiver),
        .lanes = calloc((size_t)settings->partitions, sizeof *applier->lanes),
    };
    if (applier->lanes == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (int32_t i = 0; i < settings->partitions; i++)
        subscribers_lane_init(&applier->lanes[i], i);
    return BUS_OK;
}

static void drop_doubtful(struct subscribers_applier *applier)
{
    if (applier->doubtful == NULL)
        return;
    subscribers_batch_release(applier->doubtful);
    free(applier->doubtful);
    applier->doubtful = NULL;
}

void subscribers_applier_release(struct subscribers_applier *applier)
{
    drop_doubtful(applier);
    for (int32_t i = 0; applier->lanes != NULL && i < applier->settings->partitions; i++)
        subscribers_lane_release(&applier->lanes[i]);
    free(applier->lanes);
    *applier = (struct subscribers_applier){0};
}

enum bus_status subscribers_applier_take(struct subscribers_applier *applier, struct subscribers_position *position,
                                         struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (!subscribers_sink_is_courier(applier->settings->sink)) {
        status = subscribers_receiver_load(applier->receiver, position, error);
        position->is_sealed = true; /* whole seals are applied, or nothing */
    }
    if (status == BUS_OK)
        status =
            subscribers_lane_take(&applier->lanes[position->partition], applier->settings->subscriber, position, error);
    return status;
}

void subscribers_applier_give_up(struct subscribers_applier *applier, int32_t partition)
{
    drop_doubtful(applier); /* its positions are asked for when the partitions are ours again */
    subscribers_lane_give_up(&applier->lanes[partition]);
}

/* ── gathering ── */

void subscribers_applier_add(struct subscribers_applier *applier, struct subscribers_piece *take_piece)
{
    subscribers_backlog_add(&applier->lanes[take_piece->partition].backlog, take_piece, bus_clock_monotonic_ms());
}

struct sums {
    size_t records, bytes, held;
    int64_t since_ms; /* of the oldest piece; INT64_MAX = there is none */
};

/* Of what could be applied. */
static struct sums sum_up(const struct subscribers_applier *applier)
{
    struct sums sums = {.since_ms = INT64_MAX};
    for (int32_t i = 0; i < applier->settings->partitions; i++) {
        const struct subscribers_lane *lane = &applier->lanes[i];
        sums.held += lane->is_held;
        if (lane->backlog.records == 0 || lane->is_stuck)
            continue;
        sums.records += lane->backlog.records;
        sums.bytes += lane->backlog.bytes;
        sums.since_ms = lane->backlog.since_ms < sums.since_ms ? lane->backlog.since_ms : sums.since_ms;
    }
    return sums;
}

bool subscribers_applier_is_stuck(const struct subscribers_applier *applier)
{
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        if (applier->lanes[i].is_stuck)
            return true;
    return false;
}

/* A lane may hold its share, and each always one piece. */
bool subscribers_applier_wants(const struct subscribers_applier *applier, int32_t partition)
{
    const struct subscribers_lane *lane = &applier->lanes[partition];
    if (lane->backlog.records == 0)
        return true;
    if (lane->is_stuck || applier->orders->is_paused)
        return false;
    if (!subscribers_sink_is_courier(applier->settings->sink))
        return applier->away[0] == '\0';
    struct sums sums = sum_up(applier);
    size_t lanes = sums.held > 0 ? sums.held : 1;
    return lane->backlog.records < applier->settings->batch_records / lanes + 1 &&
           lane->backlog.bytes < applier->settings->batch_bytes / lanes + 1;
}

static bool is_time_to_look(const struct subscribers_applier *applier)
{
    return subscribers_applier_is_stuck(applier) && bus_clock_monotonic_ms() >= applier->look_at_ms;
}

bool subscribers_applier_is_due(struct subscribers_applier *applier, bool came)
{
    struct sums sums = sum_up(applier);
    int64_t now_ms = bus_clock_monotonic_ms();
    if (applier->orders->is_paused || (sums.records == 0 && !is_time_to_look(applier)))
        return false;
    if (!subscribers_breaker_allows(&applier->breaker, now_ms))
        return false;
    if (sums.records >= applier->bounds.records || sums.bytes >= applier->bounds.bytes || applier->away[0] != '\0')
        return true;
    return applier->bounds.wait_ms == 0 ? !came : now_ms - sums.since_ms >= applier->bounds.wait_ms;
}

int subscribers_applier_patience(const struct subscribers_applier *applier, int limit_ms)
{
    struct sums sums = sum_up(applier);
    if (sums.records == 0 || applier->orders->is_paused || applier->away[0] != '\0')
        return limit_ms;
    int64_t left_ms = sums.since_ms + applier->bounds.wait_ms - bus_clock_monotonic_ms();
    return left_ms <= 0 ? 0 : left_ms < limit_ms ? (int)left_ms : limit_ms;
}

/* ── a view that is unknown, a delivery that is skipped ── */

bool subscribers_applier_look_again(struct subscribers_applier *applier, struct subscribers_lane *lane,
                                    const struct bus_error *error)
{
    bool is_first = !lane->is_stuck;
    lane->is_stuck = true;
    if (!is_first && bus_clock_monotonic_ms() < applier->look_at_ms)
        return false;
    if (is_first)
        bus_log(BUS_LOG_WARN, "视图未知，等待目录 / unknown view, waiting for its catalogue",
                "reason=\"%s\" reason_zh=\"%s\"", error->message, error->message_zh);
    subscribers_lane_wait(lane, 0, error);
    subscribers_receiver_reload(applier->receiver);
    applier->look_at_ms = bus_clock_monotonic_ms() + LOOK_EVERY_MS;
    return true;
}

void subscribers_applier_renewed(struct subscribers_applier *applier)
{
    applier->look_at_ms = 0;
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        if (applier->lanes[i].is_stuck)
            subscribers_back_off_reset(&applier->lanes[i].back_off);
}

void subscribers_applier_skip(const struct subscribers_applier *applier, struct subscribers_batch *batch)
{
    for (size_t i = 0; applier->orders->skip_count > 0 && i < batch->count; i++) {
        struct subscribers_delivery *delivery = &batch->deliveries[i];
        const char *reason = subscribers_orders_skip_reason(applier->orders, delivery->partition, delivery->leaf);
        if (reason == NULL)
            continue;
        bus_log(BUS_LOG_WARN, "按指令跳过一条投递 / a delivery is skipped, as ordered", "partition=%d leaf=%llu",
                (int)delivery->partition, (unsigned long long)delivery->leaf);
        subscribers_delivery_refuse_because(delivery, "SKIPPED", bus_bytes_text(reason));
    }
}

/* ── away and back ── */

void subscribers_applier_is_away(struct subscribers_applier *applier, int64_t least_ms, const struct bus_error *error)
{
    const char *reason = error->message_zh[0] != '\0' ? error->message_zh : error->message;
    subscribers_breaker_failed(&applier->breaker, bus_clock_monotonic_ms(), least_ms);
    bus_log_failure(BUS_LOG_WARN, "接收端不可用，稍后重试 / receiver is away, trying again", BUS_RETRY, error);
    snprintf(applier->away, sizeof applier->away, "%s", reason);
}

void subscribers_applier_is_back(struct subscribers_applier *applier)
{
    subscribers_breaker_succeeded(&applier->breaker);
    if (applier->away[0] != '\0')
        bus_log(BUS_LOG_INFO, "接收端恢复 / the receiver is back", "subscriber=%s", applier->settings->subscriber);
    applier->away[0] = '\0';
}

/* ── applying all lanes in one step ── */

/* What the lane has, at the end of the batch. RETRY: its first view is unknown. */
static enum bus_status decode_lane(struct subscribers_applier *applier, struct subscribers_lane *lane,
                                   struct subscribers_batch *batch, size_t *out_pieces, struct bus_error *error)
{
    const struct subscribers_catalogues *catalogues = subscribers_receiver_catalogues(applier->receiver);
    enum bus_status status = subscribers_backlog_decode(&lane->backlog, catalogues, batch, out_pieces, error);
    if (status == BUS_RETRY && subscribers_applier_look_again(applier, lane, error))
        status = subscribers_backlog_decode(&lane->backlog, catalogues, batch, out_pieces, error);
    lane->is_stuck = status == BUS_RETRY;
    if (status == BUS_OK)
        subscribers_lane_go_on(lane);
    return status;
}

static enum bus_status add_lane(struct subscribers_applier *applier, struct subscribers_lane *lane,
                                struct subscribers_batch *batch, struct bus_error *error)
{
    size_t pieces;
    enum bus_status status = decode_lane(applier, lane, batch, &pieces, error);
    if (status == BUS_OK)
        status = subscribers_lane_advance(lane, batch, pieces, &batch->advances[batch->advance_count++], error);
    return status == BUS_RETRY ? BUS_OK : status;
}

static enum bus_status make_batch(struct subscribers_applier *applier, struct subscribers_batch *batch,
                                  struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    batch->advances = calloc((size_t)applier->settings->partitions, sizeof *batch->advances);
    if (batch->advances == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (int32_t i = 0; status == BUS_OK && i < applier->settings->partitions; i++)
        if (applier->lanes[i].backlog.records > 0)
            status = add_lane(applier, &applier->lanes[i], batch, error);
    if (status == BUS_OK)
        subscribers_applier_skip(applier, batch);
    return status;
}

void subscribers_applier_settle(struct subscribers_applier *applier, const struct subscribers_batch *batch)
{
    size_t count = batch->pieces != NULL ? batch->settled : batch->count;
    for (size_t i = 0; i < count; i++)
        if (subscribers_delivery_is_refused(&batch->deliveries[i]))
            applier->refused++;
        else
            applier->applied++;
    applier->applied_at_ms = bus_clock_now_ms(&batch->clock);
    for (size_t i = 0; i < batch->advance_count; i++)
        subscribers_lane_settle(&applier->lanes[batch->advances[i].position.partition], batch, &batch->advances[i]);
}

/* The books that are told say what is known to be applied. */
static void rewind_books(struct subscribers_batch *batch)
{
    for (size_t i = 0; i < batch->advance_count; i++)
        bus_ledger_rewind(batch->advances[i].ledger);
}

/* Keeps a batch of which nobody knows whether it was applied. */
static enum bus_status doubt(struct subscribers_applier *applier, struct subscribers_batch *batch,
                             struct bus_error *error)
{
    struct subscribers_batch *kept = malloc(sizeof *kept);
    if (kept == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    *kept = *batch;
    *batch = (struct subscribers_batch){0};
    applier->doubtful = kept;
    return BUS_OK;
}

/* Its positions are stored all or none, so one tells. */
static enum bus_status find_out(struct subscribers_applier *applier, struct bus_error *error)
{
    bool is_applied;
    enum bus_status status = subscribers_receiver_find_out(applier->receiver, applier->doubtful, &is_applied, error);
    if (status != BUS_OK)
        return status;
    if (is_applied && subscribers_batch_settle(applier->doubtful, error) != BUS_OK)
        return BUS_FATAL;
    if (is_applied)
        subscribers_applier_settle(applier, applier->doubtful);
    drop_doubtful(applier);
    return BUS_OK;
}

static enum bus_status apply_once(struct subscribers_applier *applier, struct bus_error *error)
{
    struct subscribers_batch batch = {.subscriber = applier->settings->subscriber, .clock = bus_clock_real()};
    enum bus_status status = make_batch(applier, &batch, error);
    if (status == BUS_OK && batch.count > 0)
        status = subscribers_receiver_apply(applier->receiver, &batch, error);
    if (status == BUS_OK && batch.count > 0) {
        subscribers_applier_settle(applier, &batch);
        subscribers_applier_is_back(applier);
    }
    if (status != BUS_OK)
        rewind_books(&batch);
    if (status == BUS_RETRY && doubt(applier, &batch, error) != BUS_OK)
        status = BUS_FATAL;
    subscribers_batch_release(&batch);
    return status;
}

enum bus_status subscribers_applier_apply(struct subscribers_applier *applier, struct bus_error *error)
{
    enum bus_status status = applier->doubtful != NULL ? find_out(applier, error) : BUS_OK;
    if (status == BUS_OK)
        status = apply_once(applier, error);
    if (status != BUS_RETRY)
        return status;
    subscribers_applier_is_away(applier, 0, error);
    return BUS_OK;
}

bool subscribers_applier_has_many_days(const struct subscribers_applier *applier)
{
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        if (applier->lanes[i].ledger != NULL && bus_ledger_count(applier->lanes[i].ledger) > MOST_DAYS)
            return true;
    return false;
}
