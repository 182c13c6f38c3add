/* Pipeline, reconcile and settle together, on the real catalogue: what goes into a batch and what comes out of its transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/audit.h"
#include "bus/quarantine.h"
#include "bus/seal.h"
#include "tests/support/counted.h"
#include "tests/support/event_builder.h"
#include "tests/support/folder.h"
#include "tests/support/world.h"

enum { PARTITIONS = 3, MANY = 4000 };

#define NOW_MS INT64_C(1795000000000) /* 2026-11-18 */
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
#define SUBJECT "M000100Y4"
#define OUT_COURT "xq.out.court"
#define OUT_PROCUREMENT "xq.out.procurement"
#define IN_ARREARS "xq.in.tax.arrears"

static char folder[TEST_FOLDER_SIZE];
static struct test_world *world;
static const struct bus_item *arrears, *basic;
static uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
static int32_t partition;
static int64_t sequence[2]; /* of arrears and basic */

static void open_world(void)
{
    struct test_world_options options = {
        .catalogue = XINQIAO_SOURCE "/schemas/catalogue.cfg",
        .partitions = PARTITIONS,
        .suite = BUS_SUITE_SM2_SM3,
        .state_folder = folder,
        .now_ms = NOW_MS,
    };
    world = test_world_create(&options);
    arrears = bus_catalogue_find_item(test_world_catalogue(world), "tax", "arrears");
    basic = bus_catalogue_find_item(test_world_catalogue(world), "market", "registration.basic");
    partition = test_world_subject(world, BUS_SUBJECT_ORGANISATION, SUBJECT, subject_key);
}

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    sequence[0] = sequence[1] = 0;
    open_world();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_world_destroy(world);
    test_folder_remove(folder);
    return 0;
}

struct arrears_event {
    const char *record, *name, *amount;
    int64_t version, sequence, published_at_ms; /* sequence 0 = the next; published 0 = now */
    bool withdraw, replay;
    const char *authority;
};

static void feed_arrears(struct arrears_event event)
{
    char version[24], number[24], key[64], published[24];
    snprintf(published, sizeof published, "%lld",
             (long long)(event.published_at_ms != 0 ? event.published_at_ms : NOW_MS));
    snprintf(key, sizeof key, "tax|%s", event.record != NULL ? event.record : "one");
    snprintf(version, sizeof version, "%lld", (long long)event.version);
    sequence[0] = event.sequence != 0 ? event.sequence : sequence[0] + !event.replay;
    snprintf(number, sizeof number, "%lld", (long long)sequence[0]);
    const struct test_field fields[] = {
        {"record_key", key},
        {"version", version},
        {"sequence", number},
        {"published_at", published},
        {"operation", event.withdraw ? "1" : "0"},
        {"subject_kind", "0"},
        {"subject_id", SUBJECT},
        {"subject_name", event.name != NULL ? event.name : "柳州某某有限公司"},
        {"occurred_at", "1790000000000"},
        {"area_code", "450200"},
        {"taxpayer_number", "91350100M000100Y43"},
        {"tax_kind", "增值税"},
        {"arrears_amount", event.amount != NULL ? event.amount : "12345"},
        {"authority", event.authority != NULL ? event.authority : "国家税务总局柳州市税务局"},
        {"as_of_month", "202609"},
        {NULL, NULL},
    };
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    test_event_build(arrears, bus_item_current(arrears), fields, &buffer);
    test_world_feed(world, arrears, partition, bus_bytes_of(subject_key, sizeof subject_key), bus_buffer_view(&buffer),
                    "tax", event.replay);
    bus_buffer_release(&buffer);
}

static void feed_registration(const char *name, const char *registration_status, int64_t version)
{
    char text[24], number[24];
    snprintf(text, sizeof text, "%lld", (long long)version);
    snprintf(number, sizeof number, "%lld", (long long)++sequence[1]);
    const struct test_field fields[] = {
        {"record_key", "market|1"},
        {"version", text},
        {"sequence", number},
        {"subject_id", SUBJECT},
        {"subject_name", name},
        {"occurred_at", "1790000000000"},
        {"area_code", "450200"},
        {"entity_id", "1"},
        {"credit_code", "91350100M000100Y43"},
        {"entity_type", "1100"},
        {"established_on", "15000"},
        {"registration_authority", "柳州市市场监督管理局"},
        {"registration_status", registration_status},
        {NULL, NULL},
    };
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    test_event_build(basic, bus_item_current(basic), fields, &buffer);
    test_world_feed(world, basic, partition, bus_bytes_of(subject_key, sizeof subject_key), bus_buffer_view(&buffer),
                    "market", false);
    bus_buffer_release(&buffer);
}

