/* Batch: verified deliveries on their way into a sink, with the positions that they lead to.
 *
 * A sink applies all of a batch and stores all of its positions, or nothing. */
#ifndef SUBSCRIBERS_ENGINE_BATCH_H
#define SUBSCRIBERS_ENGINE_BATCH_H

#include "bus/clock.h"
#include "bus/ledger.h"
#include "bus/merkle.h"
#include "subscribers/engine/delivery.h"

/* How far one partition has been applied; a sink keeps it beside the data. */
struct subscribers_position {
    int32_t partition;
    int64_t next; /* the first offset not yet applied; -1 = nothing was applied ever */
    enum bus_hash hash;
    struct bus_merkle log;   /* as it stands after what was applied */
    struct bus_buffer books; /* the encoded ledger "agent/<subscriber>/<partition>"; empty = none yet */
};

void subscribers_position_init(struct subscribers_position *position, int32_t partition);
void subscribers_position_release(struct subscribers_position *position);

/* One partition's part of a batch. */
struct subscribers_advance {
    int64_t from;                         /* the position's `next` before: what the sink must find stored (-1 = none) */
    struct subscribers_position position; /* after */
    struct bus_ledger *ledger;            /* borrowed; subscribers_batch_settle counts in it */
};

struct subscribers_batch {
    struct subscribers_delivery *deliveries; /* of each partition in the order of its log */
    size_t count;
    size_t piece_count; /* pieces of the backlog that they are of */
    struct subscribers_advance *advances;
    size_t advance_count;
    const char *subscriber;
    struct bus_clock clock;
};

/* Called by the sink when it knows which deliveries it refuses (delivery->refusal), before it stores the positions: counts them
 * in the books of the days on which they were delivered, and encodes the books into the positions. May be called again when an
 * attempt is repeated. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status subscribers_batch_settle(struct subscribers_batch *batch, struct bus_error *error);

/* Writes the reason why a sink refuses the delivery. `code` is kept, cut to fit. */
void subscribers_delivery_refuse(struct subscribers_delivery *delivery, const char *code);
static inline bool subscribers_delivery_is_refused(const struct subscribers_delivery *delivery)
{
    return delivery->refusal[0] != '\0';
}

#endif
