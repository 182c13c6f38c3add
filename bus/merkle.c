#include "bus/merkle.h"

#include <assert.h>

enum { CHUNK = 256 }; /* nodes hashed in one call */

/* A log's peaks by level: a peak of level k is the root of 2^k leaves and is there when bit k of the size is set. */
typedef bus_digest_bytes peak_levels[BUS_MERKLE_MAX_PEAKS];

/* New leaves climbing level by level into a log. */
struct climb {
    enum bus_hash hash;
    uint64_t size; /* of the log before them */
    bus_digest_bytes
        *nodes;   /* complete nodes of this level, nodes[0] kept free for a peak of the log that joins from the left */
    size_t count; /* without nodes[0] */
    peak_levels peaks; /* of the log as it will stand */
    bool follows;      /* whether a path is wanted */
    size_t at;         /* the followed node among nodes[1..count] (as an index from 0), until it has become a peak */
    size_t at_level;   /* the level of that peak */
    bus_digest_bytes *path;
    size_t path_length;
};

size_t bus_merkle_peak_count(uint64_t size)
{
    return (size_t)__builtin_popcountll(size);
}

enum bus_status bus_merkle_leaves(enum bus_hash hash, const struct bus_bytes *keys, const struct bus_bytes *values,
                                  size_t count, struct bus_arena *arena, bus_digest_bytes *out_leaves,
                                  struct bus_error *error)
{
    size_t head_bytes = 0;
    for (size_t i = 0; i < count; i++)
        head_bytes += 5 + keys[i].length;
    struct bus_bytes *heads = bus_arena_allocate(arena, count * sizeof *heads);
    uint8_t *at = bus_arena_allocate(arena, head_bytes);
    if (count != 0 && (heads == NULL || at == NULL))
        return bus_fail(error, BUS_FATAL, "hash %zu records: the batch's memory is used up", count);

    /* docs/formats.md: 0x00 | u32be(length of key) | key; the value follows without being copied. */
    for (size_t i = 0; i < count; i++) {
        at[0] = 0;
        bus_put_u32be(at + 1, (uint32_t)keys[i].length);
        if (keys[i].length != 0)
            memcpy(at + 5, keys[i].data, keys[i].length);
        heads[i] = bus_bytes_of(at, 5 + keys[i].length);
        at += heads[i].length;
    }
    bus_digest_many_headed(hash, heads, values, count, out_leaves);
    return BUS_OK;
}

static const uint8_t node_prefix = 1;

static void hash_node(enum bus_hash hash, const bus_digest_bytes left, const bus_digest_bytes right,
                      bus_digest_bytes out_node)
{
    const struct bus_bytes parts[] = {bus_bytes_of(&node_prefix, 1), bus_bytes_of(left, BUS_DIGEST_SIZE),
                                      bus_bytes_of(right, BUS_DIGEST_SIZE)};
    bus_digest_parts(hash, parts, 3, out_node);
}

/* Parents of `pairs` pairs of nodes that lie one after the other. */
static void hash_pairs(enum bus_hash hash, const bus_digest_bytes *nodes, size_t pairs, bus_digest_bytes *out_parents)
{
    struct bus_bytes heads[CHUNK], bodies[CHUNK];
    size_t most = pairs < CHUNK ? pairs : CHUNK;

    for (size_t i = 0; i < most; i++)
        heads[i] = bus_bytes_of(&node_prefix, 1);
    for (size_t done = 0; done < pairs; done += most) {
        most = pairs - done < CHUNK ? pairs - done : CHUNK;
        for (size_t i = 0; i < most; i++)
            bodies[i] = bus_bytes_of(nodes[2 * (done + i)], 2 * BUS_DIGEST_SIZE);
        bus_digest_many_headed(hash, heads, bodies, most, out_parents + done);
    }
}

static void peaks_to_levels(const struct bus_merkle *log, bus_digest_bytes *levels)
{
    const bus_digest_bytes *peak = log->peaks;
    for (size_t level = BUS_MERKLE_MAX_PEAKS; level-- > 0;)
        if (log->size >> level & 1)
            memcpy(levels[level], *peak++, BUS_DIGEST_SIZE);
}

