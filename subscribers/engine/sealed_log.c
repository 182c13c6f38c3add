#include "subscribers/engine/sealed_log.h"

#include <stdio.h>
#include <stdlib.h>

enum { LEAF_SIZE = 8 };

struct subscribers_sealed_log {
    char name[BUS_SEAL_MAX_TEXT]; /* <topic>/<partition> */
    int32_t partition;
    struct bus_seal_reader reader;
    enum bus_hash hash; /* of the log so far; free to change while the log is empty */
    struct subscribers_piece *pending;
    struct subscribers_seals *seals;
    struct bus_arena *arena;
    bool keeps_proof;
    int64_t sealed_at_ms;
};

struct subscribers_sealed_log *subscribers_sealed_log_create(const char *topic, int32_t partition,
                                                             const struct bus_merkle *start, enum bus_hash hash,
                                                             struct subscribers_seals *seals, struct bus_arena *arena,
                                                             bool keeps_proof)
{
    struct subscribers_sealed_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    snprintf(log->name, sizeof log->name, "%s/%d", topic, (int)partition);
    log->partition = partition;
    if (start != NULL)
        log->reader.log = *start;
    log->hash = hash;
    log->seals = seals;
    log->arena = arena;
    log->keeps_proof = keeps_proof;
    return log;
}

void subscribers_sealed_log_destroy(struct subscribers_sealed_log *log)
{
    if (log == NULL)
        return;
    subscribers_piece_destroy(log->pending);
    free(log);
}

size_t subscribers_sealed_log_pending(const struct subscribers_sealed_log *log)
{
    return log->pending != NULL ? log->pending->count : 0;
}

int64_t subscribers_sealed_log_sealed_at(const struct subscribers_sealed_log *log)
{
    return log->sealed_at_ms;
}

static enum bus_status check_place(const struct subscribers_sealed_log *log, const struct subscribers_arrival *arrival,
                                   struct bus_error *error)
{
    if (arrival->key.length != BUS_IDENTITY_SIZE || arrival->value.data == NULL)
        return bus_reject(error, "RECORD_KEY", "记录的键或值不符合格式",
                          "the record's key or value is not a delivery's");
    if (arrival->leaf.length != LEAF_SIZE)
        return bus_reject(error, "LEAF_MISSING", "记录缺少日志序号", "the record carries no leaf index");
    uint64_t expected = log->reader.log.size + subscribers_sealed_log_pending(log);
    uint64_t found = bus_get_u64be(arrival->leaf.data);
    if (found != expected) {
        enum bus_status status = bus_reject(error, "LEAF_ORDER", "记录的日志序号不连续：有记录被删除、增加或调换",
                                            "the leaf index does not follow: a record was dropped, added or swapped");
        bus_error_prefix(error, "leaf %llu where %llu is expected", (unsigned long long)found,
                         (unsigned long long)expected);
        return status;
    }
    return BUS_OK;
}

/* The leaves of the pending records, in the arena. */
static enum bus_status hash_leaves(const struct subscribers_sealed_log *log, enum bus_hash hash,
                                   bus_digest_bytes **out_leaves, struct bus_error *error)
{
    const struct subscribers_piece *piece = log->pending;
    struct bus_bytes *keys = bus_arena_allocate(log->arena, 2 * piece->count * sizeof *keys);
    bus_digest_bytes *leaves = bus_arena_allocate(log->arena, piece->count * sizeof *leaves);
    if (keys == NULL || leaves == NULL)
        return bus_fail(error, BUS_FATAL, "no memory to hash %zu records of one seal", piece->count);
    struct bus_bytes *values = keys + piece->count;
    for (size_t i = 0; i < piece->count; i++) {
        keys[i] = subscribers_piece_key_view(piece, i);
        values[i] = subscribers_piece_value_view(piece, i);
    }
    *out_leaves = leaves;
    return bus_merkle_leaves(hash, keys, values, piece->count, log->arena, leaves, error);
}

static enum bus_status keep_proof(struct subscribers_piece *piece, const struct bus_seal *seal,
                                  const bus_digest_bytes *leaves, struct bus_error *error)
{
    piece->leaves = malloc(piece->count * sizeof *piece->leaves);
    piece->seal = malloc(sizeof *piece->seal);
    if (piece->leaves == NULL || piece->seal == NULL)
        return bus_fail(error, BUS_FATAL, "no memory to keep the proof of %zu records", piece->count);
    memcpy(piece->leaves, leaves, piece->count * sizeof *leaves);
    *piece->seal = *seal;
    return BUS_OK;
}

/* Holds the pending records against the seal; afterwards reader.log stands behind them. */
static enum bus_status check_seal(struct subscribers_sealed_log *log, const struct bus_seal *seal,
                                  struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(seal->suite);
    if (log->reader.log.size > 0 && hash != log->hash)
        return bus_reject(error, "SEAL_SUITE", "签章的密码套件与日志不符", "the seal's suite is not the log's");
    bus_digest_bytes *leaves;
    enum bus_status status = hash_leaves(log, hash, &leaves, error);
    if (status == BUS_OK)
        status = subscribers_seals_check(log->seals, seal, log->name, error);
    log->pending->before = log->reader.log;
    if (status == BUS_OK)
        status = bus_seal_reader_check(&log->reader, seal, (const bus_digest_bytes *)leaves, log->pending->count,
                                       log->arena, error);
    if (status == BUS_OK && log->keeps_proof)
        status = keep_proof(log->pending, seal, (const bus_digest_bytes *)leaves, error);
    if (status != BUS_OK)
        return status;
    log->hash = hash;
    log->sealed_at_ms = seal->sealed_at_ms;
    return BUS_OK;
}

static struct subscribers_piece *close_piece(struct subscribers_sealed_log *log)
{
    struct subscribers_piece *piece = log->pending;
    log->pending = NULL;
    piece->log = log->reader.log;
    piece->hash = log->hash;
    piece->next_offset = piece->records[piece->count - 1].offset + 1;
    piece->sealed_at_ms = log->sealed_at_ms;
    return piece;
}

enum bus_status subscribers_sealed_log_take(struct subscribers_sealed_log *log,
                                            const struct subscribers_arrival *arrival,
                                            struct subscribers_piece **out_piece, struct bus_error *error)
{
    *out_piece = NULL;
    struct bus_seal seal;
    enum bus_status status = check_place(log, arrival, error);
    if (status != BUS_OK)
        goto out;
    if (log->pending == NULL && (log->pending = subscribers_piece_create(log->partition)) == NULL) {
        status = bus_fail(error, BUS_FATAL, "out of memory");
        goto out;
    }
    if (log->pending->count == 0)
        log->pending->first_leaf = log->reader.log.size;
    status = subscribers_piece_append(log->pending, arrival->offset, arrival->key.data, arrival->value, error);
    if (status != BUS_OK || arrival->seal.data == NULL)
        goto out;

    bus_arena_reset(log->arena);
    status = bus_seal_decode(arrival->seal, &seal, error);
    if (status == BUS_OK)
        status = check_seal(log, &seal, error);
    if (status == BUS_OK)
        *out_piece = close_piece(log);
out:
    if (status != BUS_OK)
        bus_error_prefix(error, "%s, offset %lld", log->name, (long long)arrival->offset);
    return status;
}
