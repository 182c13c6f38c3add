#include "adapters/sources/odbc/wide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LIMIT = 4096 };

static void text_of_any_script_comes_back(void **state)
{
    (void)state;
    static const char text[] = "abc 招投标 é 𠮷野家";
    struct bus_buffer wide, back;
    struct odbc_narrow narrow = {0};
    bus_buffer_init(&wide, LIMIT);
    bus_buffer_init(&back, LIMIT);
    odbc_wide_append(text, &wide);
    size_t units = wide.length / sizeof(uint16_t) - 1;
    for (size_t i = 0; i < units; i++) /* the worst pieces */
        odbc_narrow_append(&narrow, (const uint16_t *)(const void *)wide.data + i, 1, &back);
    odbc_narrow_finish(&narrow);
    assert_false(narrow.is_bad);
    assert_true(bus_bytes_equal_text(bus_buffer_view(&back), text));
    bus_buffer_release(&wide);
    bus_buffer_release(&back);
}

static bool is_bad(const uint16_t *units, size_t count)
{
    struct bus_buffer text;
    struct odbc_narrow narrow = {0};
    bus_buffer_init(&text, LIMIT);
    odbc_narrow_append(&narrow, units, count, &text);
    odbc_narrow_finish(&narrow);
    bus_buffer_release(&text);
    return narrow.is_bad;
}

static void tells_halves_of_characters_and_zeros(void **state)
{
    (void)state;
    assert_true(is_bad((const uint16_t[]){'a', 0xd842}, 2));
    assert_true(is_bad((const uint16_t[]){0xdfb7, 'a'}, 2));
    assert_true(is_bad((const uint16_t[]){0xd842, 0xd842, 0xdfb7}, 3));
    assert_true(is_bad((const uint16_t[]){'a', 0, 'b'}, 3));
    assert_false(is_bad((const uint16_t[]){0xd842, 0xdfb7}, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_any_script_comes_back),
        cmocka_unit_test(tells_halves_of_characters_and_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
