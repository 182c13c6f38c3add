#include "bus/entitlement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/event_builder.h"

enum { FIELDS = 64 };

#define PERSON "450202199003070011"
#define OTHER_PERSON "450202198512310023"

static const int64_t NOW_MS = 1795500000000;        /* 2026-11-24 */
static const int64_t DATED_FROM_MS = 1796054400000; /* 2026-12-01 00:00 in Beijing */
static const int64_t DATED_TO_MS = 1798732800000;   /* 2027-01-01 00:00 in Beijing */

/* The small catalogue with its portfolio, and a record of nobody's for every rule to look at. */
struct fixture {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
    struct bus_subject_keyer *keyer;
    struct bus_portfolios *portfolios;
    struct bus_buffer event;
    struct bus_span spans[FIELDS];
    struct bus_state_entry entry;
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    struct bus_entitlement_facts facts;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    fixture = (struct fixture){0};
    bus_buffer_init(&fixture.event, 1 << 20);
    fixture.keyer = bus_subject_keyer_create(bus_bytes_text("0123456789abcdef0123456789abcdef"));
    if (bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg", &fixture.catalogue, &error) !=
            BUS_OK ||
        bus_views_create(fixture.catalogue, &fixture.views, &error) != BUS_OK ||
        bus_portfolios_load(fixture.catalogue, fixture.keyer, &fixture.portfolios, &error) != BUS_OK) {
        print_error("%s\n", error.message);
        return -1;
    }
    fixture.facts = (struct bus_entitlement_facts){.entry = &fixture.entry,
                                                   .subject_key = fixture.subject_key,
                                                   .area_code = bus_bytes_text("450202"),
                                                   .now_ms = NOW_MS};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bus_buffer_release(&fixture->event);
    bus_portfolios_destroy(fixture->portfolios);
    bus_subject_keyer_destroy(fixture->keyer);
    bus_views_destroy(fixture->views);
    bus_catalogue_destroy(fixture->catalogue);
    return 0;
}

static const struct bus_view *view_of(const struct fixture *fixture, const char *grant)
{
    const struct bus_view *found = NULL;
    for (size_t i = 0; i < bus_views_count(fixture->views); i++)
        if (strcmp(bus_views_at(fixture->views, i)->grant->name, grant) == 0)
            found = bus_views_at(fixture->views, i); /* the last version */
    assert_non_null(found);
    return found;
}

/* Gives the facts an event of the item "policy". */
static void give(struct fixture *fixture, const struct test_field *fields)
{
    struct bus_error error;
    const struct bus_item *item = bus_catalogue_find_item(fixture->catalogue, "bureau", "policy");
    bus_buffer_reset(&fixture->event);
    test_event_build(item, bus_item_current(item), fields, &fixture->event);
    assert_int_equal(
        bus_datum_walk(bus_item_current(item)->schema, bus_buffer_view(&fixture->event), fixture->spans, &error),
        BUS_OK);
    fixture->facts.datum = bus_buffer_view(&fixture->event);
    fixture->facts.spans = fixture->spans;
}

static enum bus_entitlement_rule judge(const struct fixture *fixture, const char *grant)
{
    return bus_entitlement_judge(view_of(fixture, grant), fixture->portfolios, &fixture->facts);
}

static void nothing_against_it_is_entitled(void **state)
{
    const struct fixture *fixture = *state;
    assert_int_equal(judge(fixture, "plain"), BUS_RULE_COUNT);
    assert_int_equal(judge(fixture, "public"), BUS_RULE_COUNT);
}

