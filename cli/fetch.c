#include "cli/fetch.h"

#include <stdlib.h>

#include "bus/clock.h"

enum {
    POLL_MS = 500,
    QUIET_MS = 15000,
    FETCH_BYTES = 16 * 1024, /* nothing behind the record is wanted; a longer one comes all the same */
    NEAR = 16,               /* records that are sooner read over than sought */
};

struct cli_fetch {
    struct bus_consumer *consumer;
    const char *topic;
    int32_t partition;
    bool assigned;
    int64_t next; /* behind the last that was read, -1 = not known */
};

enum bus_status cli_fetch_open(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                               struct cli_fetch **out_fetch, struct bus_error *error)
{
    struct cli_fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL)
        return bus_fail(error, BUS_FATAL, "read topic %s: out of memory", topic);
    *fetch = (struct cli_fetch){.topic = topic, .partition = partition, .next = -1};
    struct bus_consumer_options options = {.fetch_bytes = FETCH_BYTES};
    enum bus_status status = bus_consumer_open(kafka, &options, &fetch->consumer, error);
    if (status == BUS_OK)
        *out_fetch = fetch;
    else
        free(fetch);
    return status;
}

void cli_fetch_close(struct cli_fetch *fetch)
{
    if (fetch == NULL)
        return;
    bus_consumer_close(fetch->consumer);
    free(fetch);
}

/* Taking a partition anew costs a second, seeking in it does not. */
static enum bus_status go_to(struct cli_fetch *fetch, int64_t offset, struct bus_error *error)
{
    struct bus_partition place = {fetch->topic, fetch->partition, offset};
    if (fetch->next >= 0 && offset >= fetch->next && offset < fetch->next + NEAR)
        return BUS_OK;
    enum bus_status status = fetch->assigned ? bus_consumer_seek(fetch->consumer, &place, 1, error)
                                             : bus_consumer_assign(fetch->consumer, &place, 1, error);
    fetch->assigned = true;
    return status;
}

/* The first record at or behind the place, or the partition's end, says whether the place has one. */
static enum bus_status read_at(struct cli_fetch *fetch, int64_t offset, cli_fetch_record *record, void *self,
                               struct bus_error *error)
{
    int64_t began_ms = bus_clock_monotonic_ms();
    for (;;) {
        struct bus_message message;
        enum bus_status status = bus_consumer_poll(fetch->consumer, POLL_MS, &message, error);
        if (status != BUS_OK)
            return status;
        bool quiet = message.handle == NULL && message.partition < 0;
        if (quiet && bus_clock_monotonic_ms() - began_ms > QUIET_MS)
            return bus_fail(error, BUS_RETRY, "read topic %s: Kafka does not answer", fetch->topic);
        if (quiet)
            continue;
        if (message.handle != NULL && message.offset < offset) {
            bus_message_release(&message);
            continue;
        }
        bool met = message.handle != NULL && message.offset == offset;
        fetch->next = met ? offset + 1 : -1; /* what lies behind was taken, or the end was told: seek */
        status = record(self, offset, met ? &message : NULL, error);
        bus_message_release(&message);
        return status;
    }
}

enum bus_status cli_fetch_at(struct cli_fetch *fetch, const int64_t *offsets, size_t count, cli_fetch_record *record,
                             void *self, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        status = go_to(fetch, offsets[i], error);
        if (status == BUS_OK)
            status = read_at(fetch, offsets[i], record, self, error);
    }
    return status;
}
