#include "adapters/mapping/transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int set_up(void **state)
{
    *state = bus_arena_create(1024 * 1024);
    return *state == NULL;
}

static int tear_down(void **state)
{
    bus_arena_destroy(*state);
    return 0;
}

static void assert_text(struct bus_bytes text, const char *expected)
{
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.data, expected, text.length);
}

static struct bus_bytes of(const char *text)
{
    return bus_bytes_text(text);
}

static void trims_every_kind_of_blank(void **state)
{
    (void)state;
    assert_text(adapters_trim(of(" \t\u3000柳州 市\u3000\u00a0\r\n")), "柳州 市");
    assert_text(adapters_trim(of("\ufeffPRIPID\u200b")), "PRIPID");
    assert_int_equal(adapters_trim(of("\u3000 \u3000")).length, 0);
    assert_int_equal(adapters_trim(of("")).length, 0);
}

static void narrows_full_width_and_nothing_else(void **state)
{
    struct bus_bytes plain = of("桂Ｂ１２３４５");
    assert_text(adapters_half_width(plain, *state), "桂B12345");
    assert_text(adapters_half_width(of("（存续\u3000～）"), *state), "(存续 ~)");
    struct bus_bytes same = of("柳州市、。ABC");
    assert_ptr_equal(adapters_half_width(same, *state).data, same.data);
}

static void changes_case_of_ascii_only(void **state)
{
    assert_text(adapters_upper(of("91450200198229141f柳é"), *state), "91450200198229141F柳é");
}

static void takes_out_blanks_line_ends_and_brackets(void **state)
{
    assert_text(adapters_without_blanks(of("9145 0200\u3000198"), *state), "91450200198");
    assert_text(adapters_one_line(of("屏山大道\n与\r\n东环\\n路口"), *state), "屏山大道 与 东环 路口");
    assert_text(adapters_round_brackets(of("（2019）桂〔0202〕执[1]号"), *state), "(2019)桂(0202)执(1)号");
}

static void drops_the_spreadsheet_tail_of_whole_numbers_only(void **state)
{
    (void)state;
    assert_text(adapters_without_excel_tail(of("10201.0")), "10201");
    assert_text(adapters_without_excel_tail(of("V2.0")), "V2.0");
    assert_text(adapters_without_excel_tail(of("1.5.0")), "1.5.0");
    assert_text(adapters_without_excel_tail(of(".0")), ".0");
}

static void pads_what_is_short(void **state)
{
    assert_text(adapters_padded(of("3"), 2, *state), "03");
    assert_text(adapters_padded(of("123"), 2, *state), "123");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trims_every_kind_of_blank),
        cmocka_unit_test(narrows_full_width_and_nothing_else),
        cmocka_unit_test(changes_case_of_ascii_only),
        cmocka_unit_test(takes_out_blanks_line_ends_and_brackets),
        cmocka_unit_test(drops_the_spreadsheet_tail_of_whole_numbers_only),
        cmocka_unit_test(pads_what_is_short),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
