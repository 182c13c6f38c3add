/* Courier: the applier's half for receivers that cannot keep our positions: a batch of each lane is under way at once, and what they settle
 * goes into the agent's memory in one Kafka transaction, together with the group's offsets. */
#ifndef SUBSCRIBERS_ENGINE_COURIER_H
#define SUBSCRIBERS_ENGINE_COURIER_H

#include "subscribers/engine/applier.h"
#include "subscribers/engine/memory.h"

struct subscribers_courier;

/* All is borrowed. NULL when out of memory. */
struct subscribers_courier *subscribers_courier_create(struct subscribers_applier *applier,
                                                       struct subscribers_memory *memory);
void subscribers_courier_destroy(struct subscribers_courier *courier);

/* Sends what is ready, waits at most `timeout_ms` for what is under way, and makes what came back durable. FATAL: also when the partitions
 * are another agent's now. */
BUS_MUST_CHECK enum bus_status subscribers_courier_step(struct subscribers_courier *courier,
                                                        struct bus_consumer *consumer, int timeout_ms,
                                                        struct bus_error *error);
/* Whether anything is under way or could be sent. */
bool subscribers_courier_is_busy(const struct subscribers_courier *courier);
/* Forgets what is under way in a partition, which is ours no more. */
void subscribers_courier_give_up(struct subscribers_courier *courier, int32_t partition);

#endif
