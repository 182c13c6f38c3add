#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/subject_input.h"
#include "tests/support/folder.h"

enum { PATH_SIZE = TEST_FOLDER_SIZE + 8 };

static char folder[TEST_FOLDER_SIZE], path[PATH_SIZE];

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    snprintf(path, sizeof path, "%s/asked", folder);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_folder_remove(folder);
    return 0;
}

static void write_file(const char *text, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
}

static enum bus_status take(const char *text, char out_text[CLI_SUBJECT_INPUT_SIZE])
{
    struct bus_error error;
    write_file(text, strlen(text));
    return cli_subject_input(path, out_text, &error);
}

static void knows_an_identifier_among_arguments_wherever_it_stands(void **unused)
{
    (void)unused;
    static const char *const named[] = {"11010519491231002X", "11010519491231002x",          "--id=440524188001010014",
                                        "91350100M000100Y43", "/tmp/91350100m000100y43.txt", "D2143569X",
                                        "110105491231002",    "about 11010519491231002X",    "110105194912310020"};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (!cli_subject_looks_named(named[i]))
            fail_msg("not seen: argument %zu", i);
}

static void lets_other_arguments_pass(void **unused)
{
    (void)unused;
    static const char *const others[] = {"--file",
                                         "report.html",
                                         "person",
                                         "organisation",
                                         "-",
                                         "依申请查询",
                                         "王五",
                                         "--reason=柳信〔2026〕12号",
                                         "/var/lib/xinqiao/20261124/asked",
                                         ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (cli_subject_looks_named(others[i]))
            fail_msg("refused: argument %zu", i);
}

static void takes_the_only_line_trimmed_and_in_capitals(void **unused)
{
    (void)unused;
    char text[CLI_SUBJECT_INPUT_SIZE];
    assert_int_equal(take("  91350100m000100y43 \r\n\n", text), BUS_OK);
    assert_string_equal(text, "91350100M000100Y43");
    assert_int_equal(take("D2143569-X", text), BUS_OK);
    assert_string_equal(text, "D2143569-X");
}

static void refuses_nothing_two_lines_and_too_much(void **unused)
{
    (void)unused;
    char text[CLI_SUBJECT_INPUT_SIZE], much[600];
    assert_int_equal(take("", text), BUS_REJECT);
    assert_int_equal(take(" \n \n", text), BUS_REJECT);
    assert_int_equal(take("91350100M000100Y43\n11010519491231002X\n", text), BUS_REJECT);
    assert_int_equal(take("1101051949\003", text), BUS_REJECT);
    memset(much, '1', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    assert_int_equal(take(much, text), BUS_REJECT);
    much[CLI_SUBJECT_INPUT_SIZE] = '\0';
    assert_int_equal(take(much, text), BUS_REJECT);
}

static void a_file_that_cannot_be_read_is_fatal(void **unused)
{
    (void)unused;
    char text[CLI_SUBJECT_INPUT_SIZE];
    struct bus_error error;
    assert_int_equal(cli_subject_input(path, text, &error), BUS_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_an_identifier_among_arguments_wherever_it_stands),
        cmocka_unit_test(lets_other_arguments_pass),
        cmocka_unit_test_setup_teardown(takes_the_only_line_trimmed_and_in_capitals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_nothing_two_lines_and_too_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
