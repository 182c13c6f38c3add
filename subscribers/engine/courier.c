#include "subscribers/engine/courier.h"

#include <stdlib.h>

#include "bus/log.h"

enum { IDLE_EVERY_MS = 1000 };

struct subscribers_courier {
    struct subscribers_applier *applier;
    struct subscribers_memory *memory;
    struct subscribers_batch **done; /* came back, settled something, and is not durable yet */
    size_t done_count;
    int32_t *held; /* scratch: the partitions that are ours */
    int64_t idle_at_ms;
};

struct subscribers_courier *subscribers_courier_create(struct subscribers_applier *applier,
                                                       struct subscribers_memory *memory)
{
    struct subscribers_courier *courier = calloc(1, sizeof *courier);
    if (courier == NULL)
        return NULL;
    courier->applier = applier;
    courier->memory = memory;
    courier->done = calloc((size_t)applier->settings->partitions, sizeof(struct subscribers_batch *));
    courier->held = calloc((size_t)applier->settings->partitions, sizeof *courier->held);
    if (courier->done != NULL && courier->held != NULL)
        return courier;
    subscribers_courier_destroy(courier);
    return NULL;
}

static struct subscribers_lane *lane_of(const struct subscribers_courier *courier,
                                        const struct subscribers_batch *batch)
{
    return &courier->applier->lanes[batch->pieces->partition];
}

/* The lane is free for the next. */
static void end_flight(struct subscribers_lane *lane)
{
    subscribers_batch_release(lane->flight);
    free(lane->flight);
    lane->flight = NULL;
}

static bool forget_done(struct subscribers_courier *courier, const struct subscribers_batch *batch)
{
    for (size_t i = 0; i < courier->done_count; i++)
        if (courier->done[i] == batch) {
            courier->done[i] = courier->done[--courier->done_count];
            return true;
        }
    return false;
}

void subscribers_courier_give_up(struct subscribers_courier *courier, int32_t partition)
{
    struct subscribers_lane *lane = &courier->applier->lanes[partition];
    if (lane->flight == NULL)
        return;
    if (!forget_done(courier, lane->flight))
        subscribers_receiver_abandon(courier->applier->receiver, lane->flight);
    if (lane->ledger != NULL)
        bus_ledger_rewind(lane->ledger);
    end_flight(lane);
    subscribers_breaker_withdraw(&courier->applier->breaker);
}

void subscribers_courier_destroy(struct subscribers_courier *courier)
{
    if (courier == NULL)
        return;
    for (int32_t i = 0; courier->done != NULL && i < courier->applier->settings->partitions; i++)
        subscribers_courier_give_up(courier, i);
    free(courier->done);
    free(courier->held);
    free(courier);
}

/* ── sending ── */

static bool is_ready(const struct subscribers_courier *courier, const struct subscribers_lane *lane, int64_t now_ms)
{
    return lane->is_held && lane->flight == NULL && lane->backlog.records > 0 &&
           subscribers_back_off_is_over(&lane->back_off, now_ms) && !courier->applier->orders->is_paused;
}

static enum bus_status decode(struct subscribers_courier *courier, struct subscribers_lane *lane,
                              struct subscribers_batch *batch, struct bus_error *error)
{
    struct subscribers_applier *applier = courier->applier;
    const struct subscribers_catalogues *catalogues = subscribers_receiver_catalogues(applier->receiver);
    size_t most = applier->bounds.records;
    enum bus_status status = subscribers_backlog_decode_part(&lane->backlog, catalogues, most, batch, error);
    if (status == BUS_RETRY && subscribers_applier_look_again(applier, lane, error))
        status = subscribers_backlog_decode_part(&lane->backlog, catalogues, most, batch, error);
    if (status == BUS_RETRY)
        subscribers_lane_wait(lane, 0, error);
    lane->is_stuck = status == BUS_RETRY;
    if (status == BUS_OK)
        subscribers_applier_skip(applier, batch);
    return status;
}

