#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/command.h"

enum { MAX_ARGUMENTS = 8 };

/* What a command with these three options would read. */
struct given {
    const char *department;
    int64_t limit;
    bool open;
    char *rest[MAX_ARGUMENTS];
};

/* Splits `line` at its spaces; the first word is the command's name. */
static int parse(char *line, struct given *given)
{
    const struct cli_option options[] = {
        {"department", CLI_OPTION_TEXT, &given->department},
        {"limit", CLI_OPTION_INTEGER, &given->limit},
        {"open", CLI_OPTION_FLAG, &given->open},
        {0},
    };
    char *save = NULL;
    int count = 0;
    *given = (struct given){.limit = 100};
    for (char *word = strtok_r(line, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        given->rest[count++] = word;
    return cli_arguments(count, given->rest, options);
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    struct given given;
    char line[] = "show 1:2 --department market 3:4 --open --limit=7 5:6";
    assert_int_equal(parse(line, &given), 3);
    assert_string_equal(given.department, "market");
    assert_int_equal(given.limit, 7);
    assert_true(given.open);
    assert_string_equal(given.rest[1], "1:2");
    assert_string_equal(given.rest[3], "5:6");
}

static void absent_options_keep_their_defaults(void **state)
{
    (void)state;
    struct given given;
    char line[] = "list";
    assert_int_equal(parse(line, &given), 0);
    assert_null(given.department);
    assert_int_equal(given.limit, 100);
    assert_false(given.open);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    const char *const lines[] = {"list --departmant x", "list --limit",    "list --limit ten",
                                 "list --limit -1",     "list --limit 5x", "list --limit 99999999999999999999",
                                 "list --open=yes",     "list --"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct given given;
        char line[64];
        strcpy(line, lines[i]);
        assert_int_equal(parse(line, &given), -1);
    }
}

static void each_status_has_its_exit(void **state)
{
    (void)state;
    struct bus_error error;
    bus_fail(&error, BUS_RETRY, "a test");
    assert_int_equal(cli_fail(BUS_RETRY, &error), 3);
    assert_int_equal(cli_fail(BUS_REJECT, &error), 1);
    assert_int_equal(cli_fail(BUS_FATAL, &error), 2);
    assert_int_equal(cli_usage("a\nb"), 2);
}

static void asks_for_what_was_not_given(void **state)
{
    (void)state;
    struct cli_context context = {0};
    assert_null(cli_kafka(&context));
    assert_null(cli_catalogue(&context));
}

static void times_are_written_in_utc(void **state)
{
    (void)state;
    char text[CLI_TIME_SIZE];
    cli_time(1795511131347, text);
    assert_string_equal(text, "2026-11-24T09:05:31Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),      cmocka_unit_test(absent_options_keep_their_defaults),
        cmocka_unit_test(refuses_what_does_not_fit),   cmocka_unit_test(each_status_has_its_exit),
        cmocka_unit_test(asks_for_what_was_not_given), cmocka_unit_test(times_are_written_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
