#include "adapters/mapping/poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/folder.h"

/* Reads a mapping with this group; its message when it is refused, "" when it is good. */
static const char *read(const char *text, struct adapters_poll *out_poll)
{
    static struct bus_error error;
    char folder[TEST_FOLDER_SIZE], path[TEST_FOLDER_SIZE + 16];
    struct bus_settings *file = NULL;
    test_folder_make(folder);
    snprintf(path, sizeof path, "%s/a.cfg", folder);
    FILE *mapping = fopen(path, "w");
    assert_non_null(mapping);
    fputs(text, mapping);
    fclose(mapping);
    assert_int_equal(bus_settings_load(path, &file, &error), BUS_OK);
    enum bus_status status = adapters_poll_read(bus_settings_root(file), out_poll, &error);
    bus_settings_destroy(file);
    test_folder_remove(folder);
    return status == BUS_OK ? "" : error.message;
}

static void a_mapping_without_the_group_has_lists_only(void **state)
{
    (void)state;
    struct adapters_poll poll;
    assert_string_equal(read("", &poll), "");
    assert_int_equal(poll.kind, ADAPTERS_POLL_NOTHING);
    assert_int_equal(poll.list_every_hours, 24);
    assert_int_equal(poll.list_at_minute, -1);
}

static void takes_the_overlap_of_its_kind(void **state)
{
    (void)state;
    struct adapters_poll poll;
    assert_string_equal(read("poll = { column = \"a\"; overlap_seconds = 7; overlap = 9; };", &poll), "");
    assert_true(poll.kind == ADAPTERS_POLL_TIMESTAMP && poll.overlap == 7);
    assert_string_equal(read("poll = { column = \"a\"; kind = \"number\"; overlap_seconds = 7; overlap = 9; };", &poll),
                        "");
    assert_true(poll.kind == ADAPTERS_POLL_NUMBER && poll.overlap == 9);
}

static void reads_a_time_of_day(void **state)
{
    (void)state;
    struct adapters_poll poll;
    assert_string_equal(read("poll = { list_at = \"02:30\"; };", &poll), "");
    assert_int_equal(poll.list_at_minute, 150);
    static const char *const bad[] = {"24:00", "2:30", "02:60", "02:300", "noon"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "poll = { list_at = \"%s\"; };", bad[i]);
        assert_non_null(strstr(read(text, &poll), "time of day"));
    }
}

static void takes_no_statement_but_a_question(void **state)
{
    (void)state;
    struct adapters_poll poll;
    assert_string_equal(read("poll = { query = \"select * from a\"; };", &poll), "");
    assert_string_equal(read("poll = { query = \"WITH b AS (SELECT 1) SELECT * FROM b\"; };", &poll), "");
    assert_non_null(strstr(read("poll = { query = \"DELETE FROM a\"; };", &poll), "SELECT"));
    assert_non_null(strstr(read("poll = { query = \"SELECT 1; DELETE FROM a\"; };", &poll), "semicolon"));
    assert_non_null(strstr(read("poll = { where = \"1 = 1; DELETE FROM a\"; };", &poll), "semicolon"));
}

static void names_a_key_that_it_does_not_know(void **state)
{
    (void)state;
    struct adapters_poll poll;
    assert_non_null(strstr(read("poll = { colum = \"a\"; };", &poll), "column"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapping_without_the_group_has_lists_only),
        cmocka_unit_test(takes_the_overlap_of_its_kind),
        cmocka_unit_test(reads_a_time_of_day),
        cmocka_unit_test(takes_no_statement_but_a_question),
        cmocka_unit_test(names_a_key_that_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
