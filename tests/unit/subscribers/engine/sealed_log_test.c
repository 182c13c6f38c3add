#include "subscribers/engine/sealed_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/folder.h"

enum { RECORDS = 6, LOGS = 2 };
#define TOPIC "xq.out.court"

/* Two logs of RECORDS records under one signature, as they would lie in Kafka. */
struct fixture {
    char folder[TEST_FOLDER_SIZE];
    struct bus_key *key;
    struct bus_arena *arena;
    struct subscribers_seals *seals;
    uint8_t keys[LOGS][RECORDS][BUS_IDENTITY_SIZE];
    char values[LOGS][RECORDS][48];
    uint8_t leaves[LOGS][RECORDS][8];
    struct bus_merkle logs[LOGS];
    struct bus_buffer seal[LOGS];
    struct subscribers_sealed_log *log;
};

static void hash_logs(struct fixture *fixture, struct bus_seal_log *shares)
{
    static const char *const names[LOGS] = {TOPIC "/0", TOPIC "/1"};
    struct bus_error error;
    for (int l = 0; l < LOGS; l++) {
        struct bus_bytes keys[RECORDS], values[RECORDS];
        bus_digest_bytes leaves[RECORDS];
        for (int i = 0; i < RECORDS; i++) {
            bus_random(fixture->keys[l][i], BUS_IDENTITY_SIZE);
            snprintf(fixture->values[l][i], sizeof fixture->values[l][i], "value %d of %d", i, l);
            bus_put_u64be(fixture->leaves[l][i], (uint64_t)i);
            keys[i] = bus_bytes_of(fixture->keys[l][i], BUS_IDENTITY_SIZE);
            values[i] = bus_bytes_text(fixture->values[l][i]);
        }
        assert_int_equal(bus_merkle_leaves(BUS_HASH_SHA256, keys, values, RECORDS, fixture->arena, leaves, &error),
                         BUS_OK);
        assert_int_equal(bus_merkle_append(&fixture->logs[l], BUS_HASH_SHA256, (const bus_digest_bytes *)leaves,
                                           RECORDS, fixture->arena, &error),
                         BUS_OK);
        shares[l].name = names[l];
        shares[l].size = RECORDS;
        bus_merkle_root(&fixture->logs[l], BUS_HASH_SHA256, shares[l].root);
    }
}

static void seal_logs(struct fixture *fixture, const struct bus_seal_log *shares)
{
    struct bus_error error;
    bus_digest_bytes leaves[LOGS], root;
    struct bus_merkle tree = {0};
    char text[BUS_SEAL_SIGNED_SIZE];
    bus_seal_batch_leaves(BUS_HASH_SHA256, shares, LOGS, leaves);
    assert_int_equal(
        bus_merkle_append(&tree, BUS_HASH_SHA256, (const bus_digest_bytes *)leaves, LOGS, fixture->arena, &error),
        BUS_OK);
    bus_merkle_root(&tree, BUS_HASH_SHA256, root);
    size_t length = bus_seal_signed_text("liuzhou", 1790000000000, root, text);
    for (uint32_t l = 0; l < LOGS; l++) {
        struct bus_seal seal = {.exchange = "liuzhou",
                                .size = RECORDS,
                                .batch_index = l,
                                .batch_size = LOGS,
                                .batch_path_length = 1,
                                .sealed_at_ms = 1790000000000,
                                .suite = BUS_SUITE_ED25519_SHA256};
        snprintf(seal.log, sizeof seal.log, "%s", shares[l].name);
        snprintf(seal.key_id, sizeof seal.key_id, "%s", bus_key_id_view(fixture->key));
        memcpy(seal.root, shares[l].root, sizeof seal.root);
        memcpy(seal.frontier, fixture->logs[l].peaks, sizeof seal.frontier);
        memcpy(seal.batch_path[0], leaves[1 - l], sizeof leaves[0]);
        assert_int_equal(
            bus_key_sign(fixture->key, bus_bytes_of(text, length), seal.signature, &seal.signature_length, &error),
            BUS_OK);
        assert_int_equal(bus_seal_encode(&seal, &fixture->seal[l], &error), BUS_OK);
    }
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    struct bus_seal_log shares[LOGS];
    char path[TEST_FOLDER_SIZE + 64];
    fixture = (struct fixture){0};
    test_folder_make(fixture.folder);
    fixture.arena = bus_arena_create(1 << 20);
    assert_int_equal(bus_key_generate(BUS_SUITE_ED25519_SHA256, &fixture.key, &error), BUS_OK);
    snprintf(path, sizeof path, "%s/%s.pem", fixture.folder, bus_key_id_view(fixture.key));
    assert_int_equal(bus_key_save_public(fixture.key, path, &error), BUS_OK);
    for (int l = 0; l < LOGS; l++)
        bus_buffer_init(&fixture.seal[l], BUS_SEAL_MAX_SIZE);
    hash_logs(&fixture, shares);
    seal_logs(&fixture, shares);
    fixture.seals = subscribers_seals_create(fixture.folder, "liuzhou");
    fixture.log = subscribers_sealed_log_create(TOPIC, 0, NULL, BUS_HASH_SM3, fixture.seals, fixture.arena, false);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    subscribers_sealed_log_destroy(fixture->log);
    subscribers_seals_destroy(fixture->seals);
    bus_arena_destroy(fixture->arena);
    bus_key_destroy(fixture->key);
    for (int l = 0; l < LOGS; l++)
        bus_buffer_release(&fixture->seal[l]);
    test_folder_remove(fixture->folder);
    return 0;
}

