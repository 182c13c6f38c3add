/* Rights, part of stage 3: what a dispute, a request for correction, a repair or a restriction does (docs/rights.md).
 *
 * A rights event is the record of a case, reconciled like any other; what it does to the record that it is about is a consequence, an
 * exchange of its own behind it, so that every holder is told in the order in which things happened. */
#ifndef GATEWAY_RIGHTS_H
#define GATEWAY_RIGHTS_H

#include "gateway/batch.h"
#include "gateway/reconcile.h"

/* A rights event, before it is accepted: `known` is its case as it stands, NULL when it is new. Writes exchange->rights, and the step into
 * exchange->entry. REJECT RIGHTS_STEP: it contradicts an earlier one of its case;
 * RIGHTS_WITHDRAWAL: a case is resolved, not withdrawn; RIGHTS_DATE: decided in the future; RIGHTS_AUTHORITY: who may not;
 * RIGHTS_UNKNOWN_RECORD: nobody has sent the record yet, or not of this subject. */
BUS_MUST_CHECK enum bus_status gateway_rights_judge(const struct gateway_reconcile *reconcile,
                                                    struct gateway_exchange *exchange,
                                                    const struct bus_state_entry *known, struct bus_error *error);
/* Puts the consequence of the accepted rights event at `index` behind it. FATAL: memory. */
BUS_MUST_CHECK enum bus_status gateway_rights_follow(const struct gateway_reconcile *reconcile,
                                                     struct gateway_batch *batch, size_t index,
                                                     struct bus_error *error);
/* Stage 3 of a consequence: the record's entry as it stands after it, whether that is written and what holders are told. */
BUS_MUST_CHECK enum bus_status gateway_rights_apply(const struct gateway_reconcile *reconcile,
                                                    struct gateway_exchange *exchange, struct bus_error *error);

#endif
