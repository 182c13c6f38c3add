#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/state/state.h"
#include "tests/support/folder.h"

enum { DAY = 20781, MAP_BYTES = 64 << 20, OVERLAY_BYTES = 16 << 20, MANY = 2000 };

static char folder[TEST_FOLDER_SIZE];
static const uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {1, 2, 3}, record[BUS_IDENTITY_SIZE] = {4, 5, 6};

static struct gateway_state *open_state(void)
{
    struct gateway_state_options options = {
        .folder = folder, .partition = 3, .map_bytes = MAP_BYTES, .overlay_bytes = OVERLAY_BYTES};
    struct gateway_state *state = NULL;
    struct bus_error error;
    assert_int_equal(gateway_state_open(&options, &state, &error), BUS_OK);
    return state;
}

static int set_up(void **out_state)
{
    test_folder_make(folder);
    *out_state = open_state();
    return 0;
}

static int tear_down(void **state)
{
    gateway_state_close(*state, false);
    test_folder_remove(folder);
    return 0;
}

static struct bus_state_entry entry_of(int64_t version)
{
    return (struct bus_state_entry){.version = version,
                                    .digest = 77,
                                    .item = 300,
                                    .holders = 5,
                                    .publicity_days = 20000,
                                    .state_offset = -1,
                                    .audit_offset = -1};
}

static void put(struct gateway_state *state, int64_t version)
{
    struct bus_state_entry entry = entry_of(version);
    struct bus_error error;
    assert_int_equal(gateway_state_write_record(state, gateway_state_record(state, subject, record), &entry,
                                                bus_bytes_text("event"), &error),
                     BUS_OK);
}

/* As settle does: asks for the changes, gives them offsets, commits. */
static void commit(struct gateway_state *state, int64_t first_offset)
{
    struct bus_slot *const *slots;
    size_t count;
    struct bus_error error;
    assert_int_equal(gateway_state_changes(state, 1, &slots, &count, &error), BUS_OK);
    for (size_t i = 0; i < count; i++)
        slots[i]->offset = first_offset + (int64_t)i;
    assert_int_equal(gateway_state_commit(state, &error), BUS_OK);
}

static bool find(struct gateway_state *state, struct bus_state_entry *out_entry)
{
    bool found;
    struct bus_error error;
    assert_int_equal(
        gateway_state_read_record(state, gateway_state_record(state, subject, record), out_entry, &found, &error),
        BUS_OK);
    return found;
}

static struct bus_slot *sequence_slot(struct gateway_state *state)
{
    struct bus_slot *slot = NULL;
    struct bus_error error;
    assert_int_equal(gateway_state_sequence(state, bus_bytes_text("market"), "xq.in.market.penalty", &slot, &error),
                     BUS_OK);
    return slot;
}

static struct bus_book *book_of(struct gateway_state *state)
{
    struct bus_book *book;
    struct bus_error error;
    assert_int_equal(gateway_state_book(state, DAY, &book, &error), BUS_OK);
    return book;
}

static void a_batch_sees_its_own_changes(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_state_entry entry;
    assert_false(find(state, &entry));
    put(state, 1);
    assert_true(find(state, &entry));
    put(state, 2);
    assert_true(find(state, &entry));
    assert_int_equal(entry.version, 2);
    assert_int_equal(entry.item, 300);
    assert_int_equal(entry.holders, 5);
}

static void an_aborted_batch_leaves_no_trace(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_state_entry entry;
    struct bus_merkle *log;
    struct bus_error error;
    put(state, 1);
    commit(state, 10);
    put(state, 2);
    assert_true(bus_book_add(book_of(state), "market", "penalty", "", BUS_MEASURE_ACCEPTED, 4));
    assert_int_equal(gateway_state_log(state, "xq.out.court/3", &log, &error), BUS_OK);
    log->size = 1;
    gateway_state_discard(state);
    assert_true(find(state, &entry));
    assert_int_equal(entry.version, 1);
    assert_int_equal(bus_book_count(book_of(state), "market", "penalty", "", BUS_MEASURE_ACCEPTED), 0);
    assert_int_equal(gateway_state_log(state, "xq.out.court/3", &log, &error), BUS_OK);
    assert_int_equal(log->size, 0);
}

static void everything_committed_is_there_after_a_restart(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_error error;
    struct bus_merkle *log;
    put(state, 7);
    struct bus_state_name name = {.ended = true, .item = 1, .name_digest = 9, .version = 3};
    assert_int_equal(gateway_state_write_name(state, gateway_state_name(state, subject), &name, &error), BUS_OK);
    assert_int_equal(gateway_state_write_sequence(state, sequence_slot(state), 41, &error), BUS_OK);
    assert_int_equal(gateway_state_log(state, "xq.out.court/3", &log, &error), BUS_OK);
    log->size = 3;
    memset(log->peaks, 0xab, 2 * BUS_DIGEST_SIZE);
    assert_true(bus_book_add(book_of(state), "market", "penalty", "court", BUS_MEASURE_DELIVERED, 6));
    commit(state, 100);

    gateway_state_close(state, false);
    *argument = state = open_state();
    struct bus_state_entry entry;
    assert_true(find(state, &entry));
    assert_int_equal(entry.version, 7);
    assert_in_range(entry.state_offset, 100, 104); /* its own place in the topic */
    assert_int_equal(gateway_state_changelog_next(state), 105);
    struct bus_state_name found_name;
    bool found;
    assert_int_equal(gateway_state_read_name(state, gateway_state_name(state, subject), &found_name, &found, &error),
                     BUS_OK);
    assert_true(found && found_name.ended && found_name.name_digest == 9 && found_name.version == 3);
    int64_t last;
    assert_int_equal(gateway_state_read_sequence(state, sequence_slot(state), &last, &found, &error), BUS_OK);
    assert_true(found && last == 41);
    assert_int_equal(gateway_state_log(state, "xq.out.court/3", &log, &error), BUS_OK);
    assert_int_equal(log->size, 3);
    assert_int_equal(log->peaks[1][31], 0xab);
    assert_int_equal(bus_book_count(book_of(state), "market", "penalty", "court", BUS_MEASURE_DELIVERED), 6);
}

