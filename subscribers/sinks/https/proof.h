/* HTTPS proof: what a receiver needs, beside the deliveries, to see for itself that they are genuine, whole and in order.
 *
 * A batch may be a part of what one seal covers, so the proof is of its last leaf. The receiver appends the leaves in front of the last to the
 * frontier that it keeps: the peaks are then the left siblings on the path of the last, which leads to the root that the seal signs. */
#ifndef SUBSCRIBERS_SINKS_HTTPS_PROOF_H
#define SUBSCRIBERS_SINKS_HTTPS_PROOF_H

#include "bus/json.h"
#include "subscribers/engine/batch.h"

enum { HTTPS_PROOF_ARENA = 128 * 1024 * 1024 }; /* for the leaves of the longest piece */

/* Writes the object {log, from, frontier, leaf, path, seal}: `from` is the leaf of the first delivery and `frontier` the peaks in front of it,
 * `leaf` that of the last and `path` its inclusion path in the log of seal.size leaves. FATAL when the arena is full. */
BUS_MUST_CHECK enum bus_status https_proof_write(const struct subscribers_batch *batch, struct bus_arena *arena,
                                                 struct bus_json *json, struct bus_error *error);
/* The leaves of the batch's deliveries, in the piece. */
const bus_digest_bytes *https_proof_leaves_view(const struct subscribers_batch *batch);
/* That the engine keeps what we need: our mistake otherwise. */
void https_proof_assert(const struct subscribers_batch *batch);

#endif
