/* What goes in without order comes out in the order of keys, the last of each, whether it fits into memory or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/state/runs.h"
#include "tests/support/folder.h"

enum { KEYS = 3000, ADDS = 20000, LONGEST = 900, SMALL = 16 * 1024, LARGE = 64 * 1024 * 1024 };

static char folder[TEST_FOLDER_SIZE];
static uint8_t payload[400 * 1024];

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 31 >> 3);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_folder_remove(folder);
    return 0;
}

/* Keys of different lengths, some of which begin like others. */
static struct bus_bytes key_of(size_t number, uint8_t room[24])
{
    size_t length = 1 + number % 5 * 4;
    memset(room, 'R', 24);
    bus_put_u32be(room + length, (uint32_t)(number * 2654435761u));
    return bus_bytes_of(room, length + 4);
}

struct expected {
    int64_t lengths[KEYS]; /* of the last value, -1 absent, -2 never added */
    uint8_t last_key[24];
    size_t last_length, seen;
};

static size_t number_of(struct bus_bytes key)
{
    uint8_t room[24];
    for (size_t i = 0; i < KEYS; i++) {
        struct bus_bytes candidate = key_of(i, room);
        if (candidate.length == key.length && memcmp(candidate.data, key.data, key.length) == 0)
            return i;
    }
    fail();
    return 0;
}

static enum bus_status take(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    struct expected *expected = self;
    (void)error;
    if (expected->seen > 0) {
        size_t shorter = key.length < expected->last_length ? key.length : expected->last_length;
        int order = memcmp(expected->last_key, key.data, shorter);
        assert_true(order < 0 || (order == 0 && expected->last_length < key.length));
    }
    memcpy(expected->last_key, key.data, key.length);
    expected->last_length = key.length;
    expected->seen++;
    size_t number = number_of(key);
    assert_int_equal(value.length, expected->lengths[number]);
    assert_memory_equal(value.data, payload + number, value.length);
    return BUS_OK;
}

static void add_and_check(size_t memory_bytes)
{
    static struct expected expected;
    struct bus_error error;
    uint8_t room[24];
    size_t standing = 0;
    uint32_t random = 12345;
    struct gateway_runs *runs = gateway_runs_create(folder, memory_bytes);
    assert_non_null(runs);
    expected = (struct expected){0};
    for (size_t i = 0; i < KEYS; i++)
        expected.lengths[i] = -2;
    for (size_t i = 0; i < ADDS; i++) {
        random = random * 1664525 + 1013904223;
        size_t number = (random >> 8) % KEYS, length = (random >> 3) % LONGEST + 1;
        bool is_absent = (random >> 20) % 7 == 0;
        expected.lengths[number] = is_absent ? -1 : (int64_t)length;
        struct bus_bytes value = is_absent ? bus_bytes_of(NULL, 0) : bus_bytes_of(payload + number, length);
        assert_int_equal(gateway_runs_add(runs, key_of(number, room), value, &error), BUS_OK);
    }
    for (size_t i = 0; i < KEYS; i++)
        standing += expected.lengths[i] >= 0;
    assert_int_equal(gateway_runs_merge(runs, take, &expected, &error), BUS_OK);
    assert_int_equal(expected.seen, standing);
    gateway_runs_destroy(runs);
}

static void comes_out_in_order_from_memory(void **unused)
{
    (void)unused;
    add_and_check(LARGE);
}

static void comes_out_in_order_from_many_runs(void **unused)
{
    (void)unused;
    add_and_check(SMALL);
}

static enum bus_status count(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    (void)key;
    (void)error;
    *(size_t *)self += value.length;
    return BUS_OK;
}

static void an_entry_longer_than_a_piece_of_a_run_is_whole(void **unused)
{
    (void)unused;
    struct bus_error error;
    size_t total = 0;
    struct gateway_runs *runs = gateway_runs_create(folder, 1024 * 1024);
    for (uint8_t i = 0; i < 20; i++)
        assert_int_equal(gateway_runs_add(runs, bus_bytes_of(&i, 1), bus_bytes_of(payload, sizeof payload - i), &error),
                         BUS_OK);
    assert_int_equal(gateway_runs_merge(runs, count, &total, &error), BUS_OK);
    assert_int_equal(total, 20 * sizeof payload - 190);
    gateway_runs_destroy(runs);
}

static void refuses_an_entry_longer_than_a_run(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_runs *runs = gateway_runs_create(folder, SMALL);
    assert_int_equal(gateway_runs_add(runs, bus_bytes_text("k"), bus_bytes_of(payload, SMALL), &error), BUS_FATAL);
    gateway_runs_destroy(runs);
}

static enum bus_status stop(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    (void)key;
    (void)value;
    ++*(size_t *)self;
    return bus_fail(error, BUS_FATAL, "no more");
}

static void stops_where_its_taker_does(void **unused)
{
    (void)unused;
    struct bus_error error;
    size_t seen = 0;
    struct gateway_runs *runs = gateway_runs_create(folder, SMALL);
    assert_int_equal(gateway_runs_add(runs, bus_bytes_text("a"), bus_bytes_text("1"), &error), BUS_OK);
    assert_int_equal(gateway_runs_add(runs, bus_bytes_text("b"), bus_bytes_text("2"), &error), BUS_OK);
    assert_int_equal(gateway_runs_merge(runs, stop, &seen, &error), BUS_FATAL);
    assert_int_equal(seen, 1);
    gateway_runs_destroy(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_out_in_order_from_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(comes_out_in_order_from_many_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_entry_longer_than_a_piece_of_a_run_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_an_entry_longer_than_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_where_its_taker_does, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
