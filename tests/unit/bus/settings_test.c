#include "bus/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct bus_option options[] = {
    {"brokers", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "Kafka's addresses"},
    {"suite", BUS_OPTION_TEXT, "sm2-sm3", 0, 0, "sm2-sm3|ed25519-sha256", "cipher suite"},
    {"workers", BUS_OPTION_INTEGER, "2", 1, 64, NULL, "number of workers"},
    {"paused", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "start paused"},
    {"areas", BUS_OPTION_TEXTS, "", 0, 0, NULL, "area prefixes"},
    {"sink", BUS_OPTION_GROUP, "", 0, 0, NULL, "where to"},
    {"items", BUS_OPTION_LIST, "", 0, 0, NULL, "what"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/xinqiao-settings-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void write_file(const char *name, const char *text)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Loads and checks `text`; the message, or "" when all is well. */
static const char *problem_of(const char *text)
{
    static struct bus_error error;
    struct bus_settings *settings = NULL;
    error.message[0] = '\0';
    write_file("test.cfg", text);
    enum bus_status status = bus_settings_load(path, &settings, &error);
    if (status == BUS_OK)
        status = bus_settings_check(bus_settings_root(settings), options, &error);
    bus_settings_destroy(settings);
    assert_true(status == BUS_OK || status == BUS_FATAL);
    return error.message;
}

static void assert_problem(const char *text, const char *place, const char *words)
{
    const char *message = problem_of(text);
    if (strstr(message, place) == NULL || strstr(message, words) == NULL)
        fail_msg("'%s' lacks '%s' or '%s'", message, place, words);
}

static void reads_values_and_defaults(void **state)
{
    (void)state;
    struct bus_settings *settings;
    struct bus_error error;
    write_file("test.cfg", "brokers = \"localhost:9092\"; workers = 8; areas = [\"4502\", \"4501\"];\n"
                           "items = ({ name = \"a\"; });\n");
    assert_int_equal(bus_settings_load(path, &settings, &error), BUS_OK);
    const struct bus_settings_node *root = bus_settings_root(settings);
    assert_int_equal(bus_settings_check(root, options, &error), BUS_OK);
    assert_string_equal(bus_settings_text(root, options, "brokers"), "localhost:9092");
    assert_string_equal(bus_settings_text(root, options, "suite"), "sm2-sm3");
    assert_int_equal(bus_settings_integer(root, options, "workers"), 8);
    assert_false(bus_settings_boolean(root, options, "paused"));
    const struct bus_settings_node *areas = bus_settings_child(root, "areas");
    assert_int_equal(bus_settings_type(areas), BUS_OPTION_TEXTS);
    assert_int_equal(bus_settings_count(areas), 2);
    assert_string_equal(bus_settings_as_text(bus_settings_at(areas, 1)), "4501");
    assert_null(bus_settings_child(root, "sink"));
    const struct bus_settings_node *item = bus_settings_at(bus_settings_child(root, "items"), 0);
    assert_int_equal(bus_settings_type(item), BUS_OPTION_GROUP);
    assert_string_equal(bus_settings_name(item), "");
    assert_int_equal(bus_settings_line(bus_settings_child(item, "name")), 2);
    assert_string_equal(bus_settings_folder_view(settings), folder);
    bus_settings_destroy(settings);
}

static void names_the_nearest_known_key(void **state)
{
    (void)state;
    assert_problem("brokers = \"b\";\nworker = 3;\n", "test.cfg:2:", "did you mean 'workers'?");
    assert_problem("brokers = \"b\";\nzzz = 3;\n", "test.cfg:2:", "known are brokers, suite");
}

static void names_file_and_line_of_wrong_values(void **state)
{
    (void)state;
    assert_problem("brokers = 5;", "test.cfg:1:", "'brokers' must be a text");
    assert_problem("brokers = \"b\";\n\nworkers = 65;", "test.cfg:3:", "from 1 to 64, not 65");
    assert_problem("brokers = \"b\"; workers = 99999999999;", "test.cfg:1:", "from 1 to 64");
    assert_problem("brokers = \"b\"; workers = 1.5;", "test.cfg:1:", "whole number");
    assert_problem("brokers = \"b\"; suite = \"sm2\";", "test.cfg:1:", "one of sm2-sm3|ed25519-sha256");
    assert_problem("brokers = \"b\"; areas = [1];", "test.cfg:1:", "list of texts");
    assert_problem("brokers = \"b\"; paused = \"no\";", "test.cfg:1:", "true or false");
    assert_problem("brokers = \"b\"; sink = ();", "test.cfg:1:", "a group");
    assert_problem("workers = 1;", "test.cfg", "'brokers' is missing: Kafka's addresses");
    assert_problem("brokers = \"b\"\nworkers = = 1;", "test.cfg:2:", "syntax error");
}

static void accepts_what_the_table_allows(void **state)
{
    (void)state;
    assert_string_equal(
        problem_of("brokers = \"b\"; suite = \"ed25519-sha256\"; paused = true; sink = {}; items = ();"), "");
}

static void names_the_included_file(void **state)
{
    (void)state;
    write_file("part.cfg", "\nworkerz = 3;\n");
    assert_problem("brokers = \"b\";\n@include \"part.cfg\"\n", "part.cfg:2:", "did you mean 'workers'?");
    assert_problem("brokers = \"b\";\n@include \"absent.cfg\"\n", "test.cfg:2:", "include");
}

static void refuses_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct bus_settings *settings = NULL;
    struct bus_error error;
    assert_int_equal(bus_settings_load("/nonexistent/a.cfg", &settings, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "/nonexistent/a.cfg"));
    assert_int_equal(bus_settings_load(folder, &settings, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "not a file"));
    assert_null(settings);
}

