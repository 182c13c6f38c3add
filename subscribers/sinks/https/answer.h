/* HTTPS answer: what the receiver says of each delivery of a request, and whether it can be believed.
 *
 *     {"results": [{"id": of the event, "outcome": "applied" | "refused" | "later", "code": …, "reason": …}, …]}
 *
 * One result for each delivery that was to be applied, in any order; behind a `later` all are later, because order counts. */
#ifndef SUBSCRIBERS_SINKS_HTTPS_ANSWER_H
#define SUBSCRIBERS_SINKS_HTTPS_ANSWER_H

#include "subscribers/engine/batch.h"

/* Settles the batch by the answer: sets batch->settled, and marks the deliveries that the receiver refuses with its code and words. OK: all
 * is settled. RETRY ANSWER_LATER: from the first `later` on. RETRY ANSWER_…: the answer cannot be believed, nothing is settled, is_away is set.
 * FATAL out of memory. `name`: the receiver's, for messages. */
BUS_MUST_CHECK enum bus_status https_answer_read(const char *name, struct bus_bytes body,
                                                 struct subscribers_batch *batch, struct bus_error *error);
/* The member `code` of an answer that refuses a whole request, for the log; "" when there is none. */
void https_answer_code(struct bus_bytes body, char out_code[BUS_ERROR_CODE_SIZE]);

#endif