static void settle(void)
{
    struct bus_error error;
    enum bus_status status = test_world_settle(world, &error);
    if (status != BUS_OK)
        print_message("%s\n", error.message);
    assert_int_equal(status, BUS_OK);
}

static int64_t counted(enum bus_measure measure)
{
    struct test_counted *counted = test_counted_create();
    test_counted_take(counted, world);
    int64_t sum = test_counted_sum(counted, "tax", "arrears", "", measure);
    test_counted_destroy(counted);
    return sum;
}

static struct bus_quarantined quarantined(size_t index)
{
    struct bus_quarantined found;
    struct bus_error error;
    const struct test_record *record = test_world_record(world, "xq.quarantine", index);
    assert_non_null(record);
    assert_int_equal(bus_quarantine_decode(record->value, &found, &error), BUS_OK);
    return found;
}

static void an_accepted_event_is_delivered_once_to_each_who_may_have_it(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1});
    settle();
    assert_int_equal(test_world_count(world, "xq.quarantine"), 0);
    assert_int_equal(counted(BUS_MEASURE_CONSUMED), 1);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 1);
    assert_int_equal(test_world_count(world, OUT_COURT), 1);
    const struct test_record *record = test_world_record(world, OUT_COURT, 0);
    assert_int_equal(record->partition, partition);
    assert_int_equal(record->key.length, BUS_IDENTITY_SIZE);
    assert_int_equal(bus_get_u64be(record->leaf.data), 0);
    assert_int_equal(test_world_position(world, IN_ARREARS, partition), 1);
}

static void a_duplicate_and_a_stale_event_end_counted(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 5});
    feed_arrears((struct arrears_event){.version = 5});
    feed_arrears((struct arrears_event){.version = 4});
    settle();
    feed_arrears((struct arrears_event){.version = 5});
    feed_arrears((struct arrears_event){.version = 3});
    settle();
    assert_int_equal(test_world_count(world, OUT_COURT), 1);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 1);
    assert_int_equal(counted(BUS_MEASURE_DUPLICATE), 2);
    assert_int_equal(counted(BUS_MEASURE_STALE), 2);
    assert_int_equal(counted(BUS_MEASURE_GAP), 0);
}

static void one_version_with_two_contents_is_a_conflict(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 5, .amount = "100"});
    feed_arrears((struct arrears_event){.version = 5, .amount = "101"});
    settle();
    assert_int_equal(test_world_count(world, OUT_COURT), 1);
    assert_int_equal(counted(BUS_MEASURE_QUARANTINED), 1);
    struct bus_quarantined found = quarantined(0);
    assert_true(bus_bytes_equal_text(found.code, "VERSION_CONFLICT"));
    assert_true(bus_bytes_equal_text(found.stage, "reconcile"));
    assert_true(bus_bytes_equal_text(found.department, "tax"));
    assert_true(bus_bytes_equal_text(found.adapter, "tax"));
    assert_int_equal(found.offset, 1);
    assert_true(found.reason_zh.length > 0 && found.original.length > 0);
}

static void a_tombstone_beats_a_late_older_event(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1});
    feed_arrears((struct arrears_event){.version = 3, .withdraw = true});
    feed_arrears((struct arrears_event){.version = 2});
    settle();
    feed_arrears((struct arrears_event){.version = 2});
    settle();
    assert_int_equal(test_world_count(world, OUT_COURT), 2); /* the record, and its withdrawal */
    assert_int_equal(counted(BUS_MEASURE_STALE), 2);
    feed_arrears((struct arrears_event){.version = 4});
    settle();
    assert_int_equal(test_world_count(world, OUT_COURT), 3); /* a new life */
}

static void a_withdrawal_of_an_unknown_record_leaves_a_tombstone_and_tells_nobody(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 3, .withdraw = true});
    feed_arrears((struct arrears_event){.version = 2});
    settle();
    assert_int_equal(test_world_count(world, OUT_COURT), 0);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 1);
    assert_int_equal(counted(BUS_MEASURE_STALE), 1);
}