static void levels_to_peaks(const bus_digest_bytes *levels, uint64_t size, struct bus_merkle *log)
{
    bus_digest_bytes *peak = log->peaks;
    for (size_t level = BUS_MERKLE_MAX_PEAKS; level-- > 0;)
        if (size >> level & 1)
            memcpy(*peak++, levels[level], BUS_DIGEST_SIZE);
    log->size = size;
}

/* Notes the sibling of the followed node in nodes[0..count), or that the node has become a peak. */
static void follow(struct climb *climb, const bus_digest_bytes *nodes, size_t count, size_t level)
{
    size_t sibling = climb->at ^ 1;
    if (sibling >= count) {
        climb->follows = false;
        climb->at_level = level;
        return;
    }
    memcpy(climb->path[climb->path_length++], nodes[sibling], BUS_DIGEST_SIZE);
    climb->at /= 2;
}

/* Pairs up the nodes of one level: a peak of the log joins from the left, a node left over on the right is a new peak. */
static void climb_level(struct climb *climb, size_t level)
{
    bus_digest_bytes *nodes = climb->nodes + 1, *free_half = climb->nodes + 1 + climb->count;
    size_t count = climb->count;

    if (climb->size >> level & 1) {
        nodes--;
        count++;
        climb->at++;
        memcpy(nodes[0], climb->peaks[level], BUS_DIGEST_SIZE);
    }
    if (climb->follows)
        follow(climb, nodes, count, level);
    if (count % 2 == 1)
        memcpy(climb->peaks[level], nodes[count - 1], BUS_DIGEST_SIZE);
    hash_pairs(climb->hash, nodes, count / 2, free_half + 1);
    climb->nodes = free_half;
    climb->count = count / 2;
}

/* Takes the leaves all the way up; afterwards climb->peaks holds the peaks of the whole log. */
static enum bus_status climb_run(struct climb *climb, const struct bus_merkle *before, const bus_digest_bytes *leaves,
                                 size_t count, struct bus_arena *arena, struct bus_error *error)
{
    if (before->size > INT64_MAX - count)
        return bus_fail(error, BUS_FATAL, "append %zu leaves: the log would be longer than 2^63 - 1", count);
    /* A level of n nodes with a peak makes at most (n + 1) / 2 parents, each level has one free place in front. */
    climb->nodes = bus_arena_allocate(arena, (2 * count + 2 * BUS_MERKLE_MAX_PEAKS) * sizeof *climb->nodes);
    if (climb->nodes == NULL)
        return bus_fail(error, BUS_FATAL, "append %zu leaves: the batch's memory is used up", count);
    climb->size = before->size;
    climb->count = count;
    peaks_to_levels(before, climb->peaks);
    if (count != 0)
        memcpy(climb->nodes + 1, leaves, count * sizeof *leaves);
    for (size_t level = 0; climb->count != 0; level++)
        climb_level(climb, level);
    return BUS_OK;
}

enum bus_status bus_merkle_append(struct bus_merkle *log, enum bus_hash hash, const bus_digest_bytes *leaves,
                                  size_t count, struct bus_arena *arena, struct bus_error *error)
{
    struct climb climb = {.hash = hash};
    enum bus_status status = climb_run(&climb, log, leaves, count, arena, error);
    if (status == BUS_OK)
        levels_to_peaks(climb.peaks, log->size + count, log);
    return status;
}

/* The root over the last peaks of a log, from `first` on: the smaller ones are the right side. */
static void bag_peaks(enum bus_hash hash, const bus_digest_bytes *peaks, size_t first, size_t count,
                      bus_digest_bytes out_root)
{
    bus_digest_bytes root;
    memcpy(root, peaks[count - 1], sizeof root);
    for (size_t i = count - 1; i-- > first;)
        hash_node(hash, peaks[i], root, root);
    memcpy(out_root, root, sizeof root);
}

void bus_merkle_root(const struct bus_merkle *log, enum bus_hash hash, bus_digest_bytes out_root)
{
    if (log->size == 0)
        bus_digest(hash, bus_bytes_of(NULL, 0), out_root);
    else
        bag_peaks(hash, log->peaks, 0, bus_merkle_peak_count(log->size), out_root);
}

