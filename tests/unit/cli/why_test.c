#include "cli/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/json.h"
#include "tests/support/event_builder.h"

enum { FIELDS = 64, LIMIT = 1 << 20 };

#define CUSTOMER "450202199003070011"
#define STRANGER "450202198512310023"

static const uint8_t identity[BUS_IDENTITY_SIZE] = {0xab, 0xcd};

/* The small catalogue, and a record of its item "policy" of 2026-11-24. */
struct fixture {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
    struct bus_subject_keyer *keyer;
    struct bus_portfolios *portfolios;
    struct bus_buffer event, text;
    struct bus_span spans[FIELDS];
    struct bus_state_entry entry;
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    struct cli_why why;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    fixture = (struct fixture){
        .entry = {
            .version = 7, .subject_kind = BUS_SUBJECT_PERSON, .publicity_days = INT32_MAX, .retention_days = 20453}};
    bus_buffer_init(&fixture.event, LIMIT);
    bus_buffer_init(&fixture.text, LIMIT);
    fixture.keyer = bus_subject_keyer_create(bus_bytes_text("0123456789abcdef0123456789abcdef"));
    if (bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg", &fixture.catalogue, &error) !=
            BUS_OK ||
        bus_views_create(fixture.catalogue, &fixture.views, &error) != BUS_OK ||
        bus_portfolios_load(fixture.catalogue, fixture.keyer, &fixture.portfolios, &error) != BUS_OK) {
        print_error("%s\n", error.message);
        return -1;
    }
    bus_subject_key(fixture.keyer, BUS_SUBJECT_PERSON, CUSTOMER, fixture.subject_key);
    const struct bus_item *item = bus_catalogue_find_item(fixture.catalogue, "bureau", "policy");
    const struct test_field fields[] = {
        {"amount", "499"}, {"subject_name", "张三"}, {"decided_on", "20000"}, {NULL, NULL}};
    test_event_build(item, bus_item_current(item), fields, &fixture.event);
    assert_int_equal(
        bus_datum_walk(bus_item_current(item)->schema, bus_buffer_view(&fixture.event), fixture.spans, &error), BUS_OK);
    fixture.why = (struct cli_why){.catalogue = fixture.catalogue,
                                   .views = fixture.views,
                                   .portfolios = fixture.portfolios,
                                   .identity = identity,
                                   .item = item,
                                   .version = bus_item_current(item),
                                   .facts = {.entry = &fixture.entry,
                                             .subject_key = fixture.subject_key,
                                             .area_code = bus_bytes_text("450202"),
                                             .datum = bus_buffer_view(&fixture.event),
                                             .spans = fixture.spans,
                                             .now_ms = 1795500000000}};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bus_buffer_release(&fixture->event);
    bus_buffer_release(&fixture->text);
    bus_portfolios_destroy(fixture->portfolios);
    bus_subject_keyer_destroy(fixture->keyer);
    bus_views_destroy(fixture->views);
    bus_catalogue_destroy(fixture->catalogue);
    return 0;
}

static const char *ask(struct fixture *fixture, const char *subscriber)
{
    fixture->why.subscriber = bus_catalogue_find_subscriber(fixture->catalogue, subscriber);
    assert_non_null(fixture->why.subscriber);
    bus_buffer_reset(&fixture->text);
    cli_why_text(&fixture->why, &fixture->text);
    bus_buffer_u8(&fixture->text, 0);
    assert_false(fixture->text.failed);
    return (const char *)fixture->text.data;
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("'%s' is not in:\n%s", words, text);
}

static size_t count_of(const char *text, const char *words)
{
    size_t count = 0;
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words))
        count++;
    return count;
}

static void whoever_is_entitled_is_told_by_which_grant_to_which_fields(void **state)
{
    struct fixture *fixture = *state;
    const char *text = ask(fixture, "customers");
    assert_non_null(cli_why_entitled(&fixture->why));
    assert_int_equal(count_of(text, "\n  ✓ "), BUS_RULE_COUNT);
    assert_int_equal(count_of(text, "✗"), 0);
    assert_says(text, "记录 / record: abcd0000");
    assert_says(text, "目录项 / item: bureau.policy");
    assert_says(text, bus_catalogue_version_view(fixture->catalogue));
    assert_says(text, "✓ 授权 / grant customers\n");
    assert_says(text, "主体在关注名单内 / its subject is in the portfolio（customers.txt）\n");
    assert_says(text, "✓ 有权获得 / entitled: 授权 grant customers\n  字段 / fields: document_number, subject_name\n");
    assert_says(text, "现在不持有");
    fixture->entry.holders = (uint64_t)1 << 10;
    assert_says(ask(fixture, "customers"), "现在持有该记录");
}

