#include "adapters/engine/memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/folder.h"

struct world {
    char folder[TEST_FOLDER_SIZE];
    struct adapters_memo *memo;
    struct bus_buffer scratch;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    test_folder_make(world->folder);
    bus_buffer_init(&world->scratch, 1024);
    assert_int_equal(adapters_memo_create(world->folder, &world->memo, &error), BUS_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_memo_destroy(world->memo);
    bus_buffer_release(&world->scratch);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static struct adapters_memo_entry entry_of(struct world *world, const char *one, const char *two)
{
    struct adapters_memo_entry entry = {0};
    const struct bus_bytes fields[] = {bus_bytes_text(one), two != NULL ? bus_bytes_text(two) : bus_bytes_of(NULL, 0)};
    assert_true(adapters_memo_text(fields, 2, &world->scratch, entry.text));
    memcpy(entry.key, entry.text, sizeof entry.key);
    entry.content[0] = 7;
    return entry;
}

static void keep(struct world *world, const struct adapters_memo_entry *entry)
{
    struct bus_error error;
    assert_int_equal(adapters_memo_keep(world->memo, entry, &error), BUS_OK);
}

static void what_a_list_said_is_found_in_the_next_and_no_later(void **state)
{
    struct world *world = *state;
    struct adapters_memo_entry entry = entry_of(world, "a", "b");
    adapters_memo_begin(world->memo);
    assert_null(adapters_memo_find(world->memo, entry.text));
    keep(world, &entry);
    assert_null(adapters_memo_find(world->memo, entry.text));
    adapters_memo_begin(world->memo);
    const struct adapters_memo_entry *found = adapters_memo_find(world->memo, entry.text);
    assert_non_null(found);
    assert_memory_equal(found, &entry, sizeof entry);
    adapters_memo_begin(world->memo);
    assert_null(adapters_memo_find(world->memo, entry.text));
}

static void fields_are_told_apart_by_where_they_end_and_whether_they_are_there(void **state)
{
    struct world *world = *state;
    struct adapters_memo_entry one = entry_of(world, "ab", "c"), other = entry_of(world, "a", "bc"),
                               empty = entry_of(world, "ab", ""), absent = entry_of(world, "ab", NULL);
    assert_memory_not_equal(one.text, other.text, sizeof one.text);
    assert_memory_not_equal(empty.text, absent.text, sizeof empty.text);
}

static void many_rows_are_all_found(void **state)
{
    struct world *world = *state;
    enum { ROWS = 20000 };
    char text[16];
    adapters_memo_begin(world->memo);
    for (int i = 0; i < ROWS; i++) {
        snprintf(text, sizeof text, "%d", i);
        struct adapters_memo_entry entry = entry_of(world, text, "x");
        keep(world, &entry);
        keep(world, &entry);
    }
    adapters_memo_begin(world->memo);
    for (int i = 0; i < ROWS; i++) {
        snprintf(text, sizeof text, "%d", i);
        struct adapters_memo_entry entry = entry_of(world, text, "x");
        assert_non_null(adapters_memo_find(world->memo, entry.text));
    }
}

static void a_row_too_long_has_no_text(void **state)
{
    struct world *world = *state;
    static const uint8_t long_field[2048];
    const struct bus_bytes field = bus_bytes_of(long_field, sizeof long_field);
    uint8_t text[BUS_CONTENT_SIZE];
    assert_false(adapters_memo_text(&field, 1, &world->scratch, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_list_said_is_found_in_the_next_and_no_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_told_apart_by_where_they_end_and_whether_they_are_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_rows_are_all_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_too_long_has_no_text, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
