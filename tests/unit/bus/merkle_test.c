#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>

#include "bus/merkle.h"

enum { MOST = 200 };

static struct bus_arena *arena;
static bus_digest_bytes leaves[MOST];

static void node(enum bus_hash hash, const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    uint8_t text[65] = {1};
    memcpy(text + 1, left, 32);
    memcpy(text + 33, right, 32);
    bus_digest(hash, bus_bytes_of(text, sizeof text), out);
}

/* The largest power of two below `count`. */
static size_t split(size_t count)
{
    size_t k = 1;
    while (2 * k < count)
        k *= 2;
    return k;
}

/* RFC 9162 section 2.1.1, word for word. */
static void naive_root(enum bus_hash hash, const bus_digest_bytes *of, size_t count, uint8_t *out)
{
    bus_digest_bytes left, right;
    if (count == 0) {
        bus_digest(hash, bus_bytes_of(NULL, 0), out);
    } else if (count == 1) {
        memcpy(out, of[0], 32);
    } else {
        size_t k = split(count);
        naive_root(hash, of, k, left);
        naive_root(hash, of + k, count - k, right);
        node(hash, left, right, out);
    }
}

/* RFC 9162 section 2.1.3.1. */
static size_t naive_path(enum bus_hash hash, const bus_digest_bytes *of, size_t count, size_t index,
                         bus_digest_bytes *out)
{
    if (count == 1)
        return 0;
    size_t k = split(count), length;
    if (index < k) {
        length = naive_path(hash, of, k, index, out);
        naive_root(hash, of + k, count - k, out[length]);
    } else {
        length = naive_path(hash, of + k, count - k, index - k, out);
        naive_root(hash, of, k, out[length]);
    }
    return length + 1;
}

static void append(struct bus_merkle *log, enum bus_hash hash, size_t from, size_t count)
{
    struct bus_error error;
    assert_int_equal(bus_merkle_append(log, hash, leaves + from, count, arena, &error), BUS_OK);
}

static void assert_root(const struct bus_merkle *log, enum bus_hash hash, const uint8_t *expected)
{
    bus_digest_bytes root;
    bus_merkle_root(log, hash, root);
    assert_memory_equal(root, expected, 32);
}

static void gives_the_roots_of_the_reference_tree(void **state)
{
    static const char *const inputs[] = {
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct bus_merkle log = {0};
    (void)state;
    for (size_t i = 0; i <= 8; i++) {
        uint8_t expected[32], input[17] = {0};
        bus_unhex(roots[i], expected, 32);
        assert_root(&log, BUS_HASH_SHA256, expected);
        if (i == 8)
            break;
        size_t length = strlen(inputs[i]) / 2;
        bus_unhex(inputs[i], input + 1, length);
        bus_digest_bytes leaf;
        struct bus_error error;
        bus_digest(BUS_HASH_SHA256, bus_bytes_of(input, 1 + length), leaf);
        assert_int_equal(bus_merkle_append(&log, BUS_HASH_SHA256, &leaf, 1, arena, &error), BUS_OK);
    }
}

static void hashes_a_record_as_the_formats_say(void **state)
{
    uint8_t text[5 + 7 + 900], long_key[300];
    bus_digest_bytes got[3], expected;
    struct bus_error error;
    (void)state;
    memset(text, 'v', sizeof text);
    memset(long_key, 'k', sizeof long_key);
    memcpy(text, "\0\0\0\0\7keykeyk", 12);
    const struct bus_bytes keys[] = {bus_bytes_of("keykeyk", 7), bus_bytes_of(NULL, 0), bus_bytes_of(long_key, 300)};
    const struct bus_bytes values[] = {bus_bytes_of(text + 12, 900), bus_bytes_of(NULL, 0), bus_bytes_of("end", 3)};
    for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
        assert_int_equal(bus_merkle_leaves((enum bus_hash)hash, keys, values, 3, arena, got, &error), BUS_OK);
        bus_digest((enum bus_hash)hash, bus_bytes_of(text, sizeof text), expected);
        assert_memory_equal(got[0], expected, 32);
        bus_digest((enum bus_hash)hash, bus_bytes_of("\0\0\0\0\0", 5), expected);
        assert_memory_equal(got[1], expected, 32);
        const struct bus_bytes parts[] = {bus_bytes_of("\0\0\0\1\x2c", 5), bus_bytes_of(long_key, 300),
                                          bus_bytes_text("end")};
        bus_digest_parts((enum bus_hash)hash, parts, 3, expected);
        assert_memory_equal(got[2], expected, 32);
    }
}

