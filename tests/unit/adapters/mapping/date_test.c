#include "adapters/mapping/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DAYS_2020_06_18 = 18431 };

static struct adapters_date good(const char *text)
{
    struct adapters_date date;
    assert_int_equal(adapters_date_parse(bus_bytes_text(text), &date), ADAPTERS_DATE_GOOD);
    return date;
}

static void reads_a_day_in_every_writing(void **state)
{
    static const char *const writings[] = {"2020-06-18",    "2020-6-18",      "2020/6/18",  "2020.6.18",     "20200618",
                                           "2020年6月18日", "2020年06月18日", "20200618.0", "2020-6-18 0:00"};
    (void)state;
    for (size_t i = 0; i < sizeof writings / sizeof *writings; i++)
        assert_int_equal(good(writings[i]).days, DAYS_2020_06_18);
}

static void reads_a_moment_in_china_unless_a_zone_is_written(void **state)
{
    const int64_t expected = INT64_C(1646391606000); /* 2022-03-04 11:00:06 UTC */
    (void)state;
    assert_int_equal(good("2022-3-4 19:00:06").moment_ms, expected);
    assert_int_equal(good("2022-03-04T19:00:06").moment_ms, expected);
    assert_int_equal(good("20220304190006").moment_ms, expected);
    assert_int_equal(good("2022年3月4日 19时00分06秒").moment_ms, expected);
    assert_int_equal(good("2022-03-04 19:00:06.0").moment_ms, expected);
    assert_int_equal(good("2022-03-04 19:00:06.25").moment_ms, expected + 250);
    assert_int_equal(good("2022-03-04T11:00:06Z").moment_ms, expected);
    assert_int_equal(good("2022-03-04T12:00:06+01:00").moment_ms, expected);
    assert_int_equal(good("2022-3-4 19:00").moment_ms, expected - 6000);
    assert_int_equal(good("2022-03-04").moment_ms, expected - (19 * 3600 + 6) * INT64_C(1000));
}

static void takes_stand_ins_for_none(void **state)
{
    static const char *const none[] = {"9999-9-9", "9999-12-31", "99991231", "1900-1-1", "1900/01/01", "0000-00-00"};
    struct adapters_date date;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(adapters_date_parse(bus_bytes_text(none[i]), &date), ADAPTERS_DATE_NONE);
    assert_int_equal(good("2099-12-31").year, 2099);
}

static void refuses_days_that_do_not_exist(void **state)
{
    static const char *const bad[] = {"",      "2021-02-29",       "2020-13-01",       "2020-6",
                                      "20206", "2020-06-18x",      "2020-06-18 25:00", "18/06/2020",
                                      "43999", "2020-06-18 12:61", "2020-06-18 24:30"};
    struct adapters_date date;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(adapters_date_parse(bus_bytes_text(bad[i]), &date), ADAPTERS_DATE_BAD);
}

static void reads_months_in_every_writing(void **state)
{
    static const char *const writings[] = {"202006",    "2020-06", "2020-6",   "2020/6",
                                           "2020年6月", "2020.06", "202006.0", "2020-6-18"};
    int year, month;
    (void)state;
    for (size_t i = 0; i < sizeof writings / sizeof *writings; i++) {
        assert_int_equal(adapters_month_parse(bus_bytes_text(writings[i]), &year, &month), ADAPTERS_DATE_GOOD);
        assert_int_equal(year * 100 + month, 202006);
    }
    assert_int_equal(adapters_month_parse(bus_bytes_text("202013"), &year, &month), ADAPTERS_DATE_BAD);
    assert_int_equal(adapters_month_parse(bus_bytes_text("六月"), &year, &month), ADAPTERS_DATE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_day_in_every_writing),
        cmocka_unit_test(reads_a_moment_in_china_unless_a_zone_is_written),
        cmocka_unit_test(takes_stand_ins_for_none),
        cmocka_unit_test(refuses_days_that_do_not_exist),
        cmocka_unit_test(reads_months_in_every_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
