/* What the numbers of cells say, as Excel shows them. */
#include "adapters/formats/xlsx/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void assert_text(const char *written, int look, bool is_1904, const char *expected)
{
    char text[ADAPTERS_XLSX_VALUE_SIZE];
    size_t length = 0;
    assert_int_equal(adapters_xlsx_number_text(bus_bytes_text(written), look, is_1904, text, &length),
                     ADAPTERS_XLSX_NUMBER_GOOD);
    if (!bus_bytes_equal_text(bus_bytes_of(text, length), expected))
        fail_msg("%s as %d is \"%.*s\" instead of \"%s\"", written, look, (int)length, text, expected);
}

static void assert_none(const char *written, int look, enum adapters_xlsx_number expected)
{
    char text[ADAPTERS_XLSX_VALUE_SIZE];
    size_t length;
    assert_int_equal(adapters_xlsx_number_text(bus_bytes_text(written), look, false, text, &length), expected);
}

static void a_number_keeps_its_digits_up_to_fifteen(void **state)
{
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-12", "-12"},
        {"0.20", "0.20"},
        {"123456789012345", "123456789012345"},
        {"450202198001010", "450202198001010"},
        {"10201.0", "10201"},
        {"10201.00", "10201"},
        {"-0.5", "-0.5"},
        {"45000.099999999999", "45000.1"},
        {"0.30000000000000004", "0.3"},
        {"1234.5678901234567", "1234.56789012346"},
        {"1E3", "1000"},
        {"1.5e-3", "0.0015"},
        {"1.2345E+5", "123450"},
        {"-2.5E-10", "-0.00000000025"},
        {"999999999999999.4", "999999999999999"},
        {"007", "7"},
        {".5", "0.5"},
        {"5.", "5"},
        {"+5", "5"},
        {"0.000000000000000", "0"},
        {"1.0000000000000000001", "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(cases[i][0], ADAPTERS_XLSX_PLAIN, false, cases[i][1]);
}

static void a_number_of_sixteen_digits_is_long(void **state)
{
    static const char *const cases[] = {
        "1000000000000000",       "-9.145020012345678E+17", "450202198001010000", "999999999999999.9", "1E15",
        "1.7976931348623157E+308"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_none(cases[i], ADAPTERS_XLSX_PLAIN, ADAPTERS_XLSX_NUMBER_LONG);
        assert_none(cases[i], ADAPTERS_XLSX_PADDED + 6, ADAPTERS_XLSX_NUMBER_LONG);
    }
}

static void what_is_no_number_is_none(void **state)
{
    static const char *const cases[] = {
        "",      "x",     "1x",  "0x10", "inf", "nan", "1e999", "--1",
        "1.2.3", "1,000", "1 2", "e5",   "-",   ".",   "1e-40", "12345678901234567890123456789012345678901234567890"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_none(cases[i], ADAPTERS_XLSX_PLAIN, ADAPTERS_XLSX_NUMBER_BAD);
        if (cases[i][0] != '1' || cases[i][1] != 'e' || cases[i][2] != '-') /* 1e-40 is the beginning of a day */
            assert_none(cases[i], ADAPTERS_XLSX_DATE, ADAPTERS_XLSX_NUMBER_BAD);
    }
}

static void a_serial_is_its_day(void **state)
{
    static const char *const cases[][2] = {
        {"0", "0000-00-00"},
        {"1", "1900-01-01"},
        {"59", "1900-02-28"},
        {"60", "1900-02-29"},
        {"61", "1900-03-01"},
        {"25569", "1970-01-01"},
        {"36526", "2000-01-01"},
        {"36585", "2000-02-29"},
        {"44000", "2020-06-18"},
        {"44000.0", "2020-06-18"},
        {"44000.79173611111", "2020-06-18 19:00:06"},
        {"44000.999999", "2020-06-19"},
        {"44000.9999884", "2020-06-18 23:59:59"},
        {"0.5", "12:00:00"},
        {"2958465", "9999-12-31"},
        {"2958465.9999", "9999-12-31 23:59:51"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_text(cases[i][0], ADAPTERS_XLSX_DATE, false, cases[i][1]);
    assert_text("0", ADAPTERS_XLSX_DATE, true, "1904-01-01");
    assert_text("42538", ADAPTERS_XLSX_DATE, true, "2020-06-18");
    assert_none("-1", ADAPTERS_XLSX_DATE, ADAPTERS_XLSX_NUMBER_BAD);
    assert_none("-0.5", ADAPTERS_XLSX_TIME, ADAPTERS_XLSX_NUMBER_BAD);
    assert_none("2958466", ADAPTERS_XLSX_DATE, ADAPTERS_XLSX_NUMBER_BAD);
    assert_none("1e300", ADAPTERS_XLSX_DATE, ADAPTERS_XLSX_NUMBER_BAD);
}

static void a_time_is_its_time_and_an_elapsed_one_counts_on(void **state)
{
    (void)state;
    assert_text("0.75", ADAPTERS_XLSX_TIME, false, "18:00:00");
    assert_text("0", ADAPTERS_XLSX_TIME, false, "00:00:00");
    assert_text("44000.75", ADAPTERS_XLSX_TIME, false, "2020-06-18 18:00:00");
    assert_text("1.25", ADAPTERS_XLSX_ELAPSED, false, "30:00:00");
    assert_text("100.5", ADAPTERS_XLSX_ELAPSED, false, "2412:00:00");
    assert_text("0.000011574", ADAPTERS_XLSX_ELAPSED, false, "00:00:01");
}

static void zeros_are_put_in_front_of_whole_numbers_only(void **state)
{
    (void)state;
    assert_text("701", ADAPTERS_XLSX_PADDED + 6, false, "000701");
    assert_text("1234567", ADAPTERS_XLSX_PADDED + 6, false, "1234567");
    assert_text("7.5", ADAPTERS_XLSX_PADDED + 6, false, "7.5");
    assert_text("-7", ADAPTERS_XLSX_PADDED + 6, false, "-7");
    assert_text("7.0", ADAPTERS_XLSX_PADDED + 2, false, "07");
}

static void formats_tell_days_times_and_zeros_from_numbers(void **state)
{
    static const struct {
        const char *code;
        int look;
    } cases[] = {
        {"General", ADAPTERS_XLSX_PLAIN},
        {"", ADAPTERS_XLSX_PLAIN},
        {"@", ADAPTERS_XLSX_PLAIN},
        {"0", ADAPTERS_XLSX_PLAIN},
        {"0.00", ADAPTERS_XLSX_PLAIN},
        {"#,##0.00_);[Red]\\(#,##0.00\\)", ADAPTERS_XLSX_PLAIN},
        {"0.00E+00", ADAPTERS_XLSX_PLAIN},
        {"[DBNum1][$-804]General", ADAPTERS_XLSX_PLAIN},
        {"\"day\"0", ADAPTERS_XLSX_PLAIN},
        {"0\\d", ADAPTERS_XLSX_PLAIN},
        {"_d0*y", ADAPTERS_XLSX_PLAIN},
        {"0;yyyy", ADAPTERS_XLSX_PLAIN},
        {"0.00元", ADAPTERS_XLSX_PLAIN},
        {"yyyy-mm-dd", ADAPTERS_XLSX_DATE},
        {"YYYY/M/D", ADAPTERS_XLSX_DATE},
        {"yyyy\"年\"m\"月\"d\"日\";@", ADAPTERS_XLSX_DATE},
        {"[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", ADAPTERS_XLSX_DATE},
        {"[$-804]yyyy\"年\"m\"月\";@", ADAPTERS_XLSX_DATE},
        {"mmm", ADAPTERS_XLSX_DATE},
        {"yyyy-mm-dd hh:mm:ss", ADAPTERS_XLSX_DATE},
        {"h:mm AM/PM", ADAPTERS_XLSX_TIME},
        {"mm:ss.0", ADAPTERS_XLSX_TIME},
        {"[h]:mm:ss", ADAPTERS_XLSX_ELAPSED},
        {"[mm]:ss", ADAPTERS_XLSX_ELAPSED},
        {"000000", ADAPTERS_XLSX_PADDED + 6},
        {"00", ADAPTERS_XLSX_PADDED + 2},
        {"0000000000000000000", ADAPTERS_XLSX_PLAIN},
        {"\"", ADAPTERS_XLSX_PLAIN},
        {"[", ADAPTERS_XLSX_PLAIN},
        {"\\", ADAPTERS_XLSX_PLAIN},
        {"[yyyy", ADAPTERS_XLSX_PLAIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int look = adapters_xlsx_look_of_format(bus_bytes_text(cases[i].code));
        if (look != cases[i].look)
            fail_msg("%s looks like %d instead of %d", cases[i].code, look, cases[i].look);
    }
}

static void formats_of_Excels_own_are_known_by_their_number(void **state)
{
    static const int dates[] = {14, 15, 16, 17, 22, 27, 31, 36, 50, 57, 58}, times[] = {18, 19, 20, 21, 45, 47},
                     plain[] = {0, 1, 2, 4, 9, 10, 11, 12, 13, 37, 40, 44, 48, 49, 59, 100};
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        assert_int_equal(adapters_xlsx_look_of_id(dates[i]), ADAPTERS_XLSX_DATE);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_int_equal(adapters_xlsx_look_of_id(times[i]), ADAPTERS_XLSX_TIME);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_int_equal(adapters_xlsx_look_of_id(plain[i]), ADAPTERS_XLSX_PLAIN);
    assert_int_equal(adapters_xlsx_look_of_id(46), ADAPTERS_XLSX_ELAPSED);
}

static void escapes_become_the_characters_they_stand_for(void **state)
{
    static const char *const cases[][2] = {
        {"a_x000D_b", "a\rb"},  {"_x4E2D_", "中"},      {"_x005F_x000D_", "_x000D_"}, {"_xD842__xDFB7_", "𠮷"},
        {"_xD842_", "_xD842_"}, {"_xDFB7_", "_xDFB7_"}, {"_x0000_", "_x0000_"},       {"_x00_", "_x00_"},
        {"_x000", "_x000"},     {"_xZZZZ_", "_xZZZZ_"}, {"__x000A_", "_\n"},          {"_xD842_x", "_xD842_x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        size_t length = (size_t)snprintf(text, sizeof text, "%s", cases[i][0]);
        length = adapters_xlsx_unescape((uint8_t *)text, length);
        assert_true(bus_bytes_equal_text(bus_bytes_of(text, length), cases[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_keeps_its_digits_up_to_fifteen),
        cmocka_unit_test(a_number_of_sixteen_digits_is_long),
        cmocka_unit_test(what_is_no_number_is_none),
        cmocka_unit_test(a_serial_is_its_day),
        cmocka_unit_test(a_time_is_its_time_and_an_elapsed_one_counts_on),
        cmocka_unit_test(zeros_are_put_in_front_of_whole_numbers_only),
        cmocka_unit_test(formats_tell_days_times_and_zeros_from_numbers),
        cmocka_unit_test(formats_of_Excels_own_are_known_by_their_number),
        cmocka_unit_test(escapes_become_the_characters_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