static void root_equals_the_definition_for_every_size(void **state)
{
    (void)state;
    for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
        for (size_t size = 0; size <= MOST; size++) {
            struct bus_merkle log = {0};
            bus_digest_bytes expected;
            append(&log, (enum bus_hash)hash, 0, size);
            assert_int_equal(log.size, size);
            naive_root((enum bus_hash)hash, leaves, size, expected);
            assert_root(&log, (enum bus_hash)hash, expected);
        }
        bus_arena_reset(arena);
    }
}

static void pieces_append_as_the_whole(void **state)
{
    (void)state;
    for (size_t first = 0; first <= 100; first++) {
        for (size_t second = 0; second <= MOST - first; second++) {
            struct bus_merkle pieces = {0}, whole = {0};
            append(&pieces, BUS_HASH_SHA256, 0, first);
            append(&pieces, BUS_HASH_SHA256, first, second);
            append(&whole, BUS_HASH_SHA256, 0, first + second);
            assert_int_equal(pieces.size, whole.size);
            assert_memory_equal(pieces.peaks, whole.peaks, 32 * bus_merkle_peak_count(whole.size));
        }
        bus_arena_reset(arena);
    }
}

static void path_equals_the_definition_for_every_size_and_index(void **state)
{
    (void)state;
    for (size_t size = 1; size <= MOST; size++) {
        bus_digest_bytes root, expected_root;
        naive_root(BUS_HASH_SM3, leaves, size, expected_root);
        for (size_t index = 0; index<size; index += size> 70 ? 1 + size / 40 : 1) {
            bus_digest_bytes path[BUS_MERKLE_MAX_PATH], expected[BUS_MERKLE_MAX_PATH];
            size_t length;
            struct bus_error error;
            assert_int_equal(bus_merkle_path(NULL, BUS_HASH_SM3, leaves, size, index, arena, path, &length, &error),
                             BUS_OK);
            assert_int_equal(length, naive_path(BUS_HASH_SM3, leaves, size, index, expected));
            assert_memory_equal(path, expected, 32 * length);
            assert_int_equal(
                bus_merkle_root_of_path(BUS_HASH_SM3, leaves[index], index, size, path, length, root, &error), BUS_OK);
            assert_memory_equal(root, expected_root, 32);
        }
        bus_arena_reset(arena);
    }
}

static void path_across_an_earlier_log_equals_that_of_the_whole(void **state)
{
    (void)state;
    for (size_t first = 0; first <= 70; first++) {
        for (size_t second = 1; second <= 70; second++) {
            struct bus_merkle before = {0};
            append(&before, BUS_HASH_SHA256, 0, first);
            for (size_t index = 0; index < second; index += 1 + index / 3) {
                bus_digest_bytes path[BUS_MERKLE_MAX_PATH], expected[BUS_MERKLE_MAX_PATH];
                size_t length;
                struct bus_error error;
                assert_int_equal(bus_merkle_path(&before, BUS_HASH_SHA256, leaves + first, second, index, arena, path,
                                                 &length, &error),
                                 BUS_OK);
                assert_int_equal(length, naive_path(BUS_HASH_SHA256, leaves, first + second, first + index, expected));
                assert_memory_equal(path, expected, 32 * length);
            }
        }
        bus_arena_reset(arena);
    }
}

