/* Refusals: what a batch puts into quarantine. Part of settle.
 *
 * A refused event with its stage, reason and original bytes goes to its own department; a notice about an event that went on to the
 * department whom it is for. What is told beside exchanges (gateway_batch_tell) is written as it stands. */
#ifndef GATEWAY_REFUSALS_H
#define GATEWAY_REFUSALS_H

#include "gateway/batch.h"
#include "gateway/outlet.h"

struct gateway_refusals {
    const struct gateway_outlet *outlet;
    char topic[BUS_TOPIC_SIZE];
    struct bus_buffer scratch;
};

void gateway_refusals_init(struct gateway_refusals *refusals, const struct gateway_outlet *outlet, const char *prefix);
void gateway_refusals_release(struct gateway_refusals *refusals);

/* Produces into the open transaction. Statuses of the outlet. */
BUS_MUST_CHECK enum bus_status gateway_refusals_produce(struct gateway_refusals *refusals, struct gateway_batch *batch,
                                                        struct bus_error *error);

#endif
