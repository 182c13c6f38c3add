#include "gateway/recover.h"

#include <stdlib.h>

#include "bus/clock.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    POLL_MS = 100,
    PAUSE_MS = 50,
    TELL_MS = 2000,     /* between two lines about what is waited for */
    ALIVE_EVERY = 4096, /* records */
    PREFETCH_BYTES =
        64 * 1024 * 1024, /* librdkafka rests a second whenever it is full; freed when the states are there */
    TOGETHER_MOST =
        500000, /* offsets to replay; above that the partitions take turns, each with room to write in key order */
};

/* How far the topic reaches for each state. */
struct target {
    struct gateway_state *state;
    int64_t first, end;
    bool done;
};

struct recovery {
    const struct gateway_recover_options *options;
    struct bus_consumer *consumer;
    struct target *targets;
    size_t count;
    size_t records;
};

static void alive(const struct recovery *recovery)
{
    if (recovery->options->alive != NULL)
        recovery->options->alive(recovery->options->self);
}

/* Waits until no transaction is open on the partition: then what is there is all there will ever be from an earlier owner. */
static enum bus_status find_end(const struct recovery *recovery, struct target *target, struct bus_error *error)
{
    int32_t partition = gateway_state_partition(target->state);
    int64_t begun_ms = bus_clock_monotonic_ms(), told_ms = begun_ms;
    while (!bus_stop_requested()) {
        int64_t stable = 0, high = 0;
        enum bus_status status = bus_consumer_watermarks(recovery->consumer, recovery->options->topic, partition,
                                                         &target->first, &stable, &high, error);
        if (status == BUS_FATAL)
            return status;
        if (status == BUS_OK && stable == high) {
            target->end = high;
            return BUS_OK;
        }
        int64_t now_ms = bus_clock_monotonic_ms();
        if (status == BUS_OK && now_ms - begun_ms > recovery->options->patience_ms)
            return bus_fail(error, BUS_RETRY,
                            "a transaction stays open on %s/%d since offset %lld: is another gateway using it?",
                            recovery->options->topic, partition, (long long)stable);
        if (now_ms - told_ms >= TELL_MS) {
            bus_log(BUS_LOG_INFO, "waiting for an earlier owner's transaction",
                    "topic=%s partition=%d stable=%lld end=%lld", recovery->options->topic, partition,
                    (long long)stable, (long long)high);
            told_ms = now_ms;
        }
        alive(recovery);
        bus_clock_sleep_ms(PAUSE_MS);
    }
    return bus_fail(error, BUS_RETRY, "stopped while recovering state");
}

static enum bus_status prepare(const struct recovery *recovery, struct target *target, struct bus_error *error)
{
    enum bus_status status = find_end(recovery, target, error);
    if (status == BUS_OK && gateway_state_changelog_next(target->state) > target->end) {
        bus_log(BUS_LOG_WARN, "state thrown away",
                "topic=%s partition=%d next=%lld end=%lld reason=\"ahead of its topic\"", recovery->options->topic,
                gateway_state_partition(target->state), (long long)gateway_state_changelog_next(target->state),
                (long long)target->end);
        status = gateway_state_clear(target->state, error);
    }
    return status;
}

static int64_t start_of(const struct target *target)
{
    int64_t next = gateway_state_changelog_next(target->state);
    return next > target->first ? next : target->first;
}

/* Assigns those of `count` targets that have something to replay; *out_waiting is their number. */
static enum bus_status start(const struct recovery *recovery, const struct target *targets, size_t count,
                             size_t *out_waiting, struct bus_error *error)
{
    *out_waiting = 0;
    struct bus_partition *partitions = calloc(count, sizeof *partitions);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++)
        if (!targets[i].done)
            partitions[waiting++] = (struct bus_partition){
                recovery->options->topic, gateway_state_partition(targets[i].state), start_of(&targets[i])};
    enum bus_status status = waiting > 0 ? bus_consumer_assign(recovery->consumer, partitions, waiting, error) : BUS_OK;
    free(partitions);
    *out_waiting = waiting;
    return status;
}

static struct target *target_of(const struct recovery *recovery, int32_t partition)
{
    for (size_t i = 0; i < recovery->count; i++)
        if (gateway_state_partition(recovery->targets[i].state) == partition)
            return &recovery->targets[i];
    return NULL;
}

/* A record, or the end of a partition. */
static enum bus_status take(struct recovery *recovery, struct bus_message *message, size_t *waiting,
                            struct bus_error *error)
{
    struct target *target = target_of(recovery, message->partition);
    if (target == NULL || target->done)
        return BUS_OK;
    enum bus_status status = BUS_OK;
    if (message->handle != NULL) {
        status = gateway_state_replay(target->state, message->key, message->value, message->offset, error);
        if (++recovery->records % ALIVE_EVERY == 0)
            alive(recovery);
    }
    if (message->handle == NULL || message->offset + 1 >= target->end) {
        target->done = true;
        --*waiting;
    }
    return status;
}

static enum bus_status replay(struct recovery *recovery, size_t waiting, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    while (status != BUS_FATAL && waiting > 0 && !bus_stop_requested()) {
        struct bus_message message;
        status = bus_consumer_poll(recovery->consumer, POLL_MS, &message, error);
        if (status != BUS_OK || (message.handle == NULL && message.partition < 0)) {
            alive(recovery);
            continue; /* away brokers come back by themselves */
        }
        status = take(recovery, &message, &waiting, error);
        bus_message_release(&message);
    }
    if (status == BUS_FATAL)
        return status;
    return waiting == 0 ? BUS_OK : bus_fail(error, BUS_RETRY, "stopped while recovering state");
}

/* Some of the targets together. */
static enum bus_status replay_targets(struct recovery *recovery, struct target *targets, size_t count,
                                      struct bus_error *error)
{
    size_t waiting = 0;
    enum bus_status status = start(recovery, targets, count, &waiting, error);
    if (status == BUS_OK)
        status = replay(recovery, waiting, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        alive(recovery);
        status = gateway_state_replayed(targets[i].state, targets[i].end, error);
    }
    return status;
}

static enum bus_status run(struct recovery *recovery, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    int64_t offsets = 0;
    for (size_t i = 0; status == BUS_OK && i < recovery->count; i++) {
        struct target *target = &recovery->targets[i];
        status = prepare(recovery, target, error);
        target->done = start_of(target) >= target->end;
        offsets += target->end - start_of(target);
    }
    size_t together = offsets <= TOGETHER_MOST ? recovery->count : 1;
    for (size_t i = 0; status == BUS_OK && i < recovery->count; i += together)
        status = replay_targets(recovery, &recovery->targets[i], together, error);
    return status;
}

enum bus_status gateway_recover(const struct gateway_recover_options *options, struct gateway_state *const *states,
                                size_t count, struct bus_error *error)
{
    struct recovery recovery = {.options = options, .count = count};
    struct bus_consumer_options reader = {.prefetch_bytes = PREFETCH_BYTES};
    int64_t begun_ms = bus_clock_monotonic_ms();
    recovery.targets = calloc(count, sizeof *recovery.targets);
    enum bus_status status = BUS_OK;
    if (recovery.targets == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        recovery.targets[i].state = states[i];
    if (status == BUS_OK)
        status = bus_consumer_open(options->kafka, &reader, &recovery.consumer, error);
    if (status == BUS_OK)
        status = run(&recovery, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "state recovered", "partitions=%zu records=%zu took_ms=%lld", count, recovery.records,
                (long long)(bus_clock_monotonic_ms() - begun_ms));
    bus_consumer_close(recovery.consumer);
    free(recovery.targets);
    return status;
}
