/* Counts: what a batch that has been through the stages adds to the books of its partitions.
 *
 * An event counts on the day on which its adapter published and counted it; what the gateway itself does or finds (deliveries, notices,
 * missing sequence numbers) on the batch's day. Exchanges that came from no in topic are no events: only what they deliver and tell
 * counts. */
#ifndef GATEWAY_COUNTS_H
#define GATEWAY_COUNTS_H

#include "gateway/batch.h"
#include "gateway/meter.h"
#include "gateway/state/state.h"

/* FATAL: out of memory, or the store. */
BUS_MUST_CHECK enum bus_status gateway_counts_batch(const struct bus_catalogue *catalogue,
                                                    const struct gateway_states *states, struct gateway_batch *batch,
                                                    struct gateway_meter *meter, struct bus_error *error);

#endif
