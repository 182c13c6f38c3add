#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>
#include <stdio.h>

#include "gateway/seal.h"

enum { LOGS = 12, RECORDS = 30 };

static struct bus_arena *arena;
static struct bus_bytes keys[LOGS][RECORDS], values[LOGS][RECORDS];
static char names[LOGS][32];
static uint8_t pool[4096];

static void give_records(void)
{
    bus_random(pool, sizeof pool);
    for (size_t i = 0; i < LOGS; i++) {
        snprintf(names[i], sizeof names[i], "xq.out.court/%zu", (i * 7) % LOGS); /* not in order of names */
        for (size_t j = 0; j < RECORDS; j++) {
            keys[i][j] = bus_bytes_of(pool + 16 * (i + j), 16);
            values[i][j] = bus_bytes_of(pool + 7 * i + 3 * j, 100 + (13 * i + 29 * j) % 700);
        }
    }
}

/* The rest of one batch: what every test has before it calls. */
struct stage {
    struct bus_key *key;
    struct gateway_signer signer;
    struct gateway_sealer *sealer;
    struct bus_merkle logs[LOGS];
    struct gateway_seal_log batch[LOGS];
};

static void stage_init(struct stage *stage, enum bus_suite suite)
{
    struct bus_error error;
    memset(stage, 0, sizeof *stage);
    assert_int_equal(bus_key_generate(suite, &stage->key, &error), BUS_OK);
    assert_int_equal(gateway_signer_local(stage->key, &stage->signer, &error), BUS_OK);
    assert_int_equal(gateway_sealer_create("liuzhou", &stage->signer, &stage->sealer, &error), BUS_OK);
    for (size_t i = 0; i < LOGS; i++)
        stage->batch[i] = (struct gateway_seal_log){.name = names[i],
                                                    .log = &stage->logs[i],
                                                    .keys = keys[i],
                                                    .values = values[i],
                                                    .count = 1 + (i * 5) % RECORDS};
}

static void stage_release(struct stage *stage)
{
    gateway_sealer_destroy(stage->sealer);
    gateway_signer_release(&stage->signer);
    bus_key_destroy(stage->key);
    bus_arena_reset(arena);
}

static void assert_log_verifies(const struct stage *stage, size_t i, struct bus_seal_reader *reader)
{
    const struct gateway_seal_log *log = &stage->batch[i];
    enum bus_hash hash = gateway_sealer_hash(stage->sealer);
    struct bus_seal seal;
    bus_digest_bytes leaves[RECORDS];
    struct bus_error error;
    assert_int_equal(log->first_leaf, reader->log.size);
    assert_int_equal(bus_seal_decode(log->seal, &seal, &error), BUS_OK);
    assert_int_equal(bus_seal_expect(&seal, "liuzhou", log->name, &error), BUS_OK);
    assert_int_equal(bus_seal_verify(&seal, stage->key, &error), BUS_OK);
    assert_int_equal(seal.sealed_at_ms, 1700000000000);
    assert_int_equal(bus_merkle_leaves(hash, log->keys, log->values, log->count, arena, leaves, &error), BUS_OK);
    assert_int_equal(bus_seal_reader_check(reader, &seal, leaves, log->count, arena, &error), BUS_OK);
    assert_int_equal(reader->log.size, log->log->size);
}

static void every_log_of_every_batch_verifies(void **state)
{
    (void)state;
    for (int suite = BUS_SUITE_SM2_SM3; suite <= BUS_SUITE_ED25519_SHA256; suite++) {
        struct stage stage;
        struct bus_seal_reader readers[LOGS] = {0};
        struct bus_error error;
        stage_init(&stage, (enum bus_suite)suite);
        for (size_t round = 0; round < 4; round++) {
            size_t count = round == 0 ? LOGS : round; /* one log alone, too */
            assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, count, 1700000000000, arena, &error),
                             BUS_OK);
            for (size_t i = 0; i < count; i++)
                assert_log_verifies(&stage, i, &readers[i]);
        }
        stage_release(&stage);
    }
}

static void batch_leaves_stand_in_order_of_names(void **state)
{
    struct stage stage;
    struct bus_error error;
    (void)state;
    stage_init(&stage, BUS_SUITE_ED25519_SHA256);
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, LOGS, 1, arena, &error), BUS_OK);
    for (size_t i = 0; i < LOGS; i++) {
        uint32_t rank = 0;
        struct bus_seal seal;
        for (size_t j = 0; j < LOGS; j++)
            rank += strcmp(names[j], names[i]) < 0;
        assert_int_equal(bus_seal_decode(stage.batch[i].seal, &seal, &error), BUS_OK);
        assert_int_equal(seal.batch_index, rank);
        assert_int_equal(seal.batch_size, LOGS);
    }
    stage_release(&stage);
}

