/* Stage 4, authorise: who gets this event, in which view; and who is told what has happened to the record that they hold.
 *
 * A subscriber gets at most one delivery of an exchange. A version goes to it by the first of its grants, in the order of its file, by
 * which it is entitled (bus/entitlement.h). A holder that is entitled no longer loses the record, unless what it was given may stay
 * (on_end = "keep"): then it is told that its copy is outdated. A withdrawal goes to everyone who holds the record; a change of status
 * too, as a withdrawal where the change means that they may not hold it. Anything that no grant names stays here. */
#ifndef GATEWAY_AUTHORISE_H
#define GATEWAY_AUTHORISE_H

#include "bus/entitlement.h"
#include "gateway/exchange.h"

struct gateway_authorise {
    const struct bus_views *views;
    const struct bus_portfolios *portfolios; /* NULL when no grant has one */
};

/* `self` is a struct gateway_authorise. Writes deliveries and entry.holders. FATAL when the batch's arena is full. */
BUS_MUST_CHECK enum bus_status gateway_authorise(void *self, struct gateway_exchange *exchange,
                                                 struct bus_error *error);

#endif
