/* Lane: one partition of the log on its way into the receiver. Lanes do not wait for each other; in a lane nothing overtakes. */
#ifndef SUBSCRIBERS_ENGINE_LANE_H
#define SUBSCRIBERS_ENGINE_LANE_H

#include "subscribers/engine/back_off.h"
#include "subscribers/engine/backlog.h"
#include "subscribers/engine/refusals.h"

struct subscribers_lane {
    int32_t partition;
    bool is_held;  /* the partition is ours; otherwise nothing below counts */
    bool is_stuck; /* its next delivery has a view that is not known */
    struct subscribers_backlog backlog;
    struct subscribers_batch *flight; /* of a courier: what is under way; its piece is the first of the backlog */
    struct subscribers_back_off back_off;
    char reason[SUBSCRIBERS_REASON_SIZE]; /* why it waits; "" = it does not */
    int64_t waits_since_ms;               /* 0 = it does not wait */

    /* What the receiver has. */
    int64_t applied; /* offset; -1 = nothing */
    struct bus_merkle log;
    enum bus_hash hash;
    struct bus_ledger *ledger;

    /* What the exchange has not been told yet. */
    struct subscribers_refusals untold;
    bool is_new;           /* anything at all */
    int32_t books_from;    /* books of this day and later are new; INT32_MAX = none */
    uint64_t told_size;    /* of the last receipt */
    int64_t told_at_ms;    /* its time; the next is later */
    bool is_sealed;        /* the log ends at a seal, so a receipt can be given */
    bool holds_withdrawal; /* since the last receipt: the next is due at once */
};

/* Days whose books stay beside the data: today's, and those that a clock set back may still ask for. */
enum { SUBSCRIBERS_KEEP_DAYS = 3 };

void subscribers_lane_init(struct subscribers_lane *lane, int32_t partition);
void subscribers_lane_release(struct subscribers_lane *lane);

/* It is ours, and the receiver stands at `position`. FATAL: the stored books cannot be read. */
BUS_MUST_CHECK enum bus_status subscribers_lane_take(struct subscribers_lane *lane, const char *subscriber,
                                                     const struct subscribers_position *position,
                                                     struct bus_error *error);
/* It is ours no more; what was read is forgotten. No batch is under way. */
void subscribers_lane_give_up(struct subscribers_lane *lane);

/* Begins the batch's advance along this lane, as far as its last delivery if it is a courier's, else to the end of `pieces`. */
BUS_MUST_CHECK enum bus_status subscribers_lane_advance(const struct subscribers_lane *lane,
                                                        const struct subscribers_batch *batch, size_t pieces,
                                                        struct subscribers_advance *out_advance,
                                                        struct bus_error *error);
/* The receiver has it. */
void subscribers_lane_settle(struct subscribers_lane *lane, const struct subscribers_batch *batch,
                             const struct subscribers_advance *advance);
/* It has to come again later, for this reason. */
void subscribers_lane_wait(struct subscribers_lane *lane, int64_t least_ms, const struct bus_error *error);
void subscribers_lane_go_on(struct subscribers_lane *lane);

#endif
