/* What was committed last lies in memory, on its way into the store, or in the store; whoever asks does not notice where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/state/recent.h"
#include "tests/support/folder.h"

enum { MAP_BYTES = 64 << 20, A_BATCH = 1000, BATCHES = 160, KEYS = 120000, PATH_SIZE = 256 };

static char folder[TEST_FOLDER_SIZE], open_folder[PATH_SIZE], copy[PATH_SIZE];
static struct gateway_recent *recent;
static int64_t values[KEYS]; /* as they should be; 0 = absent */

static struct gateway_recent *open_at(const char *path)
{
    struct gateway_recent *opened = NULL;
    struct bus_error error;
    assert_int_equal(gateway_recent_open(path, MAP_BYTES, &opened, &error), BUS_OK);
    return opened;
}

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    snprintf(open_folder, sizeof open_folder, "%s/open", folder);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    memset(values, 0, sizeof values);
    recent = open_at(open_folder);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_recent_close(recent, false);
    test_folder_remove(folder);
    return 0;
}

static void key_of(size_t number, uint8_t out_key[9])
{
    out_key[0] = 'R';
    bus_put_u64be(out_key + 1, number * UINT64_C(0x9E3779B97F4A7C15)); /* spread over the order of keys */
}

/* Batch `batch` sets A_BATCH keys, of which some had a value before, and takes one away. */
static void add_batch(struct gateway_recent *to, int64_t batch)
{
    static uint8_t keys[A_BATCH][9], bytes[A_BATCH][8];
    static struct bus_slot slots[A_BATCH];
    struct bus_slot *list[A_BATCH];
    struct bus_error error;
    for (size_t i = 0; i < A_BATCH; i++) {
        size_t number = ((size_t)batch * A_BATCH + i) % KEYS;
        values[number] = i == 0 ? 0 : batch + 1;
        key_of(number, keys[i]);
        bus_put_u64le(bytes[i], (uint64_t)values[number]);
        slots[i] = (struct bus_slot){.key = bus_bytes_of(keys[i], sizeof keys[i])};
        if (i != 0) {
            slots[i].value = bytes[i];
            slots[i].value_length = sizeof bytes[i];
        }
        list[i] = &slots[i];
    }
    assert_int_equal(gateway_recent_add(to, list, A_BATCH, (batch + 1) * A_BATCH, &error), BUS_OK);
}

static void check_all(struct gateway_recent *in)
{
    for (size_t i = 0; i < KEYS; i++) {
        uint8_t key[9];
        struct bus_bytes value;
        struct bus_error error;
        key_of(i, key);
        assert_int_equal(gateway_recent_get(in, bus_bytes_of(key, sizeof key), &value, &error), BUS_OK);
        assert_int_equal(value.data != NULL ? (int64_t)bus_get_u64le(value.data) : 0, values[i]);
    }
}

static void a_value_is_found_wherever_it_is(void **unused)
{
    (void)unused;
    for (int64_t batch = 0; batch < BATCHES; batch++) {
        add_batch(recent, batch);
        if (batch % 7 == 0)
            check_all(recent);
    }
    check_all(recent);
}

static void an_orderly_close_leaves_everything_in_the_store(void **unused)
{
    (void)unused;
    for (int64_t batch = 0; batch < 72; batch++) /* in the middle of a write */
        add_batch(recent, batch);
    gateway_recent_close(recent, true);
    recent = open_at(open_folder);
    assert_int_equal(gateway_recent_next(recent), 72 * A_BATCH);
    check_all(recent);
}

/* What is on disk at any moment is what a killed process leaves. */
static void whatever_a_kill_leaves_is_made_whole_by_replaying_from_where_it_says(void **unused)
{
    (void)unused;
    int64_t furthest = 0;
    for (int64_t batch = 0; batch < BATCHES; batch++) {
        add_batch(recent, batch);
        if (batch % 16 != 0)
            continue;
        char command[4 * PATH_SIZE];
        snprintf(command, sizeof command, "rm -rf %s && cp -r %s %s", copy, open_folder, copy);
        assert_int_equal(system(command), 0);
        struct gateway_recent *left = open_at(copy);
        int64_t next = gateway_recent_next(left);
        assert_true(next >= furthest && next <= (batch + 1) * A_BATCH);
        furthest = next;
        for (int64_t again = next / A_BATCH; again <= batch; again++)
            add_batch(left, again);
        check_all(left);
        gateway_recent_close(left, false);
    }
    assert_true(furthest > 0);
}

