#include "adapters/engine/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void shows_the_shape_and_nothing_of_the_value(void **state)
{
    char shape[ADAPTERS_SHAPE_SIZE];
    (void)state;
    adapters_shape(bus_bytes_text("91450200198229141F"), shape);
    assert_string_equal(shape, "18: 99999999999999999A");
    adapters_shape(bus_bytes_text("张三 a-1"), shape);
    assert_string_equal(shape, "6: 字字_a-9");
    adapters_shape(bus_bytes_text(""), shape);
    assert_string_equal(shape, "0: ");
}

static void keeps_a_shape_short_however_long_the_value(void **state)
{
    char value[4096], shape[ADAPTERS_SHAPE_SIZE];
    (void)state;
    for (size_t i = 0; i + 3 <= sizeof value; i += 3)
        memcpy(value + i, "柳", 3);
    adapters_shape(bus_bytes_of(value, sizeof value - sizeof value % 3), shape);
    assert_memory_equal(shape, "1365: 字", strlen("1365: 字"));
    assert_string_equal(shape + strlen(shape) - 3, "…");
}

static void a_refusal_of_a_value_holds_its_shape_only(void **state)
{
    struct adapters_refusal refusal;
    (void)state;
    assert_int_equal(
        adapters_refuse_value(&refusal, "VALUE_DATE", "wfsj", bus_bytes_text("secret42"), "不是日期", "no date"),
        BUS_REJECT);
    assert_string_equal(refusal.code, "VALUE_DATE");
    assert_string_equal(refusal.column, "wfsj");
    assert_null(strstr(refusal.en, "secret"));
    assert_non_null(strstr(refusal.en, "8: aaaaaa99"));
    assert_non_null(strstr(refusal.zh, "8: aaaaaa99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_shape_and_nothing_of_the_value),
        cmocka_unit_test(keeps_a_shape_short_however_long_the_value),
        cmocka_unit_test(a_refusal_of_a_value_holds_its_shape_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
