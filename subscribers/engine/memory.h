/* Memory: what a courier's agent remembers of its receiver: how far each partition has come, and what the courier notes (identifiers that
 * the receiver gave to records, say).
 *
 * The durable copy is the compacted topic xq.agent.<subscriber>, one partition for each of the log's and one more for status and orders
 * (docs/formats-agents.md). It is written in one Kafka transaction with the group's offsets, so that an agent that has lost its partition
 * cannot write any more. Here is a view of the partitions that are held, in LMDB, below the folder `state`; it may be deleted while
 * no agent runs. */
#ifndef SUBSCRIBERS_ENGINE_MEMORY_H
#define SUBSCRIBERS_ENGINE_MEMORY_H

#include "bus/consumer.h"
#include "subscribers/engine/batch.h"

struct subscribers_settings;
struct subscribers_memory;

/* --- the engine's --- */

/* `settings` is borrowed; reaches nothing outside but the folder. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_open(const struct subscribers_settings *settings, const char *topic,
                                                       struct subscribers_memory **out_memory, struct bus_error *error);
/* Opens the transactional producer; waits for the broker. RETRY: we were stopped. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_connect(struct subscribers_memory *memory, struct bus_error *error);
void subscribers_memory_close(struct subscribers_memory *memory);
/* The partition is ours: reads what the topic has more than the view, and fills `position`. Waits while a transaction of another agent is
 * open. RETRY: we were stopped. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_take(struct subscribers_memory *memory,
                                                       struct subscribers_position *position, struct bus_error *error);
void subscribers_memory_give_up(struct subscribers_memory *memory, int32_t partition);
/* Positions, books and notes of the batches, each of one partition, and the group's offsets. RETRY: nothing of it; later again. FATAL: also
 * when another agent with our name has begun. */
BUS_MUST_CHECK enum bus_status subscribers_memory_commit(struct subscribers_memory *memory,
                                                         struct bus_consumer *consumer,
                                                         struct subscribers_batch *const *batches, size_t count,
                                                         struct bus_error *error);

/* --- the courier's --- */

/* What is noted under `key` in that partition, which must be held; data NULL when nothing is. Valid until the next call. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_get(struct subscribers_memory *memory, int32_t partition,
                                                      struct bus_bytes key, struct bus_bytes *out_value,
                                                      struct bus_error *error);
/* Gives the notes of that partition whose keys begin with `prefix`, in ascending order, to `take` until it answers false. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_walk(
    struct subscribers_memory *memory, int32_t partition, struct bus_bytes prefix,
    bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value), void *self, struct bus_error *error);

#endif
