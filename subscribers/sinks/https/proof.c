#include "subscribers/sinks/https/proof.h"

#include <assert.h>

#include "bus/proof.h"

void https_proof_assert(const struct subscribers_batch *batch)
{
    const struct subscribers_piece *piece = batch->pieces;
    assert(batch->count > 0 && piece != NULL && piece->leaves != NULL && piece->seal != NULL);
    assert(batch->before.size == batch->deliveries[0].leaf && batch->before.size >= piece->first_leaf);
    assert(piece->first_leaf + piece->count == piece->seal->size);
    assert(batch->deliveries[batch->count - 1].leaf == batch->before.size + batch->count - 1);
    assert(batch->before.size + batch->count <= piece->seal->size);
    (void)piece;
}

const bus_digest_bytes *https_proof_leaves_view(const struct subscribers_batch *batch)
{
    return (const bus_digest_bytes *)batch->pieces->leaves + (batch->before.size - batch->pieces->first_leaf);
}

static void write_digests(struct bus_json *json, const char *name, const bus_digest_bytes *digests, size_t count)
{
    char hex[2 * BUS_DIGEST_SIZE + 1];
    bus_json_name(json, name);
    bus_json_array(json);
    for (size_t i = 0; i < count; i++) {
        bus_hex(digests[i], BUS_DIGEST_SIZE, hex);
        bus_json_string(json, hex);
    }
    bus_json_end_array(json);
}

enum bus_status https_proof_write(const struct subscribers_batch *batch, struct bus_arena *arena, struct bus_json *json,
                                  struct bus_error *error)
{
    const struct subscribers_piece *piece = batch->pieces;
    const struct bus_merkle *before = &batch->before;
    bus_digest_bytes path[BUS_MERKLE_MAX_PATH];
    size_t length = 0;
    bus_arena_reset(arena);
    enum bus_status status =
        bus_merkle_path(before, piece->hash, https_proof_leaves_view(batch), (size_t)(piece->seal->size - before->size),
                        batch->count - 1, arena, path, &length, error);
    bus_json_object(json);
    bus_json_name(json, "log");
    bus_json_string(json, piece->seal->log);
    bus_json_name(json, "from");
    bus_json_integer(json, (int64_t)before->size);
    write_digests(json, "frontier", before->peaks, bus_merkle_peak_count(before->size));
    bus_json_name(json, "leaf");
    bus_json_integer(json, (int64_t)(before->size + batch->count - 1));
    write_digests(json, "path", path, length);
    bus_json_name(json, "seal");
    bus_proof_write_seal(json, piece->seal);
    bus_json_end_object(json);
    return status;
}
