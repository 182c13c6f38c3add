#include "bus/digest_sm3.h"

#include <assert.h>

#define ROTATED(word, count) ((uint32_t)(word) << (count) | (uint32_t)(word) >> ((32 - (count)) & 31))
#define EARLY(j) ROTATED(0x79cc4519, j)
#define LATE(j) ROTATED(0x7a879d8a, (j)&31)
#define FOUR(which, j) which(j), which((j) + 1), which((j) + 2), which((j) + 3)

/* T(j) of the standard, rotated left by j. */
static const uint32_t round_constants[64] = {
    FOUR(EARLY, 0), FOUR(EARLY, 4), FOUR(EARLY, 8), FOUR(EARLY, 12), FOUR(LATE, 16), FOUR(LATE, 20),
    FOUR(LATE, 24), FOUR(LATE, 28), FOUR(LATE, 32), FOUR(LATE, 36),  FOUR(LATE, 40), FOUR(LATE, 44),
    FOUR(LATE, 48), FOUR(LATE, 52), FOUR(LATE, 56), FOUR(LATE, 60),
};

const uint32_t bus_digest_sm3_start[BUS_DIGEST_SM3_WORDS] = {
    0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
};

/* In place of bus_get_u32be: sixteen calls a block and lane would cost half as much as the rounds. */
static inline uint32_t load_word(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap32(value);
}

#define SM3_NAME compress_1
#define SM3_LANES 1
#define SM3_TARGET
#include "bus/digest_sm3_kernel.h"

#define SM3_NAME compress_4
#define SM3_LANES 4
#define SM3_TARGET
#include "bus/digest_sm3_kernel.h"

#ifdef __x86_64__
#define SM3_NAME compress_8
#define SM3_LANES 8
#define SM3_TARGET __attribute__((target("avx2")))
#include "bus/digest_sm3_kernel.h"

#define SM3_NAME compress_16
#define SM3_LANES 16
#define SM3_TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))
#include "bus/digest_sm3_kernel.h"
#endif

typedef void compress_function(uint32_t *state, const uint8_t *const *blocks);

static compress_function *compress_of(size_t lanes)
{
    switch (lanes) {
    case 1: return compress_1;
    case 4: return compress_4;
#ifdef __x86_64__
    case 8: return __builtin_cpu_supports("avx2") ? compress_8 : NULL;
    case 16:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl")
                   ? compress_16
                   : NULL;
#endif
    default: return NULL;
    }
}

bool bus_digest_sm3_has_lanes(size_t lanes)
{
    return compress_of(lanes) != NULL;
}

size_t bus_digest_sm3_best_lanes(void)
{
    size_t lanes = BUS_DIGEST_SM3_MAX_LANES;
    while (compress_of(lanes) == NULL)
        lanes /= 2;
    return lanes;
}

void bus_digest_sm3_compress(uint32_t state[BUS_DIGEST_SM3_WORDS], const uint8_t *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *block = blocks + i * BUS_DIGEST_SM3_BLOCK;
        compress_1(state, &block);
    }
}

static void put_digest(const uint32_t *state, size_t stride, uint8_t out_digest[32])
{
    for (size_t i = 0; i < BUS_DIGEST_SM3_WORDS; i++)
        bus_put_u32be(out_digest + 4 * i, state[i * stride]);
}

/* Pads the last `length` (below a block) bytes, which stand in `edge`, in place; returns the number of blocks, 1 or 2. */
static size_t pad(uint8_t edge[2 * BUS_DIGEST_SM3_BLOCK], size_t length, uint64_t total_bytes)
{
    size_t blocks = length + 9 <= BUS_DIGEST_SM3_BLOCK ? 1 : 2;
    edge[length] = 0x80;
    memset(edge + length + 1, 0, blocks * BUS_DIGEST_SM3_BLOCK - length - 9);
    bus_put_u64be(edge + blocks * BUS_DIGEST_SM3_BLOCK - 8, total_bytes * 8);
    return blocks;
}

void bus_digest_sm3_finish(const uint32_t state[BUS_DIGEST_SM3_WORDS], uint64_t bytes_before,
                           const struct bus_bytes *parts, size_t count, uint8_t out_digest[32])
{
    uint32_t now[BUS_DIGEST_SM3_WORDS];
    uint8_t edge[2 * BUS_DIGEST_SM3_BLOCK];
    size_t held = 0;
    uint64_t total = bytes_before;

    memcpy(now, state, sizeof now);
    for (size_t i = 0; i < count; i++) {
        struct bus_bytes part = parts[i];
        total += part.length;
        while (held + part.length >= BUS_DIGEST_SM3_BLOCK) {
            size_t taken = BUS_DIGEST_SM3_BLOCK - held;
            const uint8_t *block = part.data;
            if (held != 0) {
                memcpy(edge + held, part.data, taken);
                block = edge;
            }
            compress_1(now, &block);
            part = bus_bytes_of(part.data + taken, part.length - taken);
            held = 0;
        }
        if (part.length != 0)
            memcpy(edge + held, part.data, part.length);
        held += part.length;
    }
    bus_digest_sm3_compress(now, edge, pad(edge, held, total));
    put_digest(now, 1, out_digest);
}

/* A message on its way through one lane. */
struct lane {
    struct bus_bytes head, body; /* what is still to be taken */
    uint64_t total;
    uint8_t *out_digest;
    uint8_t edge[2 * BUS_DIGEST_SM3_BLOCK]; /* blocks that do not lie whole in head or body */
    size_t edge_blocks, edge_at;            /* padded blocks in `edge`, 0 = not yet padded, and how many are taken */
    bool busy;
};

