#include "adapters/sources/files/file_drop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/folder.h"

enum { RENAME, MARK, STABLE };

struct world {
    char inbox[TEST_FOLDER_SIZE];
    struct adapters_drop *drop;
    int64_t now_ms;
};

static int64_t fake_now(void *self)
{
    return ((struct world *)self)->now_ms;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    test_folder_make(world->inbox);
    world->now_ms = bus_clock_real().now_ms(NULL);
    struct adapters_drop_options options = {
        .inbox = world->inbox,
        .feeds = {{"rename", ADAPTERS_COMPLETE_RENAME},
                  {"mark", ADAPTERS_COMPLETE_MARK},
                  {"stable", ADAPTERS_COMPLETE_STABLE}},
        .feed_count = 3,
        .stable_ms = 5000,
        .clock = {fake_now, world},
    };
    assert_int_equal(adapters_drop_open(&options, &world->drop, &error), BUS_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_drop_close(world->drop);
    test_folder_remove(world->inbox);
    free(world);
    return 0;
}

static const char *path_of(const struct world *world, const char *place)
{
    static char path[TEST_FOLDER_SIZE + 300];
    snprintf(path, sizeof path, "%s/%s", world->inbox, place);
    return path;
}

static void put(const struct world *world, const char *place, const char *text)
{
    FILE *file = fopen(path_of(world, place), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool is_there(const struct world *world, const char *place)
{
    return access(path_of(world, place), F_OK) == 0;
}

static size_t list(struct world *world, size_t feed, const char *const **out_names)
{
    struct bus_error error;
    size_t count;
    assert_int_equal(adapters_drop_list(world->drop, feed, out_names, &count, &error), BUS_OK);
    return count;
}

static int open_listed(struct world *world, size_t feed, const char *name)
{
    struct bus_error error;
    int file;
    assert_int_equal(adapters_drop_open_file(world->drop, feed, name, &file, &error), BUS_OK);
    return file;
}

static void finish(struct world *world, const char *name, enum adapters_outcome outcome)
{
    struct bus_error error;
    int file = open_listed(world, RENAME, name);
    assert_true(file >= 0);
    assert_int_equal(adapters_drop_finish(world->drop, RENAME, name, file, outcome, bus_bytes_text("report"), &error),
                     BUS_OK);
    close(file);
}

static void lists_files_by_name_and_no_hidden_ones(void **state)
{
    struct world *world = *state;
    const char *const *names;
    put(world, "rename/b-002.csv", "b");
    put(world, "rename/a-001.csv", "a");
    put(world, "rename/.half.csv.part", "x");
    put(world, "rename/a-003.csv.part", "x");
    put(world, "rename/a-004.csv.tmp", "x");
    assert_int_equal(list(world, RENAME, &names), 2);
    assert_string_equal(names[0], "a-001.csv");
    assert_string_equal(names[1], "b-002.csv");
}

static void a_marked_feed_waits_for_the_mark(void **state)
{
    struct world *world = *state;
    const char *const *names;
    put(world, "mark/a.csv", "a");
    assert_int_equal(list(world, MARK, &names), 0);
    put(world, "mark/a.csv.ok", "");
    assert_int_equal(list(world, MARK, &names), 1);
    assert_string_equal(names[0], "a.csv");
}

static void a_stable_feed_waits_until_nothing_changes(void **state)
{
    struct world *world = *state;
    const char *const *names;
    put(world, "stable/a.csv", "a");
    assert_int_equal(list(world, STABLE, &names), 0);
    world->now_ms += 6000;
    assert_int_equal(list(world, STABLE, &names), 1);
}

static void a_taken_file_is_in_done_with_its_report(void **state)
{
    struct world *world = *state;
    const char *const *names;
    put(world, "rename/a.csv", "a");
    finish(world, "a.csv", ADAPTERS_OUTCOME_DONE);
    assert_true(is_there(world, "rename/done/a.csv"));
    assert_true(is_there(world, "rename/done/a.csv.report.csv"));
    assert_int_equal(list(world, RENAME, &names), 0);
    assert_true(adapters_drop_has_done(world->drop, RENAME, "a.csv"));
}

static void a_held_file_is_in_held_with_its_report(void **state)
{
    struct world *world = *state;
    put(world, "rename/a.csv", "a");
    finish(world, "a.csv", ADAPTERS_OUTCOME_HELD);
    assert_true(is_there(world, "rename/held/a.csv"));
    assert_true(is_there(world, "rename/held/a.csv.report.csv"));
    assert_false(adapters_drop_has_done(world->drop, RENAME, "a.csv"));
}

static void a_second_file_of_that_name_overwrites_nothing(void **state)
{
    struct world *world = *state;
    put(world, "rename/a.csv", "first");
    finish(world, "a.csv", ADAPTERS_OUTCOME_DONE);
    put(world, "rename/a.csv", "second");
    finish(world, "a.csv", ADAPTERS_OUTCOME_DONE);
    assert_true(is_there(world, "rename/done/a.csv"));
    assert_true(is_there(world, "rename/done/a.csv.2"));
    assert_true(is_there(world, "rename/done/a.csv.2.report.csv"));
}

static void a_file_replaced_while_it_was_taken_stays(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    put(world, "rename/a.csv", "first");
    int file = open_listed(world, RENAME, "a.csv");
    put(world, "rename/.new", "second");
    char from[TEST_FOLDER_SIZE + 300];
    snprintf(from, sizeof from, "%s", path_of(world, "rename/.new"));
    assert_int_equal(rename(from, path_of(world, "rename/a.csv")), 0);
    assert_int_equal(adapters_drop_finish(world->drop, RENAME, "a.csv", file, ADAPTERS_OUTCOME_DONE,
                                          bus_bytes_text("report"), &error),
                     BUS_OK);
    close(file);
    assert_true(is_there(world, "rename/a.csv"));
    assert_false(is_there(world, "rename/done/a.csv"));
}

static void links_and_folders_are_no_files(void **state)
{
    struct world *world = *state;
    const char *const *names;
    put(world, "rename/.target", "secret");
    assert_int_equal(symlink(".target", path_of(world, "rename/link.csv")), 0);
    assert_int_equal(mkdir(path_of(world, "rename/folder.csv"), 0700), 0);
    assert_int_equal(list(world, RENAME, &names), 0);
    assert_int_equal(open_listed(world, RENAME, "link.csv"), -1);
    assert_int_equal(open_listed(world, RENAME, "gone.csv"), -1);
}

static void a_report_that_cannot_be_written_leaves_the_file(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    put(world, "rename/a.csv", "a");
    int file = open_listed(world, RENAME, "a.csv");
    char done[TEST_FOLDER_SIZE + 300];
    snprintf(done, sizeof done, "%s", path_of(world, "rename/done"));
    assert_int_equal(rmdir(done), 0);
    assert_int_equal(adapters_drop_finish(world->drop, RENAME, "a.csv", file, ADAPTERS_OUTCOME_DONE,
                                          bus_bytes_text("report"), &error),
                     BUS_RETRY);
    close(file);
    assert_true(is_there(world, "rename/a.csv"));
}

static void an_inbox_that_cannot_be_made_is_fatal(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    struct adapters_drop *drop;
    put(world, "file", "");
    char inbox[TEST_FOLDER_SIZE + 300];
    snprintf(inbox, sizeof inbox, "%s", path_of(world, "file"));
    struct adapters_drop_options options = {
        .inbox = inbox, .feeds = {{"a", ADAPTERS_COMPLETE_RENAME}}, .feed_count = 1};
    assert_int_equal(adapters_drop_open(&options, &drop, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, inbox));
}

static void a_held_file_that_is_taken_later_leaves_nothing_in_held(void **state)
{
    struct world *world = *state;
    struct bus_error error;
    char name[ADAPTERS_FILE_NAME_SIZE];
    int file;
    put(world, "rename/a.csv", "x");
    assert_int_equal(adapters_drop_held_name(world->drop, RENAME, "a.csv", name, &error), BUS_OK);
    assert_string_equal(name, "a.csv");
    finish(world, "a.csv", ADAPTERS_OUTCOME_HELD);
    assert_int_equal(adapters_drop_held_name(world->drop, RENAME, "a.csv", name, &error), BUS_OK);
    assert_string_equal(name, "a.csv.2");
    assert_int_equal(adapters_drop_open_file(world->drop, RENAME, "held/a.csv", &file, &error), BUS_OK);
    assert_int_equal(adapters_drop_finish(world->drop, RENAME, "held/a.csv", file, ADAPTERS_OUTCOME_HELD,
                                          bus_bytes_text("why not"), &error),
                     BUS_OK);
    assert_true(is_there(world, "rename/held/a.csv"));
    assert_int_equal(adapters_drop_finish(world->drop, RENAME, "held/a.csv", file, ADAPTERS_OUTCOME_DONE,
                                          bus_bytes_text("done"), &error),
                     BUS_OK);
    close(file);
    assert_true(is_there(world, "rename/done/a.csv"));
    assert_true(is_there(world, "rename/done/a.csv.report.csv"));
    assert_false(is_there(world, "rename/held/a.csv"));
    assert_false(is_there(world, "rename/held/a.csv.report.csv"));
}

static void a_spool_keeps_nothing_that_is_done(void **state)
{
    struct world *world = *state;
    struct adapters_drop_options options = {
        .inbox = world->inbox, .feeds = {{"spool", ADAPTERS_COMPLETE_RENAME}}, .feed_count = 1, .removes_done = true};
    struct adapters_drop *spool;
    struct bus_error error;
    int file;
    assert_int_equal(adapters_drop_open(&options, &spool, &error), BUS_OK);
    put(world, "spool/a.csv", "x");
    assert_int_equal(adapters_drop_open_file(spool, 0, "a.csv", &file, &error), BUS_OK);
    assert_int_equal(
        adapters_drop_finish(spool, 0, "a.csv", file, ADAPTERS_OUTCOME_DONE, bus_bytes_text("done"), &error), BUS_OK);
    close(file);
    assert_false(is_there(world, "spool/a.csv"));
    assert_false(is_there(world, "spool/done/a.csv"));
    adapters_drop_close(spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_files_by_name_and_no_hidden_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_marked_feed_waits_for_the_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stable_feed_waits_until_nothing_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taken_file_is_in_done_with_its_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_file_is_in_held_with_its_report, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_file_of_that_name_overwrites_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_replaced_while_it_was_taken_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_and_folders_are_no_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_report_that_cannot_be_written_leaves_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_inbox_that_cannot_be_made_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_file_that_is_taken_later_leaves_nothing_in_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_spool_keeps_nothing_that_is_done, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
