/* Why: whether a subscriber is entitled to a record, rule by rule, as the gateway decides it (bus/entitlement.h). */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "bus/entitlement.h"
#include "cli/command.h"

/* What is asked, and what is known; all is borrowed. */
struct cli_why {
    const struct bus_catalogue *catalogue;
    const struct bus_views *views;
    const struct bus_portfolios *portfolios; /* NULL: none of the grants asked about has one */
    const struct bus_subscriber *subscriber;
    const uint8_t *identity;
    const struct bus_item *item;
    const struct bus_item_version *version; /* of the last event, the current one when it is kept no longer */
    struct bus_entitlement_facts facts;     /* spans NULL: the event is kept no longer */
};

/* The view by which the subscriber gets the record, the first that is entitled; NULL when none is. */
const struct bus_view *cli_why_entitled(const struct cli_why *why);
/* The answer for people, Chinese first, and in JSON. */
void cli_why_text(const struct cli_why *why, struct bus_buffer *text);
void cli_why_json(const struct cli_why *why, struct bus_buffer *text);

/* A moment as an officer types it: "2026-11-24T08:30:00Z", or a day, of which its first moment in Beijing. */
bool cli_why_time(const char *text, int64_t *out_ms);

#endif
