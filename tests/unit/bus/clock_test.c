/* The rehearsal clock: the machine's, and what a file says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/clock.h"
#include "tests/support/folder.h"

enum { PATH_SIZE = 256, SLACK_MS = 60000 };

static char folder[TEST_FOLDER_SIZE], path[PATH_SIZE];

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    snprintf(path, sizeof path, "%s/ahead", folder);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_folder_remove(folder);
    return 0;
}

static void say(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* How far it runs ahead of the machine's clock, in whole minutes. */
static int64_t ahead_minutes(const struct bus_clock *clock)
{
    struct bus_clock real = bus_clock_real();
    int64_t ahead_ms = bus_clock_now_ms(clock) - bus_clock_now_ms(&real);
    return (ahead_ms + (ahead_ms < 0 ? -SLACK_MS / 2 : SLACK_MS / 2)) / SLACK_MS;
}

/* As if a second had passed. */
static void pass(struct bus_rehearsal *rehearsal)
{
    rehearsal->read_at_ms -= 1000;
}

static void a_rehearsal_runs_ahead_by_what_its_file_says(void **unused)
{
    (void)unused;
    struct bus_rehearsal rehearsal = {.path = path};
    struct bus_clock clock = bus_clock_rehearsal(&rehearsal);
    say("86400000\n");
    assert_int_equal(ahead_minutes(&clock), 1440);
    say("-3600000");
    assert_int_equal(ahead_minutes(&clock), 1440); /* read every second, not every time */
    pass(&rehearsal);
    assert_int_equal(ahead_minutes(&clock), -60);
}

static void without_a_number_in_the_file_the_last_one_counts(void **unused)
{
    (void)unused;
    struct bus_rehearsal rehearsal = {.path = path};
    struct bus_clock clock = bus_clock_rehearsal(&rehearsal);
    assert_int_equal(ahead_minutes(&clock), 0); /* no file */
    say("600000");
    pass(&rehearsal);
    assert_int_equal(ahead_minutes(&clock), 10);
    say("soon");
    pass(&rehearsal);
    assert_int_equal(ahead_minutes(&clock), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_rehearsal_runs_ahead_by_what_its_file_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_number_in_the_file_the_last_one_counts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
