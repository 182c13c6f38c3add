/* Memory: what a courier's agent remembers of its receiver: how far each partition has come, and what the courier notes (identifiers that
 * the receiver gave to records, say).
 *
 * The durable copy is the compacted topic xq.agent.<subscriber>, one partition for each of the log's and one more for status and orders
 * (docs/formats-agents.md). It is written in one Kafka transaction with the group's offsets, so that an agent that has lost its partition
 * cannot write any more. Here is a view of the partitions that are held, in LMDB, below the folder `state`; it may be deleted while
 * no agent runs. */
#ifndef SUBSCRIBERS_ENGINE_MEMORY_H
#define SUBSCRIBERS_ENGINE_MEMORY_H

#include "bus/bytes.h"

struct subscribers_memory;

/* What is noted under `key` in that partition, which must be held; data NULL when nothing is. Valid until the next call. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_get(struct subscribers_memory *memory, int32_t partition,
                                                      struct bus_bytes key, struct bus_bytes *out_value,
                                                      struct bus_error *error);
/* Gives the notes of that partition whose keys begin with `prefix`, in ascending order, to `take` until it answers false. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_memory_walk(struct subscribers_memory *memory, int32_t partition,
                                                       struct bus_bytes prefix,
                                                       bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value),
                                                       void *self, struct bus_error *error);

#endif
