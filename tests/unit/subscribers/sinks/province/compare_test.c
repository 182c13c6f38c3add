#include "subscribers/sinks/province/compare.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the two above first */
#include <cmocka.h>

#include "subscribers/sinks/province/run.h"

enum { HALF_PAST_THREE = 3 * 60 + 30 };
#define DAY_MS INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)
/* Midnight in Beijing of some day. */
#define MIDNIGHT (INT64_C(20780) * DAY_MS - 8 * 60 * MINUTE_MS)

static void a_comparison_is_due_once_a_day_at_its_time_in_Beijing(void **state)
{
    const int64_t due = MIDNIGHT + HALF_PAST_THREE * MINUTE_MS;
    (void)state;
    assert_false(province_compare_is_due(due - 1, HALF_PAST_THREE, due - DAY_MS));
    assert_true(province_compare_is_due(due, HALF_PAST_THREE, due - DAY_MS));
    assert_true(province_compare_is_due(MIDNIGHT + DAY_MS - 1, HALF_PAST_THREE, 0));
    assert_false(province_compare_is_due(MIDNIGHT + DAY_MS, HALF_PAST_THREE, due));
    assert_false(province_compare_is_due(due + 1, HALF_PAST_THREE, due));
    assert_true(
        province_compare_is_due(due + 1, HALF_PAST_THREE, due - 1)); /* an officer asked in the night: not instead */
    assert_false(province_compare_is_due(due + 1, -1, 0));
    assert_true(province_compare_is_due(MIDNIGHT, 0, MIDNIGHT - 1));
}

static void both_sides_are_judged(void **state)
{
    enum { NO = -1 };
    /* [ours][theirs]; ABSENT of theirs: there is no row */
    static const int kinds[4][4] = {
        [PROVINCE_ABSENT] = {NO, PROVINCE_UNKNOWN, NO, PROVINCE_UNKNOWN},
        [PROVINCE_REPORTED] = {PROVINCE_MISSING, NO, PROVINCE_MISSING, NO},
        [PROVINCE_WITHDRAWN] = {NO, PROVINCE_NOT_WITHDRAWN, NO, PROVINCE_NOT_WITHDRAWN},
        [PROVINCE_PENDING] = {PROVINCE_MISSING, NO, PROVINCE_MISSING, NO},
    };
    (void)state;
    for (int ours = 0; ours < 4; ours++)
        for (int theirs = 0; theirs < 4; theirs++) {
            struct province_note note = {.state = (enum province_state)ours, .digest = {1}};
            struct province_held held = {.state = (enum province_state)theirs, .digest = {1}};
            enum province_finding_kind kind;
            bool differs = province_judge(&note, theirs == PROVINCE_ABSENT ? NULL : &held, &kind);
            assert_int_equal(differs ? (int)kind : NO, kinds[ours][theirs]);
        }
}

static void another_content_of_a_row_that_both_hold_is_a_difference(void **state)
{
    struct province_note note = {.state = PROVINCE_REPORTED, .digest = {1}};
    struct province_held held = {.state = PROVINCE_REPORTED, .digest = {2}};
    enum province_finding_kind kind;
    (void)state;
    assert_true(province_judge(&note, &held, &kind));
    assert_int_equal(kind, PROVINCE_DIFFERENT);
    held.state = PROVINCE_PENDING;
    assert_true(province_judge(&note, &held, &kind));
    assert_int_equal(kind, PROVINCE_DIFFERENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comparison_is_due_once_a_day_at_its_time_in_Beijing),
        cmocka_unit_test(both_sides_are_judged),
        cmocka_unit_test(another_content_of_a_row_that_both_hold_is_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
