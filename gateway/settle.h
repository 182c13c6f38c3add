/* Settle, stage 7: everything of a batch in one transaction. The only place that produces, commits, quarantines and aborts.
 *
 * In this order: what was refused and what departments should look at (quarantine); the disclosures (audit), so that their offsets
 * are known in time for the state; deliveries, of which the last of each log waits for the seal; state and books; consumed
 * offsets; commit. Then, and only then, the states' stores. */
#ifndef GATEWAY_SETTLE_H
#define GATEWAY_SETTLE_H

#include "gateway/batch.h"
#include "gateway/meter.h"
#include "gateway/outlet.h"
#include "gateway/seal.h"
#include "gateway/state/state.h"

struct gateway_settle_options {
    const char *prefix; /* of topics */
    const struct gateway_states *states;
    struct gateway_sealer *sealer;
    struct gateway_outlet outlet;
    struct gateway_meter *meter;
};

struct gateway_settle;

/* All options are borrowed. NULL when out of memory. */
struct gateway_settle *gateway_settle_create(const struct gateway_settle_options *options);
void gateway_settle_destroy(struct gateway_settle *settle);

/* The batch has been through the pipeline. OK: durable, and in the stores. RETRY: aborted, the states as before; go back to the
 * sources' first offsets and do it all again. FATAL: what happened is for the next start to find out. */
BUS_MUST_CHECK enum bus_status gateway_settle(struct gateway_settle *settle, struct gateway_batch *batch,
                                              int64_t now_ms, struct bus_error *error);
/* For a batch that will not be settled: the states as before it. */
void gateway_settle_discard(struct gateway_settle *settle, struct gateway_batch *batch);

#endif
