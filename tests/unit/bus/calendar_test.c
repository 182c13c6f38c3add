#include "bus/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/identifier.h"
#include "tests/support/folder.h"

static struct bus_calendar *calendar;

static int load(void **state)
{
    struct bus_error error;
    (void)state;
    if (bus_calendar_load(XINQIAO_SOURCE "/schemas/codes/calendar.cfg", &calendar, &error) == BUS_OK)
        return 0;
    print_error("%s\n", error.message);
    return -1;
}

static int unload(void **state)
{
    (void)state;
    bus_calendar_destroy(calendar);
    return 0;
}

static int32_t day(int year, int month, int of_month)
{
    int32_t days = 0;
    assert_true(bus_date_days(year, month, of_month, &days));
    return days;
}

static void a_day_begins_at_midnight_in_beijing(void **state)
{
    (void)state;
    assert_int_equal(bus_calendar_day(0), 0);
    assert_int_equal(bus_calendar_day(16 * 3600000LL - 1), 0);
    assert_int_equal(bus_calendar_day(16 * 3600000LL), 1);
    assert_int_equal(bus_calendar_day(-8 * 3600000LL), 0);
    assert_int_equal(bus_calendar_day(-8 * 3600000LL - 1), -1);
    assert_int_equal(bus_calendar_day(-8 * 3600000LL - 86400000LL), -1);
    assert_int_equal(bus_calendar_day(-8 * 3600000LL - 86400001LL), -2);
    assert_int_equal(bus_calendar_day(INT64_MAX), INT32_MAX);
    assert_int_equal(bus_calendar_day(INT64_MIN), INT32_MIN);
}

static void holidays_rest_and_make_up_days_work(void **state)
{
    (void)state;
    assert_true(bus_calendar_is_working_day(calendar, day(2026, 11, 24)));
    assert_false(bus_calendar_is_working_day(calendar, day(2026, 11, 28)));
    assert_false(bus_calendar_is_working_day(calendar, day(2026, 11, 29)));
    assert_false(bus_calendar_is_working_day(calendar, day(2026, 10, 1))); /* a Thursday */
    assert_false(bus_calendar_is_working_day(calendar, day(2026, 10, 7)));
    assert_true(bus_calendar_is_working_day(calendar, day(2026, 10, 8)));
    assert_true(bus_calendar_is_working_day(calendar, day(2026, 10, 10))); /* a Saturday */
    assert_true(bus_calendar_is_working_day(calendar, day(2025, 1, 26)));  /* a Sunday */
    assert_false(bus_calendar_is_working_day(calendar, day(2025, 2, 4)));
    assert_true(bus_calendar_is_working_day(calendar, day(2025, 2, 5)));
}

/* The State Council gave so many days of rest and took so many back; what is left are the year's working days. */
static void a_year_has_the_working_days_of_its_notice(void **state)
{
    (void)state;
    static const int expected[][2] = {{2025, 248}, {2026, 248}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int count = 0;
        for (int32_t at = day(expected[i][0], 1, 1); at <= day(expected[i][0], 12, 31); at++)
            count += bus_calendar_is_working_day(calendar, at);
        assert_int_equal(count, expected[i][1]);
    }
}

static void an_unknown_year_has_plain_weeks_and_says_so(void **state)
{
    (void)state;
    assert_true(bus_calendar_knows(calendar, day(2025, 1, 1)));
    assert_true(bus_calendar_knows(calendar, day(2026, 12, 31)));
    assert_false(bus_calendar_knows(calendar, day(2024, 12, 31)));
    assert_false(bus_calendar_knows(calendar, day(2027, 1, 1)));
    assert_true(bus_calendar_is_working_day(calendar, day(2027, 1, 1))); /* a Friday */
    assert_false(bus_calendar_is_working_day(calendar, day(2027, 1, 2)));
    assert_true(bus_calendar_is_working_day(calendar, day(1969, 12, 31)));
    assert_false(bus_calendar_is_working_day(calendar, day(1969, 12, 28)));
}

static void counts_working_days_after_a_day(void **state)
{
    (void)state;
    assert_int_equal(bus_calendar_add_working_days(calendar, day(2026, 11, 28), 0), day(2026, 11, 28));
    assert_int_equal(bus_calendar_add_working_days(calendar, day(2026, 11, 27), 1), day(2026, 11, 30));
    assert_int_equal(bus_calendar_add_working_days(calendar, day(2026, 11, 28), 1), day(2026, 11, 30));
    /* over National Day with its make-up Saturday: 30 Sep, 8, 9 and 10 Oct */
    assert_int_equal(bus_calendar_add_working_days(calendar, day(2026, 9, 29), 4), day(2026, 10, 10));
    assert_int_equal(bus_calendar_add_working_days(calendar, day(2026, 2, 13), 3), day(2026, 2, 25));
    assert_int_equal(bus_calendar_add_working_days(calendar, INT32_MAX - 1, 5), INT32_MAX);
    assert_int_equal(bus_calendar_add_working_days(calendar, INT32_MAX, 5), INT32_MAX);
}

