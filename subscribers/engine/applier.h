/* Applier: gathers verified pieces into batches, brings them into the receiver exactly once, and counts them.
 *
 * A view that is unknown is waited for: what came before it is applied, and what came behind it stays where it is until a catalogue has
 * the view. */
#ifndef SUBSCRIBERS_ENGINE_APPLIER_H
#define SUBSCRIBERS_ENGINE_APPLIER_H

#include "subscribers/engine/piece.h"
#include "subscribers/engine/receiver.h"
#include "subscribers/engine/report.h"

struct subscribers_applier;

/* All is borrowed. NULL when out of memory. */
struct subscribers_applier *subscribers_applier_create(const struct subscribers_settings *settings,
                                                       struct subscribers_receiver *receiver,
                                                       struct subscribers_report *report);
void subscribers_applier_destroy(struct subscribers_applier *applier);

/* Reads where the receiver stands into `positions`, one initialised for each partition in order, and tells the report, as after every
 * batch. RETRY: we were stopped. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_applier_start(struct subscribers_applier *applier,
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

/* Whether the books should be told before more is applied: days go by quickly while much is caught up with. */
bool subscribers_applier_has_many_days(const struct subscribers_applier *applier);

#endif
