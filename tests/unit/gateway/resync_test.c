/* Resync on the real catalogue and the whole gateway without Kafka: when one is due, what it delivers, and what it leaves to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/state_resync.h"
#include "bus/view.h"
#include "tests/support/event_builder.h"
#include "tests/support/folder.h"
#include "tests/support/world.h"

enum { LIMIT = 1000, RECORDS = 20, PATH_SIZE = 512, FRAME_SIZE = 10, TICKS = 200, SMALL = 3 };

#define NOW_MS INT64_C(1795000000000) /* 2026-11-18 */
#define SUBJECT "M000100Y4"
#define COURT "xq.out.court"
#define PROCUREMENT "xq.out.procurement"

static char folder[TEST_FOLDER_SIZE], state_folder[PATH_SIZE], catalogue_path[PATH_SIZE];
static struct test_world *world;
static const struct bus_item *arrears;
static uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
static int64_t sequence;

static void shell(const char *format, ...) BUS_PRINTF(1, 2);
static void shell(const char *format, ...)
{
    char command[4 * PATH_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

static bool tick_at_most(size_t limit)
{
    struct bus_error error;
    bool more = false;
    enum bus_status status = test_world_tick(world, limit, &more, &error);
    if (status != BUS_OK)
        print_message("%s\n", error.message);
    assert_int_equal(status, BUS_OK);
    return more;
}

static void tick_until_done(void)
{
    int ticks = 0;
    while (tick_at_most(LIMIT))
        assert_true(++ticks < TICKS);
}

static int set_up(void **unused)
{
    (void)unused;
    test_folder_make(folder);
    snprintf(state_folder, sizeof state_folder, "%s/state", folder);
    snprintf(catalogue_path, sizeof catalogue_path, "%s/schemas/catalogue.cfg", folder);
    shell("mkdir -p %s/state %s/subscribers && cp -r %s/schemas %s/ && cp -r %s/subscribers/receivers %s/subscribers/",
          folder, folder, XINQIAO_SOURCE, folder, XINQIAO_SOURCE, folder);
    struct test_world_options options = {
        .catalogue = catalogue_path,
        .partitions = 1,
        .suite = BUS_SUITE_SM2_SM3,
        .state_folder = state_folder,
        .now_ms = NOW_MS,
    };
    world = test_world_create(&options);
    arrears = bus_catalogue_find_item(test_world_catalogue(world), "tax", "arrears");
    test_world_subject(world, BUS_SUBJECT_ORGANISATION, SUBJECT, subject_key);
    sequence = 0;
    tick_until_done(); /* as a worker does before its first event */
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_world_destroy(world);
    test_folder_remove(folder);
    return 0;
}

static void feed(int record, int64_t version, bool withdraw)
{
    char key[32], text[24], number[24];
    snprintf(key, sizeof key, "tax|%d", record);
    snprintf(text, sizeof text, "%lld", (long long)version);
    snprintf(number, sizeof number, "%lld", (long long)++sequence);
    const struct test_field fields[] = {
        {"record_key", key},
        {"version", text},
        {"sequence", number},
        {"published_at", "1795000000000"},
        {"operation", withdraw ? "1" : "0"},
        {"subject_kind", "0"},
        {"subject_id", SUBJECT},
        {"subject_name", "柳州某某有限公司"},
        {"occurred_at", "1790000000000"},
        {"area_code", "450200"},
        {"taxpayer_number", "91350100M000100Y43"},
        {"tax_kind", "增值税"},
        {"arrears_amount", "12345"},
        {"authority", "国家税务总局柳州市税务局"},
        {"as_of_month", "202609"},
        {NULL, NULL},
    };
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    test_event_build(arrears, bus_item_current(arrears), fields, &buffer);
    test_world_feed(world, arrears, 0, bus_bytes_of(subject_key, sizeof subject_key), bus_buffer_view(&buffer), "tax",
                    false);
    bus_buffer_release(&buffer);
}

static void settle(void)
{
    struct bus_error error;
    assert_int_equal(test_world_settle(world, &error), BUS_OK);
}

/* RECORDS of them, in two transactions. */
static void fill(void)
{
    for (int i = 0; i < RECORDS; i++) {
        feed(i, 1, false);
        if (i == RECORDS / 2)
            settle();
    }
    settle();
}

static void ask(const char *subscriber, const struct bus_item *item)
{
    struct bus_error error;
    assert_int_equal(test_world_ask_resync(world, subscriber, item, &error), BUS_OK);
}

static enum bus_delivery_operation operation_of(const struct test_record *record)
{
    return (enum bus_delivery_operation)(record->value.data[FRAME_SIZE] / 2); /* a zig-zag number below 64 */
}

/* Deliveries of a kind from the `first` of the topic on. */
static size_t count(const char *topic, size_t first, enum bus_delivery_operation operation)
{
    size_t found = 0;
    for (size_t i = first; i < test_world_count(world, topic); i++)
        found += operation_of(test_world_record(world, topic, i)) == operation;
    return found;
}

static size_t end_of(const char *topic)
{
    return test_world_count(world, topic);
}

/* Changes the text of a receiver's grants by a sed expression and takes the catalogue anew. */
static void regrant(const char *receiver, const char *expression)
{
    char file[PATH_SIZE];
    snprintf(file, sizeof file, "%s/subscribers/receivers/%s/grants.cfg", folder, receiver);
    shell("cp %s %s.before && sed -i -e '%s' %s && ! cmp -s %s %s.before && rm %s.before", file, file, expression, file,
          file, file, file);
    test_world_reload(world, catalogue_path);
    arrears = bus_catalogue_find_item(test_world_catalogue(world), "tax", "arrears");
}

static void a_new_installation_serves_nobody_anew(void **unused)
{
    (void)unused;
    fill();
    assert_int_equal(test_world_count(world, PROCUREMENT), RECORDS);
    tick_until_done();
    assert_int_equal(test_world_count(world, PROCUREMENT), RECORDS);
    test_world_reload(world, catalogue_path);
    tick_until_done();
    assert_int_equal(test_world_count(world, PROCUREMENT), RECORDS);
}

static void what_was_asked_for_comes_between_begin_and_end_and_to_nobody_else(void **unused)
{
    (void)unused;
    fill();
    size_t court = end_of(COURT), first = end_of(PROCUREMENT);
    ask("procurement", arrears);
    tick_until_done();
    assert_int_equal(end_of(COURT), court);
    assert_int_equal(end_of(PROCUREMENT) - first, RECORDS + 2);
    assert_int_equal(operation_of(test_world_record(world, PROCUREMENT, first)), BUS_DELIVERY_RESYNC_BEGIN);
    assert_int_equal(operation_of(test_world_record(world, PROCUREMENT, first + RECORDS + 1)), BUS_DELIVERY_RESYNC_END);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

static void everything_that_a_subscriber_may_have_is_marked_item_by_item(void **unused)
{
    (void)unused;
    fill();
    size_t first = end_of(PROCUREMENT), items = 0;
    const struct bus_catalogue *catalogue = test_world_catalogue(world);
    const struct bus_subscriber *subscriber = bus_catalogue_find_subscriber(catalogue, "procurement");
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++)
        for (size_t j = 0; j < subscriber->grant_count; j++) {
            const struct bus_item *item = bus_catalogue_item(catalogue, i);
            if (strcmp(subscriber->grants[j].item, item->name) == 0 &&
                (subscriber->grants[j].department == NULL || subscriber->grants[j].department == item->department)) {
                items++;
                break;
            }
        }
    assert_true(items > 1);
    ask("procurement", NULL);
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_BEGIN), items);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_END), items);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

