/* Province job: one batch on its way to the province.
 *
 * Rows go in the order of the log. The batch is cut where a record occurs a second time and at the end of a resync: what stands behind is
 * planned when what stands before has been taken, so that it can quote the govId. Within such a segment the first request holds all rows;
 * a refused one is sent again without its bad row and shorter, in a way that depends on the answers only, so that after a crash the same
 * requests are made, with the same idempotency keys. A batch is settled whole or not at all, unless a delivery has to wait for its govId:
 * then what stands before it. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_JOB_H
#define SUBSCRIBERS_SINKS_PROVINCE_JOB_H

#include "subscribers/sinks/province_plan.h"
#include "subscribers/sinks/province_request.h"

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
/* Gives up what is under way. */
void province_job_destroy(struct province_job *job);

bool province_job_is_done(const struct province_job *job);
struct subscribers_batch *province_job_batch(const struct province_job *job);
/* Of a job that is done: marks the refused, notes, and says how much is settled, as the sink's `collect`. RETRY, FATAL. */
BUS_MUST_CHECK enum bus_status province_job_finish(struct province_job *job, struct bus_error *error);

#endif