static void what_is_replayed_is_found_and_kept(void **unused)
{
    (void)unused;
    enum { MANY = 200000 }; /* more than are kept before a write */
    struct bus_error error;
    uint8_t key[9], value[8];
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < MANY; i++) {
            key_of(i, key);
            bus_put_u64le(value, i + (size_t)round);
            assert_int_equal(gateway_recent_replay(recent, bus_bytes_of(key, sizeof key),
                                                   bus_bytes_of(value, sizeof value),
                                                   (int64_t)((size_t)round * MANY + i + 1), &error),
                             BUS_OK);
        }
    assert_int_equal(gateway_recent_replayed(recent, 2 * MANY + 5, &error), BUS_OK);
    assert_int_equal(gateway_recent_next(recent), 2 * MANY + 5);
    struct bus_bytes found;
    for (size_t i = 0; i < MANY; i += 777) {
        key_of(i, key);
        assert_int_equal(gateway_recent_get(recent, bus_bytes_of(key, sizeof key), &found, &error), BUS_OK);
        assert_int_equal(found.length, sizeof value);
        assert_int_equal(bus_get_u64le(found.data), i + 1);
    }
}

static void a_little_that_is_replayed_is_recent(void **unused)
{
    (void)unused;
    struct bus_error error;
    uint8_t key[9];
    key_of(1, key);
    assert_int_equal(gateway_recent_replay(recent, bus_bytes_of(key, sizeof key), bus_bytes_text("one"), 7, &error),
                     BUS_OK);
    assert_int_equal(gateway_recent_replayed(recent, 9, &error), BUS_OK);
    assert_int_equal(gateway_recent_next(recent), 9);
    struct bus_bytes found;
    assert_int_equal(gateway_recent_get(recent, bus_bytes_of(key, sizeof key), &found, &error), BUS_OK);
    assert_true(bus_bytes_equal_text(found, "one"));
}

/* Replays some entries up to `next` and is stopped before all has come. */
static void stop_in_a_replay(int64_t next)
{
    struct bus_error error;
    uint8_t key[9];
    key_of(1, key);
    assert_int_equal(gateway_recent_replay(recent, bus_bytes_of(key, sizeof key), bus_bytes_text("two"), next, &error),
                     BUS_OK);
    gateway_recent_close(recent, true);
    recent = open_at(open_folder);
}

static void a_replay_that_is_stopped_claims_nothing(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_bytes found;
    uint8_t key[9];
    stop_in_a_replay(7);
    assert_int_equal(gateway_recent_next(recent), 0);
    add_batch(recent, 0);
    assert_int_equal(gateway_recent_write(recent, &error), BUS_OK);
    int64_t next = gateway_recent_next(recent);
    stop_in_a_replay(next + 100);
    assert_int_equal(gateway_recent_next(recent), next);
    key_of(1, key);
    assert_int_equal(gateway_recent_get(recent, bus_bytes_of(key, sizeof key), &found, &error), BUS_OK);
    assert_false(bus_bytes_equal_text(found, "two"));
}

static bool count_one(void *self, struct bus_bytes key, struct bus_bytes value)
{
    (void)value;
    *(size_t *)self += key.data[0] == 'R';
    return true;
}

/* An earlier owner began it when all was in its store; here it goes on. */
static void a_walk_meets_what_was_replayed(void **unused)
{
    (void)unused;
    struct bus_error error;
    uint8_t key[9];
    size_t count = 0;
    bool is_end = false;
    for (size_t i = 0; i < 10; i++) {
        key_of(i, key);
        assert_int_equal(
            gateway_recent_replay(recent, bus_bytes_of(key, sizeof key), bus_bytes_text("one"), (int64_t)i + 1, &error),
            BUS_OK);
    }
    assert_int_equal(gateway_recent_replayed(recent, 10, &error), BUS_OK);
    assert_int_equal(gateway_recent_walk(recent, bus_bytes_text("R"), count_one, &count, &is_end, &error), BUS_OK);
    assert_true(is_end);
    assert_int_equal(count, 10);
}

static void a_clear_forgets_all_of_it(void **unused)
{
    (void)unused;
    struct bus_error error;
    for (int64_t batch = 0; batch < 72; batch++)
        add_batch(recent, batch);
    assert_int_equal(gateway_recent_clear(recent, &error), BUS_OK);
    assert_int_equal(gateway_recent_next(recent), 0);
    memset(values, 0, sizeof values);
    check_all(recent);
    for (int64_t batch = 0; batch < 72; batch++)
        add_batch(recent, batch);
    check_all(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_is_found_wherever_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_orderly_close_leaves_everything_in_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_a_kill_leaves_is_made_whole_by_replaying_from_where_it_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_replayed_is_found_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replay_that_is_stopped_claims_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_little_that_is_replayed_is_recent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_walk_meets_what_was_replayed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clear_forgets_all_of_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