static enum bus_status away(void *self, const char *exchange, int64_t sealed_at_ms, const bus_digest_bytes root,
                            uint8_t *out_signature, size_t *out_length, struct bus_error *error)
{
    (void)self, (void)exchange, (void)sealed_at_ms, (void)root, (void)out_signature, (void)out_length;
    return bus_fail(error, BUS_RETRY, "away");
}

static void logs_are_unchanged_when_the_signer_is_away(void **state)
{
    struct stage stage;
    struct bus_merkle before[LOGS];
    struct bus_error error;
    (void)state;
    stage_init(&stage, BUS_SUITE_SM2_SM3);
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, LOGS, 1, arena, &error), BUS_OK);
    memcpy(before, stage.logs, sizeof before);
    gateway_sign_function kept = stage.signer.sign;
    stage.signer.sign = away;
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, LOGS, 2, arena, &error), BUS_RETRY);
    assert_memory_equal(stage.logs, before, sizeof before);
    stage.signer.sign = kept;
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, LOGS, 3, arena, &error), BUS_OK);
    assert_int_equal(stage.logs[3].size, 2 * before[3].size);
    stage_release(&stage);
}

static void logs_are_unchanged_wherever_memory_ends(void **state)
{
    struct stage stage;
    struct bus_merkle empty[LOGS] = {0};
    struct bus_error error;
    (void)state;
    stage_init(&stage, BUS_SUITE_ED25519_SHA256);
    enum bus_status status = BUS_FATAL;
    size_t tried = 0;
    for (size_t limit = 100; status != BUS_OK; limit += 1500, tried++) {
        struct bus_arena *small = bus_arena_create(limit);
        status = gateway_seal_batch(stage.sealer, stage.batch, LOGS, 1, small, &error);
        if (status != BUS_OK) {
            assert_int_equal(status, BUS_FATAL);
            assert_memory_equal(stage.logs, empty, sizeof empty);
        }
        assert_true(limit < LOGS * 12288 + LOGS * RECORDS * 170);
        bus_arena_destroy(small);
    }
    assert_true(tried > 5);
    stage_release(&stage);
}

static void refuses_batches_that_make_no_sense(void **state)
{
    struct stage stage;
    struct gateway_sealer *sealer = NULL;
    struct bus_error error;
    (void)state;
    stage_init(&stage, BUS_SUITE_ED25519_SHA256);
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, 0, 1, arena, &error), BUS_OK);
    stage.batch[1].name = stage.batch[0].name;
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, 2, 1, arena, &error), BUS_FATAL);
    stage.batch[1].name = "";
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, 2, 1, arena, &error), BUS_FATAL);
    assert_int_equal(gateway_seal_batch(stage.sealer, stage.batch, BUS_SEAL_MAX_LOGS + 1, 1, arena, &error), BUS_FATAL);
    assert_int_equal(gateway_sealer_create("", &stage.signer, &sealer, &error), BUS_FATAL);
    assert_int_equal(gateway_sealer_create("a\nb", &stage.signer, &sealer, &error), BUS_FATAL);
    stage_release(&stage);
}

static void leaf_header_is_big_endian(void **state)
{
    uint8_t header[8];
    static const uint8_t expected[8] = {0, 0, 0, 0, 0, 0, 1, 2};
    (void)state;
    gateway_seal_leaf_header(258, header);
    assert_memory_equal(header, expected, 8);
}

static void a_public_key_is_no_signer(void **state)
{
    struct bus_key *key = NULL, *public_half = NULL;
    struct gateway_signer signer = {0};
    struct bus_error error;
    char folder[] = "/tmp/seal_test.XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    assert_int_equal(bus_key_generate(BUS_SUITE_SM2_SM3, &key, &error), BUS_OK);
    assert_int_equal(bus_key_save_public(key, path, &error), BUS_OK);
    assert_int_equal(bus_key_load(path, &public_half, &error), BUS_OK);
    assert_int_equal(gateway_signer_local(public_half, &signer, &error), BUS_FATAL);
    remove(path);
    remove(folder);
    bus_key_destroy(key);
    bus_key_destroy(public_half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_log_of_every_batch_verifies),
        cmocka_unit_test(batch_leaves_stand_in_order_of_names),
        cmocka_unit_test(logs_are_unchanged_when_the_signer_is_away),
        cmocka_unit_test(logs_are_unchanged_wherever_memory_ends),
        cmocka_unit_test(refuses_batches_that_make_no_sense),
        cmocka_unit_test(leaf_header_is_big_endian),
        cmocka_unit_test(a_public_key_is_no_signer),
    };
    arena = bus_arena_create(1 << 24);
    give_records();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bus_arena_destroy(arena);
    return failed;
}