static void a_jump_in_the_sequence_is_counted_and_nobody_waits(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.record = "a", .version = 1, .sequence = 3});
    settle();
    assert_int_equal(counted(BUS_MEASURE_GAP), 2);
    feed_arrears((struct arrears_event){.record = "b", .version = 1, .sequence = 4});
    feed_arrears((struct arrears_event){.record = "c", .version = 1, .sequence = 10});
    feed_arrears((struct arrears_event){.record = "d", .version = 1, .sequence = 5, .replay = true});
    settle();
    assert_int_equal(counted(BUS_MEASURE_GAP), 7);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 4);
    assert_int_equal(counted(BUS_MEASURE_REPLAYED), 1);
}

static void bytes_that_are_no_event_take_their_number_and_stop_nothing(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.record = "a", .version = 1});
    sequence[0]++;
    test_world_feed(world, arrears, partition, bus_bytes_of(subject_key, sizeof subject_key),
                    bus_bytes_text("no event"), "tax", false);
    sequence[0]++;
    test_world_feed(world, arrears, partition, (struct bus_bytes){NULL, 0}, (struct bus_bytes){NULL, 0}, "tax", false);
    feed_arrears((struct arrears_event){.record = "b", .version = 1});
    settle();
    assert_int_equal(counted(BUS_MEASURE_GAP), 0);
    assert_int_equal(counted(BUS_MEASURE_QUARANTINED), 2);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 2);
    struct bus_quarantined found = quarantined(0);
    assert_true(bus_bytes_equal_text(found.stage, "decode"));
    assert_true(bus_bytes_equal_text(found.original, "no event"));
    assert_true(bus_bytes_equal(found.original_key, bus_bytes_of(subject_key, sizeof subject_key)));
}

static void an_event_that_fails_validation_waits_with_its_reason(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1, .authority = ""});
    settle();
    struct bus_quarantined found = quarantined(0);
    assert_true(bus_bytes_equal_text(found.stage, "validate"));
    assert_true(bus_bytes_equal_text(found.code, "FIELD_REQUIRED"));
    assert_int_equal(found.severity, BUS_SEVERITY_REFUSED);
    assert_int_equal(test_world_count(world, OUT_COURT), 0);
    assert_int_equal(counted(BUS_MEASURE_GAP), 0);
}

static void another_name_than_the_registered_one_is_told_to_both_departments(void **unused)
{
    (void)unused;
    feed_registration("柳州某某有限公司", "存续", 1);
    feed_arrears((struct arrears_event){.record = "a", .version = 1});
    settle();
    assert_int_equal(test_world_count(world, "xq.quarantine"), 0);
    feed_arrears((struct arrears_event){.record = "b", .version = 1, .name = "柳州某公司"});
    settle();
    assert_int_equal(test_world_count(world, "xq.quarantine"), 2);
    assert_int_equal(counted(BUS_MEASURE_NOTICE), 2);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 2);
    struct bus_quarantined first = quarantined(0), second = quarantined(1);
    assert_int_equal(first.severity, BUS_SEVERITY_NOTICE);
    assert_true(bus_bytes_equal_text(first.code, "NAME_MISMATCH"));
    assert_true(bus_bytes_equal_text(first.department, "tax"));
    assert_true(bus_bytes_equal_text(second.department, "market"));
}

static void a_record_about_a_deregistered_organisation_is_told(void **unused)
{
    (void)unused;
    feed_registration("柳州某某有限公司", "存续", 1);
    feed_registration("柳州某某有限公司", "注销", 2);
    feed_arrears((struct arrears_event){.version = 1});
    settle();
    assert_int_equal(test_world_count(world, "xq.quarantine"), 2);
    assert_true(bus_bytes_equal_text(quarantined(0).code, "DEREGISTERED"));
    feed_registration("柳州某某有限公司", "存续", 3);
    feed_arrears((struct arrears_event){.version = 2});
    settle();
    assert_int_equal(test_world_count(world, "xq.quarantine"), 2);
}

