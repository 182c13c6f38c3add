#include "gateway/authorise.h"

static bool area_fits(const struct bus_grant *grant, struct bus_bytes area_code)
{
    if (grant->area_count == 0)
        return true;
    for (size_t i = 0; i < grant->area_count; i++) {
        size_t length = strlen(grant->areas[i]);
        if (area_code.length >= length && memcmp(area_code.data, grant->areas[i], length) == 0)
            return true;
    }
    return false;
}

static bool grant_fits(const struct bus_grant *grant, const struct gateway_exchange *exchange)
{
    const struct bus_event *event = &exchange->event;
    if (exchange->now_ms < grant->from_ms || exchange->now_ms >= grant->to_ms)
        return false;
    if (event->subject_kind == BUS_SUBJECT_PERSON ? !grant->persons : !grant->organisations)
        return false;
    if (exchange->is_minor && grant->subscriber->is_public)
        return false;
    return area_fits(grant, event->area_code);
}

static const struct bus_view *first_that_fits(const struct gateway_exchange *exchange,
                                              const struct bus_view *const *views, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (grant_fits(views[i]->grant, exchange))
            return views[i];
    return NULL;
}

/* What a subscriber gets, decided over its `count` views: a PUT by the first grant that fits, a WITHDRAW when it holds the record
 * and may not have this version, or nothing. A withdrawal goes by the grant that would fit now, by the first when none does. */
static const struct bus_view *decide(const struct gateway_exchange *exchange, const struct bus_view *const *views,
                                     size_t count, struct bus_delivery *out_content)
{
    bool holds = exchange->holders_before >> views[0]->grant->subscriber->number & 1;
    bool is_put = exchange->event.operation == BUS_OPERATION_PUT;
    const struct bus_view *fitting = is_put || holds ? first_that_fits(exchange, views, count) : NULL;
    *out_content = (struct bus_delivery){
        .flags = exchange->flags, .version = exchange->event.version, .delivered_at_ms = exchange->now_ms};
    if (is_put && fitting != NULL)
        return fitting;
    out_content->operation = BUS_DELIVERY_WITHDRAW;
    out_content->reason = is_put ? BUS_REASON_GRANT_ENDED : BUS_REASON_WITHDRAWN;
    if (!holds)
        return NULL;
    return fitting != NULL ? fitting : views[0];
}

enum bus_status gateway_authorise(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct bus_views *views = self;
    size_t count;
    const struct bus_view *const *all = bus_views_of(views, exchange->version, &count);
    exchange->deliveries = bus_arena_allocate(exchange->arena, count * sizeof *exchange->deliveries);
    if (exchange->deliveries == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    exchange->delivery_count = 0;

    uint64_t holders = exchange->holders_before;
    for (size_t first = 0, next; first < count; first = next) {
        const struct bus_subscriber *subscriber = all[first]->grant->subscriber;
        for (next = first + 1; next < count && all[next]->grant->subscriber == subscriber;)
            next++;
        struct gateway_delivery delivery = {0};
        delivery.view = decide(exchange, all + first, next - first, &delivery.content);
        if (delivery.view == NULL)
            continue;
        exchange->deliveries[exchange->delivery_count++] = delivery;
        uint64_t bit = (uint64_t)1 << subscriber->number;
        holders = delivery.content.operation == BUS_DELIVERY_PUT ? holders | bit : holders & ~bit;
    }
    exchange->entry.holders = holders;
    return BUS_OK;
}
