#include "subscribers/engine/reader.h"

#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "bus/topics.h"
#include "subscribers/engine/back_off.h"
#include "subscribers/engine/sealed_log.h"

enum { AWAY_MS = 200 };
static const size_t HASHING_LIMIT_BYTES = (size_t)512 * 1024 * 1024; /* leaves and views of the largest piece */

struct subscribers_reader {
    const struct subscribers_settings *settings;
    const char *topic;
    struct subscribers_seals *seals;
    struct bus_arena *arena;
    struct bus_consumer *consumer;
    struct subscribers_sealed_log **logs; /* one a partition */
};

/* Partitions of the topic; 0 while the broker does not know it. */
static enum bus_status count_partitions(const struct subscribers_reader *reader, int32_t *out_count,
                                        struct bus_error *error)
{
    struct bus_topic_found *found;
    size_t count;
    *out_count = 0;
    enum bus_status status = bus_topics_list(&reader->settings->kafka.kafka, reader->topic, &found, &count, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (strcmp(found[i].name, reader->topic) == 0)
            *out_count = found[i].partitions;
    free(found);
    return BUS_OK;
}

static enum bus_status wait_for_topic(const struct subscribers_reader *reader, struct bus_error *error)
{
    for (int64_t wait_ms = 0; !bus_stop_requested(); subscribers_back_off(&wait_ms)) {
        int32_t found;
        enum bus_status status = count_partitions(reader, &found, error);
        if (status == BUS_FATAL)
            return status;
        if (status == BUS_OK && found > 0 && found != reader->settings->partitions)
            return bus_fail(error, BUS_FATAL, "topic %s has %d partitions, but the configuration says partitions = %d",
                            reader->topic, (int)found, (int)reader->settings->partitions);
        if (status == BUS_OK && found > 0)
            return BUS_OK;
        if (status == BUS_OK)
            bus_fail(error, BUS_RETRY, "topic %s does not exist: xinqiao topics create makes it", reader->topic);
        bus_log_failure(BUS_LOG_WARN, "等待主题 / waiting for the topic", BUS_RETRY, error);
    }
    return BUS_RETRY;
}

enum bus_status subscribers_reader_open(const struct subscribers_settings *settings, const char *topic,
                                        const char *exchange, struct subscribers_reader **out_reader,
                                        struct bus_error *error)
{
    struct bus_consumer_options options = {.group = settings->group};
    struct subscribers_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    reader->settings = settings;
    reader->topic = topic;
    reader->seals = subscribers_seals_create(settings->keys_folder, exchange);
    reader->arena = bus_arena_create(HASHING_LIMIT_BYTES);
    reader->logs = calloc((size_t)settings->partitions, sizeof *reader->logs);
    enum bus_status status = BUS_OK;
    if (reader->seals == NULL || reader->arena == NULL || reader->logs == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = wait_for_topic(reader, error);
    if (status == BUS_OK)
        status = bus_consumer_open(&settings->kafka.kafka, &options, &reader->consumer, error);
    if (status == BUS_OK)
        *out_reader = reader;
    else
        subscribers_reader_close(reader);
    return status;
}

void subscribers_reader_close(struct subscribers_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->consumer != NULL)
        bus_consumer_close(reader->consumer);
    for (int32_t i = 0; reader->logs != NULL && i < reader->settings->partitions; i++)
        subscribers_sealed_log_destroy(reader->logs[i]);
    free(reader->logs);
    bus_arena_destroy(reader->arena);
    subscribers_seals_destroy(reader->seals);
    free(reader);
}

enum bus_status subscribers_reader_start(struct subscribers_reader *reader,
                                         const struct subscribers_position *positions, struct bus_error *error)
{
    size_t count = (size_t)reader->settings->partitions;
    struct bus_partition *starts = calloc(count, sizeof *starts);
    bool good = starts != NULL;
    for (size_t i = 0; good && i < count; i++) {
        const struct subscribers_position *position = &positions[i];
        bool is_new = position->next < 0;
        reader->logs[i] =
            subscribers_sealed_log_create(reader->topic, position->partition, is_new ? NULL : &position->log,
                                          position->hash, reader->seals, reader->arena);
        starts[i] =
            (struct bus_partition){reader->topic, position->partition, is_new ? BUS_OFFSET_BEGINNING : position->next};
        good = reader->logs[i] != NULL;
    }
    enum bus_status status = good ? bus_consumer_assign(reader->consumer, starts, count, error)
                                  : bus_fail(error, BUS_FATAL, "out of memory");
    free(starts);
    return status;
}

enum bus_status subscribers_reader_poll(struct subscribers_reader *reader, int timeout_ms, bool *out_came,
                                        struct subscribers_piece **out_piece, struct bus_error *error)
{
    struct bus_message message;
    *out_came = false;
    *out_piece = NULL;
    enum bus_status status = bus_consumer_poll(reader->consumer, timeout_ms, &message, error);
    if (status == BUS_RETRY) {
        bus_clock_sleep_ms(AWAY_MS); /* librdkafka reconnects, and the consumer has logged it */
        return BUS_OK;
    }
    if (status != BUS_OK || message.handle == NULL)
        return status;
    *out_came = true;
    struct subscribers_arrival arrival = {
        .offset = message.offset,
        .key = message.key,
        .value = message.value,
        .leaf = bus_message_header(&message, BUS_LEAF_HEADER),
        .seal = bus_message_header(&message, BUS_SEAL_HEADER),
    };
    status = subscribers_sealed_log_take(reader->logs[message.partition], &arrival, out_piece, error);
    bus_message_release(&message);
    return status;
}

struct bus_consumer *subscribers_reader_consumer(struct subscribers_reader *reader)
{
    return reader->consumer;
}