static void resolves_paths_from_the_files_folder(void **state)
{
    (void)state;
    struct bus_settings *settings;
    struct bus_error error;
    char resolved[128], expected[128], small[8];
    write_file("test.cfg", "");
    assert_int_equal(bus_settings_load(path, &settings, &error), BUS_OK);
    assert_int_equal(bus_settings_resolve(settings, "/a/b", resolved, sizeof resolved, &error), BUS_OK);
    assert_string_equal(resolved, "/a/b");
    assert_int_equal(bus_settings_resolve(settings, "b", resolved, sizeof resolved, &error), BUS_OK);
    snprintf(expected, sizeof expected, "%s/b", folder);
    assert_string_equal(resolved, expected);
    assert_int_equal(bus_settings_resolve(settings, "b", small, sizeof small, &error), BUS_FATAL);
    bus_settings_destroy(settings);
}

static void documents_every_option(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 65536);
    bus_settings_document(&buffer, "gateway", "The gateway.", options);
    bus_buffer_u8(&buffer, 0);
    const char *text = (const char *)buffer.data;
    assert_non_null(strstr(text, "## gateway\n\nThe gateway.\n"));
    assert_non_null(strstr(text, "| `brokers` | a text | **required** | Kafka's addresses |"));
    assert_non_null(strstr(text, "| `suite` | `sm2-sm3`, `ed25519-sha256` | `sm2-sm3` |"));
    assert_non_null(strstr(text, "| `workers` | 1 … 64 | `2` |"));
    bus_buffer_release(&buffer);
}

static void finds_near_names_only(void **state)
{
    (void)state;
    static const char *const names[] = {"credit_code", "subject_name"};
    assert_string_equal(bus_settings_nearest_name(names, 2, "credit_cod"), "credit_code");
    assert_null(bus_settings_nearest_name(names, 2, "plate"));
    assert_null(bus_settings_nearest_name(names, 2,
                                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_and_defaults),
        cmocka_unit_test(names_the_nearest_known_key),
        cmocka_unit_test(names_file_and_line_of_wrong_values),
        cmocka_unit_test(accepts_what_the_table_allows),
        cmocka_unit_test(names_the_included_file),
        cmocka_unit_test(refuses_files_that_cannot_be_read),
        cmocka_unit_test(resolves_paths_from_the_files_folder),
        cmocka_unit_test(documents_every_option),
        cmocka_unit_test(finds_near_names_only),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
