#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>
#include <stdio.h>

#include "bus/schema.h"
#include "bus/seal.h"

enum { LOGS = 5, RECORDS = 40 };

/* A batch of LOGS logs, sealed by hand as docs/formats.md says. */
struct batch {
    struct bus_key *key;
    struct bus_merkle logs[LOGS];
    bus_digest_bytes leaves[LOGS][RECORDS];
    struct bus_seal seals[LOGS];
};

static const char *const names[LOGS] = {"xq.out.a/0", "xq.out.a/1", "xq.out.a/10", "xq.out.b/0", "xq.out.b/1"};
static const enum bus_suite both[] = {BUS_SUITE_SM2_SM3, BUS_SUITE_ED25519_SHA256};
static struct bus_arena *arena;
static struct batch batches[2];

static void seal_batch(enum bus_suite suite, struct batch *batch)
{
    enum bus_hash hash = bus_suite_hash(suite);
    struct bus_seal_log shares[LOGS];
    bus_digest_bytes leaves[LOGS], root;
    char text[BUS_SEAL_SIGNED_SIZE];
    struct bus_merkle tree = {0};
    struct bus_error error;

    assert_int_equal(bus_key_generate(suite, &batch->key, &error), BUS_OK);
    bus_random(batch->leaves, sizeof batch->leaves);
    for (size_t i = 0; i < LOGS; i++) {
        shares[i].name = names[i];
        assert_int_equal(bus_merkle_append(&batch->logs[i], hash, batch->leaves[i], RECORDS - i, arena, &error),
                         BUS_OK);
        shares[i].size = batch->logs[i].size;
        bus_merkle_root(&batch->logs[i], hash, shares[i].root);
    }
    bus_seal_batch_leaves(hash, shares, LOGS, leaves);
    assert_int_equal(bus_merkle_append(&tree, hash, leaves, LOGS, arena, &error), BUS_OK);
    bus_merkle_root(&tree, hash, root);
    size_t length = bus_seal_signed_text("liuzhou", 1700000000000, root, text);
    for (size_t i = 0; i < LOGS; i++) {
        struct bus_seal *seal = &batch->seals[i];
        *seal = (struct bus_seal){.exchange = "liuzhou",
                                  .size = shares[i].size,
                                  .batch_index = (uint32_t)i,
                                  .batch_size = LOGS,
                                  .sealed_at_ms = 1700000000000,
                                  .suite = suite};
        strcpy(seal->log, names[i]);
        strcpy(seal->key_id, bus_key_id_view(batch->key));
        memcpy(seal->root, shares[i].root, sizeof seal->root);
        memcpy(seal->frontier, batch->logs[i].peaks, 32 * bus_merkle_peak_count(seal->size));
        assert_int_equal(
            bus_merkle_path(NULL, hash, leaves, LOGS, i, arena, seal->batch_path, &seal->batch_path_length, &error),
            BUS_OK);
        assert_int_equal(
            bus_key_sign(batch->key, bus_bytes_of(text, length), seal->signature, &seal->signature_length, &error),
            BUS_OK);
    }
}

static int seal_both(void **state)
{
    (void)state;
    arena = bus_arena_create(1 << 24);
    seal_batch(BUS_SUITE_SM2_SM3, &batches[0]);
    seal_batch(BUS_SUITE_ED25519_SHA256, &batches[1]);
    return 0;
}

static int release_both(void **state)
{
    (void)state;
    bus_key_destroy(batches[0].key);
    bus_key_destroy(batches[1].key);
    bus_arena_destroy(arena);
    return 0;
}

static void signs_the_text_that_the_formats_lay_down(void **state)
{
    bus_digest_bytes root = {0xab, 0x01};
    char text[BUS_SEAL_SIGNED_SIZE];
    static const char expected[] = "xinqiao seal v1\nliuzhou\n1700000000000\n"
                                   "ab01000000000000000000000000000000000000000000000000000000000000\n";
    (void)state;
    assert_int_equal(bus_seal_signed_text("liuzhou", 1700000000000, root, text), sizeof expected - 1);
    assert_memory_equal(text, expected, sizeof expected);
}

static void hashes_a_batch_leaf_as_the_formats_lay_down(void **state)
{
    struct bus_seal_log log = {.name = "a/0", .size = 258, .root = {7}};
    uint8_t text[1 + 4 + 3 + 8 + 32] = {0, 0, 0, 0, 3, 'a', '/', '0', 0, 0, 0, 0, 0, 0, 1, 2, 7};
    bus_digest_bytes leaf, expected;
    (void)state;
    bus_seal_batch_leaves(BUS_HASH_SM3, &log, 1, &leaf);
    bus_digest(BUS_HASH_SM3, bus_bytes_of(text, sizeof text), expected);
    assert_memory_equal(leaf, expected, sizeof leaf);
}

static void fingerprint_is_that_of_the_schema(void **state)
{
    struct bus_schema *schema = NULL;
    struct bus_error error;
    (void)state;
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/seal.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_SEAL_FINGERPRINT);
    bus_schema_destroy(schema);
}

