/* Memory position: how far one partition has been applied, as a record of xq.agent.<subscriber> holds it (docs/formats-agents.md).
 *
 *     u8 layout, 1; u8 bits: 0 the log ends at a seal; i64 next; u8 hash: 0 SM3, 1 SHA-256; u64 size; the peaks, 32 bytes each; the books.
 * Integers are little endian. */
#ifndef SUBSCRIBERS_ENGINE_MEMORY_POSITION_H
#define SUBSCRIBERS_ENGINE_MEMORY_POSITION_H

#include "subscribers/engine/batch.h"

#define SUBSCRIBERS_POSITION_KEY "P"
enum { SUBSCRIBERS_POSITION_MAX_SIZE = 3584 * 1024 };

/* FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status subscribers_position_encode(const struct subscribers_position *position,
                                                           struct bus_buffer *buffer, struct bus_error *error);
/* `position` is initialised, its partition set. FATAL: what is stored is no position. */
BUS_MUST_CHECK enum bus_status subscribers_position_decode(struct bus_bytes value,
                                                           struct subscribers_position *position,
                                                           struct bus_error *error);

#endif
