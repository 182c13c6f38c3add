#include "adapters/sources/odbc/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/folder.h"

#include <sys/stat.h>

static void a_name_tells_when_the_list_was_written_and_how_far_it_goes(void **state)
{
    (void)state;
    struct odbc_list list;
    char text[ODBC_MARK_TEXT_SIZE];
    assert_true(odbc_list_read_name(ADAPTERS_POLL_TIMESTAMP, "1795533552966_2026-03-01T00:49:59.5.csv", &list));
    assert_true(list.at_ms == 1795533552966);
    odbc_mark_text(ADAPTERS_POLL_TIMESTAMP, &list.mark, text);
    assert_string_equal(text, "2026-03-01 00:49:59.5");
    assert_true(odbc_list_read_name(ADAPTERS_POLL_NUMBER, "17_.csv", &list));
    assert_false(list.mark.is_set);
    assert_false(odbc_list_read_name(ADAPTERS_POLL_NUMBER, "list.part", &list));
    assert_false(odbc_list_read_name(ADAPTERS_POLL_NUMBER, "17.csv", &list));
    assert_false(odbc_list_read_name(ADAPTERS_POLL_NUMBER, "17_x.csv", &list));
}

static void put(const char *folder, const char *name)
{
    char path[TEST_FOLDER_SIZE + 128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void the_newest_list_is_found_also_when_it_is_held(void **state)
{
    (void)state;
    char folder[TEST_FOLDER_SIZE], held[TEST_FOLDER_SIZE + 8];
    struct odbc_list list;
    test_folder_make(folder);
    odbc_list_find(ADAPTERS_POLL_NUMBER, folder, &list);
    assert_true(list.at_ms == 0);
    snprintf(held, sizeof held, "%s/held", folder);
    assert_int_equal(mkdir(held, 0700), 0);
    put(folder, "100_5.csv");
    put(held, "200_6.csv");
    put(folder, "other.csv");
    odbc_list_find(ADAPTERS_POLL_NUMBER, folder, &list);
    assert_true(list.at_ms == 200 && list.mark.whole == 6);
    test_folder_remove(folder);
}

static void a_line_holds_any_text_and_tells_null_from_empty(void **state)
{
    (void)state;
    struct bus_buffer line;
    const struct bus_bytes fields[] = {bus_bytes_text("a"), {0}, bus_bytes_text(""), bus_bytes_text("say \"x\",\ny")};
    bus_buffer_init(&line, 1024);
    odbc_list_append_line(fields, 4, &line);
    assert_true(bus_bytes_equal_text(bus_buffer_view(&line), "\"a\",,\"\",\"say \"\"x\"\",\ny\"\n"));
    bus_buffer_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_tells_when_the_list_was_written_and_how_far_it_goes),
        cmocka_unit_test(the_newest_list_is_found_also_when_it_is_held),
        cmocka_unit_test(a_line_holds_any_text_and_tells_null_from_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
