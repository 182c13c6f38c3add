#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/state/state_private.h"
#include "tests/support/folder.h"

enum { MAP_BYTES = 64 << 20, OVERLAY_BYTES = 16 << 20, MAX_SEEN = 64 };

static char folder[TEST_FOLDER_SIZE];
static struct gateway_state *state;
static int64_t next_offset;

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    struct gateway_state_options options = {
        .folder = folder, .partition = 3, .map_bytes = MAP_BYTES, .overlay_bytes = OVERLAY_BYTES};
    struct bus_error error;
    next_offset = 0;
    return gateway_state_open(&options, &state, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_state_close(state, false);
    test_folder_remove(folder);
    return 0;
}

static void put_record(uint8_t subject, uint8_t record)
{
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE] = {subject}, identity[BUS_IDENTITY_SIZE] = {record};
    struct bus_state_entry entry = {.version = subject * 100 + record};
    struct bus_error error;
    assert_int_equal(gateway_state_write_record(state, gateway_state_record(state, subject_key, identity), &entry,
                                                bus_bytes_text("event"), &error),
                     BUS_OK);
}

static void put_name(uint8_t subject)
{
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE] = {subject};
    struct bus_state_name name = {.version = 1};
    struct bus_error error;
    assert_int_equal(gateway_state_write_name(state, gateway_state_name(state, subject_key), &name, &error), BUS_OK);
}

static void put_key(const char *key, const char *value)
{
    struct bus_slot *slot;
    struct bus_error error;
    assert_int_equal(gateway_state_place(state, bus_bytes_text(key), &slot, &error), BUS_OK);
    assert_int_equal(gateway_state_write_place(state, slot, bus_bytes_text(value), &error), BUS_OK);
}

static void commit(void)
{
    struct bus_slot *const *slots;
    size_t count;
    struct bus_error error;
    assert_int_equal(gateway_state_changes(state, 1, &slots, &count, &error), BUS_OK);
    for (size_t i = 0; i < count; i++)
        slots[i]->offset = next_offset++;
    assert_int_equal(gateway_state_commit(state, &error), BUS_OK);
}

/* What a walk has given, by the versions that put_record writes. */
struct seen {
    int64_t versions[MAX_SEEN];
    uint8_t last[BUS_STATE_RECORD_KEY_SIZE];
    size_t count, limit;
};

static bool take(void *self, struct bus_bytes key, const struct bus_state_entry *entry)
{
    struct seen *seen = self;
    assert_int_equal(key.length, sizeof seen->last);
    memcpy(seen->last, key.data, key.length);
    seen->versions[seen->count++] = entry->version;
    return seen->count < seen->limit;
}

static bool walk(struct seen *seen, struct bus_bytes after)
{
    bool end = false;
    struct bus_error error;
    assert_int_equal(gateway_state_walk(state, after, take, seen, &end, &error), BUS_OK);
    return end;
}

static void write_through(void)
{
    struct bus_error error;
    assert_int_equal(gateway_state_write_through(state, &error), BUS_OK);
}

static void an_empty_state_ends_at_once(void **unused)
{
    (void)unused;
    struct seen seen = {.limit = MAX_SEEN};
    assert_true(walk(&seen, bus_bytes_of(NULL, 0)));
    assert_int_equal(seen.count, 0);
}

static void gives_records_in_key_order_and_nothing_else(void **unused)
{
    (void)unused;
    put_record(2, 1);
    put_record(1, 2);
    put_record(1, 1);
    put_record(255, 255);
    put_name(1);
    put_name(2);
    put_key("Q1", "12345678"); /* before and behind the records */
    put_key("Z", "z");
    commit();
    write_through();
    struct seen seen = {.limit = MAX_SEEN};
    assert_true(walk(&seen, bus_bytes_of(NULL, 0)));
    assert_int_equal(seen.count, 4);
    static const int64_t expected[] = {101, 102, 201, 25755};
    assert_memory_equal(seen.versions, expected, sizeof expected);
}

static void stops_when_told_and_goes_on_behind_the_last(void **unused)
{
    (void)unused;
    for (uint8_t i = 1; i <= 5; i++)
        put_record(i, i);
    commit();
    write_through();
    struct seen first = {.limit = 2};
    assert_false(walk(&first, bus_bytes_of(NULL, 0)));
    assert_int_equal(first.count, 2);
    struct seen second = {.limit = MAX_SEEN};
    assert_true(walk(&second, bus_bytes_of(first.last, sizeof first.last)));
    assert_int_equal(second.count, 3);
    assert_int_equal(second.versions[0], 303);
}

static void goes_on_behind_a_key_that_is_gone(void **unused)
{
    (void)unused;
    put_record(1, 1);
    put_record(3, 3);
    commit();
    write_through();
    uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {2}, record[BUS_IDENTITY_SIZE] = {2}, key[BUS_STATE_RECORD_KEY_SIZE];
    bus_state_record_key(subject, record, key);
    struct seen seen = {.limit = MAX_SEEN};
    assert_true(walk(&seen, bus_bytes_of(key, sizeof key)));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.versions[0], 303);
}

static void what_was_committed_last_is_seen_once_it_is_written_through(void **unused)
{
    (void)unused;
    put_record(1, 1);
    commit();
    struct seen before = {.limit = MAX_SEEN}, after = {.limit = MAX_SEEN};
    walk(&before, bus_bytes_of(NULL, 0));
    assert_int_equal(before.count, 0);
    write_through();
    walk(&after, bus_bytes_of(NULL, 0));
    assert_int_equal(after.count, 1);
}

static void what_a_batch_has_not_committed_is_not_seen(void **unused)
{
    (void)unused;
    put_record(1, 1);
    write_through();
    struct seen seen = {.limit = MAX_SEEN};
    walk(&seen, bus_bytes_of(NULL, 0));
    assert_int_equal(seen.count, 0);
}

static void a_record_of_another_layout_names_its_partition(void **unused)
{
    (void)unused;
    char key[BUS_STATE_RECORD_KEY_SIZE + 1];
    memset(key, 'x', sizeof key);
    key[0] = BUS_STATE_SUBJECT;
    key[BUS_STATE_RECORD_KEY_SIZE] = '\0';
    struct bus_error error;
    assert_int_equal(gateway_recent_replay(gateway_state_recent_view(state), bus_bytes_text(key),
                                           bus_bytes_text("short"), 1, &error),
                     BUS_OK);
    assert_int_equal(gateway_state_replayed(state, 1, &error), BUS_OK);
    write_through();
    struct seen seen = {.limit = MAX_SEEN};
    bool end;
    assert_int_equal(gateway_state_walk(state, bus_bytes_of(NULL, 0), take, &seen, &end, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "partition 3"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_state_ends_at_once),
        TEST(gives_records_in_key_order_and_nothing_else),
        TEST(stops_when_told_and_goes_on_behind_the_last),
        TEST(goes_on_behind_a_key_that_is_gone),
        TEST(what_was_committed_last_is_seen_once_it_is_written_through),
        TEST(what_a_batch_has_not_committed_is_not_seen),
        TEST(a_record_of_another_layout_names_its_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
