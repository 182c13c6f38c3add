/* Receipts: what receivers sign in xq.receipts, judged and kept in the transaction that commits the receipt's offset
 * (docs/formats-receipts.md).
 *
 * A genuine APPLIED replaces the subscriber's entry 'A' of the partition's state. A genuine REFUSED of a leaf higher than all before is told
 * to the item's department, once, as a quarantine notice. What is forged, altered, replayed or not ours changes nothing: it is logged, and shown
 * as a notice under the subscriber's name, so many a minute and partition that a flood fills nothing; the rest is counted in the log. */
#ifndef GATEWAY_RECEIPTS_H
#define GATEWAY_RECEIPTS_H

#include "bus/clock.h"
#include "gateway/batch.h"
#include "gateway/state/state.h"

enum {
    GATEWAY_RECEIPTS_SHOWN = 10,                /* refused receipts a minute and partition */
    GATEWAY_RECEIPTS_AHEAD_MS = 10 * 60 * 1000, /* by so much a receiver's clock may be ahead of ours */
};

/* Department of the notice when the receipt does not even say whose it is. */
#define GATEWAY_RECEIPTS_NOBODY "receipts"

struct gateway_receipts_options {
    const struct bus_catalogue *catalogue;
    const char *prefix;
    const char *keys; /* folder of the subscribers' pinned keys; "": receipts are passed over, which is told once */
    const struct gateway_states *states;
    const struct bus_clock *clock;
};

struct gateway_receipts;

/* All is borrowed. NULL when out of memory. */
struct gateway_receipts *gateway_receipts_create(const struct gateway_receipts_options *options);
void gateway_receipts_destroy(struct gateway_receipts *receipts);
/* Another catalogue from now on. */
void gateway_receipts_set_catalogue(struct gateway_receipts *receipts, const struct bus_catalogue *catalogue);

/* A record of xq.receipts, of a held partition. FATAL: memory, or the store. */
BUS_MUST_CHECK enum bus_status gateway_receipts_take(struct gateway_receipts *receipts, struct gateway_batch *batch,
                                                     const struct gateway_input *input, struct bus_error *error);

#endif
