#include "adapters/sources/push/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static enum bus_status check(enum adapters_push_form form, const char *text, size_t *out_count, struct bus_error *error)
{
    return adapters_push_rows_check(form, bus_bytes_text(text), 5, out_count, error);
}

static void expect(enum adapters_push_form form, const char *text, const char *const *rows, const int *lines)
{
    struct bus_error error;
    size_t count, at = 0;
    struct adapters_push_rows walk;
    struct bus_bytes row;
    assert_int_equal(check(form, text, &count, &error), BUS_OK);
    adapters_push_rows_start(&walk, form, bus_bytes_text(text));
    for (; adapters_push_rows_next(&walk, &row); at++) {
        assert_non_null(rows[at]);
        assert_true(bus_bytes_equal_text(row, rows[at]));
        assert_int_equal(walk.line, lines[at]);
    }
    assert_null(rows[at]);
    assert_int_equal(count, at);
}

static void tells_the_elements_of_an_array_apart(void **state)
{
    (void)state;
    expect(ADAPTERS_PUSH_ARRAY, " [ {\"a\":1},\n\n {\"a\":\"]},{\\\"\"} , 5,\n[{\"x\":[1,2,{}]}] ]\n",
           (const char *[]){"{\"a\":1}", "{\"a\":\"]},{\\\"\"}", "5", "[{\"x\":[1,2,{}]}]", NULL}, (int[]){1, 3, 3, 4});
    expect(ADAPTERS_PUSH_ARRAY, "\xef\xbb\xbf[]", (const char *[]){NULL}, NULL);
}

static void tells_lines_apart_and_leaves_out_blank_ones(void **state)
{
    (void)state;
    expect(ADAPTERS_PUSH_LINES, "{\"a\":1}\r\n\n  {\"a\": \n{}", (const char *[]){"{\"a\":1}", "{\"a\":", "{}", NULL},
           (int[]){1, 3, 4});
    expect(ADAPTERS_PUSH_LINES, "", (const char *[]){NULL}, NULL);
}

static void refuses_what_is_no_json_with_line_and_column(void **state)
{
    (void)state;
    struct bus_error error;
    size_t count;
    static const char *const texts[] = {
        "[",          "[{\"a\":1}", "[{\"a\":1},]", "[{\"a\" 1}]", "[{a:1}]", "[1 2]",     "[] x",
        "[01]",       "[1.]",       "[1e]",         "[-]",         "[\"a]",   "[\"\\x\"]", "[\"\\u12g4\"]",
        "[\"a\nb\"]", "[{\"a\":1]", "[[1}]",        "[{]",         "[tru]",   "[,1]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(check(ADAPTERS_PUSH_ARRAY, texts[i], &count, &error), BUS_REJECT);
        assert_string_equal(error.code, "JSON_SYNTAX");
    }
    assert_int_equal(check(ADAPTERS_PUSH_ARRAY, "[\n{\"字\":1},\n  {\"字字\" 1}]", &count, &error), BUS_REJECT);
    assert_non_null(strstr(error.message, "line 3, column 9"));
    assert_non_null(strstr(error.message_zh, "第3行第9列"));
}

static void refuses_what_is_no_array(void **state)
{
    (void)state;
    struct bus_error error;
    size_t count;
    static const char *const texts[] = {"", "{}", "\"[]\"", "\xff\xfe[\0]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(check(ADAPTERS_PUSH_ARRAY, texts[i], &count, &error), BUS_REJECT);
        assert_string_equal(error.code, "JSON_NO_ARRAY");
    }
}

static void refuses_more_rows_than_are_allowed(void **state)
{
    (void)state;
    struct bus_error error;
    size_t count;
    assert_int_equal(check(ADAPTERS_PUSH_ARRAY, "[1,2,3,4,5]", &count, &error), BUS_OK);
    assert_int_equal(check(ADAPTERS_PUSH_ARRAY, "[1,2,3,4,5,6]", &count, &error), BUS_REJECT);
    assert_string_equal(error.code, "ROWS_TOO_MANY");
    assert_int_equal(check(ADAPTERS_PUSH_LINES, "1\n2\n3\n4\n5\n", &count, &error), BUS_OK);
    assert_int_equal(check(ADAPTERS_PUSH_LINES, "1\n2\n3\n4\n5\n6", &count, &error), BUS_REJECT);
    assert_string_equal(error.code, "ROWS_TOO_MANY");
}

static void nests_64_levels_and_no_more(void **state)
{
    (void)state;
    char text[200];
    struct bus_error error;
    size_t count;
    for (int depth = 64; depth <= 65; depth++) {
        memset(text, '[', (size_t)depth + 1);
        memset(text + depth + 1, ']', (size_t)depth + 1);
        text[2 * depth + 2] = '\0';
        assert_int_equal(check(ADAPTERS_PUSH_ARRAY, text, &count, &error), depth == 64 ? BUS_OK : BUS_REJECT);
    }
    assert_non_null(strstr(error.message, "64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_elements_of_an_array_apart),
        cmocka_unit_test(tells_lines_apart_and_leaves_out_blank_ones),
        cmocka_unit_test(refuses_what_is_no_json_with_line_and_column),
        cmocka_unit_test(refuses_what_is_no_array),
        cmocka_unit_test(refuses_more_rows_than_are_allowed),
        cmocka_unit_test(nests_64_levels_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
