/* Seal, stage 6: hashes what one transaction appends to the output logs and has it signed once (bus/seal.h).
 *
 * Works on a batch, not on one event: the leaves of all logs are hashed together, many lanes at a time. */
#ifndef GATEWAY_SEAL_H
#define GATEWAY_SEAL_H

#include "bus/arena.h"
#include "gateway/signer.h"

/* One output log (topic and partition) that grows in this transaction. */
struct gateway_seal_log {
    const char *name;       /* "<topic>/<partition>", at most BUS_SEAL_MAX_TEXT - 1 bytes, each name once in a batch */
    struct bus_merkle *log; /* as it stands after the last committed transaction; grows when the call succeeds */
    const struct bus_bytes *keys, *values; /* of its new records, in the order in which they will be produced */
    size_t count;                          /* at least 1 */
    uint64_t first_leaf;                   /* out: index of the first new record; record i has first_leaf + i */
    struct bus_bytes seal;                 /* out: header xq-seal of the last record, in the arena */
};

struct gateway_sealer;

/* `exchange` is copied; `signer` is borrowed. FATAL when the name is empty, too long or holds control characters. */
BUS_MUST_CHECK enum bus_status gateway_sealer_create(const char *exchange, struct gateway_signer *signer,
                                                     struct gateway_sealer **out_sealer, struct bus_error *error);
void gateway_sealer_destroy(struct gateway_sealer *sealer);
enum bus_hash gateway_sealer_hash(const struct gateway_sealer *sealer);

/* Seals the batch; the order of `logs` is free, none is nothing to do. Needs about 170 bytes of the arena a record and 12 KiB a log.
 * RETRY: the keyholder is away. FATAL: arena full, more than BUS_SEAL_MAX_LOGS logs, a name twice, or the signer refuses. On any
 * failure every `log` is as it was. After success the caller that aborts its transaction puts back its own copy of the logs. */
BUS_MUST_CHECK enum bus_status gateway_seal_batch(struct gateway_sealer *sealer, struct gateway_seal_log *logs,
                                                  size_t count, int64_t now_ms, struct bus_arena *arena,
                                                  struct bus_error *error);

/* Header xq-leaf of leaf `index`. */
void gateway_seal_leaf_header(uint64_t index, uint8_t out_header[8]);

#endif