static void other_items_stay_out(void **unused)
{
    (void)unused;
    fill();
    size_t first = end_of(PROCUREMENT);
    ask("procurement", bus_catalogue_find_item(test_world_catalogue(world), "tax", "major.violation"));
    tick_until_done();
    assert_int_equal(end_of(PROCUREMENT) - first, 2); /* begin and end */
}

static void a_slice_is_no_larger_than_asked(void **unused)
{
    (void)unused;
    fill();
    size_t first = end_of(PROCUREMENT);
    ask("procurement", arrears);
    int ticks = 0;
    for (bool more = true; more; ticks++) {
        size_t before = end_of(PROCUREMENT);
        more = tick_at_most(SMALL);
        assert_true(count(PROCUREMENT, before, BUS_DELIVERY_PUT) <= SMALL);
        assert_true(ticks < TICKS);
    }
    assert_true(ticks >= RECORDS / SMALL);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

static void what_came_with_the_begin_is_named_behind_it(void **unused)
{
    (void)unused;
    fill();
    size_t first = end_of(PROCUREMENT);
    ask("procurement", arrears);
    feed(RECORDS, 1, false); /* delivered in the batch of the begin, in front of it */
    tick_until_done();
    assert_int_equal(operation_of(test_world_record(world, PROCUREMENT, first)), BUS_DELIVERY_PUT);
    assert_int_equal(operation_of(test_world_record(world, PROCUREMENT, first + 1)), BUS_DELIVERY_RESYNC_BEGIN);
    assert_int_equal(count(PROCUREMENT, first + 1, BUS_DELIVERY_PUT), RECORDS + 1);
}

static void what_changes_meanwhile_is_left_to_its_own_event(void **unused)
{
    (void)unused;
    fill();
    ask("procurement", arrears);
    tick_at_most(LIMIT); /* begin */
    size_t first = end_of(PROCUREMENT);
    feed(RECORDS - 1, 2, false);
    feed(RECORDS - 2, 2, true);
    tick_at_most(2);   /* events and first slice in one batch */
    feed(3, 2, false); /* in the batch of its own slice */
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS - 1); /* each record once */
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_WITHDRAW), 1);
}

