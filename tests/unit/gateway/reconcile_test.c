#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/batch.h"
#include "gateway/decode.h"
#include "gateway/reconcile.h"
#include "tests/support/event_builder.h"
#include "tests/support/folder.h"

enum { MAP_BYTES = 64 << 20, ARENA_BYTES = 64 << 20 };

static struct bus_catalogue *catalogue;
static struct bus_terms *terms;
static struct gateway_decode *decode;
static char folder[TEST_FOLDER_SIZE];
static struct bus_arena *arena;
static struct gateway_state *state;
static struct gateway_states states = {.of = &state, .count = 1};
static struct gateway_reconcile reconcile;
static const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE] = {7};

static struct gateway_source sources[2]; /* of each kind of event that the tests feed */

static int set_up_all(void **unused)
{
    (void)unused;
    struct bus_error error;
    if (bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) != BUS_OK)
        return -1;
    decode = gateway_decode_create(catalogue, "xq.");
    if (bus_terms_create(catalogue, bus_catalogue_calendar_view(catalogue), &terms, &error) != BUS_OK)
        return -1;
    reconcile = (struct gateway_reconcile){catalogue, terms, &states};
    arena = bus_arena_create(ARENA_BYTES);
    return 0;
}

static int tear_down_all(void **unused)
{
    (void)unused;
    bus_arena_destroy(arena);
    gateway_decode_destroy(decode);
    bus_terms_destroy(terms);
    bus_catalogue_destroy(catalogue);
    return 0;
}

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    test_folder_make(folder);
    memset(sources, 0, sizeof sources);
    struct gateway_state_options options = {.folder = folder, .map_bytes = MAP_BYTES, .overlay_bytes = ARENA_BYTES};
    return gateway_state_open(&options, &state, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_state_close(state, false);
    test_folder_remove(folder);
    bus_arena_reset(arena);
    return 0;
}

static struct gateway_exchange event_of(const char *department, const char *name, const struct test_field *fields)
{
    const struct bus_item *item = bus_catalogue_find_item(catalogue, department, name);
    struct bus_buffer buffer;
    struct bus_error error;
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    test_event_build(item, bus_item_current(item), fields, &buffer);
    char *topic = bus_arena_allocate(arena, BUS_TOPIC_SIZE);
    bus_topic_in("xq.", item, topic);
    struct gateway_exchange exchange = {
        .source = &sources[item->is_register],
        .topic = topic,
        .value = bus_arena_copy(arena, bus_buffer_view(&buffer)),
        .adapter = bus_bytes_text("adapter"),
        .now_ms = 1000,
        .arena = arena,
    };
    bus_buffer_release(&buffer);
    assert_int_equal(gateway_decode(decode, &exchange, &error), BUS_OK);
    bus_event_identity(bus_bytes_text(item->name), exchange.event.record_key, exchange.record);
    memcpy(exchange.subject_key, subject_key, sizeof subject_key);
    assert_int_equal(gateway_reconcile_want(&reconcile, &exchange, &error), BUS_OK);
    return exchange;
}

static struct gateway_exchange arrears_of(const char *version, const char *name)
{
    return event_of("tax", "arrears",
                    (const struct test_field[]){{"record_key", "tax|1"},
                                                {"version", version},
                                                {"sequence", version},
                                                {"subject_name", name},
                                                {"publicity_until", "20500"},
                                                {NULL, NULL}});
}

static struct gateway_exchange registration_of(const char *version, const char *name, const char *status, bool withdraw)
{
    return event_of("market", "registration.basic",
                    (const struct test_field[]){{"record_key", "market|1"},
                                                {"version", version},
                                                {"operation", withdraw ? "1" : "0"},
                                                {"subject_name", name},
                                                {"registration_status", status},
                                                {NULL, NULL}});
}

/* As the pipeline does: reconcile, then keep what was accepted. */
static enum bus_status run(struct gateway_exchange *exchange, struct bus_error *error)
{
    enum bus_status status = gateway_reconcile(&reconcile, exchange, error);
    if (status == BUS_OK && exchange->verdict == GATEWAY_ACCEPTED)
        assert_int_equal(gateway_reconcile_keep(&reconcile, exchange, error), BUS_OK);
    return status;
}

static void accept(struct gateway_exchange exchange)
{
    struct bus_error error;
    assert_int_equal(run(&exchange, &error), BUS_OK);
    assert_int_equal(exchange.verdict, GATEWAY_ACCEPTED);
}

static struct gateway_exchange judged(struct gateway_exchange exchange)
{
    struct bus_error error;
    assert_int_equal(run(&exchange, &error), BUS_OK);
    return exchange;
}

static void the_identity_is_that_of_item_and_record_key(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = arrears_of("1", "甲");
    uint8_t expected[BUS_IDENTITY_SIZE];
    bus_event_identity(bus_bytes_text("arrears"), bus_bytes_text("tax|1"), expected);
    assert_memory_equal(exchange.record, expected, sizeof expected);
}