/* RETRY: its view is unknown. */
static enum bus_status send_lane(struct subscribers_courier *courier, struct subscribers_lane *lane,
                                 struct bus_error *error)
{
    lane->flight = calloc(1, sizeof *lane->flight);
    if (lane->flight == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    lane->flight->subscriber = courier->applier->settings->subscriber;
    lane->flight->clock = bus_clock_real();
    enum bus_status status = decode(courier, lane, lane->flight, error);
    if (status == BUS_OK)
        status = subscribers_receiver_send(courier->applier->receiver, lane->flight, error);
    if (status != BUS_OK)
        end_flight(lane);
    return status;
}

static enum bus_status send_ready(struct subscribers_courier *courier, struct bus_error *error)
{
    struct subscribers_applier *applier = courier->applier;
    int64_t now_ms = bus_clock_monotonic_ms();
    enum bus_status status = BUS_OK;
    for (int32_t i = 0; status != BUS_FATAL && i < applier->settings->partitions; i++) {
        struct subscribers_lane *lane = &applier->lanes[i];
        if (!is_ready(courier, lane, now_ms))
            continue;
        if (!subscribers_breaker_allows(&applier->breaker, now_ms))
            break;
        status = send_lane(courier, lane, error);
        if (status == BUS_RETRY)
            subscribers_breaker_withdraw(&applier->breaker);
    }
    return status == BUS_FATAL ? status : BUS_OK;
}

/* ── what comes back ── */

/* Puts the batch among those to be made durable, or (it settled nothing) ends it. */
static void keep(struct subscribers_courier *courier, struct subscribers_batch *batch)
{
    if (batch->settled > 0)
        courier->done[courier->done_count++] = batch;
    else
        end_flight(lane_of(courier, batch));
}

static enum bus_status collect(struct subscribers_courier *courier, int timeout_ms, bool *out_any,
                               struct bus_error *error)
{
    struct subscribers_applier *applier = courier->applier;
    struct subscribers_batch *batch;
    enum bus_status status = subscribers_receiver_collect(applier->receiver, timeout_ms, &batch, error);
    *out_any = batch != NULL;
    if (batch == NULL || status == BUS_FATAL || status == BUS_REJECT)
        return status == BUS_RETRY ? BUS_OK : status == BUS_REJECT ? BUS_FATAL : status;
    if (status == BUS_RETRY && batch->is_away)
        subscribers_applier_is_away(applier, batch->retry_ms, error);
    else
        subscribers_applier_is_back(applier);
    struct subscribers_lane *lane = lane_of(courier, batch);
    if (status == BUS_RETRY && !batch->is_away && lane->waits_since_ms == 0)
        bus_log_failure(BUS_LOG_WARN, "一个分区等待接收端 / a partition waits for the receiver", status, error);
    if (status == BUS_RETRY)
        subscribers_lane_wait(lane, batch->is_away ? 0 : batch->retry_ms, error);
    else
        subscribers_lane_go_on(lane);
    keep(courier, batch);
    return BUS_OK;
}

/* ── making it durable ── */

static enum bus_status plan_advance(struct subscribers_courier *courier, struct subscribers_batch *batch,
                                    struct bus_error *error)
{
    if (batch->advance_count > 0)
        return BUS_OK;
    batch->advances = calloc(1, sizeof *batch->advances);
    if (batch->advances == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    batch->advance_count = 1;
    enum bus_status status = subscribers_lane_advance(lane_of(courier, batch), batch, 0, batch->advances, error);
    return status == BUS_OK ? subscribers_batch_settle(batch, error) : status;
}

static void settle_done(struct subscribers_courier *courier)
{
    for (size_t i = 0; i < courier->done_count; i++) {
        struct subscribers_batch *batch = courier->done[i];
        struct subscribers_lane *lane = lane_of(courier, batch);
        subscribers_applier_settle(courier->applier, batch);
        end_flight(lane);
    }
    courier->done_count = 0;
}

/* RETRY keeps all for the next step: Kafka is away, or the group is changing. */
static enum bus_status make_durable(struct subscribers_courier *courier, struct bus_consumer *consumer,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (courier->done_count == 0)
        return BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < courier->done_count; i++)
        status = plan_advance(courier, courier->done[i], error);
    if (status == BUS_OK)
        status = subscribers_memory_commit(courier->memory, consumer, courier->done, courier->done_count, error);
    if (status == BUS_OK)
        settle_done(courier);
    if (status != BUS_RETRY)
        return status;
    bus_log_failure(BUS_LOG_WARN, "位置暂未写入，稍后重试 / positions not written yet, trying again", status, error);
    return BUS_OK;
}

static enum bus_status idle(struct subscribers_courier *courier, struct bus_error *error)
{
    struct subscribers_applier *applier = courier->applier;
    size_t count = 0;
    if (bus_clock_monotonic_ms() < courier->idle_at_ms || applier->orders->is_paused)
        return BUS_OK;
    courier->idle_at_ms = bus_clock_monotonic_ms() + IDLE_EVERY_MS;
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        if (applier->lanes[i].is_held)
            courier->held[count++] = i;
    enum bus_status status = subscribers_receiver_idle(applier->receiver, courier->held, count, error);
    if (status != BUS_RETRY)
        return status;
    bus_log_failure(BUS_LOG_WARN, "接收端的例行工作未完成 / the receiver's housekeeping did not end", status, error);
    return BUS_OK;
}

bool subscribers_courier_is_busy(const struct subscribers_courier *courier)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    const struct subscribers_applier *applier = courier->applier;
    for (int32_t i = 0; i < applier->settings->partitions; i++)
        if (applier->lanes[i].flight != NULL || (is_ready(courier, &applier->lanes[i], now_ms) &&
                                                 subscribers_back_off_is_over(&applier->breaker.back_off, now_ms)))
            return true;
    return false;
}

enum bus_status subscribers_courier_step(struct subscribers_courier *courier, struct bus_consumer *consumer,
                                         int timeout_ms, struct bus_error *error)
{
    bool any = true;
    enum bus_status status = send_ready(courier, error);
    for (int wait_ms = timeout_ms; status == BUS_OK && any; wait_ms = 0)
        status = collect(courier, wait_ms, &any, error);
    if (status == BUS_OK)
        status = make_durable(courier, consumer, error);
    return status == BUS_OK ? idle(courier, error) : status;
}
