/* Receiver: the sink, which may be away, and the catalogues by which it is filled. Whoever is away is waited for, with a warning. */
#ifndef SUBSCRIBERS_ENGINE_RECEIVER_H
#define SUBSCRIBERS_ENGINE_RECEIVER_H

#include "subscribers/engine/settings.h"

struct subscribers_receiver;

/* Loads the catalogue and the sink's configuration; reaches nothing outside. All is borrowed; `memory` is a courier's, else NULL. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_open(const struct subscribers_settings *settings, const char *topic,
                                                         struct subscribers_memory *memory,
                                                         struct subscribers_receiver **out_receiver,
                                                         struct bus_error *error);
void subscribers_receiver_close(struct subscribers_receiver *receiver);
/* Lives as long as the receiver. */
const struct subscribers_catalogues *subscribers_receiver_catalogues(const struct subscribers_receiver *receiver);
/* Of what is applied at once, none of them 0 but wait_ms. */
struct subscribers_sink_bounds subscribers_receiver_bounds(const struct subscribers_receiver *receiver);

/* As the sink's prepare and load; waits while it is away. RETRY: we were stopped. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_prepare(struct subscribers_receiver *receiver,
                                                            struct bus_error *error);
BUS_MUST_CHECK enum bus_status subscribers_receiver_load(struct subscribers_receiver *receiver,
                                                         struct subscribers_position *position,
                                                         struct bus_error *error);
/* As the sink's apply. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_apply(struct subscribers_receiver *receiver,
                                                          struct subscribers_batch *batch, struct bus_error *error);
/* Whether a batch whose apply ended in RETRY was applied all the same. RETRY: away. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_find_out(struct subscribers_receiver *receiver,
                                                             const struct subscribers_batch *batch, bool *out_applied,
                                                             struct bus_error *error);
/* As the courier's. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_send(struct subscribers_receiver *receiver,
                                                         struct subscribers_batch *batch, struct bus_error *error);
BUS_MUST_CHECK enum bus_status subscribers_receiver_collect(struct subscribers_receiver *receiver, int timeout_ms,
                                                            struct subscribers_batch **out_batch,
                                                            struct bus_error *error);
void subscribers_receiver_abandon(struct subscribers_receiver *receiver, struct subscribers_batch *batch);
BUS_MUST_CHECK enum bus_status subscribers_receiver_idle(struct subscribers_receiver *receiver,
                                                         const int32_t *partitions, size_t count,
                                                         struct bus_error *error);
BUS_MUST_CHECK enum bus_status subscribers_receiver_order(struct subscribers_receiver *receiver, struct bus_bytes kind,
                                                          struct bus_bytes subject, struct bus_error *error);

/* Between batches: loads the catalogue anew, with new tables and columns; when it is bad the old one stays. The log tells what came of
 * it. */
void subscribers_receiver_reload(struct subscribers_receiver *receiver);

#endif
