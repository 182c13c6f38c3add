/* Sealed log: reads one partition of an output topic and lets through only what seals prove (docs/formats.md).
 *
 * Every record carries its leaf's index; at each seal the leaves since the last one are hashed into the log, whose size, root and
 * frontier the seal must name, and whose signature a pinned key must have made. Whatever does not fit is REJECT: a record was
 * changed, dropped, swapped or added, and the reader must go no further. */
#ifndef SUBSCRIBERS_ENGINE_SEALED_LOG_H
#define SUBSCRIBERS_ENGINE_SEALED_LOG_H

#include "subscribers/engine/piece.h"
#include "subscribers/engine/seals.h"

struct subscribers_sealed_log;

/* A record as it came from Kafka; all borrowed. */
struct subscribers_arrival {
    int64_t offset;
    struct bus_bytes key, value;
    struct bus_bytes leaf, seal; /* headers; data NULL when absent */
};

/* `start` (NULL: from the first leaf) is the log as it stood where reading begins, hashed by `hash`. `seals` and `arena`
 * (scratch, reset here) are borrowed. `keeps_proof`: pieces keep their leaves and seal. NULL when out of memory. */
struct subscribers_sealed_log *subscribers_sealed_log_create(const char *topic, int32_t partition,
                                                             const struct bus_merkle *start, enum bus_hash hash,
                                                             struct subscribers_seals *seals, struct bus_arena *arena,
                                                             bool keeps_proof);
void subscribers_sealed_log_destroy(struct subscribers_sealed_log *log);

/* The next record. `out_piece` is NULL, or (the record carried a good seal) all that it covers, the caller's to destroy.
 * REJECT: RECORD_KEY, LEAF_MISSING, LEAF_ORDER, SEAL_…. FATAL: past a limit. */
BUS_MUST_CHECK enum bus_status subscribers_sealed_log_take(struct subscribers_sealed_log *log,
                                                           const struct subscribers_arrival *arrival,
                                                           struct subscribers_piece **out_piece,
                                                           struct bus_error *error);
/* Records taken and not yet covered by a seal. */
size_t subscribers_sealed_log_pending(const struct subscribers_sealed_log *log);
/* When the last seal that was checked was made; 0 = none yet. */
int64_t subscribers_sealed_log_sealed_at(const struct subscribers_sealed_log *log);

#endif
