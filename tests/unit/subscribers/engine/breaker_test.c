#include "subscribers/engine/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the three above first */
#include <cmocka.h>

enum { LONG_MS = 10 * SUBSCRIBERS_BACK_OFF_MOST_MS };

static void each_wait_is_longer_and_none_is_too_long(void **state)
{
    (void)state;
    struct subscribers_back_off back_off = {0};
    for (int i = 0, most = 200; i < 20; i++, most *= 2) {
        most = most < SUBSCRIBERS_BACK_OFF_MOST_MS ? most : SUBSCRIBERS_BACK_OFF_MOST_MS;
        subscribers_back_off_more(&back_off, 1000, 0);
        assert_in_range(back_off.until_ms - 1000, most / 2, most);
    }
    subscribers_back_off_more(&back_off, 0, LONG_MS);
    assert_int_equal(back_off.until_ms, LONG_MS);
}

static void waits_are_not_alike(void **state)
{
    (void)state;
    int different = 0;
    for (int i = 0; i < 50; i++) {
        struct subscribers_back_off one = {.wait_ms = 8000}, other = {.wait_ms = 8000};
        subscribers_back_off_more(&one, 0, 0);
        subscribers_back_off_more(&other, 0, 0);
        different += one.until_ms != other.until_ms;
    }
    assert_true(different > 10);
}

static void fail_times(struct subscribers_breaker *breaker, int times)
{
    for (int i = 0; i < times; i++)
        subscribers_breaker_failed(breaker, 0, 0);
}

static void all_may_ask_until_it_has_failed_some_times_in_a_row(void **state)
{
    (void)state;
    struct subscribers_breaker breaker = {0};
    assert_true(subscribers_breaker_allows(&breaker, 0));
    fail_times(&breaker, SUBSCRIBERS_BREAKER_PATIENCE - 1);
    assert_false(subscribers_breaker_allows(&breaker, 0)); /* the back-off */
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
    assert_false(subscribers_breaker_succeeded(&breaker));
    fail_times(&breaker, SUBSCRIBERS_BREAKER_PATIENCE - 1);
    assert_int_equal(breaker.state, SUBSCRIBERS_BREAKER_CLOSED);
    assert_true(subscribers_breaker_failed(&breaker, 0, 0));
    assert_int_equal(breaker.state, SUBSCRIBERS_BREAKER_OPEN);
}

static void when_it_is_open_one_tries_and_closes_it_for_all(void **state)
{
    (void)state;
    struct subscribers_breaker breaker = {0};
    fail_times(&breaker, SUBSCRIBERS_BREAKER_PATIENCE);
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
    assert_false(subscribers_breaker_allows(&breaker, LONG_MS));
    assert_true(subscribers_breaker_succeeded(&breaker));
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
}

static void who_fails_while_it_is_half_open_opens_it_again(void **state)
{
    (void)state;
    struct subscribers_breaker breaker = {0};
    fail_times(&breaker, SUBSCRIBERS_BREAKER_PATIENCE);
    int64_t waited_ms = breaker.back_off.wait_ms;
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
    assert_false(subscribers_breaker_failed(&breaker, LONG_MS, 0));
    assert_true(breaker.back_off.wait_ms > waited_ms);
    assert_false(subscribers_breaker_allows(&breaker, LONG_MS));
}

static void who_does_not_try_after_all_lets_another_try(void **state)
{
    (void)state;
    struct subscribers_breaker breaker = {0};
    fail_times(&breaker, SUBSCRIBERS_BREAKER_PATIENCE);
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
    subscribers_breaker_withdraw(&breaker);
    assert_true(subscribers_breaker_allows(&breaker, LONG_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wait_is_longer_and_none_is_too_long),
        cmocka_unit_test(waits_are_not_alike),
        cmocka_unit_test(all_may_ask_until_it_has_failed_some_times_in_a_row),
        cmocka_unit_test(when_it_is_open_one_tries_and_closes_it_for_all),
        cmocka_unit_test(who_fails_while_it_is_half_open_opens_it_again),
        cmocka_unit_test(who_does_not_try_after_all_lets_another_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