enum bus_status bus_merkle_path(const struct bus_merkle *before, enum bus_hash hash, const bus_digest_bytes *leaves,
                                size_t count, size_t index, struct bus_arena *arena, bus_digest_bytes *out_path,
                                size_t *out_length, struct bus_error *error)
{
    static const struct bus_merkle empty;
    struct climb climb = {.hash = hash, .follows = true, .at = index, .path = out_path};
    struct bus_merkle log;

    assert(index < count);
    if (before == NULL)
        before = &empty;
    enum bus_status status = climb_run(&climb, before, leaves, count, arena, error);
    if (status != BUS_OK)
        return status;
    levels_to_peaks(climb.peaks, before->size + count, &log);

    /* Above its peak the leaf meets the smaller peaks in one hash, then each larger peak from the nearest to the farthest. */
    size_t peaks = bus_merkle_peak_count(log.size), own = bus_merkle_peak_count(log.size >> climb.at_level) - 1;
    if (own + 1 < peaks)
        bag_peaks(hash, log.peaks, own + 1, peaks, out_path[climb.path_length++]);
    while (own-- > 0)
        memcpy(out_path[climb.path_length++], log.peaks[own], BUS_DIGEST_SIZE);
    *out_length = climb.path_length;
    return BUS_OK;
}

enum bus_status bus_merkle_root_of_path(enum bus_hash hash, const bus_digest_bytes leaf, uint64_t index, uint64_t size,
                                        const bus_digest_bytes *path, size_t length, bus_digest_bytes out_root,
                                        struct bus_error *error)
{
    bus_digest_bytes root;
    if (index >= size)
        return bus_fail(error, BUS_REJECT, "Merkle path: leaf %llu is not in a tree of %llu leaves",
                        (unsigned long long)index, (unsigned long long)size);
    memcpy(root, leaf, sizeof root);
    /* RFC 9162 section 2.1.3.2, with its names. */
    uint64_t fn = index, sn = size - 1;
    for (size_t i = 0; i < length; i++) {
        if (sn == 0)
            return bus_fail(error, BUS_REJECT, "Merkle path: %zu steps are too many", length);
        if ((fn & 1) != 0 || fn == sn) {
            hash_node(hash, path[i], root, root);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            hash_node(hash, root, path[i], root);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0)
        return bus_fail(error, BUS_REJECT, "Merkle path: %zu steps are too few", length);
    memcpy(out_root, root, sizeof root);
    return BUS_OK;
}

enum bus_status bus_merkle_tree_build(enum bus_hash hash, const bus_digest_bytes *leaves, size_t count,
                                      struct bus_arena *arena, struct bus_merkle_tree *out_tree,
                                      struct bus_error *error)
{
    /* Each level has at most half of the one below and one more. */
    bus_digest_bytes *nodes = bus_arena_allocate(arena, (2 * count + BUS_MERKLE_MAX_PATH) * sizeof *nodes);
    size_t depth = 0;

    if (nodes == NULL)
        return bus_fail(error, BUS_FATAL, "build a tree of %zu leaves: the batch's memory is used up", count);
    memcpy(nodes, leaves, count * sizeof *leaves);
    out_tree->levels[0] = nodes;
    out_tree->counts[0] = count;
    while (count > 1) {
        bus_digest_bytes *parents = nodes + count;
        hash_pairs(hash, nodes, count / 2, parents);
        if (count % 2 == 1) /* a node without a sibling stands for itself one level higher: RFC 9162's tree */
            memcpy(parents[count / 2], nodes[count - 1], sizeof *parents);
        nodes = parents;
        count = (count + 1) / 2;
        out_tree->levels[++depth] = nodes;
        out_tree->counts[depth] = count;
    }
    out_tree->depth = depth;
    return BUS_OK;
}

size_t bus_merkle_tree_path(const struct bus_merkle_tree *tree, size_t index, bus_digest_bytes *out_path)
{
    size_t length = 0;
    for (size_t level = 0; level < tree->depth; level++, index /= 2)
        if ((index ^ 1) < tree->counts[level])
            memcpy(out_path[length++], tree->levels[level][index ^ 1], sizeof *out_path);
    return length;
}
