/* Province run: one comparison with the province, step by step, from the first question to the report (province_compare.h). */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_RUN_H
#define SUBSCRIBERS_SINKS_PROVINCE_RUN_H

#include "subscribers/sinks/province/answer.h"
#include "subscribers/sinks/province/report.h"
#include "subscribers/sinks/province/request.h"
#include "subscribers/sinks/sink.h"

struct province_run;

/* `context` is copied, `line` borrowed. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_run_create(const struct subscribers_sink_context *context,
                                                   struct province_line *line, struct province_run **out_run,
                                                   struct bus_error *error);
void province_run_destroy(struct province_run *run);

/* Begins, over these partitions, with so many days before today; without today, which is not over, unless `everything`. FATAL. */
BUS_MUST_CHECK enum bus_status province_run_begin(struct province_run *run, const int32_t *partitions, size_t count,
                                                  int64_t now_ms, int32_t days, bool everything,
                                                  struct bus_error *error);
bool province_run_is_busy(const struct province_run *run);
/* Goes on for about `timeout_ms`; `partitions` are those held now. At the end the report is written and the log told. RETRY: given up, to be begun
 * anew, not before province_run_retry_ms. FATAL. */
BUS_MUST_CHECK enum bus_status province_run_step(struct province_run *run, const int32_t *partitions, size_t count,
                                                 int timeout_ms, struct bus_error *error);
int64_t province_run_retry_ms(const struct province_run *run);

/* What the two say of one record; false when they agree. `held` NULL: the province does not have it. */
bool province_judge(const struct province_note *note, const struct province_held *held,
                    enum province_finding_kind *out_kind);

#endif