static void tree_kept_whole_has_the_same_root_and_paths(void **state)
{
    (void)state;
    for (size_t size = 1; size <= MOST; size++) {
        struct bus_merkle_tree tree;
        struct bus_error error;
        bus_digest_bytes path[BUS_MERKLE_MAX_PATH], expected[BUS_MERKLE_MAX_PATH], root;
        assert_int_equal(bus_merkle_tree_build(BUS_HASH_SHA256, leaves, size, arena, &tree, &error), BUS_OK);
        naive_root(BUS_HASH_SHA256, leaves, size, root);
        assert_memory_equal(tree.levels[tree.depth][0], root, 32);
        for (size_t index = 0; index < size; index += 1 + size / 20) {
            size_t length = bus_merkle_tree_path(&tree, index, path);
            assert_int_equal(length, naive_path(BUS_HASH_SHA256, leaves, size, index, expected));
            assert_memory_equal(path, expected, 32 * length);
        }
        bus_arena_reset(arena);
    }
}

static void refuses_a_path_that_does_not_fit(void **state)
{
    bus_digest_bytes path[BUS_MERKLE_MAX_PATH] = {{0}}, root;
    size_t length;
    struct bus_error error;
    (void)state;
    assert_int_equal(bus_merkle_path(NULL, BUS_HASH_SM3, leaves, 13, 5, arena, path, &length, &error), BUS_OK);
    assert_int_equal(length, 4);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[5], 5, 13, path, 3, root, &error), BUS_REJECT);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[5], 5, 13, path, 5, root, &error), BUS_REJECT);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[5], 13, 13, path, 4, root, &error), BUS_REJECT);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[5], 0, 0, path, 0, root, &error), BUS_REJECT);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[0], 1, 1, path, 0, root, &error), BUS_REJECT);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[0], 0, 1, path, 0, root, &error), BUS_OK);
    assert_memory_equal(root, leaves[0], 32);
}

static void leaves_the_log_alone_when_memory_or_size_is_used_up(void **state)
{
    struct bus_arena *small = bus_arena_create(1000);
    struct bus_merkle log = {0}, before;
    struct bus_bytes empty[100] = {{0}};
    bus_digest_bytes out[100];
    struct bus_error error;
    (void)state;
    append(&log, BUS_HASH_SM3, 0, 5);
    before = log;
    assert_int_equal(bus_merkle_append(&log, BUS_HASH_SM3, leaves, 100, small, &error), BUS_FATAL);
    assert_memory_equal(&log, &before, sizeof log);
    assert_int_equal(bus_merkle_leaves(BUS_HASH_SM3, empty, empty, 100, small, out, &error), BUS_FATAL);
    struct bus_merkle_tree tree;
    assert_int_equal(bus_merkle_tree_build(BUS_HASH_SM3, leaves, 100, small, &tree, &error), BUS_FATAL);
    bus_arena_destroy(small);

    log.size = before.size = (uint64_t)INT64_MAX - 2;
    assert_int_equal(bus_merkle_append(&log, BUS_HASH_SM3, leaves, 3, arena, &error), BUS_FATAL);
    assert_memory_equal(&log, &before, sizeof log);
    assert_int_equal(bus_merkle_append(&log, BUS_HASH_SM3, leaves, 2, arena, &error), BUS_OK);
    assert_int_equal(bus_merkle_peak_count(log.size), 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_roots_of_the_reference_tree),
        cmocka_unit_test(hashes_a_record_as_the_formats_say),
        cmocka_unit_test(root_equals_the_definition_for_every_size),
        cmocka_unit_test(pieces_append_as_the_whole),
        cmocka_unit_test(path_equals_the_definition_for_every_size_and_index),
        cmocka_unit_test(path_across_an_earlier_log_equals_that_of_the_whole),
        cmocka_unit_test(tree_kept_whole_has_the_same_root_and_paths),
        cmocka_unit_test(refuses_a_path_that_does_not_fit),
        cmocka_unit_test(leaves_the_log_alone_when_memory_or_size_is_used_up),
    };
    arena = bus_arena_create(256 * 1024 * 1024);
    bus_random(leaves, sizeof leaves);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bus_arena_destroy(arena);
    return failed;
}