static void what_is_fetched_together_is_found(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_error error;
    struct bus_state_entry entry;
    bool found;
    uint8_t key[BUS_IDENTITY_SIZE] = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        bus_put_u32be(key, i * 2654435761u);
        entry = entry_of(i);
        assert_int_equal(gateway_state_write_record(state, gateway_state_record(state, subject, key), &entry,
                                                    bus_bytes_text("e"), &error),
                         BUS_OK);
    }
    commit(state, 0);
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        bus_put_u32be(key, i * 2654435761u);
        assert_non_null(gateway_state_record(state, subject, key));
    }
    assert_int_equal(gateway_state_fetch(state, &error), BUS_OK);
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        bus_put_u32be(key, i * 2654435761u);
        assert_int_equal(
            gateway_state_read_record(state, gateway_state_record(state, subject, key), &entry, &found, &error),
            BUS_OK);
        assert_int_equal(found, i < MANY);
        assert_true(!found || entry.version == i);
    }
}

/* The whole of xq.state, as another machine would read it, makes the same state. */
static void the_topic_rebuilds_the_state(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_error error;
    put(state, 7);
    assert_true(bus_book_add(book_of(state), "tax", "arrears", "", BUS_MEASURE_STALE, 2));
    struct bus_slot *const *slots;
    size_t count;
    assert_int_equal(gateway_state_changes(state, 1, &slots, &count, &error), BUS_OK);
    static struct {
        uint8_t key[BUS_STATE_KEY_MAX], value[4096];
        size_t key_length, value_length;
    } topic[16];
    assert_in_range(count, 1, 16);
    for (size_t i = 0; i < count; i++) {
        memcpy(topic[i].key, slots[i]->key.data, topic[i].key_length = slots[i]->key.length);
        memcpy(topic[i].value, slots[i]->value, topic[i].value_length = slots[i]->value_length);
        if (slots[i]->payload.length > 0)
            memcpy(topic[i].value + topic[i].value_length, slots[i]->payload.data, slots[i]->payload.length);
        topic[i].value_length += slots[i]->payload.length;
    }
    assert_int_equal(gateway_state_clear(state, &error), BUS_OK);
    assert_int_equal(gateway_state_changelog_next(state), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(gateway_state_replay(state, bus_bytes_of(topic[i].key, topic[i].key_length),
                                              bus_bytes_of(topic[i].value, topic[i].value_length), 50 + (int64_t)i,
                                              &error),
                         BUS_OK);
    assert_int_equal(gateway_state_replayed(state, 60, &error), BUS_OK);
    struct bus_state_entry entry;
    assert_true(find(state, &entry));
    assert_int_equal(entry.version, 7);
    assert_in_range(entry.state_offset, 50, 59);
    assert_int_equal(bus_book_count(book_of(state), "tax", "arrears", "", BUS_MEASURE_STALE), 2);
    assert_int_equal(gateway_state_changelog_next(state), 60);
}

static void a_tombstone_in_the_topic_removes(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_error error;
    struct bus_state_entry entry;
    put(state, 7);
    commit(state, 0);
    uint8_t key[BUS_STATE_RECORD_KEY_SIZE];
    bus_state_record_key(subject, record, key);
    assert_int_equal(gateway_state_replay(state, bus_bytes_of(key, sizeof key), (struct bus_bytes){NULL, 0}, 9, &error),
                     BUS_OK);
    assert_int_equal(gateway_state_replayed(state, 10, &error), BUS_OK);
    assert_false(find(state, &entry));
}

static void a_broken_record_of_the_topic_is_fatal(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_error error;
    uint8_t key[BUS_STATE_RECORD_KEY_SIZE];
    bus_state_record_key(subject, record, key);
    assert_int_equal(gateway_state_replay(state, bus_bytes_of(key, sizeof key), bus_bytes_text("short"), 9, &error),
                     BUS_FATAL);
    assert_int_equal(gateway_state_replay(state, (struct bus_bytes){NULL, 0}, bus_bytes_text("x"), 9, &error),
                     BUS_FATAL);
}

static void the_audit_offset_goes_into_the_entry(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_state_entry entry;
    put(state, 7);
    gateway_state_note_audit(gateway_state_record(state, subject, record), 1234);
    commit(state, 5);
    assert_true(find(state, &entry));
    assert_int_equal(entry.audit_offset, 1234);
}

static void a_withdrawn_name_is_gone(void **argument)
{
    struct gateway_state *state = *argument;
    struct bus_error error;
    struct bus_state_name name = {.name_digest = 9, .version = 3};
    bool found;
    assert_int_equal(gateway_state_write_name(state, gateway_state_name(state, subject), &name, &error), BUS_OK);
    commit(state, 0);
    assert_int_equal(gateway_state_write_name(state, gateway_state_name(state, subject), NULL, &error), BUS_OK);
    commit(state, 5);
    assert_int_equal(gateway_state_read_name(state, gateway_state_name(state, subject), &name, &found, &error), BUS_OK);
    assert_false(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_sees_its_own_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_aborted_batch_leaves_no_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everything_committed_is_there_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_fetched_together_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_topic_rebuilds_the_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tombstone_in_the_topic_removes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_record_of_the_topic_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_audit_offset_goes_into_the_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawn_name_is_gone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
