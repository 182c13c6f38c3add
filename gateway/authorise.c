#include "gateway/authorise.h"

#include "bus/log.h"

/* The views of one subscriber, in the order of its grants. */
struct offer {
    const struct bus_view *const *views;
    size_t count;
};

static const struct bus_subscriber *subscriber_of(const struct offer *offer)
{
    return offer->views[0]->grant->subscriber;
}

static struct bus_entitlement_facts facts_of(const struct gateway_exchange *exchange)
{
    return (struct bus_entitlement_facts){
        .entry = &exchange->entry,
        .subject_key = exchange->subject_key,
        .area_code = exchange->event.area_code,
        .datum = exchange->value,
        .spans = exchange->spans,
        .now_ms = exchange->now_ms,
    };
}

/* What a delivery says of the record beside what its event said. */
static uint32_t flags_of(const struct gateway_exchange *exchange)
{
    const struct bus_state_entry *entry = &exchange->entry;
    uint32_t flags = exchange->cause == GATEWAY_CAUSE_EVENT ? exchange->flags : entry->flags;
    if (bus_state_is_disputed(entry))
        flags |= 1u << BUS_FLAG_DISPUTED;
    if (bus_state_has_mark(entry, BUS_MARK_RESTRICTED_PUBLIC))
        flags |= 1u << BUS_FLAG_RESTRICTED;
    if (bus_state_has_mark(entry, BUS_MARK_PUBLICITY_ENDED))
        flags |= 1u << BUS_FLAG_PUBLICITY_ENDED;
    return flags;
}

