#include "subscribers/engine/reader.h"

#include <stdio.h>
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
    struct subscribers_owner owner;
    struct subscribers_seals *seals;
    struct bus_arena *arena;
    struct bus_consumer *consumer;
    struct subscribers_sealed_log **logs; /* one a partition that is held */
    bool *is_paused;                      /* one a partition */
    struct bus_partition *changes;        /* scratch, one a partition */
    char member[2 * SUBSCRIBERS_NAME_SIZE];
    int64_t sealed_at_ms;
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
    struct subscribers_back_off back_off = {0};
    for (; !bus_stop_requested(); subscribers_back_off_sleep(&back_off)) {
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

/* ── the group ── */

static enum bus_status take_partition(struct subscribers_reader *reader, struct bus_partition *partition,
                                      struct bus_error *error)
{
    int32_t number = partition->partition;
    struct subscribers_position position;
    if (number < 0 || number >= reader->settings->partitions)
        return bus_fail(error, BUS_FATAL, "topic %s has a partition %d, but the configuration says partitions = %d",
                        reader->topic, (int)number, (int)reader->settings->partitions);
    subscribers_position_init(&position, number);
    enum bus_status status = reader->owner.take(reader->owner.self, &position, error);
    bool is_new = position.next < 0;
    if (status == BUS_OK) {
        reader->logs[number] = subscribers_sealed_log_create(reader->topic, number, is_new ? NULL : &position.log,
                                                             position.hash, reader->seals, reader->arena,
                                                             subscribers_sink_is_courier(reader->settings->sink));
        if (reader->logs[number] == NULL)
            status = bus_fail(error, BUS_FATAL, "out of memory");
    }
    partition->offset = is_new ? BUS_OFFSET_BEGINNING : position.next;
    reader->is_paused[number] = false;
    subscribers_position_release(&position);
    return status;
}

static void give_up(struct subscribers_reader *reader, int32_t partition)
{
    if (reader->logs[partition] == NULL)
        return;
    subscribers_sealed_log_destroy(reader->logs[partition]);
    reader->logs[partition] = NULL;
    reader->owner.give_up(reader->owner.self, partition);
}

static enum bus_status on_assigned(void *self, struct bus_partition *partitions, size_t count, struct bus_error *error)
{
    struct subscribers_reader *reader = self;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        give_up(reader, partitions[i].partition);
        status = take_partition(reader, &partitions[i], error);
    }
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "分区已分配 / partitions assigned", "topic=%s member=%s partitions=%zu", reader->topic,
                reader->member, count);
    return status;
}

static enum bus_status on_revoked(void *self, const struct bus_partition *partitions, size_t count, bool lost,
                                  struct bus_error *error)
{
    struct subscribers_reader *reader = self;
    (void)error;
    reader->owner.on_change(reader->owner.self, lost);
    for (size_t i = 0; i < count; i++)
        give_up(reader, partitions[i].partition);
    return BUS_OK;
}

