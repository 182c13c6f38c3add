#include "gateway/seal.h"

#include <stdlib.h>

struct gateway_sealer {
    struct gateway_signer *signer;
    char exchange[BUS_SEAL_MAX_TEXT];
};

/* What is worked out for a batch before anything is handed back; arrays of one entry a log, in ascending order of names. */
struct batch {
    struct gateway_seal_log **logs;
    struct bus_merkle *grown;
    struct bus_seal_log *shares;
    struct bus_merkle_tree tree;
    size_t count;
    int64_t now_ms;
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    size_t signature_length;
};

enum bus_status gateway_sealer_create(const char *exchange, struct gateway_signer *signer,
                                      struct gateway_sealer **out_sealer, struct bus_error *error)
{
    if (!bus_seal_is_name(bus_bytes_text(exchange)))
        return bus_fail(error, BUS_FATAL, "the exchange's name must have 1 to %d bytes and no control characters",
                        BUS_SEAL_MAX_TEXT - 1);
    struct gateway_sealer *sealer = calloc(1, sizeof *sealer);
    if (sealer == NULL)
        return bus_fail(error, BUS_FATAL, "create the sealer: out of memory");
    sealer->signer = signer;
    strcpy(sealer->exchange, exchange);
    *out_sealer = sealer;
    return BUS_OK;
}

void gateway_sealer_destroy(struct gateway_sealer *sealer)
{
    free(sealer);
}

enum bus_hash gateway_sealer_hash(const struct gateway_sealer *sealer)
{
    return bus_suite_hash(sealer->signer->suite);
}

void gateway_seal_leaf_header(uint64_t index, uint8_t out_header[8])
{
    bus_put_u64be(out_header, index);
}

static enum bus_status out_of_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "seal a batch: the batch's memory is used up");
}

static int by_name(const void *left, const void *right)
{
    const struct gateway_seal_log *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name); /* unsigned bytes, as the formats say */
}

static enum bus_status batch_init(struct batch *batch, struct gateway_seal_log *logs, size_t count,
                                  struct bus_arena *arena, struct bus_error *error)
{
    batch->count = count;
    batch->logs = bus_arena_allocate(arena, count * sizeof(struct gateway_seal_log *));
    batch->grown = bus_arena_allocate(arena, count * sizeof *batch->grown);
    batch->shares = bus_arena_allocate(arena, count * sizeof *batch->shares);
    if (batch->logs == NULL || batch->grown == NULL || batch->shares == NULL)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++)
        batch->logs[i] = &logs[i];
    qsort(batch->logs, count, sizeof(struct gateway_seal_log *), by_name);
    for (size_t i = 0; i < count; i++) {
        const char *name = batch->logs[i]->name;
        if (!bus_seal_is_name(bus_bytes_text(name)) || (i > 0 && strcmp(name, batch->logs[i - 1]->name) == 0))
            return bus_fail(error, BUS_FATAL, "seal a batch: log name \"%.80s\" is no name, or stands twice", name);
    }
    return BUS_OK;
}

/* Hashes the new records of all logs in one call, so that the lanes are full even when each log has few. */
static enum bus_status hash_records(enum bus_hash hash, const struct batch *batch, struct bus_arena *arena,
                                    bus_digest_bytes **out_leaves, struct bus_error *error)
{
    size_t records = 0, at = 0;
    for (size_t i = 0; i < batch->count; i++)
        records += batch->logs[i]->count;
    struct bus_bytes *keys = bus_arena_allocate(arena, records * sizeof *keys);
    struct bus_bytes *values = bus_arena_allocate(arena, records * sizeof *values);
    *out_leaves = bus_arena_allocate(arena, records * sizeof **out_leaves);
    if (keys == NULL || values == NULL || *out_leaves == NULL)
        return out_of_memory(error);
    for (size_t i = 0; i < batch->count; i++) {
        const struct gateway_seal_log *log = batch->logs[i];
        memcpy(keys + at, log->keys, log->count * sizeof *keys);
        memcpy(values + at, log->values, log->count * sizeof *values);
        at += log->count;
    }
    return bus_merkle_leaves(hash, keys, values, records, arena, *out_leaves, error);
}