/* Reads the log of a topic and partition as an agent does. */
static void verify_log(const char *topic, size_t expected)
{
    struct bus_arena *arena = bus_arena_create(64 << 20);
    struct bus_seal_reader reader = {0};
    static bus_digest_bytes leaves[MANY];
    struct bus_error error;
    size_t pending = 0, covered = 0;
    for (size_t i = 0; i < test_world_count(world, topic); i++) {
        const struct test_record *record = test_world_record(world, topic, i);
        assert_int_equal(bus_get_u64be(record->leaf.data), covered + pending);
        assert_int_equal(
            bus_merkle_leaves(BUS_HASH_SM3, &record->key, &record->value, 1, arena, &leaves[pending++], &error),
            BUS_OK);
        if (record->seal.data == NULL)
            continue;
        struct bus_seal seal;
        assert_int_equal(bus_seal_decode(record->seal, &seal, &error), BUS_OK);
        assert_int_equal(bus_seal_verify(&seal, test_world_key(world), &error), BUS_OK);
        assert_int_equal(bus_seal_reader_check(&reader, &seal, leaves, pending, arena, &error), BUS_OK);
        covered += pending;
        pending = 0;
    }
    assert_int_equal(pending, 0);
    assert_int_equal(covered, expected);
    bus_arena_destroy(arena);
}

static void every_log_verifies_up_to_its_last_record(void **unused)
{
    (void)unused;
    for (int batch = 0; batch < 3; batch++) {
        for (int i = 0; i < 10; i++) {
            char record[32];
            snprintf(record, sizeof record, "%d-%d", batch, i);
            feed_arrears((struct arrears_event){.record = record, .version = 1});
        }
        settle();
    }
    verify_log(OUT_COURT, 30);
}

static void an_aborted_batch_is_done_again_without_a_trace(void **unused)
{
    (void)unused;
    struct bus_error error;
    feed_arrears((struct arrears_event){.record = "before", .version = 1});
    settle();
    for (int step = TEST_BEGIN; step <= TEST_COMMIT; step++) {
        char record[32];
        snprintf(record, sizeof record, "step %d", step);
        feed_arrears((struct arrears_event){.record = record, .version = 1});
        test_world_fail(world, (enum test_step)step, BUS_RETRY, 0);
        assert_int_equal(test_world_settle(world, &error), BUS_RETRY);
        settle();
    }
    size_t expected = 1 + TEST_COMMIT - TEST_BEGIN + 1;
    assert_int_equal(test_world_count(world, OUT_COURT), expected);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), expected);
    assert_int_equal(counted(BUS_MEASURE_GAP), 0);
    verify_log(OUT_COURT, expected);
}

static void what_cannot_be_aborted_is_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    feed_arrears((struct arrears_event){.version = 1});
    test_world_fail(world, TEST_COMMIT, BUS_RETRY, 0);
    test_world_fail(world, TEST_ABORT, BUS_FATAL, 0);
    assert_int_equal(test_world_settle(world, &error), BUS_FATAL);
}

static void a_fatal_commit_stays_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    feed_arrears((struct arrears_event){.version = 1});
    test_world_fail(world, TEST_COMMIT, BUS_FATAL, 0);
    assert_int_equal(test_world_settle(world, &error), BUS_FATAL);
}

/* Walks from the state back through the audit, as an access report does. */
static void the_audit_leads_back_through_every_disclosure_of_a_record(void **unused)
{
    (void)unused;
    for (int version = 1; version <= 3; version++) {
        feed_arrears((struct arrears_event){.version = version});
        settle();
    }
    uint8_t record[BUS_IDENTITY_SIZE];
    bus_event_identity(bus_bytes_text("arrears"), bus_bytes_text("tax|one"), record);
    struct bus_state_entry entry;
    struct bus_error error;
    bool found;
    struct gateway_state *state = test_world_state(world, partition);
    struct bus_slot *slot = gateway_state_record(state, subject_key, record);
    assert_int_equal(gateway_state_read_record(state, slot, &entry, &found, &error), BUS_OK);
    assert_true(found);
    size_t steps = 0, disclosures = 0;
    for (int64_t at = entry.audit_offset; at >= 0; steps++) {
        struct bus_audit_reader reader;
        struct bus_disclosure disclosure;
        assert_int_equal(bus_audit_open(test_world_record(world, "xq.audit", (size_t)at)->value, &reader, &error),
                         BUS_OK);
        assert_int_equal(reader.at_ms, NOW_MS);
        for (; bus_audit_next(&reader, &disclosure); disclosures++) {
            assert_memory_equal(disclosure.record, record, sizeof record);
            at = disclosure.previous;
        }
        assert_false(reader.cursor.failed);
    }
    assert_int_equal(steps, 3);
    assert_int_equal(disclosures, test_world_count(world, OUT_COURT) + test_world_count(world, OUT_PROCUREMENT) +
                                      test_world_count(world, "xq.out.website"));
}