static void comes_back_from_its_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * LOGS; i++) {
        const struct bus_seal *seal = &batches[i / LOGS].seals[i % LOGS];
        struct bus_seal decoded;
        struct bus_buffer buffer;
        struct bus_error error;
        bus_buffer_init(&buffer, BUS_SEAL_MAX_SIZE);
        assert_int_equal(bus_seal_encode(seal, &buffer, &error), BUS_OK);
        assert_int_equal(bus_seal_decode(bus_buffer_view(&buffer), &decoded, &error), BUS_OK);
        assert_memory_equal(&decoded, seal, sizeof decoded);
        assert_int_equal(bus_seal_verify(&decoded, batches[i / LOGS].key, &error), BUS_OK);
        bus_buffer_release(&buffer);
    }
}

static void refuses_bytes_that_are_not_exactly_one_seal(void **state)
{
    struct bus_seal decoded;
    struct bus_buffer buffer;
    struct bus_error error;
    (void)state;
    bus_buffer_init(&buffer, 2 * BUS_SEAL_MAX_SIZE);
    assert_int_equal(bus_seal_encode(&batches[0].seals[2], &buffer, &error), BUS_OK);
    size_t length = buffer.length;
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that a read past the end is seen */
        memcpy(exact, buffer.data, cut);
        assert_int_equal(bus_seal_decode(bus_bytes_of(exact, cut), &decoded, &error), BUS_REJECT);
        assert_string_equal(error.code, "SEAL_MALFORMED");
        free(exact);
    }
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_seal_decode(bus_buffer_view(&buffer), &decoded, &error), BUS_REJECT);
    while (buffer.length <= BUS_SEAL_MAX_SIZE)
        bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_seal_decode(bus_buffer_view(&buffer), &decoded, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void refuses_fields_beyond_their_limits(void **state)
{
    (void)state;
    for (int bad = 0; bad < 6; bad++) {
        struct bus_seal seal = batches[0].seals[1], decoded;
        struct bus_buffer buffer;
        struct bus_error error;
        switch (bad) {
        case 0: seal.batch_index = seal.batch_size; break;
        case 1: seal.batch_size = BUS_SEAL_MAX_LOGS + 1; break;
        case 2: seal.size = (uint64_t)INT64_MAX + 1; break;
        case 3: strcpy(seal.key_id, "short"); break;
        case 4: strcpy(seal.exchange, "two\nlines"); break;
        default: seal.log[0] = '\0'; break;
        }
        bus_buffer_init(&buffer, BUS_SEAL_MAX_SIZE);
        assert_int_equal(bus_seal_encode(&seal, &buffer, &error), BUS_OK);
        assert_int_equal(bus_seal_decode(bus_buffer_view(&buffer), &decoded, &error), BUS_REJECT);
        bus_buffer_release(&buffer);
    }
}

static void notices_any_changed_byte(void **state)
{
    struct bus_seal decoded;
    struct bus_buffer buffer;
    struct bus_error error;
    (void)state;
    bus_buffer_init(&buffer, BUS_SEAL_MAX_SIZE);
    assert_int_equal(bus_seal_encode(&batches[1].seals[0], &buffer, &error), BUS_OK);
    for (size_t at = 0; at < buffer.length; at++) {
        for (int change = 1; change < 256; change += 31) {
            buffer.data[at] ^= (uint8_t)change;
            if (bus_seal_decode(bus_buffer_view(&buffer), &decoded, &error) == BUS_OK)
                assert_int_not_equal(bus_seal_verify(&decoded, batches[1].key, &error), BUS_OK);
            buffer.data[at] ^= (uint8_t)change;
        }
    }
    bus_buffer_release(&buffer);
}

static void encoding_past_the_limit_is_fatal(void **state)
{
    struct bus_buffer buffer;
    struct bus_error error;
    (void)state;
    bus_buffer_init(&buffer, 100);
    assert_int_equal(bus_seal_encode(&batches[0].seals[0], &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

static void assert_refused(const struct bus_seal *seal, const struct bus_key *key, const char *code)
{
    struct bus_error error;
    assert_int_equal(bus_seal_verify(seal, key, &error), BUS_REJECT);
    assert_string_equal(error.code, code);
}

static void names_what_is_wrong_with_a_seal(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct bus_key *key = batches[i].key;
        struct bus_seal seal = batches[i].seals[1];
        assert_refused(&seal, batches[1 - i].key, "SEAL_KEY");
        seal.key_id[0] = seal.key_id[0] == 'a' ? 'b' : 'a';
        assert_refused(&seal, key, "SEAL_KEY");
        seal = batches[i].seals[1];
        seal.suite = both[1 - i];
        assert_refused(&seal, key, "SEAL_KEY");

        seal = batches[i].seals[1];
        seal.batch_path_length--;
        assert_refused(&seal, key, "SEAL_PATH");
        seal = batches[i].seals[1];
        seal.batch_path[0][0] ^= 1;
        assert_refused(&seal, key, "SEAL_SIGNATURE");
        seal = batches[i].seals[1];
        seal.sealed_at_ms++;
        assert_refused(&seal, key, "SEAL_SIGNATURE");
        seal = batches[i].seals[1];
        strcpy(seal.exchange, "liuzhou2");
        assert_refused(&seal, key, "SEAL_SIGNATURE");
        seal = batches[i].seals[1];
        strcpy(seal.log, names[0]);
        assert_refused(&seal, key, "SEAL_SIGNATURE");
        seal = batches[i].seals[1];
        seal.signature[10] ^= 1;
        assert_refused(&seal, key, "SEAL_SIGNATURE");
        seal = batches[i].seals[1];
        seal.frontier[0][0] ^= 1;
        assert_refused(&seal, key, "SEAL_FRONTIER");
    }
}

static void a_genuine_seal_of_another_log_is_not_ours(void **state)
{
    const struct bus_seal *seal = &batches[0].seals[2];
    struct bus_error error;
    (void)state;
    assert_int_equal(bus_seal_expect(seal, "liuzhou", "xq.out.a/10", &error), BUS_OK);
    assert_int_equal(bus_seal_expect(seal, "liuzhou", "xq.out.a/1", &error), BUS_REJECT);
    assert_string_equal(error.code, "SEAL_OTHER_LOG");
    assert_int_equal(bus_seal_expect(seal, "nanning", "xq.out.a/10", &error), BUS_REJECT);
}

static void reader_accepts_exactly_what_was_sealed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct bus_seal *seal = &batches[i].seals[0];
        bus_digest_bytes leaves[RECORDS + 1];
        struct bus_error error;
        memcpy(leaves, batches[i].leaves[0], sizeof batches[i].leaves[0]);
        memset(leaves[RECORDS], 0, 32);
        for (int damage = 0; damage < 5; damage++) {
            struct bus_seal_reader reader = {0}, before = {0};
            size_t count = RECORDS;
            bus_digest_bytes kept[RECORDS + 1];
            memcpy(kept, leaves, sizeof leaves);
            if (damage == 1)
                kept[7][31] ^= 1; /* changed */
            if (damage == 2)
                count--;       /* dropped */
            if (damage == 3) { /* swapped */
                memcpy(kept[3], leaves[4], 32);
                memcpy(kept[4], leaves[3], 32);
            }
            if (damage == 4)
                count++; /* added */
            enum bus_status status = bus_seal_reader_check(&reader, seal, kept, count, arena, &error);
            if (damage == 0) {
                assert_int_equal(status, BUS_OK);
                assert_int_equal(reader.log.size, RECORDS);
            } else {
                assert_int_equal(status, BUS_REJECT);
                assert_string_equal(error.code, "SEAL_LOG_MISMATCH");
                assert_memory_equal(&reader, &before, sizeof reader);
            }
        }
    }
}

static void reader_goes_on_behind_a_seal(void **state)
{
    const struct batch *batch = &batches[0];
    struct bus_merkle grown = batch->logs[0];
    struct bus_seal seal = batch->seals[0];
    struct bus_seal_reader reader = {0};
    struct bus_error error;
    (void)state;
    bus_seal_reader_start(&reader, &seal);
    assert_int_equal(bus_merkle_append(&grown, BUS_HASH_SM3, batch->leaves[1], 9, arena, &error), BUS_OK);
    seal.size = grown.size;
    bus_merkle_root(&grown, BUS_HASH_SM3, seal.root);
    memcpy(seal.frontier, grown.peaks, 32 * bus_merkle_peak_count(grown.size));
    assert_int_equal(bus_seal_reader_check(&reader, &seal, batch->leaves[1], 9, arena, &error), BUS_OK);
    assert_int_equal(reader.log.size, RECORDS + 9);
}

static void reader_without_memory_is_unchanged(void **state)
{
    struct bus_arena *small = bus_arena_create(64);
    struct bus_seal_reader reader = {0}, before = {0};
    struct bus_error error;
    (void)state;
    assert_int_equal(bus_seal_reader_check(&reader, &batches[0].seals[0], batches[0].leaves[0], RECORDS, small, &error),
                     BUS_FATAL);
    assert_memory_equal(&reader, &before, sizeof reader);
    bus_arena_destroy(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_the_text_that_the_formats_lay_down),
        cmocka_unit_test(hashes_a_batch_leaf_as_the_formats_lay_down),
        cmocka_unit_test(fingerprint_is_that_of_the_schema),
        cmocka_unit_test(comes_back_from_its_bytes),
        cmocka_unit_test(refuses_bytes_that_are_not_exactly_one_seal),
        cmocka_unit_test(refuses_fields_beyond_their_limits),
        cmocka_unit_test(notices_any_changed_byte),
        cmocka_unit_test(encoding_past_the_limit_is_fatal),
        cmocka_unit_test(names_what_is_wrong_with_a_seal),
        cmocka_unit_test(a_genuine_seal_of_another_log_is_not_ours),
        cmocka_unit_test(reader_accepts_exactly_what_was_sealed),
        cmocka_unit_test(reader_goes_on_behind_a_seal),
        cmocka_unit_test(reader_without_memory_is_unchanged),
    };
    return cmocka_run_group_tests(tests, seal_both, release_both);
}
