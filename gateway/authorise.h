/* Stage 4, authorise: who gets this event, in which view.
 *
 * A subscriber gets at most one delivery of an event: by the first of its grants, in the order of its file, that is in force at
 * the batch's time and whose item, department, subject kind and areas fit. A withdrawal goes to everyone who holds the record; so
 * does, as a withdrawal, a new version that a holder is no longer entitled to. A minor's record never goes to a public
 * subscriber. Anything that no grant names stays here. */
#ifndef GATEWAY_AUTHORISE_H
#define GATEWAY_AUTHORISE_H

#include "gateway/exchange.h"

/* `self` is the struct bus_views of the catalogue. Writes deliveries and entry.holders. FATAL when the batch's arena is full. */
BUS_MUST_CHECK enum bus_status gateway_authorise(void *self, struct gateway_exchange *exchange,
                                                 struct bus_error *error);

#endif
