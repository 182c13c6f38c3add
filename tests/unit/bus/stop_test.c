#include "bus/stop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the three above first */
#include <cmocka.h>

static void a_hangup_asks_once_for_a_reload_and_stops_nothing(void **state)
{
    (void)state;
    bus_reload_install();
    assert_false(bus_reload_requested());
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_true(bus_reload_requested());
    assert_false(bus_reload_requested());
    assert_false(bus_stop_requested());
}

static void a_termination_asks_to_stop(void **state)
{
    (void)state;
    bus_stop_install();
    assert_false(bus_stop_requested());
    assert_int_equal(raise(SIGTERM), 0);
    assert_true(bus_stop_requested());
    assert_true(bus_stop_requested());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hangup_asks_once_for_a_reload_and_stops_nothing),
        cmocka_unit_test(a_termination_asks_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
