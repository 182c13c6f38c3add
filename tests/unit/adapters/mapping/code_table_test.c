#include "adapters/mapping/code_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/folder.h"

enum { PATH_SIZE = TEST_FOLDER_SIZE + 16 };

struct world {
    char folder[TEST_FOLDER_SIZE];
    char path[PATH_SIZE];
    struct adapters_code_table *table;
    struct bus_error error;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    test_folder_make(world->folder);
    snprintf(world->path, sizeof world->path, "%s/kinds.csv", world->folder);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_code_table_destroy(world->table);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static enum bus_status load_bytes(struct world *world, struct bus_bytes bytes)
{
    FILE *file = fopen(world->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
    assert_int_equal(fclose(file), 0);
    adapters_code_table_destroy(world->table);
    world->table = NULL;
    return adapters_code_table_load(world->path, &world->table, &world->error);
}

static enum bus_status load(struct world *world, const char *text)
{
    return load_bytes(world, bus_bytes_text(text));
}

static void means(const struct world *world, const char *from, const char *to)
{
    struct bus_bytes found = adapters_code_table_find(world->table, bus_bytes_text(from));
    assert_int_equal(found.length, strlen(to));
    assert_memory_equal(found.data, to, found.length);
}

/* The file, the line and the reason are told. */
static void is_bad(struct world *world, const char *text, const char *line, const char *reason)
{
    char place[PATH_SIZE + 16];
    assert_int_equal(load(world, text), BUS_FATAL);
    snprintf(place, sizeof place, "%s%s", world->path, line);
    assert_non_null(strstr(world->error.message, place));
    assert_non_null(strstr(world->error.message, reason));
    assert_null(world->table);
}

static void a_value_becomes_what_the_file_says(void **state)
{
    struct world *world = *state;
    assert_int_equal(load(world, "\xef\xbb\xbf"
                                 "from,to\r\n3,03\r\n \xe3\x80\x80无证经营 ,\"01\"\r\n\"a,b\",c\r\n"),
                     BUS_OK);
    means(world, "3", "03");
    means(world, "无证经营", "01");
    means(world, "a,b", "c");
    assert_int_equal(adapters_code_table_longest(world->table), 2);
}

static void what_is_not_listed_stays_as_it_is(void **state)
{
    struct world *world = *state;
    assert_int_equal(load(world, "from,to\n3,03\n"), BUS_OK);
    means(world, "4", "4");
    means(world, "33", "33");
    means(world, "", "");
    assert_int_equal(load(world, "from,to\n"), BUS_OK);
    means(world, "3", "3");
}

static void columns_may_stand_in_any_order(void **state)
{
    struct world *world = *state;
    assert_int_equal(load(world, "to,from\n03,3\n"), BUS_OK);
    means(world, "3", "03");
}

static void a_value_may_mean_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(load(world, "from,to\n待定,\n"), BUS_OK);
    means(world, "待定", "");
}

static void every_pair_of_many_is_found(void **state)
{
    struct world *world = *state;
    char *text = malloc(ADAPTERS_CODE_TABLE_FILE_MAX + 1), from[16], to[16];
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, "from,to\n");
    for (int i = 0; i < ADAPTERS_CODE_TABLE_PAIRS_MAX; i++)
        length += (size_t)sprintf(text + length, "%d,t%d\n", i * 7919 % ADAPTERS_CODE_TABLE_PAIRS_MAX,
                                  i * 7919 % ADAPTERS_CODE_TABLE_PAIRS_MAX);
    assert_int_equal(load(world, text), BUS_OK);
    for (int i = 0; i < ADAPTERS_CODE_TABLE_PAIRS_MAX; i++) {
        snprintf(from, sizeof from, "%d", i);
        snprintf(to, sizeof to, "t%d", i);
        means(world, from, to);
    }
    sprintf(text + length, "one more,x\n");
    is_bad(world, text, ":16386", "more than 16384 rows");
    free(text);
}

static void a_mistake_is_named_with_its_file_and_line(void **state)
{
    struct world *world = *state;
    is_bad(world, "from,to\n1,2\n,3\n", ":3", "from is empty");
    is_bad(world, "from,to\n1,2\n3\n", ":3", "");
    is_bad(world, "from,to\n2,1\n3,4\n2,5\n", ":4", "stands in line 2 already");
    is_bad(world, "code,meaning\n1,2\n", ":1", "from,to");
    is_bad(world, "1,2\n", ":1", "from,to");
    is_bad(world, "", ":1", "from,to");
    is_bad(world, "from,to\n1,\xff\xfe\n", ":2", "");
}

static void what_is_too_long_is_refused(void **state)
{
    struct world *world = *state;
    char *text = calloc(1, ADAPTERS_CODE_TABLE_FILE_MAX + 2);
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, "from,to\n1,");
    memset(text + length, 'x', ADAPTERS_CODE_TABLE_VALUE_MAX + 1);
    is_bad(world, text, ":2", "more than 1024 bytes");
    memset(text, '\n', ADAPTERS_CODE_TABLE_FILE_MAX + 1);
    memcpy(text, "from,to", 7);
    is_bad(world, text, "", "at most 1048576 bytes");
    free(text);
}

static void a_file_that_is_not_there_is_told(void **state)
{
    struct world *world = *state;
    assert_int_equal(adapters_code_table_load(world->path, &world->table, &world->error), BUS_FATAL);
    assert_non_null(strstr(world->error.message, world->path));
    assert_int_equal(adapters_code_table_load(world->folder, &world->table, &world->error), BUS_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_becomes_what_the_file_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_listed_stays_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_may_stand_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_may_mean_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_pair_of_many_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mistake_is_named_with_its_file_and_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
