#include "tests/support/sealed_log.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA = 64 * 1024 * 1024 };

static void need(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "sealed_log: %s\n", what);
    abort();
}

void test_log_open(struct test_log *log, const struct bus_key *key, const char *topic, int32_t partition)
{
    *log = (struct test_log){.key = key, .partition = partition, .arena = bus_arena_create(ARENA)};
    snprintf(log->name, sizeof log->name, "%s/%d", topic, (int)partition);
    need(log->arena != NULL, "out of memory");
}

void test_log_close(struct test_log *log)
{
    bus_arena_destroy(log->arena);
}

/* As if the log were the only one of its transaction. */
static struct bus_seal *seal(const struct test_log *log, int64_t sealed_at_ms)
{
    struct bus_error error;
    struct bus_seal *made = calloc(1, sizeof *made);
    need(made != NULL, "out of memory");
    enum bus_hash hash = bus_suite_hash(bus_key_suite(log->key));
    snprintf(made->exchange, sizeof made->exchange, "%s", TEST_EXCHANGE);
    snprintf(made->log, sizeof made->log, "%s", log->name);
    made->size = log->log.size;
    bus_merkle_root(&log->log, hash, made->root);
    memcpy(made->frontier, log->log.peaks, sizeof made->frontier);
    made->batch_size = 1;
    made->sealed_at_ms = sealed_at_ms;
    made->suite = bus_key_suite(log->key);
    snprintf(made->key_id, sizeof made->key_id, "%s", bus_key_id_view(log->key));
    struct bus_seal_log one = {.name = made->log, .size = made->size};
    memcpy(one.root, made->root, sizeof one.root);
    bus_digest_bytes root;
    char text[BUS_SEAL_SIGNED_SIZE];
    bus_seal_batch_leaves(hash, &one, 1, &root);
    size_t length = bus_seal_signed_text(made->exchange, sealed_at_ms, root, text);
    need(bus_key_sign(log->key, bus_bytes_of(text, length), made->signature, &made->signature_length, &error) == BUS_OK,
         "cannot sign");
    return made;
}

struct subscribers_piece *test_log_seal(struct test_log *log, const struct subscribers_delivery *deliveries,
                                        size_t count)
{
    struct bus_error error;
    struct subscribers_piece *piece = subscribers_piece_create(log->partition);
    struct bus_bytes *keys = calloc(count, sizeof *keys), *values = calloc(count, sizeof *values);
    need(piece != NULL && keys != NULL && values != NULL, "out of memory");
    piece->first_leaf = log->log.size;
    piece->before = log->log;
    piece->hash = bus_suite_hash(bus_key_suite(log->key));
    piece->leaves = calloc(count, sizeof *piece->leaves);
    need(piece->leaves != NULL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        need(deliveries[i].leaf == piece->first_leaf + i, "the leaves are not in order");
        keys[i] = bus_bytes_of(deliveries[i].record, BUS_IDENTITY_SIZE);
        values[i] = deliveries[i].value;
        need(subscribers_piece_append(piece, deliveries[i].offset, deliveries[i].record, values[i], &error) == BUS_OK,
             "the piece is full");
    }
    bus_arena_reset(log->arena);
    need(bus_merkle_leaves(piece->hash, keys, values, count, log->arena, piece->leaves, &error) == BUS_OK &&
             bus_merkle_append(&log->log, piece->hash, (const bus_digest_bytes *)piece->leaves, count, log->arena,
                               &error) == BUS_OK,
         "the arena is full");
    piece->log = log->log;
    piece->seal = seal(log, deliveries[count - 1].delivered_at_ms + 1);
    free(keys);
    free(values);
    return piece;
}

struct subscribers_batch test_log_batch(const struct subscribers_piece *piece, struct subscribers_delivery *deliveries,
                                        size_t count)
{
    return (struct subscribers_batch){.deliveries = deliveries + piece->done,
                                      .count = count,
                                      .pieces = piece,
                                      .subscriber = "court",
                                      .clock = bus_clock_real(),
                                      .before = piece->before};
}

void test_log_done(struct test_log *log, struct subscribers_piece *piece, size_t count)
{
    struct bus_error error;
    bus_arena_reset(log->arena);
    need(bus_merkle_append(&piece->before, piece->hash, (const bus_digest_bytes *)piece->leaves + piece->done, count,
                           log->arena, &error) == BUS_OK,
         "the arena is full");
    piece->done += count;
}
