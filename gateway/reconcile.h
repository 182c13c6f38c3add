/* Stage 3, reconcile: the event against what the partition state remembers.
 *
 * Of one record a higher version is accepted, the same version with the same content is a duplicate, an older one is stale; a
 * withdrawal leaves a tombstone that beats late older events, and a higher version after it is a new life of the record. Against
 * the register: another name than the registered one, and a record about an organisation that exists no more, become flags, and
 * a notice to both departments. */
#ifndef GATEWAY_RECONCILE_H
#define GATEWAY_RECONCILE_H

#include "bus/terms.h"
#include "gateway/exchange.h"
#include "gateway/state/state.h"

struct gateway_reconcile {
    const struct bus_catalogue *catalogue;
    const struct bus_terms *terms;
    const struct gateway_states *states;
};

/* Adds a notice to what settle quarantines; beyond GATEWAY_MAX_NOTICES none. Texts are constants or live as long as the batch. */
void gateway_reconcile_notice(struct gateway_exchange *exchange, const char *code, const char *text_zh,
                              const char *text_en, const struct bus_department *department);

/* `self` is a struct gateway_reconcile. Finds the places of what reconcile will read, for gateway_state_fetch; needed before
 * reconcile. */
BUS_MUST_CHECK enum bus_status gateway_reconcile_want(void *self, struct gateway_exchange *exchange,
                                                      struct bus_error *error);

/* `self` is a struct gateway_reconcile. Of any cause but MARKER. Writes verdict, entry, holders_before, notices and, for the register's own item, what the
 * register says. REJECT VERSION_CONFLICT: the same version with another content; codes of
 * gateway/rights.h. */
BUS_MUST_CHECK enum bus_status gateway_reconcile(void *self, struct gateway_exchange *exchange,
                                                 struct bus_error *error);

/* After authorise: the entry, with its holders, into the state: with the event that came, or as a change of status. */
BUS_MUST_CHECK enum bus_status gateway_reconcile_keep(const struct gateway_reconcile *reconcile,
                                                      const struct gateway_exchange *exchange, struct bus_error *error);

#endif
