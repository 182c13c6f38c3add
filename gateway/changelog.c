#include "gateway/changelog.h"

#include <malloc.h>
#include <stdlib.h>

#include "bus/clock.h"

enum {
    WAIT_MS = 5, /* for what the broker has not sent yet; live events wait as long */
    PREFETCH_BYTES =
        32 * 1024 * 1024, /* librdkafka rests a second whenever it is full: also the most that is read in one */
    TRIM_AFTER_MS = 1000, /* librdkafka's threads have let go of what was prefetched by then */
    NOWHERE = -1,
};

struct gateway_changelog_reader {
    const struct bus_kafka *kafka;
    const char *topic;
    struct bus_consumer *consumer;
    int32_t partition;  /* NOWHERE: nothing is assigned */
    int64_t position;   /* the first offset that was not given out */
    int64_t trim_at_ms; /* 0: nothing is to be given back */
};

struct gateway_changelog_reader *gateway_changelog_create(const struct bus_kafka *kafka, const char *topic)
{
    struct gateway_changelog_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->kafka = kafka;
    reader->topic = topic;
    reader->partition = NOWHERE;
    return reader;
}

void gateway_changelog_destroy(struct gateway_changelog_reader *reader)
{
    if (reader == NULL)
        return;
    bus_consumer_close(reader->consumer);
    free(reader);
}

void gateway_changelog_rest(struct gateway_changelog_reader *reader)
{
    struct bus_error ignored;
    if (reader->partition != NOWHERE && bus_consumer_assign(reader->consumer, NULL, 0, &ignored) == BUS_OK) {
        reader->partition = NOWHERE;
        reader->trim_at_ms = bus_clock_monotonic_ms() + TRIM_AFTER_MS;
    }
    if (reader->trim_at_ms == 0 || bus_clock_monotonic_ms() < reader->trim_at_ms)
        return;
    malloc_trim(0); /* it keeps what was freed, which is a third of a worker's memory */
    reader->trim_at_ms = 0;
}

static enum bus_status place(struct gateway_changelog_reader *reader, int32_t partition, int64_t from,
                             struct bus_error *error)
{
    struct bus_consumer_options options = {.prefetch_bytes = PREFETCH_BYTES};
    struct bus_partition to = {reader->topic, partition, from > 0 ? from : BUS_OFFSET_BEGINNING};
    enum bus_status status = BUS_OK;
    if (reader->consumer == NULL)
        status = bus_consumer_open(reader->kafka, &options, &reader->consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(reader->consumer, &to, 1, error);
    if (status != BUS_OK)
        return status;
    reader->partition = partition;
    reader->position = from;
    return BUS_OK;
}

/* Control records leave gaps, so that the end of the topic is told by the broker and not by the last record. */
static bool note(struct gateway_changelog_reader *reader, const struct bus_message *message)
{
    bool is_ours = message->partition == reader->partition && message->offset >= reader->position;
    if (is_ours)
        reader->position = message->handle != NULL ? message->offset + 1 : message->offset;
    return is_ours && message->handle != NULL;
}

static enum bus_status read_changelog(void *self, int32_t partition, int64_t from, size_t limit,
                                      bool (*take)(void *taker, struct bus_bytes key, struct bus_bytes value,
                                                   int64_t offset),
                                      void *taker, int64_t *out_next, struct bus_error *error)
{
    struct gateway_changelog_reader *reader = self;
    bool goes_on = true;
    enum bus_status status = BUS_OK;
    if (reader->partition != partition || reader->position != from)
        status = place(reader, partition, from, error);
    for (size_t count = 0; status == BUS_OK && goes_on && count < limit;) {
        struct bus_message message;
        bool has_moved = reader->position != from;
        status = bus_consumer_poll(reader->consumer, has_moved ? 0 : WAIT_MS, &message, error);
        if (status != BUS_OK || message.partition < 0)
            break;
        if (note(reader, &message)) {
            goes_on = take(taker, message.key, message.value, message.offset);
            count++;
        }
        bus_message_release(&message);
    }
    if (status == BUS_FATAL)
        return status;
    *out_next = reader->position;
    return reader->position != from
               ? BUS_OK
               : bus_fail(error, BUS_RETRY, "nothing is at hand of %s/%d", reader->topic, (int)partition);
}

struct gateway_changelog gateway_changelog_of(struct gateway_changelog_reader *reader)
{
    return (struct gateway_changelog){read_changelog, reader};
}
