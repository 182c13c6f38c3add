#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/state_receipt.h"

static const struct bus_state_receipt some = {
    .size = UINT64_C(5000000000),
    .offset = 5000000123,
    .at_ms = 1795500000000,
    .receipt_offset = 77,
    .last_ms = 1795500000001,
    .refused = 41,
    .receipt = {(const uint8_t *)"as it came", 10},
};

static void an_entry_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    static uint8_t value[BUS_STATE_RECEIPT_SIZE];
    struct bus_state_receipt read;
    struct bus_error error;
    size_t length = bus_state_receipt_write(&some, value);
    assert_int_equal(length, BUS_STATE_RECEIPT_HEAD + 10);
    assert_int_equal(bus_state_receipt_read(bus_bytes_of(value, length), &read, &error), BUS_OK);
    assert_int_equal(read.size, some.size);
    assert_int_equal(read.offset, some.offset);
    assert_int_equal(read.at_ms, some.at_ms);
    assert_int_equal(read.receipt_offset, some.receipt_offset);
    assert_int_equal(read.last_ms, some.last_ms);
    assert_int_equal(read.refused, some.refused);
    assert_true(bus_bytes_equal(read.receipt, some.receipt));
}

static void the_layout_is_that_of_the_page(void **unused)
{
    (void)unused;
    static uint8_t value[BUS_STATE_RECEIPT_SIZE];
    bus_state_receipt_write(&some, value);
    assert_int_equal(value[0], 1);
    assert_int_equal(bus_get_u64le(value + 8), some.size);
    assert_int_equal(bus_get_u64le(value + 16), some.offset);
    assert_int_equal(bus_get_u64le(value + 24), some.at_ms);
    assert_int_equal(bus_get_u64le(value + 32), some.receipt_offset);
    assert_int_equal(bus_get_u64le(value + 40), some.last_ms);
    assert_int_equal(bus_get_u64le(value + 48), some.refused);
    assert_memory_equal(value + 56, "as it came", 10);
}

static void a_cut_entry_or_another_layout_is_refused(void **unused)
{
    (void)unused;
    static uint8_t value[BUS_STATE_RECEIPT_SIZE + 1];
    struct bus_state_receipt read;
    struct bus_error error;
    bus_state_receipt_write(&some, value);
    assert_int_equal(bus_state_receipt_read(bus_bytes_of(value, BUS_STATE_RECEIPT_HEAD - 1), &read, &error),
                     BUS_REJECT);
    assert_string_equal(error.code, "STATE_ENTRY");
    assert_int_equal(bus_state_receipt_read(bus_bytes_of(value, sizeof value), &read, &error), BUS_REJECT);
    value[0] = 2;
    assert_int_equal(bus_state_receipt_read(bus_bytes_of(value, BUS_STATE_RECEIPT_HEAD), &read, &error), BUS_REJECT);
}

static void the_key_is_the_subscribers_name_behind_its_letter(void **unused)
{
    (void)unused;
    static char longer[BUS_STATE_KEY_MAX + 1];
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    struct bus_error error;
    assert_int_equal(bus_state_receipt_key("court", key, &length, &error), BUS_OK);
    assert_int_equal(length, 6);
    assert_memory_equal(key, "Acourt", 6);
    memset(longer, 'x', sizeof longer - 1);
    assert_int_equal(bus_state_receipt_key(longer, key, &length, &error), BUS_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_reads_back_as_it_was_written),
        cmocka_unit_test(the_layout_is_that_of_the_page),
        cmocka_unit_test(a_cut_entry_or_another_layout_is_refused),
        cmocka_unit_test(the_key_is_the_subscribers_name_behind_its_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
