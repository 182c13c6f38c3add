#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "bus/digest.h"
#include "bus/digest_sm3.h"

enum { LONGEST = 300, POOL = 64 * 1024 };

static const size_t widths[] = {1, 4, 8, 16};
static uint8_t pool[POOL];

static const EVP_MD *reference(enum bus_hash hash)
{
    return hash == BUS_HASH_SM3 ? EVP_sm3() : EVP_sha256();
}

static void assert_digest(enum bus_hash hash, struct bus_bytes message, const uint8_t *digest)
{
    uint8_t expected[BUS_DIGEST_SIZE];
    EVP_Digest(message.data, message.length, expected, NULL, reference(hash), NULL);
    assert_memory_equal(digest, expected, BUS_DIGEST_SIZE);
}

static void assert_hex(const uint8_t *digest, const char *expected)
{
    char text[2 * BUS_DIGEST_SIZE + 1];
    bus_hex(digest, BUS_DIGEST_SIZE, text);
    assert_string_equal(text, expected);
}

static void gives_the_published_digests(void **state)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    (void)state;
    bus_digest(BUS_HASH_SM3, bus_bytes_text("abc"), digest);
    assert_hex(digest, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    bus_digest(BUS_HASH_SM3, bus_bytes_text("abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"),
               digest);
    assert_hex(digest, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
    bus_digest(BUS_HASH_SHA256, bus_bytes_text("abc"), digest);
    assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void equals_openssl_for_every_length(void **state)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    (void)state;
    for (size_t length = 0; length <= LONGEST; length++) {
        bus_digest(BUS_HASH_SM3, bus_bytes_of(pool, length), digest);
        assert_digest(BUS_HASH_SM3, bus_bytes_of(pool, length), digest);
        bus_digest(BUS_HASH_SHA256, bus_bytes_of(pool, length), digest);
        assert_digest(BUS_HASH_SHA256, bus_bytes_of(pool, length), digest);
    }
}

static void parts_equal_the_whole_wherever_they_are_cut(void **state)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    (void)state;
    for (size_t first = 0; first <= 150; first++) {
        for (size_t second = 0; second <= 150; second += 7) {
            struct bus_bytes parts[] = {bus_bytes_of(pool, first), bus_bytes_of(pool + first, second),
                                        bus_bytes_of(NULL, 0), bus_bytes_of(pool + first + second, 20)};
            for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
                bus_digest_parts((enum bus_hash)hash, parts, 4, digest);
                assert_digest((enum bus_hash)hash, bus_bytes_of(pool, first + second + 20), digest);
            }
        }
    }
}

/* `heads` may be NULL; otherwise heads[i] ends where bodies[i] begins. */
static void check_lanes(size_t lanes, const struct bus_bytes *heads, const struct bus_bytes *bodies, size_t count)
{
    uint8_t(*digests)[BUS_DIGEST_SIZE] = malloc((count + 1) * sizeof *digests);
    memset(digests[count], 0xA5, BUS_DIGEST_SIZE);
    bus_digest_sm3_many(lanes, heads, bodies, count, digests);
    for (size_t i = 0; i < count; i++) {
        size_t head = heads != NULL ? heads[i].length : 0;
        assert_digest(BUS_HASH_SM3, bus_bytes_of(bodies[i].data - head, head + bodies[i].length), digests[i]);
    }
    for (size_t i = 0; i < BUS_DIGEST_SIZE; i++)
        assert_int_equal(digests[count][i], 0xA5);
    free(digests);
}

static void lanes_equal_openssl_for_every_length(void **state)
{
    struct bus_bytes messages[16];
    (void)state;
    for (size_t width = 0; width < 4; width++) {
        if (!bus_digest_sm3_has_lanes(widths[width]))
            continue;
        for (size_t length = 0; length <= LONGEST; length++) {
            for (size_t i = 0; i < 16; i++)
                messages[i] = bus_bytes_of(pool + i * 301 + 7 * i, length);
            check_lanes(widths[width], NULL, messages, 16);
        }
    }
}

static void lanes_equal_openssl_for_mixed_lengths_and_counts(void **state)
{
    struct bus_bytes heads[120], bodies[120];
    (void)state;
    srand(1);
    for (size_t round = 0; round < 400; round++) {
        size_t count = (size_t)rand() % 120, longest = round % 4 == 0 ? 5000 : 400;
        for (size_t i = 0; i < count; i++) {
            size_t head = (size_t)rand() % (round % 3 == 0 ? 200 : 60);
            size_t at = (size_t)rand() % 20000;
            heads[i] = bus_bytes_of(pool + at, head);
            bodies[i] = bus_bytes_of(pool + at + head, (size_t)rand() % longest);
        }
        for (size_t width = 0; width < 4; width++) {
            if (bus_digest_sm3_has_lanes(widths[width])) {
                check_lanes(widths[width], heads, bodies, count);
                check_lanes(widths[width], NULL, bodies, count);
            }
        }
    }
}

static void many_equal_single_for_both_algorithms(void **state)
{
    struct bus_bytes heads[50], bodies[50];
    uint8_t digests[50][BUS_DIGEST_SIZE];
    (void)state;
    for (size_t i = 0; i < 50; i++) {
        heads[i] = bus_bytes_of(pool + i, 21);
        bodies[i] = bus_bytes_of(pool + i + 21, i * 11);
    }
    for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
        bus_digest_many((enum bus_hash)hash, bodies, 50, digests);
        for (size_t i = 0; i < 50; i++)
            assert_digest((enum bus_hash)hash, bodies[i], digests[i]);
        bus_digest_many_headed((enum bus_hash)hash, heads, bodies, 50, digests);
        for (size_t i = 0; i < 50; i++)
            assert_digest((enum bus_hash)hash, bus_bytes_of(heads[i].data, 21 + bodies[i].length), digests[i]);
    }
}

