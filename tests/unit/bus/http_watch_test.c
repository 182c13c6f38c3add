#include "bus/http_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/clock.h"

enum { LIMIT_MS = 300, WAIT_MS = 10000 };

static struct bus_http_watch *start(size_t connections)
{
    struct bus_http_watch *watch = NULL;
    struct bus_error error;
    const struct bus_http_watch_options options = {
        .connections = connections,
        .limits_ms = {[BUS_HTTP_HEADERS] = LIMIT_MS, [BUS_HTTP_BODY] = LIMIT_MS * 2},
    };
    assert_int_equal(bus_http_watch_start(&options, &watch, &error), BUS_OK);
    return watch;
}

/* Until so many were cut off; the milliseconds that it took. */
static int64_t wait_for_cuts(struct bus_http_watch *watch, uint64_t count)
{
    int64_t from_ms = bus_clock_monotonic_ms();
    while (bus_http_watch_cut(watch) < count && bus_clock_monotonic_ms() - from_ms < WAIT_MS)
        bus_clock_sleep_ms(10);
    assert_int_equal(bus_http_watch_cut(watch), count);
    return bus_clock_monotonic_ms() - from_ms;
}

static bool is_open(int end)
{
    uint8_t byte;
    return recv(end, &byte, 1, MSG_DONTWAIT) < 0;
}

static void who_takes_too_long_is_cut_off_and_who_waits_for_us_is_not(void **state)
{
    (void)state;
    struct bus_http_watch *watch = start(4);
    int slow[2], waiting[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, slow), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, waiting), 0);
    size_t slow_place = bus_http_watch_enter(watch, slow[0]);
    size_t waiting_place = bus_http_watch_enter(watch, waiting[0]);
    bus_http_watch_phase(watch, waiting_place, BUS_HTTP_WAITING);
    assert_true(is_open(slow[1]) && is_open(waiting[1]));
    assert_true(wait_for_cuts(watch, 1) >= LIMIT_MS - 50);
    assert_false(is_open(slow[1]));
    assert_true(is_open(waiting[1]));
    bus_http_watch_phase(watch, waiting_place, BUS_HTTP_BODY);
    assert_true(wait_for_cuts(watch, 2) >= LIMIT_MS);
    bus_http_watch_leave(watch, slow_place);
    bus_http_watch_leave(watch, waiting_place);
    bus_http_watch_stop(watch);
    for (int i = 0; i < 2; i++) {
        close(slow[i]);
        close(waiting[i]);
    }
}

static void a_place_is_used_again_and_there_are_so_many(void **state)
{
    (void)state;
    struct bus_http_watch *watch = start(2);
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    size_t first = bus_http_watch_enter(watch, ends[0]), second = bus_http_watch_enter(watch, ends[0]);
    assert_true(first != 0 && second != 0 && first != second);
    assert_int_equal(bus_http_watch_enter(watch, ends[0]), 0);
    bus_http_watch_phase(watch, 0, BUS_HTTP_BODY);
    bus_http_watch_leave(watch, 0);
    bus_http_watch_leave(watch, first);
    assert_int_equal(bus_http_watch_enter(watch, ends[0]), first);
    bus_http_watch_stop(watch);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_takes_too_long_is_cut_off_and_who_waits_for_us_is_not),
        cmocka_unit_test(a_place_is_used_again_and_there_are_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
