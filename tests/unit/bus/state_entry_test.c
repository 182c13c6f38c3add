#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/state_entry.h"

/* Byte for byte as docs/formats-state.md has it: another program reads these. */
static void a_record_entry_is_laid_out_as_documented(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = {
        .version = 0x0102030405060708,
        .digest = 0x1112131415161718,
        .status = BUS_RECORD_WITHDRAWN,
        .subject_kind = BUS_SUBJECT_PERSON,
        .marks = 1u << BUS_MARK_REPAIRED | 1u << BUS_MARK_MINOR,
        .item = 0x2122,
        .disputes = 0x4142,
        .repairs = 8,
        .restrictions = 9,
        .public_restrictions = 10,
        .life = 11,
        .flags = 0x31323334,
        .publicity_days = INT32_MAX,
        .retention_days = 0x51525354,
        .watch_days = -2,
        .holders = UINT64_C(0x8000000000000001),
        .state_offset = -1,
        .audit_offset = 5,
        .first_seen_ms = 6,
        .changed_ms = 7,
    };
    uint8_t value[BUS_STATE_RECORD_SIZE];
    bus_state_record_write(&entry, value);
    char hex[2 * BUS_STATE_RECORD_SIZE + 1];
    bus_hex(value, sizeof value, hex);
    assert_string_equal(hex, "0201014222214241"
                             "34333231ffffff7f"
                             "0807060504030201"
                             "1817161514131211"
                             "0100000000000080"
                             "ffffffffffffffff"
                             "0500000000000000"
                             "0600000000000000"
                             "0700000000000000"
                             "54535251feffffff"
                             "08090a0b");
    struct bus_state_entry found;
    assert_int_equal(bus_state_record_read(bus_bytes_of(value, sizeof value), &found, NULL, NULL), BUS_OK);
    uint8_t again[BUS_STATE_RECORD_SIZE];
    bus_state_record_write(&found, again);
    assert_memory_equal(value, again, sizeof value);
}

static void a_record_entry_reads_back_with_its_event(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = {.version = -3, .item = 17, .publicity_days = -5, .state_offset = -1}, found;
    uint8_t value[BUS_STATE_RECORD_SIZE + 5];
    bus_state_record_write(&entry, value);
    memcpy(value + BUS_STATE_RECORD_SIZE, "event", 5);
    struct bus_bytes event;
    assert_int_equal(bus_state_record_read(bus_bytes_of(value, sizeof value), &found, &event, NULL), BUS_OK);
    assert_true(bus_bytes_equal_text(event, "event"));
    assert_int_equal(found.version, -3);
    assert_int_equal(found.item, 17);
    assert_int_equal(found.publicity_days, -5);
    assert_int_equal(found.state_offset, -1);
}

static void refuses_entries_that_are_short_or_of_another_layout(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = {0}, found;
    struct bus_state_name name;
    struct bus_merkle log;
    int64_t number;
    struct bus_error error;
    uint8_t value[BUS_STATE_RECORD_SIZE];
    bus_state_record_write(&entry, value);
    assert_int_equal(bus_state_record_read(bus_bytes_of(value, sizeof value - 1), &found, NULL, &error), BUS_REJECT);
    assert_string_equal(error.code, "STATE_ENTRY");
    value[0] = 1;
    assert_int_equal(bus_state_record_read(bus_bytes_of(value, sizeof value), &found, NULL, &error), BUS_REJECT);
    assert_int_equal(bus_state_name_read(bus_bytes_of(value, BUS_STATE_NAME_SIZE - 1), &name, &error), BUS_REJECT);
    assert_int_equal(bus_state_name_read(bus_bytes_of(value, BUS_STATE_NAME_SIZE), &name, &error), BUS_REJECT);
    assert_int_equal(bus_state_number_read(bus_bytes_of(value, 7), &number, &error), BUS_REJECT);
    assert_int_equal(bus_state_log_read(bus_bytes_of(value, 7), &log, &error), BUS_REJECT);
    memset(value, 0, sizeof value);
    value[0] = 3; /* two peaks */
    assert_int_equal(bus_state_log_read(bus_bytes_of(value, 8 + 33), &log, &error), BUS_REJECT);
    memset(value, 0xff, 8); /* 64 peaks: more than a log can have */
    assert_int_equal(bus_state_log_read(bus_bytes_of(value, 8 + 32), &log, &error), BUS_REJECT);
}

static void names_logs_and_numbers_read_back(void **unused)
{
    (void)unused;
    struct bus_state_name name = {.ended = true, .item = 900, .name_digest = 5, .version = -1}, found_name;
    uint8_t value[BUS_STATE_LOG_MAX];
    bus_state_name_write(&name, value);
    assert_int_equal(bus_state_name_read(bus_bytes_of(value, BUS_STATE_NAME_SIZE), &found_name, NULL), BUS_OK);
    assert_true(found_name.ended && found_name.item == 900 && found_name.name_digest == 5 && found_name.version == -1);
    struct bus_merkle log = {.size = 6}, found_log = {0};
    memset(log.peaks, 0x5a, 64);
    size_t length = bus_state_log_write(&log, value);
    assert_int_equal(length, 8 + 64);
    assert_int_equal(bus_state_log_read(bus_bytes_of(value, length), &found_log, NULL), BUS_OK);
    assert_int_equal(found_log.size, 6);
    assert_memory_equal(found_log.peaks, log.peaks, 64);
    int64_t number;
    bus_state_number_write(-2, value);
    assert_int_equal(bus_state_number_read(bus_bytes_of(value, 8), &number, NULL), BUS_OK);
    assert_int_equal(number, -2);
}

static void keys_begin_with_what_they_name(void **unused)
{
    (void)unused;
    uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {1}, record[BUS_IDENTITY_SIZE] = {2}, key[BUS_STATE_KEY_MAX];
    size_t length;
    bus_state_record_key(subject, record, key);
    assert_true(key[0] == 'R' && key[1] == 1 && key[17] == 2);
    assert_true(bus_state_is_record(bus_bytes_of(key, BUS_STATE_RECORD_KEY_SIZE)));
    assert_false(bus_state_is_record(bus_bytes_of(key, BUS_STATE_NAME_KEY_SIZE)));
    bus_state_name_key(subject, key);
    assert_true(key[0] == 'R' && key[1] == 1); /* beside its records */
    assert_int_equal(bus_state_log_key("xq.out.court/3", key, &length, NULL), BUS_OK);
    assert_true(bus_bytes_equal_text(bus_bytes_of(key, length), "Lxq.out.court/3"));
    assert_int_equal(bus_state_sequence_key(bus_bytes_text("tax"), "t", key, &length, NULL), BUS_OK);
    assert_true(bus_bytes_equal(bus_bytes_of(key, length), bus_bytes_of("Qtax\0t", 6)));
    static uint8_t long_name[BUS_STATE_KEY_MAX];
    assert_int_equal(bus_state_sequence_key(bus_bytes_of(long_name, sizeof long_name), "t", key, &length, NULL),
                     BUS_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_entry_is_laid_out_as_documented),
        cmocka_unit_test(a_record_entry_reads_back_with_its_event),
        cmocka_unit_test(refuses_entries_that_are_short_or_of_another_layout),
        cmocka_unit_test(names_logs_and_numbers_read_back),
        cmocka_unit_test(keys_begin_with_what_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