static struct subscribers_arrival arrival(const struct fixture *fixture, int log, int index)
{
    return (struct subscribers_arrival){
        .offset = 100 + index,
        .key = bus_bytes_of(fixture->keys[log][index], BUS_IDENTITY_SIZE),
        .value = bus_bytes_text(fixture->values[log][index]),
        .leaf = bus_bytes_of(fixture->leaves[log][index], 8),
        .seal = index == RECORDS - 1 ? bus_buffer_view(&fixture->seal[log]) : (struct bus_bytes){NULL, 0},
    };
}

/* Gives log 0 whole to the reader; the first status that is not OK. */
static enum bus_status read_all(struct fixture *fixture, struct subscribers_piece **out_piece, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    *out_piece = NULL;
    for (int i = 0; status == BUS_OK && i < RECORDS; i++) {
        assert_null(*out_piece);
        struct subscribers_arrival next = arrival(fixture, 0, i);
        status = subscribers_sealed_log_take(fixture->log, &next, out_piece, error);
    }
    return status;
}

static void expect_refusal(struct fixture *fixture, const char *code)
{
    struct bus_error error;
    struct subscribers_piece *piece;
    assert_int_equal(read_all(fixture, &piece, &error), BUS_REJECT);
    assert_null(piece);
    assert_string_equal(error.code, code);
}

static void passes_what_the_seal_covers(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    struct subscribers_piece *piece;
    assert_int_equal(read_all(fixture, &piece, &error), BUS_OK);
    assert_non_null(piece);
    assert_int_equal(piece->count, RECORDS);
    assert_int_equal(piece->next_offset, 100 + RECORDS);
    assert_int_equal(piece->log.size, RECORDS);
    assert_int_equal(piece->hash, BUS_HASH_SHA256);
    assert_memory_equal(piece->log.peaks, fixture->logs[0].peaks, 2 * BUS_DIGEST_SIZE);
    assert_true(bus_bytes_equal_text(subscribers_piece_value_view(piece, 3), "value 3 of 0"));
    assert_int_equal(subscribers_sealed_log_pending(fixture->log), 0);
    subscribers_piece_destroy(piece);
}

