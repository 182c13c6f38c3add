/* Merkle: append-only logs hashed as in RFC 9162 section 2.1, with SM3 or SHA-256.
 *
 * leaf = H(0x00 | u32be(length of key) | key | value), node = H(0x01 | left | right) (docs/formats.md). A log is kept as its
 * frontier: the peaks (roots of the perfect subtrees), largest first; their number is the number of ones in `size`. */
#ifndef BUS_MERKLE_H
#define BUS_MERKLE_H

#include "bus/arena.h"
#include "bus/digest.h"

enum { BUS_MERKLE_MAX_PEAKS = 63, BUS_MERKLE_MAX_PATH = 64 };

typedef uint8_t bus_digest_bytes[BUS_DIGEST_SIZE];

struct bus_merkle {
    uint64_t size; /* leaves */
    bus_digest_bytes peaks[BUS_MERKLE_MAX_PEAKS];
};

size_t bus_merkle_peak_count(uint64_t size);

/* Leaf hashes of `count` records, many at a time. Uses `arena` for scratch. FATAL when the arena is full. */
BUS_MUST_CHECK enum bus_status bus_merkle_leaves(enum bus_hash hash, const struct bus_bytes *keys,
                                                 const struct bus_bytes *values, size_t count, struct bus_arena *arena,
                                                 bus_digest_bytes *out_leaves, struct bus_error *error);

/* Appends leaves; inner nodes are hashed level by level, many at a time, in `arena`. FATAL when the arena is full; then the
 * log is unchanged. */
BUS_MUST_CHECK enum bus_status bus_merkle_append(struct bus_merkle *log, enum bus_hash hash,
                                                 const bus_digest_bytes *leaves, size_t count, struct bus_arena *arena,
                                                 struct bus_error *error);

/* Merkle tree hash of the log; that of the empty log is H(""). */
void bus_merkle_root(const struct bus_merkle *log, enum bus_hash hash, bus_digest_bytes out_root);

/* Inclusion path of leaf `index` in the tree of the `count` given leaves (RFC 9162 section 2.1.3.1), deepest sibling first.
 * `out_path` holds BUS_MERKLE_MAX_PATH digests. `before` (may be NULL) is the log as it stood before these leaves: then the
 * path is that of leaf before->size + index in the whole log of before->size + count leaves. FATAL when the arena is full. */
BUS_MUST_CHECK enum bus_status bus_merkle_path(const struct bus_merkle *before, enum bus_hash hash,
                                               const bus_digest_bytes *leaves, size_t count, size_t index,
                                               struct bus_arena *arena, bus_digest_bytes *out_path, size_t *out_length,
                                               struct bus_error *error);

/* The root that `leaf` at `index` of a tree of `size` leaves has by `path` (RFC 9162 section 2.1.3.2). REJECT when the path's
 * length does not fit index and size. */
BUS_MUST_CHECK enum bus_status bus_merkle_root_of_path(enum bus_hash hash, const bus_digest_bytes leaf, uint64_t index,
                                                       uint64_t size, const bus_digest_bytes *path, size_t length,
                                                       bus_digest_bytes out_root, struct bus_error *error);

/* A tree kept whole, for the paths of many of its leaves. Lives in the arena. */
struct bus_merkle_tree {
    bus_digest_bytes *levels[BUS_MERKLE_MAX_PATH + 1]; /* leaves first, root last */
    size_t counts[BUS_MERKLE_MAX_PATH + 1];
    size_t depth; /* of the root's level */
};

/* The tree over `count` (at least 1) leaves. FATAL when the arena is full. */
BUS_MUST_CHECK enum bus_status bus_merkle_tree_build(enum bus_hash hash, const bus_digest_bytes *leaves, size_t count,
                                                     struct bus_arena *arena, struct bus_merkle_tree *out_tree,
                                                     struct bus_error *error);
/* Inclusion path of leaf `index`, as bus_merkle_path gives it; returns its length. */
size_t bus_merkle_tree_path(const struct bus_merkle_tree *tree, size_t index, bus_digest_bytes *out_path);

#endif
