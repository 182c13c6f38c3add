#include "subscribers/engine/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/folder.h"

#define COMMON "subscriber = \"court\"; catalogue = \"c.cfg\"; kafka = { bootstrap = \"h:9092\"; }; keys = \"keys\";\n"
#define POSTGRESQL "postgresql = { connection = \"dbname=x\"; };\n"

static char folder[TEST_FOLDER_SIZE];
static struct subscribers_settings settings;
static struct bus_error error;

static void make(const char *name)
{
    char path[TEST_FOLDER_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static enum bus_status load(const char *text)
{
    char path[TEST_FOLDER_SIZE + 16];
    snprintf(path, sizeof path, "%s/agent.cfg", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return subscribers_settings_load(path, &settings, &error);
}

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder);
    make("c.cfg");
    make("keys");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    subscribers_settings_release(&settings);
    test_folder_remove(folder);
    return 0;
}

static void what_is_not_said_has_its_default(void **state)
{
    (void)state;
    char keys[TEST_FOLDER_SIZE + 16];
    assert_int_equal(load(COMMON "sink = \"postgresql\";\n" POSTGRESQL), BUS_OK);
    snprintf(keys, sizeof keys, "%s/keys", folder);
    assert_string_equal(settings.keys_folder, keys);
    assert_string_equal(settings.group, "xq-agent-court");
    assert_string_equal(settings.kafka.prefix, "xq.");
    assert_string_equal(settings.sink->name, "postgresql");
    assert_int_equal(settings.partitions, 6);
}

static void an_unknown_key_names_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(load(COMMON "sink = \"postgresql\";\npartitons = 6;\n" POSTGRESQL), BUS_FATAL);
    assert_non_null(strstr(error.message, "partitions"));
    assert_non_null(strstr(error.message, "agent.cfg"));
}

static void an_unknown_key_of_the_sink_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load(COMMON "sink = \"ndjson\"; ndjson = { folder = \"f\"; max_byte = 1; };\n"), BUS_FATAL);
    assert_non_null(strstr(error.message, "max_bytes"));
}

static void a_sink_needs_its_group(void **state)
{
    (void)state;
    assert_int_equal(load(COMMON "sink = \"ndjson\";\n" POSTGRESQL), BUS_FATAL);
    assert_non_null(strstr(error.message, "ndjson"));
}

static void a_sink_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load(COMMON "sink = \"oracle\";\n" POSTGRESQL), BUS_FATAL);
}

static void a_file_that_is_missing_is_fatal(void **state)
{
    (void)state;
    assert_int_equal(subscribers_settings_load("/nonexistent/agent.cfg", &settings, &error), BUS_FATAL);
}

static void a_path_that_is_missing_is_told_with_its_line(void **state)
{
    (void)state;
    char path[TEST_FOLDER_SIZE + 16];
    snprintf(path, sizeof path, "%s/keys", folder);
    remove(path);
    assert_int_equal(load("\n" COMMON "sink = \"postgresql\";\n" POSTGRESQL), BUS_FATAL);
    assert_non_null(strstr(error.message, "agent.cfg:2"));
    assert_non_null(strstr(error.message, "keys: cannot read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_path_that_is_missing_is_told_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_said_has_its_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_key_names_the_nearest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_key_of_the_sink_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_needs_its_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sink_that_does_not_exist_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_missing_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
