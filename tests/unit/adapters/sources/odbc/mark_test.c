#include "adapters/sources/odbc/mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct odbc_mark parsed(enum adapters_poll_kind kind, const char *text)
{
    struct odbc_mark mark;
    assert_true(odbc_mark_parse(kind, bus_bytes_text(text), &mark));
    return mark;
}

static void comes_back_as(enum adapters_poll_kind kind, const char *text, const char *expected)
{
    char written[ODBC_MARK_TEXT_SIZE];
    struct odbc_mark mark = parsed(kind, text);
    odbc_mark_text(kind, &mark, written);
    assert_string_equal(written, expected);
}

static void keeps_every_decimal_of_a_timestamp(void **state)
{
    (void)state;
    comes_back_as(ADAPTERS_POLL_TIMESTAMP, "2026-11-24 10:00:00.123456789", "2026-11-24 10:00:00.123456789");
    comes_back_as(ADAPTERS_POLL_TIMESTAMP, "2026-11-24T23:59:59.5", "2026-11-24 23:59:59.5");
    comes_back_as(ADAPTERS_POLL_TIMESTAMP, "2026-11-24 10:00:00", "2026-11-24 10:00:00");
    comes_back_as(ADAPTERS_POLL_TIMESTAMP, "2026-11-24", "2026-11-24 00:00:00");
    comes_back_as(ADAPTERS_POLL_TIMESTAMP, "1949-10-01 15:00:00.01", "1949-10-01 15:00:00.01");
}

static void takes_whole_numbers_in_any_writing(void **state)
{
    (void)state;
    comes_back_as(ADAPTERS_POLL_NUMBER, "9223372036854775806", "9223372036854775806");
    comes_back_as(ADAPTERS_POLL_NUMBER, "-5", "-5");
    comes_back_as(ADAPTERS_POLL_NUMBER, "12.000", "12");
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const times[] = {"",
                                        "2026",
                                        "2026-13-01",
                                        "2026-02-30",
                                        "2026-1-1",
                                        "2026-11-24 25:00:00",
                                        "2026-11-24 10:00",
                                        "2026-11-24 10:00:00.",
                                        "2026-11-24 10:00:00.5x",
                                        "infinity",
                                        "12345"};
    static const char *const numbers[] = {
        "", "-", "1.5", "1e5", "9223372036854775807", "99999999999999999999", "2026-11-24", "12 "};
    struct odbc_mark mark;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        assert_false(odbc_mark_parse(ADAPTERS_POLL_TIMESTAMP, bus_bytes_text(times[i]), &mark));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_false(odbc_mark_parse(ADAPTERS_POLL_NUMBER, bus_bytes_text(numbers[i]), &mark));
    assert_false(odbc_mark_parse(ADAPTERS_POLL_NUMBER, (struct bus_bytes){0}, &mark));
}

static void orders_by_time_and_below_all_what_is_not_set(void **state)
{
    (void)state;
    struct odbc_mark none = {0}, early = parsed(ADAPTERS_POLL_TIMESTAMP, "2026-11-24 10:00:00.1"),
                     late = parsed(ADAPTERS_POLL_TIMESTAMP, "2026-11-24 10:00:00.2");
    assert_true(odbc_mark_compare(&early, &late) < 0);
    assert_true(odbc_mark_compare(&late, &early) > 0);
    assert_true(odbc_mark_compare(&none, &early) < 0);
    assert_int_equal(odbc_mark_compare(&none, &none), 0);
    assert_int_equal(odbc_mark_compare(&late, &late), 0);
}

static void goes_back_by_the_overlap_over_midnight_and_never_beyond_the_first(void **state)
{
    (void)state;
    char text[ODBC_MARK_TEXT_SIZE];
    struct odbc_mark mark = parsed(ADAPTERS_POLL_TIMESTAMP, "2026-03-01 00:01:00.25");
    mark = odbc_mark_before(&mark, 300);
    odbc_mark_text(ADAPTERS_POLL_TIMESTAMP, &mark, text);
    assert_string_equal(text, "2026-02-28 23:56:00.25");
    struct odbc_mark lowest = {.is_set = true, .whole = INT64_MIN + 3};
    lowest = odbc_mark_before(&lowest, 1000);
    assert_true(lowest.whole == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_decimal_of_a_timestamp),
        cmocka_unit_test(takes_whole_numbers_in_any_writing),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(orders_by_time_and_below_all_what_is_not_set),
        cmocka_unit_test(goes_back_by_the_overlap_over_midnight_and_never_beyond_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