static void months_and_years_end_at_the_end_of_a_shorter_month(void **state)
{
    (void)state;
    assert_int_equal(bus_calendar_add(day(2026, 1, 31), 0, 1, 0), day(2026, 2, 28));
    assert_int_equal(bus_calendar_add(day(2027, 12, 31), 0, 2, 0), day(2028, 2, 29));
    assert_int_equal(bus_calendar_add(day(2024, 2, 29), 1, 0, 0), day(2025, 2, 28));
    assert_int_equal(bus_calendar_add(day(2024, 2, 29), 4, 0, 0), day(2028, 2, 29));
    assert_int_equal(bus_calendar_add(day(2026, 11, 24), 0, 3, 0), day(2027, 2, 24));
    assert_int_equal(bus_calendar_add(day(2026, 11, 24), 1, 13, 10), day(2029, 1, 3));
    assert_int_equal(bus_calendar_add(day(2026, 11, 24), 0, 0, 20), day(2026, 12, 14));
    assert_int_equal(bus_calendar_add(day(1969, 12, 31), 0, 0, 1), 0);
}

static void what_lies_beyond_all_years_never_comes(void **state)
{
    (void)state;
    assert_int_equal(bus_calendar_add(day(9999, 12, 31), 1, 0, 0), INT32_MAX);
    assert_int_equal(bus_calendar_add(INT32_MAX, 0, 0, 0), INT32_MAX);
    assert_int_equal(bus_calendar_add(day(2026, 1, 1), INT32_MAX, INT32_MAX, 0), INT32_MAX);
    assert_int_equal(bus_calendar_add(INT32_MAX, INT32_MAX, 0, 0), INT32_MAX);
    assert_int_equal(bus_calendar_add(INT32_MAX, 100, 1200, INT32_MAX), INT32_MAX);
    assert_int_equal(bus_calendar_add(day(2026, 1, 1), 0, 0, INT32_MAX), INT32_MAX);
}

#define YEAR(number, holidays, workdays)                                                                               \
    "years = ( { year = " number "; notice = \"n\"; holidays = (" holidays "); workdays = [" workdays "]; } );\n"
#define HOLIDAY(first, last) "{ zh = \"z\"; en = \"e\"; from = \"" first "\"; to = \"" last "\"; }"

static void names_file_and_line_of_every_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } faults[] = {
        {YEAR("2026", HOLIDAY("2026-02-30", "2026-03-01"), ""), "YYYY-MM-DD"},
        {YEAR("2026", HOLIDAY("2026-2-3", "2026-03-01"), ""), "YYYY-MM-DD"},
        {YEAR("2026", HOLIDAY("2026-03-02", "2026-03-01"), ""), "ends before it begins"},
        {YEAR("2026", HOLIDAY("2026-12-31", "2027-01-01"), ""), "no day of 2026"},
        {YEAR("2026", "", "\"2026-11-24\""), "no weekend"},
        {YEAR("2026", HOLIDAY("2026-10-01", "2026-10-07"), "\"2026-10-03\""), "holiday as well"},
        {YEAR("2026", "", "\"26-11-24\""), "YYYY-MM-DD"},
        {"years = ( { year = 2026; notice = \"\"; holidays = (); }, { year = 2026; notice = \"\"; holidays = (); } );\n",
         "stands twice"},
        {"yeers = ();\n", "did you mean 'years'"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char folder[TEST_FOLDER_SIZE], path[TEST_FOLDER_SIZE + 16];
        struct bus_calendar *broken = NULL;
        struct bus_error error = {.message = ""};
        test_folder_make(folder);
        snprintf(path, sizeof path, "%s/calendar.cfg", folder);
        FILE *file = fopen(path, "w");
        assert_true(file != NULL && fputs(faults[i].text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        enum bus_status status = bus_calendar_load(path, &broken, &error);
        test_folder_remove(folder);
        if (status != BUS_FATAL || strstr(error.message, "calendar.cfg:1") == NULL ||
            strstr(error.message, faults[i].words) == NULL)
            fail_msg("'%s' lacks '%s'", error.message, faults[i].words);
    }
}

static void a_missing_file_is_told(void **state)
{
    (void)state;
    struct bus_calendar *none = NULL;
    struct bus_error error;
    assert_int_equal(bus_calendar_load("/nowhere/calendar.cfg", &none, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "/nowhere/calendar.cfg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_begins_at_midnight_in_beijing),
        cmocka_unit_test(holidays_rest_and_make_up_days_work),
        cmocka_unit_test(a_year_has_the_working_days_of_its_notice),
        cmocka_unit_test(an_unknown_year_has_plain_weeks_and_says_so),
        cmocka_unit_test(counts_working_days_after_a_day),
        cmocka_unit_test(months_and_years_end_at_the_end_of_a_shorter_month),
        cmocka_unit_test(what_lies_beyond_all_years_never_comes),
        cmocka_unit_test(names_file_and_line_of_every_fault),
        cmocka_unit_test(a_missing_file_is_told),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
