/* Jobs: which resyncs are due or under way in the partitions held, as their states have it. Part of resync.
 *
 * Finds what is due by holding the grants in force against the digests by which each subscriber was served last. Nothing here is kept
 * outside the state but what can be found there again, so a batch that is discarded takes back what it did. */
#ifndef GATEWAY_JOBS_H
#define GATEWAY_JOBS_H

#include "bus/entitlement.h"
#include "bus/state_resync.h"
#include "gateway/batch.h"
#include "gateway/state/state.h"

struct gateway_job {
    int32_t partition;
    const struct bus_subscriber *subscriber;
    struct bus_slot *slot;
    struct bus_state_resync *resync; /* the caller's */
};

struct gateway_jobs;

/* All is borrowed. NULL when out of memory. */
struct gateway_jobs *gateway_jobs_create(const struct bus_catalogue *catalogue, const struct bus_portfolios *portfolios,
                                         const struct gateway_states *states);
void gateway_jobs_destroy(struct gateway_jobs *jobs);
/* As in gateway/resync.h. */
void gateway_jobs_set_catalogue(struct gateway_jobs *jobs, const struct bus_catalogue *catalogue,
                                const struct bus_portfolios *portfolios);
void gateway_jobs_look_again(struct gateway_jobs *jobs);

/* Whether any grant of the subscriber, in force or not, is on the item. */
bool gateway_jobs_covers(const struct bus_subscriber *subscriber, const struct bus_item *item);

/* Makes a job of what has changed since each subscriber was served last. Costs nothing when nothing can have changed. */
BUS_MUST_CHECK enum bus_status gateway_jobs_look(struct gateway_jobs *jobs, struct gateway_batch *batch, int64_t now_ms,
                                                 struct bus_error *error);
/* As gateway_resync_ask. */
BUS_MUST_CHECK enum bus_status gateway_jobs_ask(struct gateway_jobs *jobs, struct gateway_batch *batch,
                                                int32_t partition, const struct bus_subscriber *subscriber,
                                                const struct bus_item *item, struct bus_error *error);
/* The job to go on with, if any. */
BUS_MUST_CHECK enum bus_status gateway_jobs_next(struct gateway_jobs *jobs, struct gateway_job *out_job,
                                                 bool *out_found, struct bus_error *error);
/* The digests of the grants as they are now, by which the job will have served its items. */
void gateway_jobs_note_digests(const struct gateway_jobs *jobs, struct gateway_job *job);
BUS_MUST_CHECK enum bus_status gateway_jobs_write(struct gateway_jobs *jobs, struct gateway_batch *batch,
                                                  const struct gateway_job *job, struct bus_error *error);
/* The job is done: its items are served, and it is gone. */
BUS_MUST_CHECK enum bus_status gateway_jobs_finish(struct gateway_jobs *jobs, struct gateway_batch *batch,
                                                   const struct gateway_job *job, struct bus_error *error);

#endif
