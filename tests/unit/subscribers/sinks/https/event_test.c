#include "subscribers/sinks/https/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/base64.h"
#include "bus/json.h"
#include "subscribers/sinks/https/proof.h"
#include "tests/support/sealed_log.h"

enum { SEALED = 21, TEXT = 512, BODY_LIMIT = 16 * 1024 * 1024 };

static struct test_deliveries made;
static struct bus_key *key;
static struct bus_arena *arena;

/* A log with 13 leaves in front, and a piece of 21. */
static struct fixture {
    struct test_log log;
    struct subscribers_delivery deliveries[SEALED];
    struct subscribers_piece *piece;
    struct bus_buffer body;
    struct bus_json_document *document;
} it;

static struct subscribers_delivery delivery(enum bus_delivery_operation operation, int number, uint64_t leaf)
{
    return test_delivery_of(
        &made, &(struct test_delivery){
                   .operation = operation, .number = number, .version = number, .partition = 2, .leaf = leaf});
}

static int set_up(void **state)
{
    (void)state;
    it = (struct fixture){0};
    test_log_open(&it.log, key, "xq.out.court", 2);
    bus_buffer_init(&it.body, BODY_LIMIT);
    struct subscribers_delivery first[13];
    for (uint64_t i = 0; i < 13; i++)
        first[i] = delivery(BUS_DELIVERY_PUT, (int)i, i);
    subscribers_piece_destroy(test_log_seal(&it.log, first, 13));
    test_deliveries_free(first, 13);
    for (int i = 0; i < SEALED; i++)
        it.deliveries[i] = delivery((enum bus_delivery_operation)(i % 5), i, 13 + (uint64_t)i);
    it.piece = test_log_seal(&it.log, it.deliveries, SEALED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_json_destroy(it.document);
    bus_buffer_release(&it.body);
    subscribers_piece_destroy(it.piece);
    test_deliveries_free(it.deliveries, SEALED);
    test_log_close(&it.log);
    return 0;
}

/* The next `count` as a body, parsed: an array. */
static const struct bus_json_value *body_of(size_t count, enum https_event_format format)
{
    struct bus_error error;
    struct subscribers_batch batch = test_log_batch(it.piece, it.deliveries, count);
    bus_json_destroy(it.document);
    it.document = NULL;
    bus_buffer_reset(&it.body);
    assert_int_equal(https_event_body(&batch, format, arena, &it.body, &error), BUS_OK);
    assert_int_equal(bus_json_parse(bus_buffer_view(&it.body), &it.document, &error), BUS_OK);
    const struct bus_json_value *root = bus_json_root(it.document);
    assert_int_equal(bus_json_count(root), count + 1);
    return root;
}

static const char *text(const struct bus_json_value *object, const char *name)
{
    static char texts[8][TEXT];
    static int turn;
    const struct bus_json_value *value = bus_json_member(object, name);
    if (value == NULL)
        return "(none)";
    struct bus_bytes bytes =
        bus_json_type(value) == BUS_JSON_NUMBER ? bus_json_number_text(value) : bus_json_as_text(value);
    char *to = texts[turn++ % 8];
    snprintf(to, TEXT, "%.*s", (int)bytes.length, bytes.length > 0 ? (const char *)bytes.data : "");
    return to;
}

static void an_event_says_what_a_delivery_is(void **state)
{
    (void)state;
    static const char *const types[] = {"put", "withdraw", "status", "resync-begin", "resync-end"};
    const struct bus_json_value *root = body_of(SEALED, HTTPS_EVENT_JSON);
    for (size_t i = 0; i < SEALED; i++) {
        const struct bus_json_value *event = bus_json_at(root, i), *data = bus_json_member(event, "data");
        char type[TEXT], id[TEXT], record[2 * BUS_IDENTITY_SIZE + 1];
        snprintf(type, sizeof type, "cn.xinqiao.delivery.%s", types[i % 5]);
        snprintf(id, sizeof id, "xq.out.court/2/%zu", 13 + i);
        bus_hex(it.deliveries[i].record, BUS_IDENTITY_SIZE, record);
        assert_string_equal(text(event, "specversion"), "1.0");
        assert_string_equal(text(event, "type"), type);
        assert_string_equal(text(event, "id"), id);
        assert_string_equal(text(event, "source"), "/%E6%9F%B3%E5%B7%9E%20test/xq.out.court");
        assert_string_equal(text(event, "subject"), i % 5 < 3 ? record : "(none)");
        assert_string_equal(text(event, "time"), "2026-09-21T14:13:20.123Z");
        assert_string_equal(text(event, "xqpartition"), "2");
        assert_string_equal(text(event, "xqleaf"), strrchr(id, '/') + 1);
        assert_string_equal(text(event, "xqdepartment"), "tax");
        assert_string_equal(text(event, "xqitem"), "arrears");
        assert_string_equal(text(event, "datacontenttype"), "application/json");
        assert_string_equal(text(data, "leaf"), strrchr(id, '/') + 1);
        assert_string_equal(text(data, "grant"), "court-tax-arrears");
    }
}

static void the_sealed_bytes_travel_with_it(void **state)
{
    (void)state;
    const enum https_event_format formats[] = {HTTPS_EVENT_JSON, HTTPS_EVENT_AVRO};
    const char *const names[] = {"xqvalue", "data_base64"}, *const types[] = {"application/json", "application/avro"};
    for (size_t f = 0; f < 2; f++) {
        const struct bus_json_value *root = body_of(SEALED, formats[f]);
        for (size_t i = 0; i < SEALED; i++) {
            const struct bus_json_value *event = bus_json_at(root, i);
            struct bus_buffer value;
            bus_buffer_init(&value, BODY_LIMIT);
            bus_base64_append(&value, it.deliveries[i].value);
            assert_true(bus_bytes_equal(bus_buffer_view(&value), bus_json_as_text(bus_json_member(event, names[f]))));
            assert_null(bus_json_member(event, names[1 - f]));
            assert_int_equal(bus_json_member(event, "data") != NULL, f == 0);
            assert_string_equal(text(event, "datacontenttype"), types[f]);
            bus_buffer_release(&value);
        }
    }
}

static void what_is_refused_already_counts_in_the_log_only(void **state)
{
    (void)state;
    subscribers_delivery_refuse(&it.deliveries[1], "SKIPPED");
    const struct bus_json_value *event = bus_json_at(body_of(3, HTTPS_EVENT_AVRO), 1);
    assert_string_equal(text(event, "type"), "cn.xinqiao.delivery.refused");
    assert_string_equal(text(event, "xqrefused"), "SKIPPED");
    assert_string_equal(text(event, "xqleaf"), "14");
    assert_non_null(bus_json_member(event, "xqvalue"));
    assert_null(bus_json_member(event, "data"));
    assert_null(bus_json_member(event, "data_base64"));
    assert_null(bus_json_member(event, "datacontenttype"));
}

/* As a receiver does: the siblings on the left of the path, deepest first. */
static size_t lefts(const struct bus_json_value *path, uint64_t index, uint64_t size, bus_digest_bytes *out_lefts)
{
    size_t count = 0;
    uint64_t last = size - 1;
    for (size_t i = 0; i < bus_json_count(path); i++) {
        if ((index & 1) != 0 || index == last) {
            char hex[2 * BUS_DIGEST_SIZE + 1];
            snprintf(hex, sizeof hex, "%.64s", (const char *)bus_json_as_text(bus_json_at(path, i)).data);
            assert_true(bus_unhex(hex, out_lefts[count++], BUS_DIGEST_SIZE));
            while ((index & 1) == 0 && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        }
        index >>= 1;
        last >>= 1;
    }
    return count;
}

static void read_digests(const struct bus_json_value *array, bus_digest_bytes *out_digests)
{
    for (size_t i = 0; i < bus_json_count(array); i++) {
        char hex[2 * BUS_DIGEST_SIZE + 1];
        snprintf(hex, sizeof hex, "%.64s", (const char *)bus_json_as_text(bus_json_at(array, i)).data);
        assert_true(bus_unhex(hex, out_digests[i], BUS_DIGEST_SIZE));
    }
}

/* The proof of a part holds for who keeps a frontier of its own, `own`, which goes on behind it. */
static void assert_proved(const struct bus_json_value *root, struct bus_merkle *own, size_t first, size_t count)
{
    struct bus_error error;
    const struct bus_json_value *proof = bus_json_member(bus_json_at(root, count), "data"),
                                *path = bus_json_member(proof, "path");
    bus_digest_bytes digests[BUS_MERKLE_MAX_PATH], root_found;
    const bus_digest_bytes *leaves = (const bus_digest_bytes *)it.piece->leaves + first;
    uint64_t last = 13 + first + count - 1;
    assert_string_equal(text(proof, "log"), "xq.out.court/2");
    assert_int_equal(bus_json_as_integer(bus_json_member(proof, "from")), own->size);
    assert_int_equal(bus_json_as_integer(bus_json_member(proof, "leaf")), last);
    assert_int_equal(bus_json_count(bus_json_member(proof, "frontier")), bus_merkle_peak_count(own->size));
    read_digests(bus_json_member(proof, "frontier"), digests);
    assert_memory_equal(digests, own->peaks, bus_merkle_peak_count(own->size) * BUS_DIGEST_SIZE);

    bus_arena_reset(arena);
    assert_int_equal(bus_merkle_append(own, BUS_HASH_SM3, leaves, count - 1, arena, &error), BUS_OK);
    size_t peaks = bus_merkle_peak_count(own->size);
    assert_int_equal(lefts(path, last, 13 + SEALED, digests), peaks);
    for (size_t i = 0; i < peaks; i++)
        assert_memory_equal(digests[i], own->peaks[peaks - 1 - i], BUS_DIGEST_SIZE);
    read_digests(path, digests);
    assert_int_equal(bus_merkle_root_of_path(BUS_HASH_SM3, leaves[count - 1], last, 13 + SEALED,
                                             (const bus_digest_bytes *)digests, bus_json_count(path), root_found,
                                             &error),
                     BUS_OK);
    assert_memory_equal(root_found, it.piece->seal->root, BUS_DIGEST_SIZE);
    assert_int_equal(bus_merkle_append(own, BUS_HASH_SM3, leaves + count - 1, 1, arena, &error), BUS_OK);
}

static void any_part_of_a_seal_can_be_verified(void **state)
{
    (void)state;
    static const size_t cuts[] = {1, 2, 3, 5, 8, 13, SEALED};
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        struct bus_merkle own = it.piece->before;
        struct bus_merkle start = it.piece->before;
        it.piece->done = 0;
        while (it.piece->done < SEALED) {
            size_t first = it.piece->done, count = SEALED - first < cuts[c] ? SEALED - first : cuts[c];
            assert_proved(body_of(count, HTTPS_EVENT_JSON), &own, first, count);
            test_log_done(&it.log, it.piece, count);
        }
        it.piece->before = start;
        it.piece->done = 0;
    }
}

static void the_seal_is_as_in_a_proof_file(void **state)
{
    (void)state;
    struct bus_error error;
    const struct bus_json_value *last = bus_json_at(body_of(4, HTTPS_EVENT_JSON), 4),
                                *seal = bus_json_member(bus_json_member(last, "data"), "seal");
    assert_string_equal(text(last, "type"), "cn.xinqiao.seal");
    assert_string_equal(text(last, "id"), "xq.out.court/2/16/seal/34");
    assert_string_equal(text(seal, "exchange"), TEST_EXCHANGE);
    assert_string_equal(text(seal, "size"), "34");
    assert_string_equal(text(seal, "suite"), "sm2-sm3");
    assert_string_equal(text(seal, "key_id"), bus_key_id_view(key));
    assert_int_equal(bus_seal_verify(it.piece->seal, key, &error), BUS_OK);
}

static void the_key_names_what_is_in_the_request(void **state)
{
    (void)state;
    char keys[7][HTTPS_EVENT_KEY_SIZE];
    struct subscribers_batch batch = test_log_batch(it.piece, it.deliveries, 5);
    https_event_key(&batch, keys[0]);
    https_event_key(&batch, keys[1]);
    assert_string_equal(keys[0], keys[1]);
    assert_int_equal(strspn(keys[0], "0123456789abcdef"), 64);
    batch.count = 4;
    https_event_key(&batch, keys[1]);
    subscribers_delivery_refuse(&it.deliveries[2], "SKIPPED");
    https_event_key(&batch, keys[2]);
    test_log_done(&it.log, it.piece, 1);
    batch = test_log_batch(it.piece, it.deliveries, 4);
    https_event_key(&batch, keys[3]);
    it.piece->leaves[3][0] ^= 1;
    https_event_key(&batch, keys[4]);
    it.piece->seal->log[0] ^= 1;
    https_event_key(&batch, keys[5]);
    it.piece->first_leaf++; /* the same leaves elsewhere */
    batch.before.size++;
    https_event_key(&batch, keys[6]);
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(keys[i], keys[j]);
}

static void a_body_beyond_its_limit_is_fatal(void **state)
{
    (void)state;
    struct bus_error error;
    struct subscribers_batch batch = test_log_batch(it.piece, it.deliveries, SEALED);
    struct bus_buffer body;
    bus_buffer_init(&body, 4096);
    assert_int_equal(https_event_body(&batch, HTTPS_EVENT_JSON, arena, &body, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "records"));
    bus_buffer_release(&body);
}

static int open_all(void **state)
{
    (void)state;
    struct bus_error error;
    test_deliveries_open(&made);
    arena = bus_arena_create(HTTPS_PROOF_ARENA);
    return bus_key_generate(BUS_SUITE_SM2_SM3, &key, &error) != BUS_OK;
}

static int close_all(void **state)
{
    (void)state;
    bus_key_destroy(key);
    bus_arena_destroy(arena);
    test_deliveries_close(&made);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_says_what_a_delivery_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_sealed_bytes_travel_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused_already_counts_in_the_log_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_part_of_a_seal_can_be_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_seal_is_as_in_a_proof_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_key_names_what_is_in_the_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_beyond_its_limit_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
