/* Entitlement: may this subscriber have this record now, by this grant? Every rule in order; used by the gateway to decide and by
 * `xinqiao why` to explain, so that both always say the same. */
#ifndef BUS_ENTITLEMENT_H
#define BUS_ENTITLEMENT_H

#include "bus/portfolio.h"
#include "bus/state_entry.h"
#include "bus/view.h"

/* In the order in which they are asked. */
enum bus_entitlement_rule {
    BUS_RULE_NOT_WITHDRAWN,      /* the record lives */
    BUS_RULE_NOT_REPAIRED,       /* BUS_MARK_REPAIRED */
    BUS_RULE_NOT_RESTRICTED,     /* BUS_MARK_RESTRICTED, and for the public BUS_MARK_RESTRICTED_PUBLIC */
    BUS_RULE_RETENTION,          /* BUS_MARK_RETENTION_ENDED */
    BUS_RULE_PUBLICITY,          /* BUS_MARK_PUBLICITY_ENDED, for the public only */
    BUS_RULE_NO_MINOR_IN_PUBLIC, /* BUS_MARK_MINOR, for the public only */
    BUS_RULE_BEGUN,              /* the grant's first day has come */
    BUS_RULE_NOT_ENDED,          /* its last day is not over */
    BUS_RULE_SUBJECT_KIND,
    BUS_RULE_AREA,
    BUS_RULE_CONDITIONS,
    BUS_RULE_PORTFOLIO,
    BUS_RULE_COUNT, /* none fails: entitled */
};
/* What the rule asks, for people: "授权已到期 / the grant has ended" and so on, when it fails. */
const char *bus_entitlement_rule_name(enum bus_entitlement_rule rule); /* NOT_WITHDRAWN, … */
const char *bus_entitlement_rule_zh(enum bus_entitlement_rule rule);
const char *bus_entitlement_rule_en(enum bus_entitlement_rule rule);

/* What is known of the record. */
struct bus_entitlement_facts {
    const struct bus_state_entry *entry;
    const uint8_t *subject_key;
    struct bus_bytes area_code;
    struct bus_bytes datum; /* with spans, by the schema of the view's version, for conditions */
    const struct bus_span *spans;
    int64_t now_ms;
};

/* The first rule that fails, BUS_RULE_COUNT when none does. `portfolios` may be NULL when no grant has one; a grant whose
 * portfolio is not loaded fails BUS_RULE_PORTFOLIO. */
enum bus_entitlement_rule bus_entitlement_judge(const struct bus_view *view, const struct bus_portfolios *portfolios,
                                                const struct bus_entitlement_facts *facts);
/* One rule alone. */
bool bus_entitlement_holds(enum bus_entitlement_rule rule, const struct bus_view *view,
                           const struct bus_portfolios *portfolios, const struct bus_entitlement_facts *facts);
/* The same judgement as if the grant's period had not ended: for what a grant with on_end = "keep" leaves behind. */
enum bus_entitlement_rule bus_entitlement_judge_period_apart(const struct bus_view *view,
                                                             const struct bus_portfolios *portfolios,
                                                             const struct bus_entitlement_facts *facts);

/* Digest of all that decides what `subscriber` gets and keeps of `item` at `now_ms`: its grants in force, and those that ended and leave
 * what they gave, with fields, transforms, purposes, filters and portfolios. 0 when there is none. When it changes, a resync is due. */
uint64_t bus_entitlement_digest(const struct bus_catalogue *catalogue, const struct bus_portfolios *portfolios,
                                const struct bus_subscriber *subscriber, const struct bus_item *item, int64_t now_ms);
/* The next moment after `now_ms` at which a grant begins or ends; INT64_MAX when there is none. */
int64_t bus_entitlement_next_change_ms(const struct bus_catalogue *catalogue, int64_t now_ms);

#endif
