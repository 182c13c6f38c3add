/* Receiver: the sink, which may be away, and the catalogues by which it is filled. Whoever is away is waited for, with a warning. */
#ifndef SUBSCRIBERS_ENGINE_RECEIVER_H
#define SUBSCRIBERS_ENGINE_RECEIVER_H

#include "subscribers/engine/settings.h"

struct subscribers_receiver;

/* Loads the catalogue and the sink's configuration; reaches nothing outside. `settings` and `topic` are borrowed. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_open(const struct subscribers_settings *settings, const char *topic,
                                                         struct subscribers_receiver **out_receiver,
                                                         struct bus_error *error);
void subscribers_receiver_close(struct subscribers_receiver *receiver);
/* Lives as long as the receiver. */
const struct subscribers_catalogues *subscribers_receiver_catalogues(const struct subscribers_receiver *receiver);
/* Of what is applied at once, none of them 0 but wait_ms. */
struct subscribers_sink_bounds subscribers_receiver_bounds(const struct subscribers_receiver *receiver);

/* As the sink's load and apply. RETRY: we were stopped. */
BUS_MUST_CHECK enum bus_status subscribers_receiver_load(struct subscribers_receiver *receiver,
                                                         struct subscribers_position *position,
                                                         struct bus_error *error);
BUS_MUST_CHECK enum bus_status subscribers_receiver_apply(struct subscribers_receiver *receiver,
                                                          struct subscribers_batch *batch, struct bus_error *error);
/* Between batches: loads the catalogue anew, with new tables and columns; when it is bad the old one stays. The log tells what came of
 * it. */
void subscribers_receiver_reload(struct subscribers_receiver *receiver);

#endif
