/* Applier: brings verified pieces into the sink, exactly once, and counts them.
 *
 * Whatever is away is waited for. A view that is unknown is waited for as well: deliveries before it are applied, and those behind it in
 * the order of arrival stay where they are until the catalogue has it. */
#ifndef SUBSCRIBERS_ENGINE_APPLIER_H
#define SUBSCRIBERS_ENGINE_APPLIER_H

#include "subscribers/engine/piece.h"
#include "subscribers/engine/report.h"
#include "subscribers/engine/settings.h"

struct subscribers_applier;

/* Loads the catalogue and the sink's configuration; reaches nothing outside. `settings` and `topic` are borrowed. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_applier_open(const struct subscribers_settings *settings, const char *topic,
                                                        struct subscribers_applier **out_applier,
                                                        struct bus_error *error);
void subscribers_applier_close(struct subscribers_applier *applier);
/* Lives as long as the applier. */
const char *subscribers_applier_exchange_view(const struct subscribers_applier *applier);

/* Reads where the sink stands into `positions`, one initialised for each partition in order. `report` (borrowed until close) is told, now
 * and after every batch. RETRY: we were stopped. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_applier_start(struct subscribers_applier *applier,
                                                         struct subscribers_report *report,
                                                         struct subscribers_position *positions,
                                                         struct bus_error *error);

void subscribers_applier_add(struct subscribers_applier *applier, struct subscribers_piece *take_piece);
/* Whether it is time to apply; `came`: the last poll brought something. */
bool subscribers_applier_is_due(const struct subscribers_applier *applier, bool came);
/* How long it may take until it is, without anything coming; at most `limit_ms`. */
int subscribers_applier_patience(const struct subscribers_applier *applier, int limit_ms);
/* Whether an unknown view is in the way, so that nothing more should be added. */
bool subscribers_applier_is_stuck(const struct subscribers_applier *applier);
/* Applies what was added, as far as its views are known; at an unknown one the catalogue is loaded anew. RETRY: we were stopped. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_applier_apply(struct subscribers_applier *applier, struct bus_error *error);
/* Loads the catalogue anew, with new tables and columns; when it is bad the old one stays. The log tells what came of it. */
void subscribers_applier_reload(struct subscribers_applier *applier);

/* Whether the books should be told before more is applied: days go by quickly while much is caught up with. */
bool subscribers_applier_has_many_days(const struct subscribers_applier *applier);

#endif
