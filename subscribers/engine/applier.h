/* Applier: brings verified pieces into the receiver exactly once, lane by lane, and counts them.
 *
 * Of a sink that keeps the positions a batch holds what all lanes have, and goes in one step. A courier has a batch of each lane under way
 * (engine/courier.h). A receiver that is away is asked again with back-off while reading, orders and the group go on. A view that is unknown
 * holds its lane until a catalogue has it. */
#ifndef SUBSCRIBERS_ENGINE_APPLIER_H
#define SUBSCRIBERS_ENGINE_APPLIER_H

#include "subscribers/engine/breaker.h"
#include "subscribers/engine/lane.h"
#include "subscribers/engine/orders.h"
#include "subscribers/engine/receiver.h"

struct subscribers_applier {
    const struct subscribers_settings *settings;
    struct subscribers_receiver *receiver;
    const struct subscribers_orders *orders;
    struct subscribers_sink_bounds bounds;
    struct subscribers_lane *lanes; /* settings->partitions of them */
    struct subscribers_breaker breaker;
    struct subscribers_batch *doubtful; /* applied or not: the sink's `load` tells */
    int64_t look_at_ms;                 /* monotonic; when an unknown view is looked for again */
    int64_t applied, refused;           /* deliveries, since the start */
    int64_t applied_at_ms;              /* when the last were */
    char away[SUBSCRIBERS_REASON_SIZE]; /* why the receiver does not answer; "" = it does */
};

/* All is borrowed. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status subscribers_applier_init(struct subscribers_applier *applier,
                                                        const struct subscribers_settings *settings,
                                                        struct subscribers_receiver *receiver,
                                                        const struct subscribers_orders *orders,
                                                        struct bus_error *error);
void subscribers_applier_release(struct subscribers_applier *applier);

/* The partition is ours: reads where the receiver stands into `position`, which is initialised, or (a courier) takes it from there. RETRY: we
 * were stopped. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_applier_take(struct subscribers_applier *applier,
                                                        struct subscribers_position *position, struct bus_error *error);
/* It is ours no more. */
void subscribers_applier_give_up(struct subscribers_applier *applier, int32_t partition);

void subscribers_applier_add(struct subscribers_applier *applier, struct subscribers_piece *take_piece);
/* Whether more of the partition should be read now. */
bool subscribers_applier_wants(const struct subscribers_applier *applier, int32_t partition);
/* Whether it is time to apply; `came`: the last poll brought something. */
bool subscribers_applier_is_due(struct subscribers_applier *applier, bool came);
/* How long it may take until it is, without anything coming; at most `limit_ms`. */
int subscribers_applier_patience(const struct subscribers_applier *applier, int limit_ms);
/* Applies what was added, as far as its views are known; at an unknown one the catalogue is loaded anew. When the receiver is away that is
 * told, and it is tried again when it is due. RETRY: we were stopped. FATAL. Of a sink that keeps the positions only. */
BUS_MUST_CHECK enum bus_status subscribers_applier_apply(struct subscribers_applier *applier, struct bus_error *error);

/* Another catalogue was loaded: unknown views may be known now. */
void subscribers_applier_renewed(struct subscribers_applier *applier);
/* Whether an unknown view is in the way of any lane. */
bool subscribers_applier_is_stuck(const struct subscribers_applier *applier);
/* Whether the books should be told before more is applied: days go by quickly while much is caught up with. */
bool subscribers_applier_has_many_days(const struct subscribers_applier *applier);

/* --- what the courier's half needs as well --- */

/* Deliveries that an officer skips are refused. */
void subscribers_applier_skip(const struct subscribers_applier *applier, struct subscribers_batch *batch);
/* A lane whose view was unknown: loads the catalogue anew when it is time. True: look again. */
bool subscribers_applier_look_again(struct subscribers_applier *applier, struct subscribers_lane *lane,
                                    const struct bus_error *error);
void subscribers_applier_settle(struct subscribers_applier *applier, const struct subscribers_batch *batch);
/* The receiver did not answer. */
void subscribers_applier_is_away(struct subscribers_applier *applier, int64_t least_ms, const struct bus_error *error);
void subscribers_applier_is_back(struct subscribers_applier *applier);

#endif
