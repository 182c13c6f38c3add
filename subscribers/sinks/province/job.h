/* Province job: one batch on its way to the province.
 *
 * Rows go in the order of the log. The batch is cut where a record occurs a second time and at the end of a resync: what stands behind is
 * planned when what stands before has been taken, so that it can quote the govId. Within such a segment a request holds as many rows as went
 * well lately: more after each that is taken, fewer after one that is refused, which is sent again without its bad row and filled up. How many
 * is noted with each batch, and depends on the answers only, so that after a crash the same requests are made, with the same idempotency
 * keys. A batch is settled whole or not at all, unless a delivery has to wait for its govId: then what stands before it. When the province
 * is away the job rests, and goes on with the same request when its batch comes again. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_JOB_H
#define SUBSCRIBERS_SINKS_PROVINCE_JOB_H

#include "subscribers/sinks/province/plan.h"
#include "subscribers/sinks/province/request.h"

struct province_job;

/* What all jobs of a sink have in common; borrowed. */
struct province_work {
    struct province_line *line;
    const struct province_mapping *mapping;
    struct subscribers_memory *memory;
    size_t batch_rows; /* of one request, at most */
};

/* Puts the batch under way. FATAL. */
BUS_MUST_CHECK enum bus_status province_job_start(const struct province_work *work, struct subscribers_batch *batch,
                                                  struct province_job **out_job, struct bus_error *error);
/* Goes on with a job that rests, for the batch that has come again. *out_goes_on false: it is another batch than the job's, which is of no use
 * any more. FATAL. */
BUS_MUST_CHECK enum bus_status province_job_resume(struct province_job *job, struct subscribers_batch *batch,
                                                   bool *out_goes_on, struct bus_error *error);
/* Gives up what is under way. */
void province_job_destroy(struct province_job *job);

bool province_job_is_done(const struct province_job *job);
/* NULL while it rests. */
struct subscribers_batch *province_job_batch(const struct province_job *job);
int32_t province_job_partition(const struct province_job *job);
bool province_job_rests(const struct province_job *job);
/* Of a job that is done: marks the refused, notes, and says how much is settled, as the sink's `collect`. When it can go on later, it rests
 * from now on. RETRY, FATAL. */
BUS_MUST_CHECK enum bus_status province_job_finish(struct province_job *job, struct bus_error *error);

#endif