static void what_was_withdrawn_is_not_named(void **unused)
{
    (void)unused;
    fill();
    feed(0, 2, true);
    settle();
    size_t first = end_of(PROCUREMENT);
    ask("procurement", arrears);
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS - 1);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_WITHDRAW), 0);
}

static void another_field_in_a_grant_makes_a_resync_of_that_item(void **unused)
{
    (void)unused;
    fill();
    size_t court = end_of(COURT), first = end_of(PROCUREMENT);
    regrant("procurement", "s/\"tax_kind\", \"arrears_amount\", \"as_of_month\"/\"tax_kind\", \"as_of_month\"/");
    tick_until_done();
    assert_int_equal(end_of(COURT), court);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_BEGIN), 1);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
    first = end_of(PROCUREMENT);
    tick_until_done();
    test_world_reload(world, catalogue_path);
    tick_until_done();
    assert_int_equal(end_of(PROCUREMENT), first); /* served once */
}

static void a_grant_that_has_ended_takes_back_what_it_gave(void **unused)
{
    (void)unused;
    fill();
    size_t first = end_of(PROCUREMENT);
    regrant(
        "procurement",
        "/procurement-tax-arrears/,/ORGANISATION/ s/from = \"2023-05-01\"/from = \"2023-05-01\"; to = \"2026-10-31\"/");
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_WITHDRAW), RECORDS);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), 0);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_END), 1);
}

static void a_grant_whose_day_has_come_is_served(void **unused)
{
    (void)unused;
    fill();
    regrant("procurement", "/procurement-tax-arrears/,/ORGANISATION/ s/from = \"2023-05-01\"/from = \"2026-11-20\"/");
    tick_until_done();
    size_t first = end_of(PROCUREMENT);
    test_world_set_time(world, NOW_MS + INT64_C(3) * 24 * 3600 * 1000);
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

static void a_clock_that_went_back_takes_the_grant_with_it(void **unused)
{
    (void)unused;
    fill();
    regrant("procurement", "/procurement-tax-arrears/,/ORGANISATION/ s/from = \"2023-05-01\"/from = \"2026-11-10\"/");
    tick_until_done();
    size_t first = end_of(PROCUREMENT);
    test_world_set_time(world, NOW_MS - INT64_C(15) * 24 * 3600 * 1000);
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_WITHDRAW), RECORDS);
    test_world_set_time(world, NOW_MS);
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