/* Grows a copy of each log and notes its share of the batch. */
static enum bus_status grow_logs(enum bus_hash hash, struct batch *batch, const bus_digest_bytes *leaves,
                                 struct bus_arena *arena, struct bus_error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct gateway_seal_log *log = batch->logs[i];
        struct bus_seal_log *share = &batch->shares[i];
        batch->grown[i] = *log->log;
        enum bus_status status = bus_merkle_append(&batch->grown[i], hash, leaves, log->count, arena, error);
        if (status != BUS_OK)
            return status;
        leaves += log->count;
        share->name = log->name;
        share->size = batch->grown[i].size;
        bus_merkle_root(&batch->grown[i], hash, share->root);
    }
    return BUS_OK;
}

static enum bus_status sign_batch(const struct gateway_sealer *sealer, enum bus_hash hash, struct batch *batch,
                                  struct bus_arena *arena, struct bus_error *error)
{
    const struct gateway_signer *signer = sealer->signer;
    bus_digest_bytes *leaves = bus_arena_allocate(arena, batch->count * sizeof *leaves);

    if (leaves == NULL)
        return out_of_memory(error);
    bus_seal_batch_leaves(hash, batch->shares, batch->count, leaves);
    enum bus_status status = bus_merkle_tree_build(hash, leaves, batch->count, arena, &batch->tree, error);
    if (status != BUS_OK)
        return status;
    return signer->sign(signer->self, sealer->exchange, batch->now_ms, batch->tree.levels[batch->tree.depth][0],
                        batch->signature, &batch->signature_length, error);
}

/* The seal of log `index`, encoded into the arena. */
static enum bus_status write_seal(const struct gateway_sealer *sealer, const struct batch *batch, size_t index,
                                  struct bus_buffer *buffer, struct bus_arena *arena, struct bus_error *error)
{
    const struct gateway_signer *signer = sealer->signer;
    const struct bus_merkle *grown = &batch->grown[index];
    struct bus_seal seal = {.size = grown->size,
                            .batch_index = (uint32_t)index,
                            .batch_size = (uint32_t)batch->count,
                            .sealed_at_ms = batch->now_ms,
                            .suite = signer->suite,
                            .signature_length = batch->signature_length};

    strcpy(seal.exchange, sealer->exchange);
    strcpy(seal.log, batch->shares[index].name);
    strncpy(seal.key_id, signer->key_id, sizeof seal.key_id - 1);
    memcpy(seal.root, batch->shares[index].root, sizeof seal.root);
    memcpy(seal.frontier, grown->peaks, bus_merkle_peak_count(grown->size) * sizeof grown->peaks[0]);
    memcpy(seal.signature, batch->signature, batch->signature_length);
    seal.batch_path_length = bus_merkle_tree_path(&batch->tree, index, seal.batch_path);
    bus_buffer_reset(buffer);
    enum bus_status status = bus_seal_encode(&seal, buffer, error);
    if (status != BUS_OK)
        return status;
    batch->logs[index]->seal = bus_arena_copy(arena, bus_buffer_view(buffer));
    return batch->logs[index]->seal.data != NULL ? BUS_OK : out_of_memory(error);
}

enum bus_status gateway_seal_batch(struct gateway_sealer *sealer, struct gateway_seal_log *logs, size_t count,
                                   int64_t now_ms, struct bus_arena *arena, struct bus_error *error)
{
    enum bus_hash hash = gateway_sealer_hash(sealer);
    struct batch batch = {.now_ms = now_ms};
    bus_digest_bytes *leaves = NULL;
    struct bus_buffer buffer;

    if (count == 0)
        return BUS_OK;
    if (count > BUS_SEAL_MAX_LOGS)
        return bus_fail(error, BUS_FATAL, "seal a batch: %zu logs are more than the %d that one signature may cover",
                        count, BUS_SEAL_MAX_LOGS);
    bus_buffer_init(&buffer, BUS_SEAL_MAX_SIZE);
    enum bus_status status = batch_init(&batch, logs, count, arena, error);
    if (status == BUS_OK)
        status = hash_records(hash, &batch, arena, &leaves, error);
    if (status == BUS_OK)
        status = grow_logs(hash, &batch, leaves, arena, error);
    if (status == BUS_OK)
        status = sign_batch(sealer, hash, &batch, arena, error);
    for (size_t i = 0; i < count && status == BUS_OK; i++)
        status = write_seal(sealer, &batch, i, &buffer, arena, error);

    /* Only now, when nothing can fail any more, do the logs grow. */
    for (size_t i = 0; i < count && status == BUS_OK; i++) {
        batch.logs[i]->first_leaf = batch.logs[i]->log->size;
        *batch.logs[i]->log = batch.grown[i];
    }
    bus_buffer_release(&buffer);
    return status;
}
