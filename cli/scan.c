#include "cli/scan.h"

#include <stdlib.h>

#include "bus/clock.h"
#include "bus/topics.h"

/* A reader that hears nothing for so long gives up. */
enum { POLL_MS = 500, QUIET_MS = 15000, MAX_PARTITIONS = 4096, PREFETCH_BYTES = 128 * 1024 * 1024 };

enum bus_status cli_scan_partitions(const struct bus_kafka *kafka, const char *topic, int32_t *out_count,
                                    struct bus_error *error)
{
    struct bus_topic_found *found = NULL;
    size_t count = 0;
    *out_count = 0;
    enum bus_status status = bus_topics_list(kafka, topic, &found, &count, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (strcmp(found[i].name, topic) == 0)
            *out_count = found[i].partitions;
    free(found);
    if (*out_count > MAX_PARTITIONS)
        return bus_fail(error, BUS_FATAL, "topic %s has more than %d partitions", topic, MAX_PARTITIONS);
    if (*out_count > 0)
        return BUS_OK;
    return bus_fail(error, BUS_REJECT, "topic %s does not exist; create it with `xinqiao topics create`", topic);
}

/* Reads until `ends` partitions have told their end, or, with `one`, until the first record. */
static enum bus_status read_on(struct bus_consumer *consumer, size_t ends, bool one, cli_scan_record *record,
                               void *self, struct bus_error *error)
{
    int64_t heard_ms = bus_clock_monotonic_ms();
    while (ends > 0) {
        struct bus_message message;
        enum bus_status status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status != BUS_OK)
            return status;
        if (message.handle != NULL || message.partition >= 0)
            heard_ms = bus_clock_monotonic_ms();
        else if (bus_clock_monotonic_ms() - heard_ms > QUIET_MS)
            return bus_fail(error, BUS_RETRY, "read: Kafka does not answer");
        if (message.handle == NULL) {
            ends -= message.partition >= 0;
            continue;
        }
        status = record(self, &message, error);
        bus_message_release(&message);
        if (status != BUS_OK || one)
            return status;
    }
    return BUS_OK;
}

enum bus_status cli_scan(const struct bus_kafka *kafka, const char *topic, int32_t partition, cli_scan_record *record,
                         void *self, struct bus_error *error)
{
    int32_t count;
    struct bus_consumer *consumer = NULL;
    struct bus_partition *partitions = NULL;
    enum bus_status status = cli_scan_partitions(kafka, topic, &count, error);
    if (status != BUS_OK)
        return status;
    if (partition >= count)
        return bus_fail(error, BUS_REJECT, "topic %s has %d partitions, none of number %d", topic, (int)count,
                        (int)partition);
    if (partition != CLI_ALL_PARTITIONS)
        count = 1;
    partitions = calloc((size_t)count, sizeof *partitions);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "read topic %s: out of memory", topic);
    for (int32_t i = 0; i < count; i++)
        partitions[i] =
            (struct bus_partition){topic, partition == CLI_ALL_PARTITIONS ? i : partition, BUS_OFFSET_BEGINNING};
    status = bus_consumer_open(kafka, &(struct bus_consumer_options){0}, &consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(consumer, partitions, (size_t)count, error);
    if (status == BUS_OK)
        status = read_on(consumer, (size_t)count, false, record, self, error);
    bus_consumer_close(consumer);
    free(partitions);
    return status;
}

enum bus_status cli_scan_places(const struct bus_kafka *kafka, const struct bus_partition *places, size_t count,
                                cli_scan_record *record, void *self, struct bus_error *error)
{
    struct bus_consumer *consumer = NULL;
    struct bus_consumer_options options = {.prefetch_bytes = PREFETCH_BYTES};
    enum bus_status status = bus_consumer_open(kafka, &options, &consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(consumer, places, count, error);
    if (status == BUS_OK)
        status = read_on(consumer, count, false, record, self, error);
    bus_consumer_close(consumer);
    return status;
}

enum bus_status cli_scan_from(const struct bus_kafka *kafka, const char *topic, int32_t partition, int64_t offset,
                              cli_scan_record *record, void *self, struct bus_error *error)
{
    struct bus_partition place = {topic, partition, offset};
    return cli_scan_places(kafka, &place, 1, record, self, error);
}

/* --- one record --- */

struct wanted {
    int64_t offset;
    cli_scan_record *record;
    void *self;
    bool met;
};

/* The first record at or behind the offset: perhaps not the one. */
static enum bus_status show_wanted(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct wanted *wanted = self;
    if (message->offset != wanted->offset)
        return BUS_OK;
    wanted->met = true;
    return wanted->record(wanted->self, message, error);
}

enum bus_status cli_scan_at(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t offset,
                            cli_scan_record *record, void *self, struct bus_error *error)
{
    struct wanted wanted = {offset, record, self, false};
    struct bus_partition place = {topic, partition, offset};
    enum bus_status status = bus_consumer_assign(consumer, &place, 1, error);
    if (status == BUS_OK)
        status = read_on(consumer, 1, true, show_wanted, &wanted, error);
    if (status == BUS_OK && !wanted.met)
        return bus_fail(error, BUS_REJECT, "topic %s holds no record at %d:%lld", topic, (int)partition,
                        (long long)offset);
    return status;
}

enum bus_status cli_scan_one(const struct bus_kafka *kafka, const char *topic, int32_t partition, int64_t offset,
                             cli_scan_record *record, void *self, struct bus_error *error)
{
    int32_t count;
    struct bus_consumer *consumer = NULL;
    enum bus_status status = cli_scan_partitions(kafka, topic, &count, error);
    if (status != BUS_OK)
        return status;
    if (partition < 0 || partition >= count || offset < 0)
        return bus_fail(error, BUS_REJECT, "topic %s holds no record at %d:%lld", topic, (int)partition,
                        (long long)offset);
    status = bus_consumer_open(kafka, &(struct bus_consumer_options){0}, &consumer, error);
    if (status == BUS_OK)
        status = cli_scan_at(consumer, topic, partition, offset, record, self, error);
    bus_consumer_close(consumer);
    return status;
}