static void asked_again_it_begins_anew_with_both_items(void **unused)
{
    (void)unused;
    fill();
    size_t first = end_of(PROCUREMENT);
    ask("procurement", arrears);
    while (count(PROCUREMENT, first, BUS_DELIVERY_PUT) == 0)
        assert_true(tick_at_most(SMALL));
    size_t some = count(PROCUREMENT, first, BUS_DELIVERY_PUT);
    assert_true(some < RECORDS);
    ask("procurement", bus_catalogue_find_item(test_world_catalogue(world), "tax", "major.violation"));
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_BEGIN), 1 + 2);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_END), 2);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), some + RECORDS);
}

static void an_aborted_slice_is_done_again(void **unused)
{
    (void)unused;
    struct bus_error error;
    bool more;
    fill();
    size_t first = end_of(PROCUREMENT);
    ask("procurement", arrears);
    for (int i = 0; i < 4; i++) { /* begin, slice, slice, end */
        test_world_fail(world, TEST_COMMIT, BUS_RETRY, 0);
        assert_int_equal(test_world_tick(world, RECORDS / 2 + 1, &more, &error), BUS_RETRY);
        tick_at_most(RECORDS / 2 + 1);
    }
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_BEGIN), 1);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_RESYNC_END), 1);
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

static void what_is_due_is_found_again_after_an_abort(void **unused)
{
    (void)unused;
    struct bus_error error;
    bool more;
    fill();
    size_t first = end_of(PROCUREMENT);
    regrant("procurement", "s/\"tax_kind\", \"arrears_amount\", \"as_of_month\"/\"tax_kind\", \"as_of_month\"/");
    test_world_fail(world, TEST_COMMIT, BUS_RETRY, 0);
    assert_int_equal(test_world_tick(world, LIMIT, &more, &error), BUS_RETRY);
    tick_until_done();
    assert_int_equal(count(PROCUREMENT, first, BUS_DELIVERY_PUT), RECORDS);
}

/* Whether xq.state holds a job as its last word on the subscriber. */
static bool has_job(const char *subscriber)
{
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    struct bus_error error;
    bool has = false;
    assert_int_equal(bus_state_resync_key(subscriber, key, &length, &error), BUS_OK);
    for (size_t i = 0; i < test_world_count(world, "xq.state"); i++) {
        const struct test_record *record = test_world_record(world, "xq.state", i);
        if (bus_bytes_equal(record->key, bus_bytes_of(key, length)))
            has = record->value.data != NULL;
    }
    return has;
}

static void a_job_stands_in_the_state_until_it_is_done(void **unused)
{
    (void)unused;
    fill();
    ask("procurement", arrears);
    settle(); /* the request alone */
    assert_true(has_job("procurement"));
    assert_int_equal(test_world_count(world, PROCUREMENT), RECORDS);
    assert_true(tick_at_most(LIMIT));
    assert_true(has_job("procurement"));
    tick_until_done();
    assert_false(has_job("procurement"));
}

static void a_job_without_any_grant_is_refused(void **unused)
{
    (void)unused;
    struct bus_error error;
    const struct bus_item *payment = bus_catalogue_find_item(test_world_catalogue(world), "tax", "payment");
    bool more;
    ask("procurement", payment);
    assert_int_equal(test_world_tick(world, LIMIT, &more, &error), BUS_REJECT);
    assert_string_equal(error.code, "REQUEST_NO_GRANT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_new_installation_serves_nobody_anew),
        TEST(what_was_asked_for_comes_between_begin_and_end_and_to_nobody_else),
        TEST(everything_that_a_subscriber_may_have_is_marked_item_by_item),
        TEST(other_items_stay_out),
        TEST(a_slice_is_no_larger_than_asked),
        TEST(what_came_with_the_begin_is_named_behind_it),
        TEST(what_changes_meanwhile_is_left_to_its_own_event),
        TEST(what_was_withdrawn_is_not_named),
        TEST(another_field_in_a_grant_makes_a_resync_of_that_item),
        TEST(a_grant_that_has_ended_takes_back_what_it_gave),
        TEST(a_grant_whose_day_has_come_is_served),
        TEST(a_clock_that_went_back_takes_the_grant_with_it),
        TEST(asked_again_it_begins_anew_with_both_items),
        TEST(an_aborted_slice_is_done_again),
        TEST(what_is_due_is_found_again_after_an_abort),
        TEST(a_job_stands_in_the_state_until_it_is_done),
        TEST(a_job_without_any_grant_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
