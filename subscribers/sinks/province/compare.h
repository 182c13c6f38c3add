/* Province compare: once a day, and when an officer asks, what is noted of each record is held against what the province says it holds
 * (docs/province.md).
 *
 * First count and digest by item and day, a partition at a time; then the rows of each item and day that differ; then each row that differs once more,
 * a little later, because deliveries go on meanwhile. What still differs stands in a report (province_report.h), and is put right when an officer
 * approves it (province_resend.h). An agent compares the partitions that it holds. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_COMPARE_H
#define SUBSCRIBERS_SINKS_PROVINCE_COMPARE_H

#include "subscribers/sinks/province/request.h"
#include "subscribers/sinks/sink.h"

/* Keys in the sink's group. */
#define PROVINCE_COMPARE_OPTIONS                                                                                       \
    {"compare_at",                                                                                                     \
     BUS_OPTION_TEXT,                                                                                                  \
     "03:30",                                                                                                          \
     0,                                                                                                                \
     0,                                                                                                                \
     NULL,                                                                                                             \
     "time of day (HH:MM, Beijing) of the daily comparison; \"\" = only when it is asked for"},                        \
    {                                                                                                                  \
        "compare_days", BUS_OPTION_INTEGER, "92", 1, 3660, NULL, "days before today that are compared"                 \
    }

struct province_compare;

/* `context` is copied, `line` and `mapping` are borrowed; `options` is the table of `group`. FATAL with file and line. */
BUS_MUST_CHECK enum bus_status province_compare_open(const struct subscribers_sink_context *context,
                                                     const struct bus_settings_node *group,
                                                     const struct bus_option *options, struct province_line *line,
                                                     const struct province_mapping *mapping,
                                                     struct province_compare **out_compare, struct bus_error *error);
/* Before the line is closed. */
void province_compare_close(struct province_compare *compare);

/* As the sink's idle. RETRY: put off, and why. FATAL. */
BUS_MUST_CHECK enum bus_status province_compare_idle(struct province_compare *compare, const int32_t *partitions,
                                                     size_t count, struct bus_error *error);
/* As the sink's order; of kind RESEND: subject "compare" = compare soon, "YYYY-MM-DD" = put right what the comparison made on that day found.
 * Anything else is told in the log. FATAL. */
BUS_MUST_CHECK enum bus_status province_compare_order(struct province_compare *compare, struct bus_bytes kind,
                                                      struct bus_bytes subject, struct bus_error *error);

/* Whether a comparison that is due every day at that minute (Beijing; -1 = never) is due now, the last one having been made at `made_at_ms`
 * (0 = none). */
bool province_compare_is_due(int64_t now_ms, int at_minute, int64_t made_at_ms);

#endif
