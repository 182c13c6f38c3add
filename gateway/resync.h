/* Resync: what is current of some items goes to one subscriber again, read in sequence from xq.state, in slices between live batches.
 *
 * Due when the grants by which a subscriber is served in an item have changed (a new subscriber, a new or ended grant, another field,
 * another portfolio), and when an officer asks (a record of xq.requests). One job a subscriber and partition; its position is part of the
 * state and is written with the deliveries that it stands for, so it goes on after a crash or a move where it was. Each item of a job begins
 * with a RESYNC_BEGIN and ends with a RESYNC_END in the subscriber's log of this partition.
 *
 * The end of what is read is set only after the begin has been committed: whatever lies before it was current at the begin and is named by
 * the job, whatever lies behind it was delivered live behind the begin. So between begin and end every current record is named, and a record
 * that changed meanwhile is left to its live event. */
#ifndef GATEWAY_RESYNC_H
#define GATEWAY_RESYNC_H

#include "bus/entitlement.h"
#include "gateway/batch.h"
#include "gateway/state/state.h"

/* xq.state as a resync reads it. Kafka in a worker (gateway/changelog.h); in scenarios a list in memory. */
struct gateway_changelog {
    /* The committed records of a partition from offset `from` on, in order, each given to `take` and borrowed from there until it returns:
     * at most `limit` (> 0) of them, and none after the one for which `take` said false. OK: *out_next is where to go on, behind the last
     * that was given, or the end of the topic when nothing but control records was left. RETRY: nothing is at hand yet, and a few
     * milliseconds were waited for it, or the broker is away. */
    enum bus_status (*read)(void *self, int32_t partition, int64_t from, size_t limit,
                            bool (*take)(void *taker, struct bus_bytes key, struct bus_bytes value, int64_t offset),
                            void *taker, int64_t *out_next, struct bus_error *error);
    void *self;
};

struct gateway_resync_options {
    const struct bus_catalogue *catalogue;
    const struct bus_portfolios *portfolios; /* NULL when no grant has one */
    const struct gateway_states *states;
    struct gateway_changelog changelog;
};

struct gateway_resync;

/* All is borrowed. NULL when out of memory. */
struct gateway_resync *gateway_resync_create(const struct gateway_resync_options *options);
void gateway_resync_destroy(struct gateway_resync *resync);
/* Another catalogue or other portfolios from now on; grants are looked at again. */
void gateway_resync_set_catalogue(struct gateway_resync *resync, const struct bus_catalogue *catalogue,
                                  const struct bus_portfolios *portfolios);
/* Other partitions are held than before, or a portfolio has changed: grants and jobs are looked at again. */
void gateway_resync_look_again(struct gateway_resync *resync);

/* Once a batch, behind its events. Looks at the grants of every held partition when that is due (first time, a grant began or ended, look_again), and adds at most
 * `limit` (> 0) exchanges of the jobs under way to the batch: cause RESYNC (only, item, value, subject_key, record, record_slot filled; decode
 * walks the value) or MARKER (only, item, version, marker). What the job has done stands in the state of the same batch, which touches the
 * partition; a batch that is discarded takes it back. *out_more: there is more to do now. FATAL: memory, or the store. */
BUS_MUST_CHECK enum bus_status gateway_resync_gather(struct gateway_resync *resync, struct gateway_batch *batch,
                                                     int64_t now_ms, size_t limit, bool *out_more,
                                                     struct bus_error *error);

/* Writes a job for `subscriber` into the state of a held partition, as part of the batch; item NULL = everything that it has a grant on. A
 * job under way begins anew with what it had and this. REJECT REQUEST_NO_GRANT: no grant of the subscriber covers the item. */
BUS_MUST_CHECK enum bus_status gateway_resync_ask(struct gateway_resync *resync, struct gateway_batch *batch,
                                                  int32_t partition, const struct bus_subscriber *subscriber,
                                                  const struct bus_item *item, struct bus_error *error);

#endif