static void uses_the_widest_lanes_of_the_processor(void **state)
{
    size_t best = bus_digest_sm3_best_lanes();
    (void)state;
    assert_true(best >= 4);
    assert_true(bus_digest_sm3_has_lanes(best));
    assert_false(best < 16 && bus_digest_sm3_has_lanes(2 * best));
    assert_false(bus_digest_sm3_has_lanes(32));
}

static void stream_equals_the_whole(void **state)
{
    (void)state;
    for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
        struct bus_digest_stream stream;
        uint8_t digest[BUS_DIGEST_SIZE];
        bus_digest_stream_init(&stream, (enum bus_hash)hash);
        for (size_t at = 0; at < 10000; at += 100)
            bus_digest_stream_update(&stream, bus_bytes_of(pool + at, 100));
        bus_digest_stream_final(&stream, digest);
        assert_digest((enum bus_hash)hash, bus_bytes_of(pool, 10000), digest);
        bus_digest_stream_release(&stream);
    }
}

static void hmac_equals_openssl_for_short_and_long_keys(void **state)
{
    (void)state;
    for (size_t key_length = 0; key_length <= 130; key_length++) {
        for (size_t length = 0; length < 200; length += 13) {
            struct bus_hmac_sm3 hmac;
            uint8_t digest[BUS_DIGEST_SIZE], expected[BUS_DIGEST_SIZE];
            unsigned expected_length;
            struct bus_bytes parts[] = {bus_bytes_of(pool + 500, 1), bus_bytes_of(pool + 501, length)};
            bus_hmac_sm3_init(&hmac, bus_bytes_of(pool, key_length));
            bus_hmac_sm3_compute(&hmac, parts, 2, digest);
            HMAC(EVP_sm3(), pool, (int)key_length, pool + 500, length + 1, expected, &expected_length);
            assert_memory_equal(digest, expected, BUS_DIGEST_SIZE);
            bus_hmac_sm3_release(&hmac);
            assert_int_equal(hmac.inner[0] | hmac.outer[7], 0);
        }
    }
}

static void many_hmacs_equal_single_ones(void **state)
{
    enum { COUNT = 600 };
    static uint8_t digests[COUNT + 1][BUS_DIGEST_SIZE];
    struct bus_bytes messages[COUNT];
    struct bus_hmac_sm3 hmac;
    uint8_t expected[BUS_DIGEST_SIZE];
    (void)state;
    bus_hmac_sm3_init(&hmac, bus_bytes_of(pool, 40));
    for (size_t i = 0; i < COUNT; i++)
        messages[i] = bus_bytes_of(pool + i * 7, i % 201);
    for (size_t count = 0; count <= COUNT; count += count < 40 ? 1 : 70) {
        memset(digests, 0xA5, sizeof digests);
        bus_hmac_sm3_many(&hmac, messages, count, digests);
        for (size_t i = 0; i < count; i++) {
            bus_hmac_sm3_compute(&hmac, &messages[i], 1, expected);
            assert_memory_equal(digests[i], expected, sizeof expected);
        }
        memset(expected, 0xA5, sizeof expected);
        assert_memory_equal(digests[count], expected, sizeof expected);
    }
    bus_hmac_sm3_release(&hmac);
}

/* Every width, whichever the processor likes best. */
static void lanes_go_on_from_a_chaining_value(void **state)
{
    uint32_t start[BUS_DIGEST_SM3_WORDS];
    struct bus_bytes messages[100];
    uint8_t digests[100][BUS_DIGEST_SIZE];
    (void)state;
    memcpy(start, bus_digest_sm3_start, sizeof start);
    bus_digest_sm3_compress(start, pool, 2);
    for (size_t i = 0; i < 100; i++)
        messages[i] = bus_bytes_of(pool + 2 * BUS_DIGEST_SM3_BLOCK, i * 3);
    for (size_t width = 0; width < 4; width++) {
        if (!bus_digest_sm3_has_lanes(widths[width]))
            continue;
        bus_digest_sm3_many_from(widths[width], start, 2 * BUS_DIGEST_SM3_BLOCK, messages, 100, digests);
        for (size_t i = 0; i < 100; i++)
            assert_digest(BUS_HASH_SM3, bus_bytes_of(pool, 2 * BUS_DIGEST_SM3_BLOCK + i * 3), digests[i]);
    }
}

static void random_bytes_differ_and_wipe_clears(void **state)
{
    uint8_t first[600] = {0}, second[600] = {0}, zero[600] = {0};
    (void)state;
    bus_random(first, sizeof first);
    bus_random(second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_not_equal(first + 568, zero, 32);
    bus_wipe(first, sizeof first);
    assert_memory_equal(first, zero, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_digests),
        cmocka_unit_test(equals_openssl_for_every_length),
        cmocka_unit_test(parts_equal_the_whole_wherever_they_are_cut),
        cmocka_unit_test(lanes_equal_openssl_for_every_length),
        cmocka_unit_test(lanes_equal_openssl_for_mixed_lengths_and_counts),
        cmocka_unit_test(many_equal_single_for_both_algorithms),
        cmocka_unit_test(uses_the_widest_lanes_of_the_processor),
        cmocka_unit_test(stream_equals_the_whole),
        cmocka_unit_test(hmac_equals_openssl_for_short_and_long_keys),
        cmocka_unit_test(many_hmacs_equal_single_ones),
        cmocka_unit_test(lanes_go_on_from_a_chaining_value),
        cmocka_unit_test(random_bytes_differ_and_wipe_clears),
    };
    bus_random(pool, sizeof pool);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