static void what_has_happened_to_the_record_counts_for_everyone_or_for_the_public(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum bus_mark mark;
        enum bus_entitlement_rule others, public; /* what fails */
    } cases[] = {
        {BUS_MARK_CORRECTING, BUS_RULE_COUNT, BUS_RULE_COUNT},
        {BUS_MARK_REPAIRED, BUS_RULE_NOT_REPAIRED, BUS_RULE_NOT_REPAIRED},
        {BUS_MARK_RESTRICTED, BUS_RULE_NOT_RESTRICTED, BUS_RULE_NOT_RESTRICTED},
        {BUS_MARK_RESTRICTED_PUBLIC, BUS_RULE_COUNT, BUS_RULE_NOT_RESTRICTED},
        {BUS_MARK_PUBLICITY_ENDED, BUS_RULE_COUNT, BUS_RULE_PUBLICITY},
        {BUS_MARK_RETENTION_ENDED, BUS_RULE_RETENTION, BUS_RULE_RETENTION},
        {BUS_MARK_MINOR, BUS_RULE_COUNT, BUS_RULE_NO_MINOR_IN_PUBLIC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture->entry.marks = (uint8_t)(1u << cases[i].mark);
        assert_int_equal(judge(fixture, "plain"), cases[i].others);
        assert_int_equal(judge(fixture, "public"), cases[i].public);
    }
    fixture->entry.marks = 0xff;
    fixture->entry.status = BUS_RECORD_WITHDRAWN;
    assert_int_equal(judge(fixture, "plain"), BUS_RULE_NOT_WITHDRAWN); /* the first of all */
}

static void a_grant_counts_from_its_first_day_to_its_last(void **state)
{
    struct fixture *fixture = *state;
    const struct bus_view *view = view_of(fixture, "dated");
    assert_int_equal(judge(fixture, "dated"), BUS_RULE_BEGUN);
    fixture->facts.now_ms = DATED_FROM_MS;
    assert_int_equal(judge(fixture, "dated"), BUS_RULE_COUNT);
    fixture->facts.now_ms = DATED_TO_MS - 1;
    assert_int_equal(judge(fixture, "dated"), BUS_RULE_COUNT);
    fixture->facts.now_ms = DATED_TO_MS;
    assert_int_equal(judge(fixture, "dated"), BUS_RULE_NOT_ENDED);
    assert_int_equal(bus_entitlement_judge_period_apart(view, NULL, &fixture->facts), BUS_RULE_COUNT);
    fixture->entry.marks = 1u << BUS_MARK_REPAIRED;
    assert_int_equal(bus_entitlement_judge_period_apart(view, NULL, &fixture->facts), BUS_RULE_NOT_REPAIRED);
}

static void kinds_and_areas_are_asked(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(judge(fixture, "persons"), BUS_RULE_SUBJECT_KIND);
    assert_int_equal(judge(fixture, "organisations"), BUS_RULE_COUNT);
    fixture->entry.subject_kind = BUS_SUBJECT_PERSON;
    assert_int_equal(judge(fixture, "persons"), BUS_RULE_COUNT);
    assert_int_equal(judge(fixture, "organisations"), BUS_RULE_SUBJECT_KIND);
    assert_int_equal(judge(fixture, "placed"), BUS_RULE_COUNT);
    fixture->facts.area_code = bus_bytes_text("450302");
    assert_int_equal(judge(fixture, "placed"), BUS_RULE_AREA);
    fixture->facts.area_code = bus_bytes_of("450202", 3); /* shorter than the grant names it */
    assert_int_equal(judge(fixture, "placed"), BUS_RULE_AREA);
}

static void all_conditions_must_hold(void **state)
{
    struct fixture *fixture = *state;
    const struct test_field small[] = {{"amount", "499"}, {"decided_on", "20000"}, {NULL, NULL}};
    const struct test_field undecided[] = {{"amount", "500"}, {NULL, NULL}};
    const struct test_field large[] = {{"amount", "500"}, {"decided_on", "20000"}, {NULL, NULL}};
    const struct test_field kind[] = {{"kinds", "罚款;责令停产停业"}, {NULL, NULL}};
    give(fixture, small);
    assert_int_equal(judge(fixture, "large"), BUS_RULE_CONDITIONS);
    give(fixture, undecided);
    assert_int_equal(judge(fixture, "large"), BUS_RULE_CONDITIONS);
    give(fixture, large);
    assert_int_equal(judge(fixture, "large"), BUS_RULE_COUNT);
    assert_int_equal(judge(fixture, "large-kind"), BUS_RULE_CONDITIONS);
    give(fixture, kind);
    assert_int_equal(judge(fixture, "large-kind"), BUS_RULE_COUNT);
    fixture->facts.spans = NULL; /* what cannot be looked at is not met */
    assert_int_equal(judge(fixture, "large-kind"), BUS_RULE_CONDITIONS);
}

