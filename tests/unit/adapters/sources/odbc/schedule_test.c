#include "adapters/sources/odbc/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR_MS ((int64_t)3600 * 1000)
/* 2026-11-24 00:00 in China. */
#define MIDNIGHT_MS ((int64_t)1795449600 * 1000)

static void the_first_list_is_due_at_once(void **state)
{
    (void)state;
    const struct adapters_poll poll = {.list_every_hours = 0, .list_at_minute = -1};
    assert_true(odbc_schedule_is_list_due(&poll, 0, MIDNIGHT_MS));
    assert_false(odbc_schedule_is_list_due(&poll, MIDNIGHT_MS, MIDNIGHT_MS + 10000 * HOUR_MS));
}

static void comes_every_so_many_hours(void **state)
{
    (void)state;
    const struct adapters_poll poll = {.list_every_hours = 6, .list_at_minute = -1};
    assert_false(odbc_schedule_is_list_due(&poll, MIDNIGHT_MS, MIDNIGHT_MS + 6 * HOUR_MS - 1));
    assert_true(odbc_schedule_is_list_due(&poll, MIDNIGHT_MS, MIDNIGHT_MS + 6 * HOUR_MS));
}

static void comes_once_a_day_at_its_time_in_china(void **state)
{
    (void)state;
    const struct adapters_poll poll = {.list_every_hours = 1, .list_at_minute = 2 * 60};
    int64_t two = MIDNIGHT_MS + 2 * HOUR_MS;
    assert_false(odbc_schedule_is_list_due(&poll, two - HOUR_MS, two - 1));
    assert_true(odbc_schedule_is_list_due(&poll, two - HOUR_MS, two));
    assert_false(odbc_schedule_is_list_due(&poll, two, two + 23 * HOUR_MS));
    assert_true(odbc_schedule_is_list_due(&poll, two, two + 24 * HOUR_MS));
    assert_true(odbc_schedule_is_list_due(&poll, two - 30 * HOUR_MS, two - HOUR_MS)); /* it was down at its time */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_list_is_due_at_once),
        cmocka_unit_test(comes_every_so_many_hours),
        cmocka_unit_test(comes_once_a_day_at_its_time_in_china),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
