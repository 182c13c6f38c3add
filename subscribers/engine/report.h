/* Report: tells the exchange how far the agent is: its books to xq.books, its offsets to its consumer group.
 *
 * The sink holds the position and the books of the last days, and after a restart both are told again. Of older days xq.books has
 * the only copy, so a ledger lets them go no sooner than they are told. */
#ifndef SUBSCRIBERS_ENGINE_REPORT_H
#define SUBSCRIBERS_ENGINE_REPORT_H

#include "bus/consumer.h"
#include "bus/ledger.h"

struct subscribers_report;

/* One slot for each of `partitions`. `kafka`, `prefix` and `topic` are borrowed. */
BUS_MUST_CHECK enum bus_status subscribers_report_open(const struct bus_kafka *kafka, const char *prefix,
                                                       const char *topic, int32_t partitions,
                                                       struct subscribers_report **out_report, struct bus_error *error);
void subscribers_report_close(struct subscribers_report *report);

/* What stands in the sink now: `next` (-1 = nothing), and the books, of which those from `from_day` on are new. The ledger is
 * borrowed until the report is closed. */
void subscribers_report_set(struct subscribers_report *report, int32_t partition, int64_t next,
                            struct bus_ledger *ledger, int32_t from_day);
/* Tells what is new when some time has passed since the last time, or when `now` is set, and lets the ledgers forget. No ledger has
 * counts that are not in the sink. RETRY: later again. */
BUS_MUST_CHECK enum bus_status subscribers_report_tell(struct subscribers_report *report, struct bus_consumer *consumer,
                                                       bool now, struct bus_error *error);

#endif
