#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>
#include <stdio.h>

#include "bus/proof.h"

enum { RECORDS = 11, AT = 7 };

static char folder[] = "/tmp/proof_test.XXXXXX";
static char other_folder[] = "/tmp/proof_test_other.XXXXXX";
static char public_path[96];

/* A proof of record AT of a log of RECORDS, sealed alone. */
static void make_proof(enum bus_suite suite, struct bus_proof *proof)
{
    enum bus_hash hash = bus_suite_hash(suite);
    struct bus_arena *arena = bus_arena_create(1 << 20);
    struct bus_bytes keys[RECORDS], values[RECORDS];
    bus_digest_bytes leaves[RECORDS], batch_leaf;
    struct bus_merkle log = {0};
    struct bus_key *key = NULL;
    struct bus_seal *seal = &proof->seal;
    char text[BUS_SEAL_SIGNED_SIZE];
    struct bus_error error;

    bus_proof_init(proof);
    assert_int_equal(bus_key_generate(suite, &key, &error), BUS_OK);
    for (size_t i = 0; i < RECORDS; i++) {
        keys[i] = bus_bytes_of(&"0123456789abcdefghijklmnop"[i], 16);
        values[i] = bus_bytes_of(&"a value that is sealed, \0 with any bytes \xff"[i], 30);
    }
    assert_int_equal(bus_merkle_leaves(hash, keys, values, RECORDS, arena, leaves, &error), BUS_OK);
    assert_int_equal(bus_merkle_append(&log, hash, leaves, RECORDS, arena, &error), BUS_OK);
    proof->leaf = AT;
    proof->offset = 4711;
    bus_buffer_append_bytes(&proof->key, keys[AT]);
    bus_buffer_append_bytes(&proof->value, values[AT]);
    assert_int_equal(bus_merkle_path(NULL, hash, leaves, RECORDS, AT, arena, proof->path, &proof->path_length, &error),
                     BUS_OK);

    struct bus_seal_log share = {.name = "xq.out.court/3", .size = RECORDS};
    bus_merkle_root(&log, hash, share.root);
    bus_seal_batch_leaves(hash, &share, 1, &batch_leaf);
    *seal = (struct bus_seal){.exchange = "柳州",
                              .log = "xq.out.court/3",
                              .size = RECORDS,
                              .batch_size = 1,
                              .sealed_at_ms = 1700000000000,
                              .suite = suite};
    memcpy(seal->root, share.root, sizeof share.root);
    memcpy(seal->frontier, log.peaks, 3 * sizeof log.peaks[0]);
    strcpy(seal->key_id, bus_key_id_view(key));
    size_t length = bus_seal_signed_text(seal->exchange, seal->sealed_at_ms, batch_leaf, text);
    assert_int_equal(bus_key_sign(key, bus_bytes_of(text, length), seal->signature, &seal->signature_length, &error),
                     BUS_OK);
    snprintf(public_path, sizeof public_path, "%s/%s.pem", folder, seal->key_id);
    assert_int_equal(bus_key_save_public(key, public_path, &error), BUS_OK);
    bus_key_destroy(key);
    bus_arena_destroy(arena);
}

static void comes_back_from_its_text_and_is_genuine(void **state)
{
    (void)state;
    for (int suite = BUS_SUITE_SM2_SM3; suite <= BUS_SUITE_ED25519_SHA256; suite++) {
        struct bus_proof proof, read;
        struct bus_buffer text;
        struct bus_error error;
        make_proof((enum bus_suite)suite, &proof);
        bus_buffer_init(&text, BUS_PROOF_MAX_SIZE);
        bus_proof_write(&proof, &text);
        assert_false(text.failed);
        bus_proof_init(&read);
        assert_int_equal(bus_proof_read(bus_buffer_view(&text), &read, &error), BUS_OK);
        assert_memory_equal(&read.seal, &proof.seal, sizeof read.seal);
        assert_int_equal(read.offset, 4711);
        assert_int_equal(bus_proof_check_path(&read, &error), BUS_OK);
        assert_int_equal(bus_proof_check(&read, folder, &error), BUS_OK);
        assert_int_equal(bus_proof_check(&read, other_folder, &error), BUS_REJECT);
        assert_string_equal(error.code, "SEAL_KEY");
        assert_int_equal(bus_proof_check(&read, "/no/such/folder", &error), BUS_FATAL);
        bus_buffer_release(&text);
        bus_proof_release(&read);
        bus_proof_release(&proof);
    }
}

