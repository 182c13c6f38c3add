/* Report: tells the exchange how far the agent is: its books to xq.books, its offsets to its consumer group.
 *
 * Neither is authoritative: the sink holds the position and the books, and after a restart both are told again. */
#ifndef SUBSCRIBERS_ENGINE_REPORT_H
#define SUBSCRIBERS_ENGINE_REPORT_H

#include "bus/consumer.h"

struct subscribers_report;

/* One slot for each of `partitions`. `kafka`, `prefix` and `topic` are borrowed. */
BUS_MUST_CHECK enum bus_status subscribers_report_open(const struct bus_kafka *kafka, const char *prefix,
                                                       const char *topic, int32_t partitions,
                                                       struct subscribers_report **out_report, struct bus_error *error);
void subscribers_report_close(struct subscribers_report *report);

/* What stands in the sink now. `book_name` and `book` are copied; an empty book is not told. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status subscribers_report_set(struct subscribers_report *report, int32_t partition,
                                                      int64_t next, const char *book_name, struct bus_bytes book,
                                                      struct bus_error *error);
/* Tells what is new when some time has passed since the last time, or when `now` is set. RETRY: later again. */
BUS_MUST_CHECK enum bus_status subscribers_report_tell(struct subscribers_report *report, struct bus_consumer *consumer,
                                                       bool now, struct bus_error *error);

#endif
