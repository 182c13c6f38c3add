#include "adapters/sources/odbc/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static enum bus_status settled(const char *state, int native, const char *text, struct bus_error *error)
{
    struct odbc_message message = {.native = native};
    snprintf(message.state, sizeof message.state, "%s", state);
    snprintf(message.text, sizeof message.text, "%s", text);
    return odbc_error_settle(&message, "ask the database", "s3cret;}x", error);
}

static void tells_the_world_from_the_question_and_from_us(void **state)
{
    (void)state;
    struct bus_error error;
    assert_int_equal(settled("08S01", 2013, "gone", &error), BUS_RETRY);
    assert_int_equal(settled("57014", 1, "cancelled", &error), BUS_RETRY);
    assert_int_equal(settled("HY000", 2006, "gone away", &error), BUS_RETRY);
    assert_int_equal(settled("HYT00", 0, "timeout", &error), BUS_RETRY);
    assert_int_equal(settled("42S02", 1146, "no such table", &error), BUS_REJECT);
    assert_int_equal(settled("42501", 1, "permission denied", &error), BUS_REJECT);
    assert_int_equal(settled("HY000", 0, "who knows", &error), BUS_REJECT);
    assert_int_equal(settled("28000", 1045, "access denied", &error), BUS_FATAL);
    assert_int_equal(settled("28P01", 7, "password authentication failed", &error), BUS_FATAL);
    assert_int_equal(settled("08001", 101, "FATAL:  password authentication failed for user", &error), BUS_FATAL);
    assert_int_equal(settled("08001", 101, "could not connect", &error), BUS_RETRY);
    assert_int_equal(settled("IM002", 0, "no default driver", &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "odbcinst -q -d"));
    assert_string_equal(error.code, "ODBC_IM002");
}

static void never_shows_the_password(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "cannot connect with PWD={s3cret;}x};Server=a",
        "Password = s3cret;}x",
        "user said s3cret;}x twice: s3cret;}x",
        "pwd=other;Server=b",
        "PASSWORD={other};x",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bus_error error;
        (void)settled("08001", 0, texts[i], &error);
        assert_null(strstr(error.message, "s3cret"));
        assert_null(strstr(error.message, "other"));
    }
}

static void never_shows_a_value_of_a_row(void **state)
{
    (void)state;
    struct bus_error error;
    assert_int_equal(settled("22P02", 1, "invalid input syntax for type integer: \"张三\"", &error), BUS_REJECT);
    assert_null(strstr(error.message, "张三"));
    (void)settled("HY000", 0, "duplicate 450202199001011234", &error);
    assert_null(strstr(error.message, "450202"));
}

static void leaves_nothing_that_would_break_a_line_of_the_log(void **state)
{
    (void)state;
    char text[] = "ERROR: relation \"x\"\nLINE 1: SELECT";
    odbc_error_clean(text, NULL);
    assert_string_equal(text, "ERROR: relation 'x' LINE 1: SELECT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_world_from_the_question_and_from_us),
        cmocka_unit_test(never_shows_the_password),
        cmocka_unit_test(never_shows_a_value_of_a_row),
        cmocka_unit_test(leaves_nothing_that_would_break_a_line_of_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
