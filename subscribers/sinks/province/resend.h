/* Province resend: what a comparison found is put right, after an officer approved it (docs/province.md).
 *
 * MISSING is added again, DIFFERENT updated, NOT_WITHDRAWN withdrawn; what has changed since it was found is left alone. A row's content is the
 * delivery's, read again from the output topic at the noted offset, and must have the noted digest: what goes out is what went out before. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_RESEND_H
#define SUBSCRIBERS_SINKS_PROVINCE_RESEND_H

#include "subscribers/sinks/province/report.h"
#include "subscribers/sinks/province/request.h"
#include "subscribers/sinks/sink.h"

struct province_resend;

/* `context` is copied; line and mapping are borrowed. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_resend_create(const struct subscribers_sink_context *context,
                                                      struct province_line *line,
                                                      const struct province_mapping *mapping,
                                                      struct province_resend **out_resend, struct bus_error *error);
void province_resend_destroy(struct province_resend *resend);

/* Begins with that report; takes what it owns. */
void province_resend_begin(struct province_resend *resend, struct province_report *take_report);
bool province_resend_is_busy(const struct province_resend *resend);
/* Goes on for about `timeout_ms`; `partitions` are those held. At the end the report is written with its outcomes. RETRY: the report cannot
 * be written, and is not tried again. FATAL. */
BUS_MUST_CHECK enum bus_status province_resend_step(struct province_resend *resend, const int32_t *partitions,
                                                    size_t count, int timeout_ms, struct bus_error *error);

#endif