enum bus_status subscribers_reader_open(const struct subscribers_settings *settings, const char *topic,
                                        const char *exchange, const struct subscribers_owner *owner,
                                        struct subscribers_reader **out_reader, struct bus_error *error)
{
    struct subscribers_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    size_t count = (size_t)settings->partitions;
    reader->settings = settings;
    reader->topic = topic;
    reader->owner = *owner;
    snprintf(reader->member, sizeof reader->member, "%s-%s", settings->group, settings->instance);
    reader->seals = subscribers_seals_create(settings->keys_folder, exchange);
    reader->arena = bus_arena_create(HASHING_LIMIT_BYTES);
    reader->logs = calloc(count, sizeof *reader->logs);
    reader->is_paused = calloc(count, sizeof *reader->is_paused);
    reader->changes = calloc(count, sizeof *reader->changes);
    enum bus_status status = BUS_OK;
    if (reader->seals == NULL || reader->arena == NULL || reader->logs == NULL || reader->is_paused == NULL ||
        reader->changes == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = wait_for_topic(reader, error);
    if (status == BUS_OK)
        *out_reader = reader;
    else
        subscribers_reader_close(reader);
    return status;
}

enum bus_status subscribers_reader_join(struct subscribers_reader *reader, struct bus_error *error)
{
    struct bus_consumer_options options = {
        .group = reader->settings->group,
        .instance = reader->member,
        .session_timeout_ms = reader->settings->session_timeout_ms,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .self = reader,
    };
    enum bus_status status = bus_consumer_open(&reader->settings->kafka.kafka, &options, &reader->consumer, error);
    return status == BUS_OK ? bus_consumer_subscribe(reader->consumer, &reader->topic, 1, error) : status;
}

void subscribers_reader_close(struct subscribers_reader *reader)
{
    if (reader == NULL)
        return;
    bus_consumer_close(reader->consumer); /* gives back what is held */
    for (int32_t i = 0; reader->logs != NULL && i < reader->settings->partitions; i++)
        give_up(reader, i);
    free(reader->logs);
    free(reader->is_paused);
    free(reader->changes);
    bus_arena_destroy(reader->arena);
    subscribers_seals_destroy(reader->seals);
    free(reader);
}

/* ── reading ── */

typedef enum bus_status steer(struct bus_consumer *consumer, const struct bus_partition *partitions, size_t count,
                              struct bus_error *error);

/* Pauses (or resumes) what is read and not wanted (or wanted and not read). */
static enum bus_status steer_all(struct subscribers_reader *reader, bool pause, steer *call, struct bus_error *error)
{
    size_t count = 0;
    for (int32_t i = 0; i < reader->settings->partitions; i++) {
        if (reader->logs[i] == NULL || reader->is_paused[i] == pause ||
            reader->owner.wants(reader->owner.self, i) == pause)
            continue;
        reader->is_paused[i] = pause;
        reader->changes[count++] = (struct bus_partition){reader->topic, i, 0};
    }
    return count > 0 ? call(reader->consumer, reader->changes, count, error) : BUS_OK;
}

static enum bus_status take_message(struct subscribers_reader *reader, const struct bus_message *message,
                                    struct subscribers_piece **out_piece, struct bus_error *error)
{
    struct subscribers_sealed_log *log = reader->logs[message->partition];
    struct subscribers_arrival arrival = {
        .offset = message->offset,
        .key = message->key,
        .value = message->value,
        .leaf = bus_message_header(message, BUS_LEAF_HEADER),
        .seal = bus_message_header(message, BUS_SEAL_HEADER),
    };
    if (log == NULL)
        return BUS_OK; /* given back meanwhile */
    enum bus_status status = subscribers_sealed_log_take(log, &arrival, out_piece, error);
    if (subscribers_sealed_log_sealed_at(log) > reader->sealed_at_ms)
        reader->sealed_at_ms = subscribers_sealed_log_sealed_at(log);
    return status;
}

enum bus_status subscribers_reader_poll(struct subscribers_reader *reader, int timeout_ms, bool *out_came,
                                        struct subscribers_piece **out_piece, struct bus_error *error)
{
    struct bus_message message;
    *out_came = false;
    *out_piece = NULL;
    enum bus_status status = steer_all(reader, true, bus_consumer_pause, error);
    if (status == BUS_OK)
        status = steer_all(reader, false, bus_consumer_resume, error);
    if (status == BUS_OK)
        status = bus_consumer_poll(reader->consumer, timeout_ms, &message, error);
    if (status == BUS_RETRY) {
        bus_clock_sleep_ms(AWAY_MS); /* librdkafka reconnects, and the consumer has logged it */
        return BUS_OK;
    }
    if (status != BUS_OK || message.handle == NULL)
        return status;
    *out_came = true;
    status = take_message(reader, &message, out_piece, error);
    bus_message_release(&message);
    return status;
}

struct bus_consumer *subscribers_reader_consumer(struct subscribers_reader *reader)
{
    return reader->consumer;
}

int64_t subscribers_reader_sealed_at(const struct subscribers_reader *reader)
{
    return reader->sealed_at_ms;
}
