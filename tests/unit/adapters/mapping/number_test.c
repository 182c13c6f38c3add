#include "adapters/mapping/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool scaled(const char *text, int scale, int64_t *out_unscaled)
{
    struct adapters_number number;
    return adapters_number_parse(bus_bytes_text(text), &number) && adapters_number_scale(number, scale, out_unscaled);
}

static void assert_scaled(const char *text, int scale, int64_t expected)
{
    int64_t unscaled = -1;
    assert_true(scaled(text, scale, &unscaled));
    assert_int_equal(unscaled, expected);
}

static void reads_numbers_as_departments_write_them(void **state)
{
    (void)state;
    assert_scaled("0.2", 6, 200000);
    assert_scaled("-1,234.50", 2, -123450);
    assert_scaled("12.0", 0, 12);
    assert_scaled(" １２．５ ", 1, 125);
    assert_scaled("200", 2, 20000);
    assert_scaled("+7", 0, 7);
}

static void refuses_what_is_no_number(void **state)
{
    static const char *const bad[] = {
        "",     "-",      "abc",      "1.2.3", "12a", "4.5E+17", "--1", "1234567890123456789",
        "12,5", "1,2345", "1,23,456", "1,",    "1,.5"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct adapters_number number;
        assert_false(adapters_number_parse(bus_bytes_text(bad[i]), &number));
    }
}

static void refuses_digits_that_would_be_lost_but_rounds_binary_noise(void **state)
{
    int64_t unscaled;
    (void)state;
    assert_false(scaled("0.125", 2, &unscaled));
    assert_scaled("0.120", 2, 12);
    assert_scaled("0.30000000000000004", 2, 30);
    assert_scaled("2.6799999999999997", 2, 268);
    assert_false(scaled("999999999999999999", 2, &unscaled));
}

static void assert_amount(const char *text, int default_exponent, const char *expected, const char *expected_currency)
{
    struct adapters_number number;
    const char *currency;
    char written[ADAPTERS_NUMBER_TEXT_SIZE];
    assert_true(adapters_amount_parse(bus_bytes_text(text), default_exponent, &number, &currency));
    assert_true(adapters_number_text(number, written) > 0);
    assert_string_equal(written, expected);
    if (expected_currency == NULL)
        assert_null(currency);
    else
        assert_string_equal(currency, expected_currency);
}

static void parts_amount_unit_and_currency(void **state)
{
    (void)state;
    assert_amount("313(万)", 0, "3130000", NULL);
    assert_amount("2,000(万元人民币)", 0, "20000000", "CNY");
    assert_amount("107万人民币", 0, "1070000", "CNY");
    assert_amount("50万人民币元", 0, "500000", "CNY");
    assert_amount("100万美元", 0, "1000000", "USD");
    assert_amount("80万香港元", 0, "800000", "HKD");
    assert_amount("80万港元", 0, "800000", "HKD");
    assert_amount("3万日元", 0, "30000", "JPY");
    assert_amount("3000元", 0, "3000", NULL);
    assert_amount("￥12.5", 0, "12.5", "CNY");
    assert_amount("1.5亿元", 0, "150000000", NULL);
    assert_amount("313", 4, "3130000", NULL);
    assert_amount("3000元", 4, "3000", NULL);
}

static void refuses_an_amount_that_is_a_name(void **state)
{
    struct adapters_number number;
    const char *currency;
    (void)state;
    assert_false(adapters_amount_parse(bus_bytes_text("某某某"), 0, &number, &currency));
    assert_false(adapters_amount_parse(bus_bytes_text("12头牛"), 0, &number, &currency));
    assert_false(adapters_amount_parse(bus_bytes_text("万元"), 0, &number, &currency));
}

static void tells_scientific_notation_from_codes(void **state)
{
    (void)state;
    assert_true(adapters_number_is_scientific(bus_bytes_text("4.50202E+17")));
    assert_true(adapters_number_is_scientific(bus_bytes_text("9e+17")));
    assert_false(adapters_number_is_scientific(bus_bytes_text("91450200198229141F")));
    assert_false(adapters_number_is_scientific(bus_bytes_text("12E")));
    assert_false(adapters_number_is_scientific(bus_bytes_text("E+17")));
    assert_false(adapters_number_is_scientific(bus_bytes_text("")));
}

static void writes_fractions_below_one(void **state)
{
    char text[ADAPTERS_NUMBER_TEXT_SIZE];
    (void)state;
    adapters_number_text((struct adapters_number){2, -1}, text);
    assert_string_equal(text, "0.2");
    adapters_number_text((struct adapters_number){-5, -3}, text);
    assert_string_equal(text, "-0.005");
    adapters_number_text((struct adapters_number){0, 4}, text);
    assert_string_equal(text, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers_as_departments_write_them),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(refuses_digits_that_would_be_lost_but_rounds_binary_noise),
        cmocka_unit_test(parts_amount_unit_and_currency),
        cmocka_unit_test(refuses_an_amount_that_is_a_name),
        cmocka_unit_test(tells_scientific_notation_from_codes),
        cmocka_unit_test(writes_fractions_below_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
