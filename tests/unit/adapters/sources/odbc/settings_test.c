#include "adapters/sources/odbc/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "tests/support/folder.h"

/* Reads a configuration with this group; its message when it is refused, "" when it is good. */
static const char *read(const char *group, mode_t mode, struct odbc_settings *out_settings)
{
    static struct bus_error error;
    char folder[TEST_FOLDER_SIZE], path[TEST_FOLDER_SIZE + 16];
    struct bus_settings *file = NULL;
    test_folder_make(folder);
    snprintf(path, sizeof path, "%s/password", folder);
    FILE *password = fopen(path, "w");
    assert_non_null(password);
    fputs("p;w}d\nmore\n", password);
    fclose(password);
    assert_int_equal(chmod(path, mode), 0);
    snprintf(path, sizeof path, "%s/a.cfg", folder);
    FILE *configuration = fopen(path, "w");
    assert_non_null(configuration);
    fprintf(configuration, "odbc = { %s };\n", group);
    fclose(configuration);
    error.message[0] = '\0';
    assert_int_equal(bus_settings_load(path, &file, &error), BUS_OK);
    enum bus_status status =
        odbc_settings_read(file, bus_settings_child(bus_settings_root(file), "odbc"), out_settings, &error);
    assert_true(status == BUS_OK || status == BUS_FATAL);
    bus_settings_destroy(file);
    test_folder_remove(folder);
    return status == BUS_OK ? "" : error.message;
}

static void the_password_comes_from_a_file_of_its_own(void **state)
{
    (void)state;
    struct odbc_settings settings;
    assert_string_equal(read("connection = \"Driver=X;Server=a\"; password_file = \"password\";", 0600, &settings), "");
    assert_string_equal(settings.password, "p;w}d");
    odbc_settings_release(&settings);
    assert_string_equal(settings.password, "");
}

static void a_password_that_others_may_read_is_refused(void **state)
{
    (void)state;
    struct odbc_settings settings;
    const char *message = read("connection = \"Driver=X\"; password_file = \"password\";", 0640, &settings);
    assert_non_null(strstr(message, "chmod 600"));
}

static void a_password_in_the_connection_is_refused_and_not_repeated(void **state)
{
    (void)state;
    struct odbc_settings settings;
    static const char *const connections[] = {"Driver=X;PWD=hush", "Driver=X; pwd = hush", "DSN=x;Password={hush}"};
    for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++) {
        char group[128];
        snprintf(group, sizeof group, "connection = \"%s\";", connections[i]);
        const char *message = read(group, 0600, &settings);
        assert_non_null(strstr(message, "password_file"));
        assert_null(strstr(message, "hush"));
    }
}

static void a_connection_names_a_driver_or_a_data_source(void **state)
{
    (void)state;
    struct odbc_settings settings;
    assert_string_equal(read("connection = \"dsn=x\";", 0600, &settings), "");
    assert_non_null(strstr(read("connection = \"Server=Driver\";", 0600, &settings), "Driver="));
}

static void a_session_statement_only_sets(void **state)
{
    (void)state;
    struct odbc_settings settings;
    assert_string_equal(
        read("connection = \"DSN=x\"; session = [\"SET a = 1\", \"alter session set b = 2\"];", 0600, &settings), "");
    assert_non_null(strstr(read("connection = \"DSN=x\"; session = [\"DELETE FROM t\"];", 0600, &settings), "SET"));
    assert_non_null(
        strstr(read("connection = \"DSN=x\"; session = [\"SET a = 1; DROP TABLE t\"];", 0600, &settings), "SET"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_comes_from_a_file_of_its_own),
        cmocka_unit_test(a_password_that_others_may_read_is_refused),
        cmocka_unit_test(a_password_in_the_connection_is_refused_and_not_repeated),
        cmocka_unit_test(a_connection_names_a_driver_or_a_data_source),
        cmocka_unit_test(a_session_statement_only_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