static void lane_start(struct lane *lane, uint64_t bytes_before, struct bus_bytes head, struct bus_bytes body,
                       uint8_t *out_digest)
{
    lane->head = head;
    lane->body = body;
    lane->total = bytes_before + head.length + body.length;
    lane->out_digest = out_digest;
    lane->edge_blocks = lane->edge_at = 0;
    lane->busy = true;
}

static const uint8_t *take_block(struct bus_bytes *bytes, size_t length)
{
    const uint8_t *block = bytes->data;
    *bytes = bus_bytes_of(bytes->data + length, bytes->length - length);
    return block;
}

/* The lane's next block; valid until the next call for this lane. */
static const uint8_t *lane_next(struct lane *lane)
{
    size_t head_length = lane->head.length;

    if (head_length >= BUS_DIGEST_SM3_BLOCK)
        return take_block(&lane->head, BUS_DIGEST_SM3_BLOCK);
    if (head_length == 0 && lane->body.length >= BUS_DIGEST_SM3_BLOCK)
        return take_block(&lane->body, BUS_DIGEST_SM3_BLOCK);
    if (lane->edge_blocks == 0) {
        if (head_length != 0)
            memcpy(lane->edge, take_block(&lane->head, head_length), head_length);
        if (head_length + lane->body.length >= BUS_DIGEST_SM3_BLOCK) {
            size_t taken = BUS_DIGEST_SM3_BLOCK - head_length;
            memcpy(lane->edge + head_length, take_block(&lane->body, taken), taken);
            return lane->edge;
        }
        if (lane->body.length != 0)
            memcpy(lane->edge + head_length, lane->body.data, lane->body.length);
        lane->edge_blocks = pad(lane->edge, head_length + lane->body.length, lane->total);
    }
    return lane->edge + BUS_DIGEST_SM3_BLOCK * lane->edge_at++;
}

static bool lane_is_done(const struct lane *lane)
{
    return lane->edge_blocks != 0 && lane->edge_at == lane->edge_blocks;
}

/* Messages on their way through all lanes; `next` is the first that has no lane yet. */
struct run {
    size_t lanes, busy, next, count;
    const uint32_t *start; /* chaining value that each message goes on from */
    uint64_t bytes_before; /* which it has taken */
    const struct bus_bytes *heads, *bodies;
    uint8_t (*out_digests)[32];
    struct lane lane[BUS_DIGEST_SM3_MAX_LANES];
    _Alignas(64) uint32_t state[BUS_DIGEST_SM3_WORDS * BUS_DIGEST_SM3_MAX_LANES]; /* word by word, lanes side by side */
};

/* Gives each free lane the next message, so that messages of different lengths keep all lanes busy to the end. */
static void refill(struct run *run)
{
    for (size_t i = 0; i < run->lanes && run->next < run->count; i++) {
        if (run->lane[i].busy)
            continue;
        size_t message = run->next++;
        lane_start(&run->lane[i], run->bytes_before, run->heads != NULL ? run->heads[message] : bus_bytes_of(NULL, 0),
                   run->bodies[message], run->out_digests[message]);
        for (size_t word = 0; word < BUS_DIGEST_SM3_WORDS; word++)
            run->state[word * run->lanes + i] = run->start[word];
        run->busy++;
    }
}

static void release_lane(struct run *run, size_t index)
{
    put_digest(run->state + index, run->lanes, run->lane[index].out_digest);
    run->lane[index].busy = false;
    run->busy--;
}

/* One block of each lane. */
static void step(struct run *run, compress_function *compress)
{
    static const uint8_t idle[BUS_DIGEST_SM3_BLOCK];
    const uint8_t *blocks[BUS_DIGEST_SM3_MAX_LANES];

    for (size_t i = 0; i < run->lanes; i++)
        blocks[i] = run->lane[i].busy ? lane_next(&run->lane[i]) : idle;
    compress(run->state, blocks);
    for (size_t i = 0; i < run->lanes; i++)
        if (run->lane[i].busy && lane_is_done(&run->lane[i]))
            release_lane(run, i);
}

/* Finishes the message of one lane alone. */
static void drain(struct run *run, size_t index)
{
    uint32_t alone[BUS_DIGEST_SM3_WORDS];
    for (size_t word = 0; word < BUS_DIGEST_SM3_WORDS; word++)
        alone[word] = run->state[word * run->lanes + index];
    while (!lane_is_done(&run->lane[index])) {
        const uint8_t *block = lane_next(&run->lane[index]);
        compress_1(alone, &block);
    }
    put_digest(alone, 1, run->lane[index].out_digest);
}

static void run_all(struct run *run)
{
    compress_function *const compress = compress_of(run->lanes);
    const size_t few = run->lanes / 8; /* messages that are cheaper one after the other than a step of all lanes */

    assert(compress != NULL);
    for (refill(run); run->busy > few; refill(run))
        step(run, compress);
    for (size_t i = 0; i < run->lanes; i++)
        if (run->lane[i].busy)
            drain(run, i);
}

void bus_digest_sm3_many(size_t lanes, const struct bus_bytes *heads, const struct bus_bytes *bodies, size_t count,
                         uint8_t (*out_digests)[32])
{
    struct run run = {.lanes = lanes,
                      .count = count,
                      .start = bus_digest_sm3_start,
                      .heads = heads,
                      .bodies = bodies,
                      .out_digests = out_digests};
    run_all(&run);
}

void bus_digest_sm3_many_from(size_t lanes, const uint32_t state[BUS_DIGEST_SM3_WORDS], uint64_t bytes_before,
                              const struct bus_bytes *messages, size_t count, uint8_t (*out_digests)[32])
{
    struct run run = {.lanes = lanes,
                      .count = count,
                      .start = state,
                      .bytes_before = bytes_before,
                      .bodies = messages,
                      .out_digests = out_digests};
    run_all(&run);
}