static void any_change_of_the_record_or_its_place_is_noticed(void **state)
{
    struct bus_proof proof;
    struct bus_error error;
    (void)state;
    make_proof(BUS_SUITE_SM2_SM3, &proof);
    for (size_t i = 0; i < proof.value.length; i++) {
        proof.value.data[i] ^= 1;
        assert_int_equal(bus_proof_check(&proof, folder, &error), BUS_REJECT);
        assert_string_equal(error.code, "PROOF_PATH");
        proof.value.data[i] ^= 1;
    }
    proof.key.data[0] ^= 1;
    assert_int_equal(bus_proof_check(&proof, folder, &error), BUS_REJECT);
    proof.key.data[0] ^= 1;
    proof.leaf--;
    assert_int_equal(bus_proof_check(&proof, folder, &error), BUS_REJECT);
    proof.leaf = UINT64_MAX;
    assert_int_equal(bus_proof_check(&proof, folder, &error), BUS_REJECT);
    proof.leaf = AT;
    proof.seal.sealed_at_ms++;
    assert_int_equal(bus_proof_check(&proof, folder, &error), BUS_REJECT);
    assert_string_equal(error.code, "SEAL_SIGNATURE");
    proof.seal.sealed_at_ms--;
    assert_int_equal(bus_proof_check(&proof, folder, &error), BUS_OK);
    bus_proof_release(&proof);
}

static enum bus_status read_text(const char *text, size_t length)
{
    struct bus_proof proof;
    struct bus_error error;
    bus_proof_init(&proof);
    enum bus_status status = bus_proof_read(bus_bytes_of(text, length), &proof, &error);
    bus_proof_release(&proof);
    return status;
}

static void refuses_text_that_is_no_proof(void **state)
{
    static const char *const changes[][2] = {
        {"xinqiao proof v1", "xinqiao proof v2"},
        {"\"leaf\":7", "\"leaf\":-7"},
        {"\"leaf\":7", "\"leaf\":7.0"},
        {"\"leaf\":7", "\"leaf\":\"7\""},
        {"\"size\":11", "\"size\":10"},
        {"\"size\":11", "\"size\":0"},
        {"\"suite\":\"sm2-sm3\"", "\"suite\":\"sm2\""},
        {"\"path\":[", "\"path\":[\"00\","},
        {"\"root\":\"", "\"root\":\"zz"},
        {"\"seal\":{", "\"seal\":[{"},
        {"\"key\":\"", "\"key\":\"0"},
        {"\"batch_size\":1", "\"batch_size\":5000"},
    };
    struct bus_proof proof;
    struct bus_buffer text;
    (void)state;
    make_proof(BUS_SUITE_SM2_SM3, &proof);
    bus_buffer_init(&text, BUS_PROOF_MAX_SIZE);
    bus_proof_write(&proof, &text);
    assert_int_equal(read_text((const char *)text.data, text.length), BUS_OK);
    for (size_t cut = 0; cut < text.length; cut += 13)
        assert_int_equal(read_text((const char *)text.data, cut), BUS_REJECT);
    bus_buffer_u8(&text, '\0');
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *whole = (const char *)text.data, *at = strstr(whole, changes[i][0]);
        char changed[16 * 1024];
        assert_non_null(at);
        int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - whole), whole, changes[i][1],
                              at + strlen(changes[i][0]));
        assert_int_equal(read_text(changed, (size_t)length), BUS_REJECT);
    }
    assert_int_equal(read_text("[]", 2), BUS_REJECT);
    assert_int_equal(read_text("{}", 2), BUS_REJECT);
    bus_buffer_release(&text);
    bus_proof_release(&proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_from_its_text_and_is_genuine),
        cmocka_unit_test(any_change_of_the_record_or_its_place_is_noticed),
        cmocka_unit_test(refuses_text_that_is_no_proof),
    };
    char clean[128];
    if (mkdtemp(folder) == NULL || mkdtemp(other_folder) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(clean, sizeof clean, "rm -rf %s %s", folder, other_folder);
    return system(clean) != 0 || failed;
}
