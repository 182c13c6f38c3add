#include "bus/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_US = 1000 * 1000, NOW_US = 1000 * SECOND_US };

static void a_burst_goes_through_and_then_the_rate_counts(void **state)
{
    (void)state;
    struct bus_bucket bucket = {0};
    for (int i = 0; i < 5; i++)
        assert_int_equal(bus_bucket_take(&bucket, 60, 5, NOW_US), 0);
    assert_int_equal(bus_bucket_take(&bucket, 60, 5, NOW_US), SECOND_US);
    assert_int_equal(bus_bucket_take(&bucket, 60, 5, NOW_US + SECOND_US / 2), SECOND_US / 2);
    assert_int_equal(bus_bucket_take(&bucket, 60, 5, NOW_US + SECOND_US), 0);
    assert_int_equal(bus_bucket_take(&bucket, 60, 5, NOW_US + SECOND_US), SECOND_US);
}

static void what_was_not_used_is_a_burst_again_and_no_more(void **state)
{
    (void)state;
    struct bus_bucket bucket = {0};
    int taken = 0;
    assert_int_equal(bus_bucket_take(&bucket, 60, 3, NOW_US), 0);
    while (bus_bucket_take(&bucket, 60, 3, NOW_US + (int64_t)3600 * SECOND_US) == 0)
        taken++;
    assert_int_equal(taken, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_goes_through_and_then_the_rate_counts),
        cmocka_unit_test(what_was_not_used_is_a_burst_again_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