static void one_signature_serves_all_logs_of_a_batch(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    struct subscribers_piece *piece = NULL;
    assert_int_equal(read_all(fixture, &piece, &error), BUS_OK);
    subscribers_piece_destroy(piece);
    struct subscribers_sealed_log *other =
        subscribers_sealed_log_create(TOPIC, 1, NULL, BUS_HASH_SM3, fixture->seals, fixture->arena, false);
    for (int i = 0; i < RECORDS; i++) {
        struct subscribers_arrival next = arrival(fixture, 1, i);
        assert_int_equal(subscribers_sealed_log_take(other, &next, &piece, &error), BUS_OK);
    }
    assert_non_null(piece);
    assert_int_equal(subscribers_seals_verified(fixture->seals), 1);
    subscribers_piece_destroy(piece);
    subscribers_sealed_log_destroy(other);
}

static void holds_back_what_no_seal_covers(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    struct subscribers_piece *piece;
    for (int i = 0; i < RECORDS - 1; i++) {
        struct subscribers_arrival next = arrival(fixture, 0, i);
        assert_int_equal(subscribers_sealed_log_take(fixture->log, &next, &piece, &error), BUS_OK);
        assert_null(piece);
    }
    assert_int_equal(subscribers_sealed_log_pending(fixture->log), RECORDS - 1);
}

static void refuses_a_changed_value(void **state)
{
    struct fixture *fixture = *state;
    fixture->values[0][2][0] ^= 1;
    expect_refusal(fixture, "SEAL_LOG_MISMATCH");
}

static void refuses_a_changed_key(void **state)
{
    struct fixture *fixture = *state;
    fixture->keys[0][RECORDS - 1][15] ^= 1;
    expect_refusal(fixture, "SEAL_LOG_MISMATCH");
}

static void refuses_a_leaf_out_of_order(void **state)
{
    struct fixture *fixture = *state;
    bus_put_u64be(fixture->leaves[0][3], 4);
    expect_refusal(fixture, "LEAF_ORDER");
}

static void refuses_a_record_without_leaf(void **state)
{
    struct fixture *fixture = *state;
    struct subscribers_arrival next = arrival(fixture, 0, 0);
    struct subscribers_piece *piece;
    struct bus_error error;
    next.leaf = (struct bus_bytes){NULL, 0};
    assert_int_equal(subscribers_sealed_log_take(fixture->log, &next, &piece, &error), BUS_REJECT);
    assert_string_equal(error.code, "LEAF_MISSING");
}

static void refuses_a_key_that_is_no_identity(void **state)
{
    struct fixture *fixture = *state;
    struct subscribers_arrival next = arrival(fixture, 0, 0);
    struct subscribers_piece *piece;
    struct bus_error error;
    next.key.length = 15;
    assert_int_equal(subscribers_sealed_log_take(fixture->log, &next, &piece, &error), BUS_REJECT);
    assert_string_equal(error.code, "RECORD_KEY");
}

static void refuses_the_seal_of_another_log(void **state)
{
    struct fixture *fixture = *state;
    struct bus_buffer mine = fixture->seal[0];
    fixture->seal[0] = fixture->seal[1];
    expect_refusal(fixture, "SEAL_OTHER_LOG");
    fixture->seal[0] = mine;
}

static void refuses_a_key_that_is_not_pinned(void **state)
{
    struct fixture *fixture = *state;
    char path[TEST_FOLDER_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s.pem", fixture->folder, bus_key_id_view(fixture->key));
    assert_int_equal(remove(path), 0);
    expect_refusal(fixture, "SEAL_KEY");
}

static void refuses_a_malformed_seal(void **state)
{
    struct fixture *fixture = *state;
    fixture->seal[0].length -= 3;
    expect_refusal(fixture, "SEAL_MALFORMED");
}

static void refuses_a_signature_by_nobody(void **state)
{
    struct fixture *fixture = *state;
    fixture->seal[0].data[fixture->seal[0].length - 1] ^= 1;
    expect_refusal(fixture, "SEAL_SIGNATURE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(passes_what_the_seal_covers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_signature_serves_all_logs_of_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_back_what_no_seal_covers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_changed_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_changed_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_leaf_out_of_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_record_without_leaf, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_key_that_is_no_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_seal_of_another_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_key_that_is_not_pinned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_malformed_seal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_signature_by_nobody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
