#include "bus/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka needs the three above first */
#include <cmocka.h>

static void integers_come_back_as_they_were(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 4096);
    for (int shift = 0; shift < 64; shift++)
        for (int add = -1; add <= 1; add++) {
            int64_t value = (int64_t)((UINT64_C(1) << shift) + (uint64_t)(int64_t)add);
            bus_buffer_reset(&buffer);
            bus_buffer_varint(&buffer, value);
            bus_buffer_varint(&buffer, -(value / 2));
            struct bus_cursor cursor = bus_cursor_of(bus_buffer_view(&buffer));
            assert_int_equal(bus_cursor_varint(&cursor), value);
            assert_int_equal(bus_cursor_varint(&cursor), -(value / 2));
            assert_false(cursor.failed);
            assert_int_equal(bus_cursor_left(&cursor), 0);
        }
    bus_buffer_release(&buffer);
}

static void a_cursor_that_failed_gives_nothing_more(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x02, 0x80};
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(bytes, sizeof bytes));
    assert_int_equal(bus_cursor_varint(&cursor), 1);
    assert_int_equal(bus_cursor_varint(&cursor), 0); /* cut off */
    assert_true(cursor.failed);
    cursor = bus_cursor_of(bus_bytes_of(bytes, sizeof bytes));
    assert_int_equal(bus_cursor_take(&cursor, 3).length, 0);
    assert_int_equal(bus_cursor_varint(&cursor), 0); /* though a good one stands there */
    assert_true(cursor.failed);
    cursor = bus_cursor_of(bus_bytes_of(NULL, 0));
    assert_int_equal(bus_cursor_varint(&cursor), 0);
    assert_true(cursor.failed);
}

static void an_integer_beyond_64_bits_fails(void **state)
{
    (void)state;
    static const uint8_t most[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    static const uint8_t beyond[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(most, sizeof most));
    assert_int_equal(bus_cursor_varint(&cursor), INT64_MIN);
    assert_false(cursor.failed);
    cursor = bus_cursor_of(bus_bytes_of(beyond, sizeof beyond));
    assert_int_equal(bus_cursor_varint(&cursor), 0);
    assert_true(cursor.failed);
}

static void a_buffer_takes_its_limit_and_not_a_byte_more(void **state)
{
    (void)state;
    static const uint8_t bytes[1000] = {7};
    for (size_t limit = 990; limit <= 1000; limit++) {
        struct bus_buffer buffer;
        bus_buffer_init(&buffer, limit);
        for (size_t i = 0; i < 9; i++)
            bus_buffer_append(&buffer, bytes, 110);
        for (size_t i = 990; i < limit; i++)
            bus_buffer_u8(&buffer, (uint8_t)i);
        assert_false(buffer.failed);
        assert_int_equal(buffer.length, limit);
        bus_buffer_u8(&buffer, 1);
        assert_true(buffer.failed);
        assert_int_equal(buffer.length, limit);
        bus_buffer_append(&buffer, bytes, 0);
        assert_true(buffer.failed); /* until it is reset */
        bus_buffer_reset(&buffer);
        bus_buffer_append(&buffer, bytes, limit);
        assert_false(buffer.failed);
        bus_buffer_release(&buffer);
    }
}

static void what_was_appended_survives_growing(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 100000);
    for (int i = 0; i < 10000; i++)
        bus_buffer_append(&buffer, (const char[]){(char)i, (char)(i >> 8), 3}, 3);
    struct bus_bytes view = bus_buffer_view(&buffer);
    assert_int_equal(view.length, 30000);
    for (size_t i = 0; i < 10000; i++)
        assert_true(view.data[3 * i] == (uint8_t)i && view.data[3 * i + 1] == (uint8_t)(i >> 8) &&
                    view.data[3 * i + 2] == 3);
    bus_buffer_release(&buffer);
}

static void a_failed_buffer_takes_nothing_that_would_fit(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 4);
    bus_buffer_append(&buffer, "abc", 3);
    bus_buffer_append(&buffer, "de", 2);
    bus_buffer_append(&buffer, "f", 1);
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 3);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_come_back_as_they_were),
        cmocka_unit_test(a_cursor_that_failed_gives_nothing_more),
        cmocka_unit_test(an_integer_beyond_64_bits_fails),
        cmocka_unit_test(a_buffer_takes_its_limit_and_not_a_byte_more),
        cmocka_unit_test(what_was_appended_survives_growing),
        cmocka_unit_test(a_failed_buffer_takes_nothing_that_would_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