static void a_first_version_makes_the_entry(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = judged(arrears_of("5", "甲"));
    assert_int_equal(exchange.verdict, GATEWAY_ACCEPTED);
    assert_int_equal(exchange.holders_before, 0);
    assert_int_equal(exchange.entry.version, 5);
    assert_int_equal(exchange.entry.status, BUS_RECORD_LIVE);
    assert_int_equal(exchange.entry.item, bus_catalogue_find_item(catalogue, "tax", "arrears")->number);
    assert_int_equal(exchange.entry.publicity_days, 20500);
    assert_int_equal(exchange.entry.state_offset, -1);
    assert_int_equal(exchange.entry.audit_offset, -1);
    assert_int_equal(exchange.entry.first_seen_ms, 1000);
}

static void a_later_version_keeps_holders_audit_and_birth(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange first = arrears_of("5", "甲");
    assert_int_equal(gateway_reconcile(&reconcile, &first, &error), BUS_OK);
    first.entry.holders = 6; /* as authorise writes it */
    first.entry.audit_offset = 99;
    assert_int_equal(gateway_reconcile_keep(&reconcile, &first, &error), BUS_OK);
    struct gateway_exchange second = arrears_of("6", "甲");
    second.now_ms = 2000;
    second = judged(second);
    assert_int_equal(second.holders_before, 6);
    assert_int_equal(second.entry.holders, 6);
    assert_int_equal(second.entry.audit_offset, 99);
    assert_int_equal(second.entry.first_seen_ms, 1000);
    assert_int_equal(second.entry.changed_ms, 2000);
}

static void same_version_is_duplicate_or_conflict_older_is_stale(void **unused)
{
    (void)unused;
    struct bus_error error;
    accept(arrears_of("5", "甲"));
    assert_int_equal(judged(arrears_of("5", "甲")).verdict, GATEWAY_DUPLICATE);
    assert_int_equal(judged(arrears_of("4", "甲")).verdict, GATEWAY_STALE);
    struct gateway_exchange other = arrears_of("5", "乙");
    assert_int_equal(run(&other, &error), BUS_REJECT);
    assert_string_equal(error.code, "VERSION_CONFLICT");
    assert_true(error.message_zh[0] != '\0');
}

static void flags_another_name_than_the_registered_one(void **unused)
{
    (void)unused;
    accept(registration_of("1", "甲", "存续", false));
    assert_int_equal(judged(arrears_of("1", "甲")).notice_count, 0);
    struct gateway_exchange other = judged(arrears_of("2", "乙"));
    assert_int_equal(other.flags, 1u << BUS_FLAG_NAME_MISMATCH);
    assert_int_equal(other.entry.flags, 1u << BUS_FLAG_NAME_MISMATCH);
    assert_int_equal(other.notice_count, 2);
    assert_string_equal(other.notices[0].department->name, "tax");
    assert_string_equal(other.notices[1].department->name, "market");
}

static void a_notice_within_one_department_is_given_once(void **unused)
{
    (void)unused;
    accept(registration_of("1", "甲", "存续", false));
    struct gateway_exchange other =
        judged(event_of("market", "abnormal.operation",
                        (const struct test_field[]){{"record_key", "market|9"}, {"subject_name", "乙"}, {NULL, NULL}}));
    assert_int_equal(other.notice_count, 1);
}

static void the_newest_word_of_the_register_counts(void **unused)
{
    (void)unused;
    accept(registration_of("3", "甲", "注销", false));
    assert_int_equal(judged(registration_of("2", "乙", "存续", false)).verdict, GATEWAY_STALE);
    struct gateway_exchange about = judged(arrears_of("1", "甲"));
    assert_int_equal(about.flags, 1u << BUS_FLAG_DEREGISTERED);
    accept(registration_of("4", "乙", "存续", false));
    assert_int_equal(judged(arrears_of("2", "乙")).flags, 0);
}

static void a_registration_that_is_withdrawn_says_nothing_any_more(void **unused)
{
    (void)unused;
    accept(registration_of("1", "甲", "存续", false));
    accept(registration_of("2", "甲", "存续", true));
    assert_int_equal(judged(arrears_of("1", "乙")).flags, 0);
}

static void a_person_is_not_looked_up_in_the_register(void **unused)
{
    (void)unused;
    accept(registration_of("1", "甲", "存续", false));
    struct gateway_exchange person =
        event_of("traffic", "violation.decision",
                 (const struct test_field[]){
                     {"record_key", "traffic|1"}, {"subject_kind", "1"}, {"subject_name", "乙"}, {NULL, NULL}});
    assert_int_equal(judged(person).flags, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_identity_is_that_of_item_and_record_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_version_makes_the_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_version_keeps_holders_audit_and_birth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_version_is_duplicate_or_conflict_older_is_stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_another_name_than_the_registered_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_notice_within_one_department_is_given_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_word_of_the_register_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registration_that_is_withdrawn_says_nothing_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_person_is_not_looked_up_in_the_register, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
