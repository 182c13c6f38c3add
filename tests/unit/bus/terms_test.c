#include "bus/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/sample.h"
#include "tests/support/script.h"

struct fixture {
    struct bus_catalogue *catalogue;
    struct bus_terms *terms;
};

static int set_up(struct fixture *fixture, const char *path)
{
    struct bus_error error;
    if (bus_catalogue_load(path, &fixture->catalogue, &error) == BUS_OK &&
        bus_terms_create(fixture->catalogue, bus_catalogue_calendar_view(fixture->catalogue), &fixture->terms,
                         &error) == BUS_OK)
        return 0;
    print_error("%s\n", error.message);
    return -1;
}

static struct fixture exchange, scenario;

static int load(void **state)
{
    (void)state;
    return set_up(&exchange, XINQIAO_SOURCE "/schemas/catalogue.cfg") +
           set_up(&scenario, XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg");
}

static int unload(void **state)
{
    (void)state;
    bus_terms_destroy(exchange.terms);
    bus_terms_destroy(scenario.terms);
    bus_catalogue_destroy(exchange.catalogue);
    bus_catalogue_destroy(scenario.catalogue);
    return 0;
}

static struct bus_term_days find(const struct fixture *fixture, const char *department, const char *name,
                                 const struct test_field *given)
{
    struct bus_buffer buffer;
    struct bus_span spans[64];
    struct bus_event event;
    struct bus_term_days days;
    struct bus_error error;
    char problem[TEST_SAMPLE_PROBLEM_SIZE];
    const struct bus_item *item = bus_catalogue_find_item(fixture->catalogue, department, name);
    const struct bus_item_version *version = bus_item_current(item);
    bus_buffer_init(&buffer, 65536);
    if (!test_sample_event(fixture->catalogue, item, version, given, &buffer, problem))
        fail_msg("%s", problem);
    if (bus_datum_walk(version->schema, bus_buffer_view(&buffer), spans, &error) != BUS_OK)
        fail_msg("%s", error.message);
    bus_event_read(version->schema, bus_buffer_view(&buffer), spans, &event);
    bus_terms_find(fixture->terms, version, &event, bus_buffer_view(&buffer), spans, &days);
    bus_buffer_release(&buffer);
    return days;
}

static int32_t day(const char *text)
{
    int64_t days = 0;
    assert_true(test_script_date(text, &days));
    return (int32_t)days;
}

static void a_record_of_an_item_without_terms_has_no_end(void **state)
{
    (void)state;
    const struct test_field given[] = {{"occurred_at", "2000-01-01T00:00:00Z"}, {NULL, NULL}};
    struct bus_term_days days = find(&exchange, "market", "registration.basic", given);
    assert_int_equal(days.publicity, INT32_MAX);
    assert_int_equal(days.retention, INT32_MAX);
    assert_int_equal(days.watch, INT32_MAX);
}

static int32_t penalty_publicity(const char *kinds, const char *rule_version, const char *until)
{
    const struct test_field given[] = {{"decided_on", "2026-04-01"},
                                       {"penalty_kinds", kinds},
                                       {"rule_version", rule_version},
                                       {"publicity_until", until},
                                       {NULL, NULL}};
    return find(&exchange, "market", "penalty", given).publicity;
}

static void publicity_ends_by_the_gravity_of_the_penalty(void **state)
{
    (void)state;
    assert_int_equal(penalty_publicity("警告", "NDRC-36-2026", "null"), day("2026-07-01"));
    assert_int_equal(penalty_publicity("罚款", "NDRC-36-2026", "null"), day("2027-04-01"));
    assert_int_equal(penalty_publicity("责令关闭", "NDRC-36-2026", "null"), day("2029-04-01"));
}

static void of_several_kinds_of_penalty_the_gravest_counts(void **state)
{
    (void)state;
    assert_int_equal(penalty_publicity("警告;罚款", "NDRC-36-2026", "null"), day("2027-04-01"));
    assert_int_equal(penalty_publicity("罚款;限制从业;警告", "NDRC-36-2026", "null"), day("2029-04-01"));
    assert_int_equal(penalty_publicity("警告;限制从业", "NDRC-36-2026", "null"), day("2029-04-01"));
    assert_int_equal(penalty_publicity("警告;通报批评", "NDRC-36-2026", "null"), day("2026-07-01"));
}

static void a_rule_of_another_version_does_not_apply(void **state)
{
    (void)state;
    assert_int_equal(penalty_publicity("罚款", "GX-2023-05", "null"), INT32_MAX);
    assert_int_equal(penalty_publicity("罚款", "NDRC-36-2026 ", "null"), INT32_MAX);
}

static void what_the_record_says_of_its_publicity_goes_before_the_rules(void **state)
{
    (void)state;
    assert_int_equal(penalty_publicity("罚款", "NDRC-36-2026", "2026-05-01"), day("2026-05-01"));
    assert_int_equal(penalty_publicity("罚款", "GX-2023-05", "2028-05-01"), day("2028-05-01"));
}

static void what_a_record_says_of_its_publicity_counts_without_any_rule(void **state)
{
    (void)state;
    const struct test_field given[] = {{"publicity_until", "2026-12-31"}, {NULL, NULL}};
    assert_int_equal(find(&exchange, "market", "registration.basic", given).publicity, day("2026-12-31"));
}

static void retention_runs_from_the_end_of_the_conduct_and_not_before(void **state)
{
    (void)state;
    struct test_field given[] = {{"conduct_end_date", "2024-02-29"}, {NULL, NULL}};
    assert_int_equal(find(&exchange, "market", "penalty", given).retention, day("2029-02-28"));
    given[0].value = "null";
    assert_int_equal(find(&exchange, "market", "penalty", given).retention, INT32_MAX);
}

static void a_term_from_a_moment_begins_on_its_day_in_beijing(void **state)
{
    (void)state;
    struct test_field given[] = {
        {"occurred_at", "2026-01-31T15:59:59Z"}, {"rule_version", "MINOR"}, {"content", "null"}, {NULL, NULL}};
    assert_int_equal(find(&scenario, "bureau", "open", given).publicity, day("2026-04-30"));
    given[0].value = "2026-01-31T16:00:00Z";
    assert_int_equal(find(&scenario, "bureau", "open", given).publicity, day("2026-05-01"));
}

static void the_first_term_that_fits_counts(void **state)
{
    (void)state;
    struct test_field given[] = {
        {"occurred_at", "2026-01-31T00:00:00Z"}, {"rule_version", "LEVELS"}, {"content", "grave"}, {NULL, NULL}};
    assert_int_equal(find(&scenario, "bureau", "open", given).publicity, day("2029-01-31"));
    given[2].value = "grav";
    assert_int_equal(find(&scenario, "bureau", "open", given).publicity, day("2027-01-31"));
    given[2].value = "null";
    assert_int_equal(find(&scenario, "bureau", "open", given).publicity, day("2027-01-31"));
}

static void a_watch_waits_some_working_days_more(void **state)
{
    (void)state;
    /* 2026-09-29, Tuesday; 30 September, 8 and 9 October work */
    struct test_field given[] = {{"conduct_end_date", "2024-09-29"}, {"rule_version", "LISTED"}, {NULL, NULL}};
    assert_int_equal(find(&scenario, "bureau", "open", given).watch, day("2026-10-09"));
    given[1].value = "MINOR";
    assert_int_equal(find(&scenario, "bureau", "open", given).watch, INT32_MAX);
}

static void a_listing_without_its_own_end_ends_after_the_term_of_the_rule(void **state)
{
    (void)state;
    struct test_field given[] = {{"published_on", "2024-11-24"}, {"publicity_until", "null"}, {NULL, NULL}};
    assert_int_equal(find(&exchange, "court", "dishonest.debtor", given).watch, day("2026-11-27"));
    given[1].value = "2027-11-24"; /* extended by the court */
    assert_int_equal(find(&exchange, "court", "dishonest.debtor", given).watch, day("2027-11-29"));
}

static int32_t answer(const struct fixture *fixture, const char *kind, const char *step, const char *due)
{
    const struct test_field given[] = {{"step", step},
                                       {"decided_on", "2026-09-29"},
                                       {"answer_due_on", due},
                                       {"publicity_until", "2026-09-29"},
                                       {NULL, NULL}};
    struct bus_term_days days = find(fixture, "rights", kind, given);
    assert_int_equal(days.publicity, INT32_MAX); /* the marks of a case are its step */
    assert_int_equal(days.retention, INT32_MAX);
    return days.watch;
}

static void an_open_dispute_is_to_be_answered_in_the_days_of_the_rule(void **state)
{
    (void)state;
    assert_int_equal(answer(&exchange, "dispute", "OPENED", "null"), day("2026-10-19"));
    assert_int_equal(answer(&scenario, "correction", "OPENED", "null"), day("2026-10-09")); /* working days */
    assert_int_equal(answer(&exchange, "dispute", "OPENED", "2026-11-30"), day("2026-11-30"));
    assert_int_equal(answer(&exchange, "dispute", "UPHELD", "2026-11-30"), INT32_MAX);
    assert_int_equal(answer(&exchange, "dispute", "REJECTED", "null"), INT32_MAX);
    assert_int_equal(answer(&exchange, "repair", "DECIDED", "null"), INT32_MAX);
    assert_int_equal(answer(&exchange, "dispute", "LIFTED", "null"), INT32_MAX); /* refused elsewhere */
}

static void a_restriction_is_watched_until_its_last_day(void **state)
{
    (void)state;
    struct test_field given[] = {
        {"step", "IMPOSED"}, {"decided_on", "2026-09-29"}, {"until", "2027-03-31"}, {NULL, NULL}};
    assert_int_equal(find(&exchange, "rights", "restriction", given).watch, day("2027-03-31"));
    given[2].value = "null";
    assert_int_equal(find(&exchange, "rights", "restriction", given).watch, INT32_MAX);
    given[0].value = "LIFTED";
    given[2].value = "2027-03-31";
    assert_int_equal(find(&exchange, "rights", "restriction", given).watch, INT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_an_item_without_terms_has_no_end),
        cmocka_unit_test(publicity_ends_by_the_gravity_of_the_penalty),
        cmocka_unit_test(of_several_kinds_of_penalty_the_gravest_counts),
        cmocka_unit_test(a_rule_of_another_version_does_not_apply),
        cmocka_unit_test(what_the_record_says_of_its_publicity_goes_before_the_rules),
        cmocka_unit_test(what_a_record_says_of_its_publicity_counts_without_any_rule),
        cmocka_unit_test(retention_runs_from_the_end_of_the_conduct_and_not_before),
        cmocka_unit_test(a_term_from_a_moment_begins_on_its_day_in_beijing),
        cmocka_unit_test(the_first_term_that_fits_counts),
        cmocka_unit_test(a_watch_waits_some_working_days_more),
        cmocka_unit_test(a_listing_without_its_own_end_ends_after_the_term_of_the_rule),
        cmocka_unit_test(an_open_dispute_is_to_be_answered_in_the_days_of_the_rule),
        cmocka_unit_test(a_restriction_is_watched_until_its_last_day),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