/* Whether what has happened to the record leaves it to this subscriber; out_reason says why not. */
static bool may_hold(const struct offer *offer, const struct bus_entitlement_facts *facts,
                     enum bus_delivery_reason *out_reason)
{
    static const struct {
        enum bus_entitlement_rule rule;
        enum bus_delivery_reason reason;
    } limits[] = {
        {BUS_RULE_NOT_REPAIRED, BUS_REASON_REPAIRED},
        {BUS_RULE_NOT_RESTRICTED, BUS_REASON_RESTRICTED},
        {BUS_RULE_RETENTION, BUS_REASON_EXPIRED},
        {BUS_RULE_PUBLICITY, BUS_REASON_EXPIRED},
        {BUS_RULE_NO_MINOR_IN_PUBLIC, BUS_REASON_RESTRICTED},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (!bus_entitlement_holds(limits[i].rule, offer->views[0], NULL, facts)) {
            *out_reason = limits[i].reason;
            return false;
        }
    return true;
}

static const struct bus_view *first_entitled(const struct gateway_authorise *authorise, const struct offer *offer,
                                             const struct bus_entitlement_facts *facts)
{
    for (size_t i = 0; i < offer->count; i++)
        if (bus_entitlement_judge(offer->views[i], authorise->portfolios, facts) == BUS_RULE_COUNT)
            return offer->views[i];
    return NULL;
}

/* A grant that has ended and leaves with the subscriber what it gave. */
static const struct bus_view *first_kept(const struct gateway_authorise *authorise, const struct offer *offer,
                                         const struct bus_entitlement_facts *facts)
{
    for (size_t i = 0; i < offer->count; i++)
        if (offer->views[i]->grant->keeps_at_end && facts->now_ms >= offer->views[i]->grant->to_ms &&
            bus_entitlement_judge_period_apart(offer->views[i], authorise->portfolios, facts) == BUS_RULE_COUNT)
            return offer->views[i];
    return NULL;
}

/* The view for a word about a record without its fields: of the first grant that is in force and fits what is known of it (its area only
 * with its event), or else of the first. */
static const struct bus_view *view_to_tell(const struct gateway_exchange *exchange, const struct offer *offer)
{
    static const enum bus_entitlement_rule rules[] = {BUS_RULE_BEGUN, BUS_RULE_NOT_ENDED, BUS_RULE_SUBJECT_KIND,
                                                      BUS_RULE_AREA};
    size_t rule_count = exchange->decoded ? 4 : 3;
    struct bus_entitlement_facts facts = facts_of(exchange);
    for (size_t i = 0; i < offer->count; i++) {
        size_t holding = 0;
        while (holding < rule_count && bus_entitlement_holds(rules[holding], offer->views[i], NULL, &facts))
            holding++;
        if (holding == rule_count)
            return offer->views[i];
    }
    return offer->views[0];
}

static void say(const struct gateway_exchange *exchange, struct gateway_delivery *out_delivery,
                const struct bus_view *view, enum bus_delivery_operation operation, enum bus_delivery_reason reason)
{
    *out_delivery = (struct gateway_delivery){
        .view = view,
        .content = {.operation = operation,
                    .reason = reason,
                    .flags = flags_of(exchange),
                    .version = exchange->entry.version,
                    .delivered_at_ms = exchange->now_ms},
    };
}

/* A version, new or again: whoever is entitled gets it; who holds the record and is not loses it, or may keep what it got before its
 * grant ended, which a later version makes outdated, also when a resync names it. */
static void offer_version(const struct gateway_authorise *authorise, const struct gateway_exchange *exchange,
                          const struct offer *offer, bool holds, struct gateway_delivery *out_delivery)
{
    struct bus_entitlement_facts facts = facts_of(exchange);
    bool is_again = exchange->cause == GATEWAY_CAUSE_RESYNC;
    const struct bus_view *view = first_entitled(authorise, offer, &facts);
    enum bus_delivery_reason reason = holds && !is_again ? BUS_REASON_CORRECTED : BUS_REASON_NONE;
    if (view != NULL) {
        say(exchange, out_delivery, view, BUS_DELIVERY_PUT, reason);
        return;
    }
    if (!holds)
        return;
    view = first_kept(authorise, offer, &facts);
    if (view != NULL) {
        bool is_outdated = exchange->entry.changed_ms >= view->grant->to_ms;
        say(exchange, out_delivery, view, BUS_DELIVERY_STATUS, is_outdated ? BUS_REASON_CORRECTED : BUS_REASON_NONE);
        return;
    }
    enum bus_delivery_reason lost = BUS_REASON_GRANT_ENDED;
    (void)may_hold(offer, &facts, &lost);
    say(exchange, out_delivery, view_to_tell(exchange, offer), BUS_DELIVERY_WITHDRAW, lost);
}

static void tell_holder(const struct gateway_exchange *exchange, const struct offer *offer,
                        struct gateway_delivery *out_delivery)
{
    struct bus_entitlement_facts facts = facts_of(exchange);
    const struct bus_view *view = view_to_tell(exchange, offer);
    enum bus_delivery_reason lost;
    if (may_hold(offer, &facts, &lost))
        say(exchange, out_delivery, view, BUS_DELIVERY_STATUS, exchange->change);
    else
        say(exchange, out_delivery, view, BUS_DELIVERY_WITHDRAW, lost);
}

/* What one subscriber gets; view NULL: nothing. */
static void decide(const struct gateway_authorise *authorise, const struct gateway_exchange *exchange,
                   const struct offer *offer, struct gateway_delivery *out_delivery)
{
    bool holds = exchange->holders_before >> subscriber_of(offer)->number & 1;
    bool is_event = exchange->cause == GATEWAY_CAUSE_EVENT;
    if (exchange->cause == GATEWAY_CAUSE_MARKER)
        say(exchange, out_delivery, view_to_tell(exchange, offer), exchange->marker, BUS_REASON_NONE);
    else if (exchange->cause == GATEWAY_CAUSE_RESYNC || (is_event && exchange->event.operation == BUS_OPERATION_PUT))
        offer_version(authorise, exchange, offer, holds, out_delivery);
    else if (is_event && holds)
        say(exchange, out_delivery, view_to_tell(exchange, offer), BUS_DELIVERY_WITHDRAW, BUS_REASON_WITHDRAWN);
    else if (exchange->tells && holds)
        tell_holder(exchange, offer, out_delivery);
}

/* Whom no view reaches cannot be told: its grants were taken out of the catalogue instead of being ended. */
static void warn_unreached(const struct gateway_exchange *exchange, uint64_t unreached)
{
    bool goes = exchange->tells || (exchange->cause == GATEWAY_CAUSE_EVENT && exchange->holders_before != 0);
    if (unreached == 0 || !goes)
        return;
    bus_log(
        BUS_LOG_ERROR, "a holder cannot be told",
        "stage=authorise item=%s.%s partition=%d subscribers=%#llx reason=\"no grant of the catalogue covers the item\" "
        "then=\"put the grant back with its last day in `to`\"",
        exchange->item->department->name, exchange->item->name, exchange->partition, (unsigned long long)unreached);
}

enum bus_status gateway_authorise(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct gateway_authorise *authorise = self;
    size_t count;
    const struct bus_view *const *all = bus_views_of(authorise->views, exchange->version, &count);
    exchange->deliveries = bus_arena_allocate(exchange->arena, count * sizeof *exchange->deliveries);
    if (exchange->deliveries == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    exchange->delivery_count = 0;

    uint64_t holders = exchange->holders_before, unreached = exchange->only == NULL ? holders : 0;
    for (size_t first = 0, next; first < count; first = next) {
        const struct bus_subscriber *subscriber = all[first]->grant->subscriber;
        for (next = first + 1; next < count && all[next]->grant->subscriber == subscriber;)
            next++;
        uint64_t bit = (uint64_t)1 << subscriber->number;
        unreached &= ~bit;
        if (exchange->only != NULL && exchange->only != subscriber)
            continue;
        struct gateway_delivery delivery = {0};
        decide(authorise, exchange, &(struct offer){all + first, next - first}, &delivery);
        if (delivery.view == NULL)
            continue;
        exchange->deliveries[exchange->delivery_count++] = delivery;
        if (delivery.content.operation == BUS_DELIVERY_PUT)
            holders |= bit;
        else if (delivery.content.operation == BUS_DELIVERY_WITHDRAW)
            holders &= ~bit;
    }
    warn_unreached(exchange, unreached);
    exchange->entry.holders = holders;
    return BUS_OK;
}
