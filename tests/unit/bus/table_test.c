#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/table.h"

static void chinese_counts_two_columns(void **state)
{
    (void)state;
    assert_int_equal(bus_table_width(bus_bytes_text("books")), 5);
    assert_int_equal(bus_table_width(bus_bytes_text("账目")), 4);
    assert_int_equal(bus_table_width(bus_bytes_text("（A）")), 5);
    assert_int_equal(bus_table_width(bus_bytes_text("e\xcc\x81")), 1); /* a combining accent takes no column */
    assert_int_equal(bus_table_width(bus_bytes_of("\xff\xfe", 2)), 2); /* shown as two replacement characters */
}

static void cleans_what_a_terminal_would_obey(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 1000);
    bus_table_clean(&buffer, bus_bytes_text("a\033[2Jb\r\nc\x7f"), false);
    bus_buffer_u8(&buffer, 0);
    assert_string_equal((const char *)buffer.data, "a\xef\xbf\xbd[2Jb\xef\xbf\xbd\xef\xbf\xbd"
                                                   "c\xef\xbf\xbd");
    bus_buffer_reset(&buffer);
    bus_table_clean(&buffer, bus_bytes_text("\xe2\x80\xae反\n\t"), true);
    bus_buffer_u8(&buffer, 0);
    assert_string_equal((const char *)buffer.data, "\xef\xbf\xbd反\n\t");
    bus_buffer_release(&buffer);
}

static void keeps_text_that_is_fit(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 1000);
    bus_table_clean(&buffer, bus_bytes_text("柳州市 A-1 𠀀"), false);
    assert_true(bus_bytes_equal_text(bus_buffer_view(&buffer), "柳州市 A-1 𠀀"));
    bus_buffer_release(&buffer);
}

static void does_nothing_without_memory(void **state)
{
    (void)state;
    bus_table_column(NULL, "甲", "a", BUS_TABLE_LEFT);
    bus_table_cell(NULL, "%d", 1);
    assert_false(bus_table_print(NULL));
    bus_table_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chinese_counts_two_columns),
        cmocka_unit_test(cleans_what_a_terminal_would_obey),
        cmocka_unit_test(keeps_text_that_is_fit),
        cmocka_unit_test(does_nothing_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
