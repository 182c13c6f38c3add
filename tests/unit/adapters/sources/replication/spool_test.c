#include "adapters/sources/replication/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/folder.h"

static int make_folder(void **state)
{
    char *folder = malloc(TEST_FOLDER_SIZE);
    assert_non_null(folder);
    test_folder_make(folder);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    test_folder_remove(*state);
    free(*state);
    return 0;
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[REPLICATION_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void a_list_appears_whole_or_not_at_all(void **state)
{
    struct replication_list list;
    struct bus_error error;
    char path[REPLICATION_PATH_SIZE], read[64] = "";
    replication_spool_path(*state, "penalty", 7, path);
    assert_int_equal(replication_list_begin(&list, *state, "penalty", 7, &error), BUS_OK);
    assert_int_equal(replication_list_add(&list, bus_bytes_text("a,b\n"), &error), BUS_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(replication_list_add(&list, bus_bytes_text("1,2\n"), &error), BUS_OK);
    assert_int_equal(replication_list_finish(&list, &error), BUS_OK);
    replication_list_release(&list);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(read, 1, sizeof read, file), 8);
    fclose(file);
    assert_string_equal(read, "a,b\n1,2\n");
}

static void a_list_that_was_cut_off_is_written_anew(void **state)
{
    struct replication_list list;
    struct bus_error error;
    char path[REPLICATION_PATH_SIZE];
    assert_int_equal(replication_list_begin(&list, *state, "penalty", 7, &error), BUS_OK);
    assert_int_equal(replication_list_add(&list, bus_bytes_text("much that is lost\n"), &error), BUS_OK);
    replication_list_release(&list);
    replication_spool_path(*state, "penalty", 7, path);
    assert_int_equal(access(path, F_OK), -1);
    a_list_appears_whole_or_not_at_all(state);
}

static void a_list_of_an_earlier_snapshot_is_removed(void **state)
{
    struct replication_list list;
    struct bus_error error;
    char path[REPLICATION_PATH_SIZE];
    a_list_appears_whole_or_not_at_all(state);
    replication_spool_path(*state, "penalty", 7, path);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(replication_list_begin(&list, *state, "penalty", 8, &error), BUS_OK);
    assert_int_equal(access(path, F_OK), -1);
    replication_list_release(&list);
}

static void a_long_row_passes_through(void **state)
{
    struct replication_list list;
    struct bus_error error;
    size_t length = 5 * 1024 * 1024;
    uint8_t *row = calloc(1, length);
    assert_non_null(row);
    assert_int_equal(replication_list_begin(&list, *state, "penalty", 7, &error), BUS_OK);
    assert_int_equal(replication_list_add(&list, bus_bytes_of(row, length), &error), BUS_OK);
    assert_int_equal(replication_list_finish(&list, &error), BUS_OK);
    assert_int_equal(list.size_bytes, length);
    replication_list_release(&list);
    free(row);
}

static void a_disk_that_refuses_is_waited_for(void **state)
{
    struct replication_list list;
    struct bus_error error;
    write_text(*state, "spool", "a file where the folder should be");
    assert_int_equal(replication_list_begin(&list, *state, "penalty", 7, &error), BUS_RETRY);
    assert_non_null(strstr(error.message, "penalty"));
    replication_list_release(&list);
}

static void a_manifest_is_found_by_its_slot_only(void **state)
{
    const struct replication_position position = {.system = 1, .database = 2, .snapshot = 3, .base = 4, .end = 3};
    const struct adapters_feeds feeds = {.count = 0};
    const struct replication_tables tables = {.feeds = &feeds};
    struct replication_manifest manifest;
    struct bus_error error;
    bool is_found;
    assert_int_equal(replication_manifest_read(*state, "one", &manifest, &is_found, &error), BUS_OK);
    assert_false(is_found);
    replication_manifest_release(&manifest);
    assert_int_equal(replication_manifest_write(*state, "one", &position, &tables, &error), BUS_OK);
    assert_int_equal(replication_manifest_read(*state, "one", &manifest, &is_found, &error), BUS_OK);
    assert_true(is_found);
    assert_int_equal(manifest.position.base, 4);
    assert_int_equal(manifest.signatures.length, 0);
    replication_manifest_release(&manifest);
    assert_int_equal(replication_manifest_read(*state, "other", &manifest, &is_found, &error), BUS_OK);
    assert_false(is_found);
    replication_manifest_release(&manifest);
}

static void a_manifest_that_cannot_be_read_stops(void **state)
{
    struct replication_manifest manifest;
    struct bus_error error;
    bool is_found;
    write_text(*state, "snapshot", "one\nno position\n");
    assert_int_equal(replication_manifest_read(*state, "one", &manifest, &is_found, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "remove the file"));
    replication_manifest_release(&manifest);
}

static void the_mark_says_of_which_slot_it_is(void **state)
{
    struct bus_error error;
    assert_false(replication_mark_is_set(*state, "one"));
    assert_int_equal(replication_mark_set(*state, "one", &error), BUS_OK);
    assert_true(replication_mark_is_set(*state, "one"));
    assert_false(replication_mark_is_set(*state, "other"));
    replication_mark_clear(*state);
    assert_false(replication_mark_is_set(*state, "one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_appears_whole_or_not_at_all, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_list_that_was_cut_off_is_written_anew, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_list_of_an_earlier_snapshot_is_removed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_long_row_passes_through, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_disk_that_refuses_is_waited_for, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_manifest_is_found_by_its_slot_only, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_manifest_that_cannot_be_read_stops, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_mark_says_of_which_slot_it_is, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