static void a_restarted_gateway_goes_on_where_it_was(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 2});
    settle();
    test_world_destroy(world);
    open_world();
    feed_arrears((struct arrears_event){.version = 2});
    feed_arrears((struct arrears_event){.version = 1});
    feed_arrears((struct arrears_event){.version = 3});
    settle();
    assert_int_equal(counted(BUS_MEASURE_DUPLICATE), 1);
    assert_int_equal(counted(BUS_MEASURE_STALE), 1);
    assert_int_equal(counted(BUS_MEASURE_ACCEPTED), 2);
    assert_int_equal(counted(BUS_MEASURE_GAP), 0);
    assert_int_equal(test_world_count(world, OUT_COURT), 1);
    assert_int_equal(bus_get_u64be(test_world_record(world, OUT_COURT, 0)->leaf.data), 1);
}

/* One record changed thousands of times in one batch: its disclosures fill more than one audit record, and the state goes out once. */
static void a_batch_larger_than_an_audit_record_still_chains(void **unused)
{
    (void)unused;
    for (int version = 1; version <= 3 * MANY; version++)
        feed_arrears((struct arrears_event){.version = version});
    settle();
    assert_in_range(test_world_count(world, "xq.audit"), 5, 100);
    struct bus_error error;
    for (size_t i = 0; i < test_world_count(world, "xq.audit"); i++) {
        struct bus_audit_reader reader;
        struct bus_disclosure disclosure;
        const struct test_record *record = test_world_record(world, "xq.audit", i);
        assert_in_range(record->value.length, 1, 256 * 1024);
        assert_int_equal(bus_audit_open(record->value, &reader, &error), BUS_OK);
        while (bus_audit_next(&reader, &disclosure))
            assert_int_equal(disclosure.previous, (int64_t)i - 1);
    }
    size_t entries = 0;
    for (size_t i = 0; i < test_world_count(world, "xq.state"); i++)
        entries += bus_state_is_record(test_world_record(world, "xq.state", i)->key);
    assert_int_equal(entries, 1);
}

static int64_t counted_on(const char *day, const char *subscriber, enum bus_measure measure)
{
    char name[BUS_BOOK_NAME_SIZE];
    snprintf(name, sizeof name, "gateway/%d/%s", partition, day);
    struct test_counted *found = test_counted_create();
    test_counted_take(found, world);
    int64_t count = test_counted_in(found, name, "tax", "arrears", subscriber, measure);
    test_counted_destroy(found);
    return count;
}

static void an_event_counts_when_it_was_published_and_a_delivery_when_it_is_made(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1, .published_at_ms = NOW_MS - 2 * DAY_MS});
    feed_arrears((struct arrears_event){.version = 1, .published_at_ms = NOW_MS - DAY_MS});
    feed_arrears((struct arrears_event){.version = 2, .published_at_ms = NOW_MS - 2 * DAY_MS});
    settle();
    assert_int_equal(counted_on("2026-11-16", "", BUS_MEASURE_ACCEPTED), 2);
    assert_int_equal(counted_on("2026-11-17", "", BUS_MEASURE_CONSUMED), 1);
    assert_int_equal(counted_on("2026-11-17", "", BUS_MEASURE_DUPLICATE), 1);
    assert_int_equal(counted_on("2026-11-18", "", BUS_MEASURE_CONSUMED), 0);
    assert_int_equal(counted_on("2026-11-18", "court", BUS_MEASURE_DELIVERED), 2);
    feed_arrears((struct arrears_event){.version = 1, .published_at_ms = NOW_MS - 2 * DAY_MS});
    settle();
    assert_int_equal(counted_on("2026-11-16", "", BUS_MEASURE_CONSUMED), 3);
    assert_int_equal(counted_on("2026-11-16", "", BUS_MEASURE_STALE), 1);
}

