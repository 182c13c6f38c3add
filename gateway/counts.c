#include "gateway/counts.h"

#include "bus/calendar.h"

/* A publishing day beyond these is a clock gone astray or an invention, and bounds how many books a batch may open. */
enum { DAYS_BEFORE = 800, DAYS_AFTER = 1 };

struct counting {
    const struct bus_catalogue *catalogue;
    const struct gateway_states *states;
    struct gateway_meter *meter;
    int32_t today; /* the batch's day */
};

/* --- into the books --- */

static enum bus_status enter(const struct counting *counting, const struct gateway_source *source, int32_t day,
                             const char *subscriber, enum bus_measure measure, int64_t count, struct bus_error *error)
{
    if (count == 0)
        return BUS_OK;
    struct bus_book *book;
    enum bus_status status = gateway_state_book(counting->states->of[source->partition], day, &book, error);
    if (status == BUS_OK &&
        !bus_book_add(book, source->item->department->name, source->item->name, subscriber, measure, count))
        status = bus_fail(error, BUS_FATAL, "out of memory for the books");
    return status;
}

/* What was counted of the source's events, which are of one day. */
static enum bus_status enter_events(const struct counting *counting, struct gateway_source *source,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (int i = 0; status == BUS_OK && i < BUS_MEASURE_COUNT; i++)
        status = enter(counting, source, source->day, "", (enum bus_measure)i, source->counts[i], error);
    memset(source->counts, 0, sizeof source->counts);
    return status;
}

/* What the gateway itself did and found. */
static enum bus_status enter_today(const struct counting *counting, const struct gateway_source *source,
                                   struct bus_error *error)
{
    enum bus_status status = enter(counting, source, counting->today, "", BUS_MEASURE_GAP, source->missing, error);
    if (status == BUS_OK)
        status = enter(counting, source, counting->today, "", BUS_MEASURE_NOTICE, source->notices, error);
    for (size_t i = 0; status == BUS_OK && i < bus_catalogue_subscriber_count(counting->catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(counting->catalogue, i);
        status = enter(counting, source, counting->today, subscriber->name, BUS_MEASURE_DELIVERED,
                       source->delivered[subscriber->number], error);
    }
    return status;
}

/* --- counting --- */

static int32_t day_of(const struct counting *counting, const struct gateway_exchange *exchange)
{
    if (!exchange->decoded)
        return counting->today;
    int32_t day = bus_calendar_day(exchange->event.published_at_ms);
    bool can_be = day >= counting->today - DAYS_BEFORE && day <= counting->today + DAYS_AFTER;
    return can_be ? day : counting->today;
}

static enum bus_status count_event(const struct counting *counting, const struct gateway_exchange *exchange,
                                   struct bus_error *error)
{
    static const enum bus_measure measures[] = {
        [GATEWAY_ACCEPTED] = BUS_MEASURE_ACCEPTED,
        [GATEWAY_DUPLICATE] = BUS_MEASURE_DUPLICATE,
        [GATEWAY_STALE] = BUS_MEASURE_STALE,
    };
    struct gateway_source *source = exchange->source;
    int32_t day = day_of(counting, exchange);
    enum bus_status status = day != source->day ? enter_events(counting, source, error) : BUS_OK;
    source->day = day;
    source->counts[BUS_MEASURE_CONSUMED]++;
    source->counts[BUS_MEASURE_REPLAYED] += exchange->replay;
    source->counts[exchange->refusal != NULL ? BUS_MEASURE_QUARANTINED : measures[exchange->verdict]]++;
    source->notices += exchange->gap != NULL;
    counting->meter->events++;
    return status;
}

static enum bus_status count_exchange(const struct counting *counting, const struct gateway_exchange *exchange,
                                      struct bus_error *error)
{
    struct gateway_source *source = exchange->source;
    enum bus_status status = BUS_OK;
    if (exchange->cause == GATEWAY_CAUSE_EVENT)
        status = count_event(counting, exchange, error);
    if (exchange->refusal != NULL)
        return status;
    source->notices += (int64_t)exchange->notice_count;
    for (size_t i = 0; i < exchange->delivery_count; i++)
        source->delivered[exchange->deliveries[i].view->grant->subscriber->number]++;
    counting->meter->deliveries += (int64_t)exchange->delivery_count;
    return status;
}

enum bus_status gateway_counts_batch(const struct bus_catalogue *catalogue, const struct gateway_states *states,
                                     struct gateway_batch *batch, struct gateway_meter *meter, struct bus_error *error)
{
    meter->batches++;
    size_t count = gateway_batch_count(batch);
    if (count == 0)
        return BUS_OK;
    const struct counting counting = {
        .catalogue = catalogue,
        .states = states,
        .meter = meter,
        .today = bus_calendar_day(gateway_batch_exchange(batch, 0)->now_ms),
    };
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = count_exchange(&counting, gateway_batch_exchange(batch, i), error);
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_source_count(batch); i++) {
        struct gateway_source *source = gateway_batch_source(batch, i);
        if (source->item == NULL)
            continue; /* only its offsets count */
        status = enter_events(&counting, source, error);
        if (status == BUS_OK)
            status = enter_today(&counting, source, error);
    }
    return status;
}
