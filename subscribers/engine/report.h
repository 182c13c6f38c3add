/* Report: tells the exchange how far the agent is: receipts to xq.receipts, its books to xq.books, its offsets to the group, its status to
 * xq.agent.<subscriber>.
 *
 * The receiver holds the position, the refusals not told yet and the books of the last days, and after a restart all are told again. Of older
 * days xq.books has the only copy, so a ledger lets them go no sooner than they are told. */
#ifndef SUBSCRIBERS_ENGINE_REPORT_H
#define SUBSCRIBERS_ENGINE_REPORT_H

#include "bus/agent_status.h"
#include "bus/consumer.h"
#include "subscribers/engine/lane.h"
#include "subscribers/engine/settings.h"

struct subscribers_report;

/* All is borrowed; `lanes` are the settings' partitions. Loads the key of receipts. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_report_open(const struct subscribers_settings *settings, const char *topic,
                                                       const char *exchange, struct subscribers_lane *lanes,
                                                       struct subscribers_report **out_report, struct bus_error *error);
void subscribers_report_close(struct subscribers_report *report);

/* Tells what is new when some time has passed since the last time, when a receipt is due at once, or when `now` is set; then ledgers forget.
 * No ledger has counts that the receiver has not. RETRY: later again. */
BUS_MUST_CHECK enum bus_status subscribers_report_tell(struct subscribers_report *report, struct bus_consumer *consumer,
                                                       bool now, struct bus_error *error);
/* Tells the status (lanes and at_ms are filled in) when its state or reason is another, soon when a lane begins or ends to
 * wait or moved on, when half a minute has passed, or `now` is set. RETRY: later
 * again. */
BUS_MUST_CHECK enum bus_status subscribers_report_status(struct subscribers_report *report,
                                                         struct bus_agent_status *status, bool now,
                                                         struct bus_error *error);

#endif
