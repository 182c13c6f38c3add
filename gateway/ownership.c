#include "gateway/ownership.h"

#include <stdlib.h>

#include "bus/clock.h"
#include "bus/stop.h"
#include "bus/topics.h"
#include "gateway/recover.h"

enum {
    OPEN_PAUSE_MS = 50,
    OPEN_PATIENCE_MS = 30000,        /* for another process of this machine to let go of a partition's folder */
    EXTRA_PATIENCE_MS = 30000,       /* beyond the transaction timeout, after which the broker aborts by itself */
    OVERLAY_BASE = 64 * 1024 * 1024, /* replay slices, books, logs */
    OVERLAY_A_RECORD = 1024,
};

struct gateway_ownership {
    struct gateway_ownership_options options;
    struct gateway_states states;
    char topic[BUS_TOPIC_SIZE];
};

struct gateway_ownership *gateway_ownership_create(const struct gateway_ownership_options *options)
{
    struct gateway_ownership *ownership = calloc(1, sizeof *ownership);
    if (ownership == NULL)
        return NULL;
    ownership->options = *options;
    ownership->states.count = options->settings->partitions;
    ownership->states.of = calloc((size_t)ownership->states.count, sizeof *ownership->states.of);
    bus_topic_named(options->settings->kafka.prefix, BUS_TOPIC_STATE, ownership->topic);
    if (ownership->states.of != NULL)
        return ownership;
    free(ownership);
    return NULL;
}

void gateway_ownership_destroy(struct gateway_ownership *ownership)
{
    if (ownership == NULL)
        return;
    gateway_ownership_give_up(ownership, bus_stop_requested());
    free(ownership->states.of);
    free(ownership);
}

const struct gateway_states *gateway_ownership_states(const struct gateway_ownership *ownership)
{
    return &ownership->states;
}

static enum bus_status check_whole(const struct gateway_ownership *ownership, const struct bus_partition *partitions,
                                   size_t count, struct bus_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int32_t partition = partitions[i].partition;
        if (partition < 0 || partition >= ownership->states.count)
            return bus_fail(error, BUS_FATAL, "topic %s has a partition %d, the configuration says there are %d",
                            partitions[i].topic, partition, ownership->states.count);
        size_t topics = 0;
        for (size_t j = 0; j < count; j++)
            topics += partitions[j].partition == partition;
        if (topics != ownership->options.topic_count)
            return bus_fail(
                error, BUS_FATAL,
                "partition %d was assigned of %zu in topics, of all %zu it must be: do all gateways of group %s run "
                "with the same catalogue?",
                partition, topics, ownership->options.topic_count, ownership->options.settings->group);
    }
    return BUS_OK;
}

static enum bus_status open_state(struct gateway_ownership *ownership, int32_t partition, struct bus_error *error)
{
    const struct gateway_settings *settings = ownership->options.settings;
    struct gateway_state_options options = {
        .folder = settings->state,
        .partition = partition,
        .map_bytes = settings->state_map_bytes,
        .overlay_bytes = OVERLAY_BASE + settings->batch_records * OVERLAY_A_RECORD,
    };
    int64_t begun_ms = bus_clock_monotonic_ms();
    enum bus_status status;
    while ((status = gateway_state_open(&options, &ownership->states.of[partition], error)) == BUS_RETRY &&
           !bus_stop_requested() && bus_clock_monotonic_ms() - begun_ms < OPEN_PATIENCE_MS) {
        ownership->options.alive(ownership->options.self);
        bus_clock_sleep_ms(OPEN_PAUSE_MS);
    }
    return status;
}

/* Opens what is not open yet; *out_count of them in `out_opened`. */
static enum bus_status open_states(struct gateway_ownership *ownership, const struct bus_partition *partitions,
                                   size_t count, struct gateway_state **out_opened, size_t *out_count,
                                   struct bus_error *error)
{
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t partition = partitions[i].partition;
        if (ownership->states.of[partition] != NULL)
            continue;
        enum bus_status status = open_state(ownership, partition, error);
        if (status != BUS_OK)
            return status;
        out_opened[(*out_count)++] = ownership->states.of[partition];
    }
    return BUS_OK;
}

static enum bus_status find_positions(const struct gateway_ownership *ownership, struct bus_consumer *consumer,
                                      struct bus_partition *partitions, size_t count, struct bus_error *error)
{
    enum bus_status status;
    while ((status = bus_consumer_committed(consumer, partitions, count, error)) == BUS_RETRY &&
           !bus_stop_requested()) {
        ownership->options.alive(ownership->options.self);
        bus_clock_sleep_ms(OPEN_PAUSE_MS);
    }
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        if (partitions[i].offset == BUS_OFFSET_STORED)
            partitions[i].offset = BUS_OFFSET_BEGINNING;
    return status;
}

static enum bus_status recover(struct gateway_ownership *ownership, const struct bus_partition *partitions,
                               size_t count, size_t *out_opened, struct bus_error *error)
{
    struct gateway_state **opened = calloc((size_t)ownership->states.count, sizeof(struct gateway_state *));
    if (opened == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    struct gateway_recover_options options = {
        .kafka = ownership->options.kafka,
        .topic = ownership->topic,
        .patience_ms = ownership->options.settings->transaction_timeout_ms + EXTRA_PATIENCE_MS,
        .alive = ownership->options.alive,
        .self = ownership->options.self,
    };
    enum bus_status status = open_states(ownership, partitions, count, opened, out_opened, error);
    if (status == BUS_OK && *out_opened > 0)
        status = gateway_recover(&options, opened, *out_opened, error);
    free(opened);
    return status;
}

enum bus_status gateway_ownership_take(struct gateway_ownership *ownership, struct bus_consumer *consumer,
                                       struct bus_partition *partitions, size_t count, struct bus_error *error)
{
    size_t opened = 0;
    int64_t begun_ms = bus_clock_monotonic_ms();
    enum bus_status status = check_whole(ownership, partitions, count, error);
    if (status == BUS_OK)
        status = find_positions(ownership, consumer, partitions, count, error);
    if (status == BUS_OK)
        status = recover(ownership, partitions, count, &opened, error);
    if (status != BUS_OK) {
        gateway_ownership_give_up(ownership, false);
        return status;
    }
    if (count == 0) /* a static member keeps what it was given, also across restarts */
        bus_log(
            BUS_LOG_WARN, "no partitions for this worker",
            "group=%s reason=\"more workers than partitions, or the group was formed before its topics were known\" "
            "then=\"if partitions have no owner, stop all gateways of the group for %lld ms and start them again\"",
            ownership->options.settings->group, (long long)ownership->options.settings->session_timeout_ms);
    bus_log(BUS_LOG_INFO, "gateway ready", "partitions=%zu topic_partitions=%zu took_ms=%lld", opened, count,
            (long long)(bus_clock_monotonic_ms() - begun_ms));
    return BUS_OK;
}

void gateway_ownership_give_up(struct gateway_ownership *ownership, bool clean)
{
    for (int32_t i = 0; i < ownership->states.count; i++) {
        gateway_state_close(ownership->states.of[i], clean);
        ownership->states.of[i] = NULL;
    }
}
