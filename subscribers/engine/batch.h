/* Batch: verified deliveries on their way into a sink, with the positions that they lead to.
 *
 * A sink that keeps its positions itself (apply) takes all of a batch, of several partitions, and stores all of its positions, or nothing.
 * A courier (send, collect) gets batches of one partition; the engine keeps the positions, and how much of the batch is settled counts. */
#ifndef SUBSCRIBERS_ENGINE_BATCH_H
#define SUBSCRIBERS_ENGINE_BATCH_H

#include "bus/clock.h"
#include "bus/ledger.h"
#include "bus/merkle.h"
#include "subscribers/engine/delivery.h"
#include "subscribers/engine/piece.h"
#include "subscribers/engine/refusals.h"

enum {
    SUBSCRIBERS_REASON_SIZE = 512, /* bytes of a receiver's words about one delivery, terminator included */
    SUBSCRIBERS_MAX_NOTE_KEY = 64,
};

/* How far one partition has been applied; a sink keeps it beside the data. */
struct subscribers_position {
    int32_t partition;
    int64_t next; /* the first offset not yet applied; -1 = nothing was applied ever */
    enum bus_hash hash;
    struct bus_merkle log;   /* as it stands after what was applied */
    bool is_sealed;          /* `next` lies right behind a seal */
    int64_t sealed_at_ms;    /* of the newest seal that was applied; 0 = not known */
    struct bus_buffer books; /* the encoded ledger "agent/<subscriber>/<partition>"; empty = none yet */
};

void subscribers_position_init(struct subscribers_position *position, int32_t partition);
void subscribers_position_release(struct subscribers_position *position);

/* One partition's part of a batch. */
struct subscribers_advance {
    int64_t from;                         /* the position's `next` before: what the sink must find stored (-1 = none) */
    struct subscribers_position position; /* after */
    struct bus_ledger *ledger;            /* borrowed; subscribers_batch_settle counts in it */
    /* Borrowed: refused and not told yet, which subscribers_batch_settle stores with the books. */
    const struct subscribers_refusals *untold;
    size_t piece_count;    /* of the partition's backlog, that the batch holds whole */
    bool holds_withdrawal; /* a receipt is due at once */
};

/* What a courier wants remembered beside the position, in the same transaction (engine/memory.h). */
struct subscribers_note {
    struct bus_buffer key, value; /* value with nothing in it: forget the key */
};

struct subscribers_batch {
    struct subscribers_delivery *deliveries; /* of each partition in the order of its log */
    size_t count;
    size_t capacity;
    const struct subscribers_piece *pieces; /* of a courier's batch: the piece that they are of */
    struct subscribers_advance *advances;
    size_t advance_count;
    const char *subscriber;
    struct bus_clock clock;

    /* Of a courier: one partition, deliveries of one piece (part of it, when bounds cut it), so the same batch comes again after a
     * restart. What it settles and notes is filled by `collect`. */
    struct bus_merkle before; /* the log as it stands in front of the first delivery */
    size_t settled;           /* of the first so many it is known that they are applied or refused */
    bool is_away;             /* the receiver as a whole is away, not only this batch has to wait */
    int64_t retry_ms;         /* not before so many ms again, as the receiver asks; 0 = it did not say */
    struct subscribers_note *notes;
    size_t note_count, note_capacity;
    void *courier; /* the courier's own while the batch is under way */
};

/* Called by the sink when it knows which deliveries it refuses (delivery->refusal), before it stores the positions: counts them
 * in the books of the days on which they were delivered, and encodes the books into the positions. May be called again when an
 * attempt is repeated. The engine does it for couriers. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status subscribers_batch_settle(struct subscribers_batch *batch, struct bus_error *error);

/* Adds what was refused in the advance's partition. */
void subscribers_batch_refusals(const struct subscribers_batch *batch, const struct subscribers_advance *advance,
                                struct subscribers_refusals *refusals);
void subscribers_batch_release(struct subscribers_batch *batch);

/* Writes the reason why a sink refuses the delivery. `code` is kept, cut to fit. */
void subscribers_delivery_refuse(struct subscribers_delivery *delivery, const char *code);
/* The same with the receiver's words, kept and cut to fit at a character. */
void subscribers_delivery_refuse_because(struct subscribers_delivery *delivery, const char *code,
                                         struct bus_bytes words);
static inline bool subscribers_delivery_is_refused(const struct subscribers_delivery *delivery)
{
    return delivery->refusal[0] != '\0';
}

/* Remembers `value` (nothing = forgets) under `key`, at most SUBSCRIBERS_MAX_NOTE_KEY bytes; both are copied. A later note of the same
 * key counts. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status subscribers_batch_note(struct subscribers_batch *batch, struct bus_bytes key,
                                                      struct bus_bytes value, struct bus_error *error);

#endif
