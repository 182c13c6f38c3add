#include "adapters/sources/odbc/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/stop.h"

static void cancel(void *handle)
{
    atomic_store((atomic_bool *)handle, true);
}

static void hang(void *handle)
{
    (void)handle;
    for (;;)
        pause();
}

static bool is_cancelled_within(struct odbc_watch *watch, int64_t timeout_ms, int64_t wait_ms)
{
    atomic_bool is_cancelled = false;
    odbc_watch_begin(watch, &is_cancelled, timeout_ms, "wait");
    for (int64_t waited_ms = 0; waited_ms < wait_ms && !atomic_load(&is_cancelled); waited_ms += 10)
        bus_clock_sleep_ms(10);
    odbc_watch_end(watch);
    return atomic_load(&is_cancelled);
}

static void a_call_is_cancelled_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    struct odbc_watch *watch = odbc_watch_create(cancel);
    assert_non_null(watch);
    assert_false(is_cancelled_within(watch, 60000, 300));
    assert_true(is_cancelled_within(watch, 100, 10000));
    assert_false(is_cancelled_within(watch, 60000, 300));
    odbc_watch_destroy(watch);
}

static void a_call_that_cannot_be_cancelled_ends_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct odbc_watch *watch = odbc_watch_create(hang);
        odbc_watch_begin(watch, watch, 50, "hang");
        bus_clock_sleep_ms(60000);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
}

static void a_stop_cancels_at_once(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct odbc_watch *watch = odbc_watch_create(cancel);
        bus_stop_request();
        _exit(is_cancelled_within(watch, 60000, 10000) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_cancelled_at_its_deadline_and_not_before),
        cmocka_unit_test(a_call_that_cannot_be_cancelled_ends_the_process),
        cmocka_unit_test(a_stop_cancels_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
