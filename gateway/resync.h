/* Resync: what is current of some items goes to one subscriber again, read in sequence from xq.state, in slices between live batches.
 *
 * Due when the grants by which a subscriber is served in an item have changed (a new subscriber, a new or ended grant, another field,
 * another portfolio), and when an operator asks (a record of xq.requests). One job a subscriber and partition; its position is part of the
 * state, so it goes on after a crash or a move where it was. A record that changed since the job began is left to the live event. Each item of
 * a job begins with a RESYNC_BEGIN and ends with a RESYNC_END in the subscriber's log of this partition. */
#ifndef GATEWAY_RESYNC_H
#define GATEWAY_RESYNC_H

#include "bus/entitlement.h"
#include "gateway/batch.h"
#include "gateway/state/state.h"

/* xq.state as a resync reads it. Kafka in a worker; in scenarios a list in memory. */
struct gateway_changelog {
    /* The committed records of a partition from offset `from` on, at most `limit` of them, each given to `take`; *out_next is where to go
     * on, *out_end the end of what is committed. RETRY: nothing is there yet (the reader was just placed) or the broker is away. */
    enum bus_status (*read)(void *self, int32_t partition, int64_t from, size_t limit,
                            enum bus_status (*take)(void *taker, struct bus_bytes key, struct bus_bytes value,
                                                    int64_t offset, struct bus_error *error),
                            void *taker, int64_t *out_next, int64_t *out_end, struct bus_error *error);
    void *self;
};

struct gateway_resync_options {
    const struct bus_catalogue *catalogue;
    const struct bus_views *views;
    const struct bus_portfolios *portfolios;
    const struct gateway_states *states;
    struct gateway_changelog changelog;
};

struct gateway_resync;

/* All is borrowed. NULL when out of memory. */
struct gateway_resync *gateway_resync_create(const struct gateway_resync_options *options);
void gateway_resync_destroy(struct gateway_resync *resync);
/* Another catalogue, other views or portfolios from now on; grants are looked at again. */
void gateway_resync_set_catalogue(struct gateway_resync *resync, const struct bus_catalogue *catalogue,
                                  const struct bus_views *views, const struct bus_portfolios *portfolios);

/* Looks at the grants of every held partition when that is due (first time, a grant began or ended, the catalogue or a portfolio changed), and
 * adds at most `limit` exchanges of the jobs under way to the batch: cause RESYNC (only, item, version, value, subject_key, record,
 * record_slot filled; decode walks the value) or MARKER (only, item, marker). What the job has done stands in the state of the same batch.
 * *out_more: there is more to do now. */
BUS_MUST_CHECK enum bus_status gateway_resync_gather(struct gateway_resync *resync, struct gateway_batch *batch,
                                                     int64_t now_ms, size_t limit, bool *out_more,
                                                     struct bus_error *error);

/* Writes a job for `subscriber` into a partition's state; item NULL = everything it may have. A job that is due already takes it in. */
BUS_MUST_CHECK enum bus_status gateway_resync_ask(struct gateway_resync *resync, int32_t partition,
                                                  const struct bus_subscriber *subscriber, const struct bus_item *item,
                                                  struct bus_error *error);

#endif