static void a_day_ends_at_midnight_in_Beijing(void **unused)
{
    (void)unused;
    int64_t midnight_ms = NOW_MS - NOW_MS % DAY_MS - 8 * DAY_MS / 24;
    feed_arrears((struct arrears_event){.version = 1, .published_at_ms = midnight_ms - 1});
    feed_arrears((struct arrears_event){.version = 2, .published_at_ms = midnight_ms});
    settle();
    assert_int_equal(counted_on("2026-11-17", "", BUS_MEASURE_CONSUMED), 1);
    assert_int_equal(counted_on("2026-11-18", "", BUS_MEASURE_CONSUMED), 1);
}

static void a_day_that_cannot_be_counts_on_the_batchs_own(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1, .published_at_ms = NOW_MS + 3 * DAY_MS});
    feed_arrears((struct arrears_event){.version = 2, .published_at_ms = 1});
    feed_arrears((struct arrears_event){.version = 3, .published_at_ms = INT64_MAX});
    feed_arrears((struct arrears_event){.version = 4, .published_at_ms = INT64_MIN});
    test_world_feed(world, arrears, partition, bus_bytes_of(subject_key, sizeof subject_key), bus_bytes_text("x"),
                    "tax", false);
    settle();
    assert_int_equal(counted_on("2026-11-18", "", BUS_MEASURE_CONSUMED), 5);
}

static void a_days_book_goes_on_after_a_restart(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1});
    settle();
    test_world_destroy(world);
    open_world();
    feed_arrears((struct arrears_event){.version = 2});
    settle();
    assert_int_equal(counted_on("2026-11-18", "", BUS_MEASURE_ACCEPTED), 2);
    assert_int_equal(counted_on("2026-11-18", "court", BUS_MEASURE_DELIVERED), 2);
}

static void missing_numbers_are_told_to_the_department_with_their_range(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1});
    feed_arrears((struct arrears_event){.version = 2, .sequence = 5});
    settle();
    assert_int_equal(counted_on("2026-11-18", "", BUS_MEASURE_GAP), 3);
    assert_int_equal(counted_on("2026-11-18", "", BUS_MEASURE_NOTICE), 1);
    assert_int_equal(test_world_count(world, "xq.quarantine"), 1);
    struct bus_quarantined found = quarantined(0);
    assert_int_equal(found.severity, BUS_SEVERITY_NOTICE);
    assert_true(bus_bytes_equal_text(found.code, "SEQUENCE_GAP"));
    assert_true(bus_bytes_equal_text(found.department, "tax"));
    assert_true(bus_bytes_equal_text(found.adapter, "tax"));
    assert_true(bus_bytes_equal_text(found.topic, IN_ARREARS));
    assert_true(bus_bytes_equal_text(found.source, "2..4"));
    assert_int_equal(found.partition, partition);
    assert_int_equal(found.original.length, 0);
    assert_non_null(memmem(found.reason_zh.data, found.reason_zh.length, "序号2至4", strlen("序号2至4")));
}

static void what_is_missing_before_a_refused_event_is_told_as_well(void **unused)
{
    (void)unused;
    feed_arrears((struct arrears_event){.version = 1, .sequence = 3, .authority = ""});
    settle();
    assert_int_equal(counted(BUS_MEASURE_GAP), 2);
    assert_int_equal(test_world_count(world, "xq.quarantine"), 2);
    assert_true(bus_bytes_equal_text(quarantined(0).source, "1..2"));
    assert_true(bus_bytes_equal_text(quarantined(1).code, "FIELD_REQUIRED"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_accepted_event_is_delivered_once_to_each_who_may_have_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_duplicate_and_a_stale_event_end_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_version_with_two_contents_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tombstone_beats_a_late_older_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawal_of_an_unknown_record_leaves_a_tombstone_and_tells_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_jump_in_the_sequence_is_counted_and_nobody_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_event_take_their_number_and_stop_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_that_fails_validation_waits_with_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_name_than_the_registered_one_is_told_to_both_departments, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_record_about_a_deregistered_organisation_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_log_verifies_up_to_its_last_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_aborted_batch_is_done_again_without_a_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_aborted_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fatal_commit_stays_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_audit_leads_back_through_every_disclosure_of_a_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restarted_gateway_goes_on_where_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_larger_than_an_audit_record_still_chains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_counts_when_it_was_published_and_a_delivery_when_it_is_made, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_day_ends_at_midnight_in_Beijing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_that_cannot_be_counts_on_the_batchs_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_days_book_goes_on_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_numbers_are_told_to_the_department_with_their_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_before_a_refused_event_is_told_as_well, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