static void the_rule_that_fails_is_marked_with_what_it_looked_at(void **state)
{
    struct fixture *fixture = *state;
    bus_subject_key(fixture->keyer, BUS_SUBJECT_PERSON, STRANGER, fixture->subject_key);
    const char *text = ask(fixture, "customers");
    assert_null(cli_why_entitled(&fixture->why));
    assert_int_equal(count_of(text, "  ✗ "), 1);
    assert_says(text, "  ✗ 信用主体不在接收方的关注名单中");
    assert_says(text, "✗ 无权获得：没有一项授权的规则全部通过");
    text = ask(fixture, "large");
    assert_int_equal(count_of(text, "  ✗ "), 2); /* the conditions of both its grants */
    assert_says(text, "（amount >= 5; decided_on present）");
    fixture->entry.status = BUS_RECORD_WITHDRAWN;
    fixture->entry.marks = 1u << BUS_MARK_RETENTION_ENDED;
    text = ask(fixture, "masked");
    assert_says(text, "  ✗ 记录已撤回");
    assert_says(text, "  ✗ 保存期已满 / the record may be kept no longer（2025-12-31）");
}

static void nobody_is_told_what_the_record_says(void **state)
{
    struct fixture *fixture = *state;
    static const char *const subscribers[] = {"customers", "large", "masked", "plain"};
    for (size_t i = 0; i < sizeof subscribers / sizeof subscribers[0]; i++) {
        const char *text = ask(fixture, subscribers[i]);
        assert_int_equal(count_of(text, "张三") + count_of(text, CUSTOMER) + count_of(text, "4.99"), 0);
    }
}

static void a_subscriber_without_a_grant_on_the_item_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    assert_says(ask(fixture, "plain"), "没有该目录项的授权 / not entitled: it has no grant on this item");
    assert_null(cli_why_entitled(&fixture->why));
}

static void without_the_event_conditions_are_unknown(void **state)
{
    struct fixture *fixture = *state;
    fixture->why.facts.spans = NULL;
    fixture->entry.marks = 1u << BUS_MARK_RETENTION_ENDED;
    const char *text = ask(fixture, "large");
    assert_int_equal(count_of(text, "  ? 事件已不保存"), 2);
    assert_says(text, "✗ 无权获得");
}

static void json_says_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct bus_json_document *document;
    struct bus_error error;
    fixture->why.subscriber = bus_catalogue_find_subscriber(fixture->catalogue, "large");
    bus_buffer_reset(&fixture->text);
    cli_why_json(&fixture->why, &fixture->text);
    assert_int_equal(bus_json_parse(bus_buffer_view(&fixture->text), &document, &error), BUS_OK);
    const struct bus_json_value *root = bus_json_root(document);
    assert_false(bus_json_as_boolean(bus_json_member(root, "entitled")));
    const struct bus_json_value *grants = bus_json_member(root, "grants");
    assert_int_equal(bus_json_count(grants), 2);
    const struct bus_json_value *rules = bus_json_member(bus_json_at(grants, 0), "rules");
    assert_int_equal(bus_json_count(rules), BUS_RULE_COUNT);
    const struct bus_json_value *conditions = bus_json_at(rules, BUS_RULE_CONDITIONS);
    assert_true(bus_bytes_equal_text(bus_json_as_text(bus_json_member(conditions, "rule")), "CONDITIONS"));
    assert_true(bus_bytes_equal_text(bus_json_as_text(bus_json_member(conditions, "verdict")), "fails"));
    bus_json_destroy(document);
}

static void times_are_days_in_beijing_or_moments(void **state)
{
    (void)state;
    int64_t at_ms = 0;
    assert_true(cli_why_time("2026-11-24", &at_ms));
    assert_true(at_ms == 1795449600000);
    assert_true(cli_why_time("2026-11-24T08:30:01Z", &at_ms));
    assert_true(at_ms == 1795509001000);
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-02-30",
                                      "2026-11-24T08:30:01",
                                      "2026-11-24T25:00:00Z",
                                      "2026-11-24 08:30",
                                      "2026-11-24T08:30:01Zx",
                                      "26-11-24"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cli_why_time(bad[i], &at_ms));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(whoever_is_entitled_is_told_by_which_grant_to_which_fields),
        test(the_rule_that_fails_is_marked_with_what_it_looked_at),
        test(nobody_is_told_what_the_record_says),
        test(a_subscriber_without_a_grant_on_the_item_is_told_so),
        test(without_the_event_conditions_are_unknown),
        test(json_says_the_same),
        test(times_are_days_in_beijing_or_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
