/* Disclosures: what a batch writes to the audit topic, and the offsets that it leaves in the state. Part of settle.
 *
 * One audit record a partition, begun anew above a size. Each names the offset of the one before it for the same record, also when that
 * is of the same batch. */
#ifndef GATEWAY_DISCLOSURES_H
#define GATEWAY_DISCLOSURES_H

#include "gateway/batch.h"
#include "gateway/outlet.h"
#include "gateway/state/state.h"

struct gateway_disclosures;

/* `outlet` and `states` are borrowed. NULL when out of memory. */
struct gateway_disclosures *gateway_disclosures_create(const struct gateway_outlet *outlet, const char *prefix,
                                                       const struct gateway_states *states);
void gateway_disclosures_destroy(struct gateway_disclosures *disclosures);

/* Produces the audit records into the open transaction; the deliveries' leaves must be known. Statuses of the outlet and the states. */
BUS_MUST_CHECK enum bus_status gateway_disclosures_produce(struct gateway_disclosures *disclosures,
                                                           struct gateway_batch *batch, struct bus_error *error);
/* Waits until the records' offsets are known and writes them into the state's entries. */
BUS_MUST_CHECK enum bus_status gateway_disclosures_finish(struct gateway_disclosures *disclosures,
                                                          struct gateway_batch *batch, struct bus_error *error);

#endif