static void only_subjects_of_the_portfolio(void **state)
{
    struct fixture *fixture = *state;
    bus_subject_key(fixture->keyer, BUS_SUBJECT_PERSON, PERSON, fixture->subject_key);
    assert_int_equal(judge(fixture, "customers"), BUS_RULE_COUNT);
    assert_int_equal(bus_entitlement_judge(view_of(fixture, "customers"), NULL, &fixture->facts), BUS_RULE_PORTFOLIO);
    bus_subject_key(fixture->keyer, BUS_SUBJECT_PERSON, OTHER_PERSON, fixture->subject_key);
    assert_int_equal(judge(fixture, "customers"), BUS_RULE_PORTFOLIO);
}

static void every_rule_has_a_name_and_words_of_its_own(void **state)
{
    (void)state;
    for (enum bus_entitlement_rule rule = 0; rule < BUS_RULE_COUNT; rule++) {
        assert_true(bus_entitlement_rule_zh(rule)[0] != '\0' && bus_entitlement_rule_en(rule)[0] != '\0');
        for (enum bus_entitlement_rule other = 0; other < rule; other++)
            assert_string_not_equal(bus_entitlement_rule_name(rule), bus_entitlement_rule_name(other));
    }
}

/* The digest of what `subscriber` gets of an item. */
static uint64_t digest(const struct fixture *fixture, const char *subscriber, const char *item, int64_t now_ms)
{
    return bus_entitlement_digest(fixture->catalogue, fixture->portfolios,
                                  bus_catalogue_find_subscriber(fixture->catalogue, subscriber),
                                  bus_catalogue_find_item(fixture->catalogue, "bureau", item), now_ms);
}

static void the_digest_changes_with_the_grants_in_force_and_only_then(void **state)
{
    const struct fixture *fixture = *state;
    assert_true(digest(fixture, "dated", "dated", NOW_MS) == 0);
    assert_true(digest(fixture, "dated", "dated", DATED_FROM_MS) != 0);
    assert_true(digest(fixture, "dated", "dated", DATED_TO_MS - 1) == digest(fixture, "dated", "dated", DATED_FROM_MS));
    assert_true(digest(fixture, "dated", "dated", DATED_TO_MS) == 0);
    assert_true(digest(fixture, "plain", "dated", DATED_FROM_MS) == 0);
    assert_true(digest(fixture, "customers", "policy", NOW_MS) != 0);
    assert_true(digest(fixture, "customers", "policy", NOW_MS) != digest(fixture, "large", "policy", NOW_MS));
    uint64_t without =
        bus_entitlement_digest(fixture->catalogue, NULL, bus_catalogue_find_subscriber(fixture->catalogue, "customers"),
                               bus_catalogue_find_item(fixture->catalogue, "bureau", "policy"), NOW_MS);
    assert_true(without != digest(fixture, "customers", "policy", NOW_MS)); /* the portfolio counts */
}

static void the_next_change_is_the_nearest_beginning_or_end(void **state)
{
    const struct fixture *fixture = *state;
    assert_true(bus_entitlement_next_change_ms(fixture->catalogue, DATED_FROM_MS - 1) == DATED_FROM_MS);
    assert_true(bus_entitlement_next_change_ms(fixture->catalogue, DATED_FROM_MS) == DATED_TO_MS);
    assert_true(bus_entitlement_next_change_ms(fixture->catalogue, DATED_TO_MS) == INT64_MAX);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(nothing_against_it_is_entitled),
        test(what_has_happened_to_the_record_counts_for_everyone_or_for_the_public),
        test(a_grant_counts_from_its_first_day_to_its_last),
        test(kinds_and_areas_are_asked),
        test(all_conditions_must_hold),
        test(only_subjects_of_the_portfolio),
        test(every_rule_has_a_name_and_words_of_its_own),
        test(the_digest_changes_with_the_grants_in_force_and_only_then),
        test(the_next_change_is_the_nearest_beginning_or_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
