#include "gateway/counts.h"

static void count_exchange(const struct gateway_exchange *exchange, struct gateway_meter *meter)
{
    struct gateway_source *source = exchange->source;
    source->counts[BUS_MEASURE_CONSUMED]++;
    source->counts[BUS_MEASURE_REPLAYED] += exchange->replay;
    if (exchange->refusal != NULL) {
        source->counts[BUS_MEASURE_QUARANTINED]++;
        return;
    }
    static const enum bus_measure measures[] = {
        [GATEWAY_ACCEPTED] = BUS_MEASURE_ACCEPTED,
        [GATEWAY_DUPLICATE] = BUS_MEASURE_DUPLICATE,
        [GATEWAY_STALE] = BUS_MEASURE_STALE,
    };
    source->counts[measures[exchange->verdict]]++;
    if (exchange->verdict != GATEWAY_ACCEPTED)
        return;
    source->counts[BUS_MEASURE_NOTICE] += (int64_t)exchange->notice_count;
    for (size_t i = 0; i < exchange->delivery_count; i++)
        source->delivered[exchange->deliveries[i].view->grant->subscriber->number]++;
    meter->deliveries += (int64_t)exchange->delivery_count;
}

/* A source's counts into the book of its partition. */
static bool book_source(const struct bus_catalogue *catalogue, const struct gateway_states *states,
                        const struct gateway_source *source)
{
    struct bus_book *book = gateway_state_book(states->of[source->partition]);
    const char *department = source->item->department->name, *item = source->item->name;
    bool enough = true;
    for (int i = 0; enough && i < BUS_MEASURE_COUNT; i++)
        if (source->counts[i] != 0)
            enough = bus_book_add(book, department, item, "", (enum bus_measure)i, source->counts[i]);
    for (size_t i = 0; enough && i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        int64_t count = source->delivered[subscriber->number];
        if (count != 0)
            enough = bus_book_add(book, department, item, subscriber->name, BUS_MEASURE_DELIVERED, count);
    }
    return enough;
}

enum bus_status gateway_counts_batch(const struct bus_catalogue *catalogue, const struct gateway_states *states,
                                     struct gateway_batch *batch, struct gateway_meter *meter, struct bus_error *error)
{
    for (size_t i = 0; i < gateway_batch_count(batch); i++)
        count_exchange(gateway_batch_exchange(batch, i), meter);
    meter->events += (int64_t)gateway_batch_count(batch);
    meter->batches++;
    for (size_t i = 0; i < gateway_batch_source_count(batch); i++)
        if (!book_source(catalogue, states, gateway_batch_source(batch, i)))
            return bus_fail(error, BUS_FATAL, "out of memory for the books");
    return BUS_OK;
}
