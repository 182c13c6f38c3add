/* Seals: checks the signature of seals against pinned public keys.
 *
 * A key is pinned by its file <key_id>.pem in the folder. One signature covers all logs of a transaction, so the last good one is
 * remembered: the seals of the other partitions cost a path, not a signature. */
#ifndef SUBSCRIBERS_ENGINE_SEALS_H
#define SUBSCRIBERS_ENGINE_SEALS_H

#include "bus/seal.h"

struct subscribers_seals;

/* `folder` and `exchange` are copied. NULL when out of memory. */
struct subscribers_seals *subscribers_seals_create(const char *folder, const char *exchange);
void subscribers_seals_destroy(struct subscribers_seals *seals);

/* Whether a pinned key signed the seal, and for this log. REJECT: SEAL_OTHER_LOG, SEAL_KEY (not pinned), SEAL_PATH, SEAL_FRONTIER,
 * SEAL_SIGNATURE. FATAL: a pinned key cannot be read. */
BUS_MUST_CHECK enum bus_status subscribers_seals_check(struct subscribers_seals *seals, const struct bus_seal *seal,
                                                       const char *log, struct bus_error *error);
/* Signatures verified so far; the rest was known. */
uint64_t subscribers_seals_verified(const struct subscribers_seals *seals);

#endif
