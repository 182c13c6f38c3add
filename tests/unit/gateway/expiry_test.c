#include "gateway/expiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/folder.h"

enum {
    MAP_BYTES = 64 << 20,
    OVERLAY_BYTES = 16 << 20,
    PARTITIONS = 3,
    PARTITION = 1,
    LIMIT = 1000,
    MANY = 30000,
    PLAIN = 2,     /* numbers of the scenario catalogue */
    DISPUTE = 101, /* a case of rights */
    TODAY = 20781, /* 2026-11-24 */
};

static const int64_t DAY_MS = 86400000;

struct fixture {
    char folder[TEST_FOLDER_SIZE];
    struct bus_catalogue *catalogue;
    struct gateway_state *state;
    struct gateway_state *of[PARTITIONS];
    struct gateway_states states;
    struct gateway_expiry *expiry;
    struct gateway_batch *batch;
    int64_t now_ms, offset;
};

static struct fixture fixture;

static void open_state(void)
{
    struct gateway_state_options options = {
        .folder = fixture.folder, .partition = PARTITION, .map_bytes = MAP_BYTES, .overlay_bytes = OVERLAY_BYTES};
    struct bus_error error;
    assert_int_equal(gateway_state_open(&options, &fixture.state, &error), BUS_OK);
    fixture.of[PARTITION] = fixture.state;
}

static int set_up(void **unused)
{
    struct bus_error error;
    (void)unused;
    fixture = (struct fixture){.now_ms = TODAY * DAY_MS};
    test_folder_make(fixture.folder);
    if (bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg", &fixture.catalogue, &error) !=
        BUS_OK) {
        print_error("%s\n", error.message);
        return -1;
    }
    open_state();
    fixture.states = (struct gateway_states){fixture.of, PARTITIONS};
    fixture.expiry = gateway_expiry_create(fixture.catalogue, &fixture.states);
    struct gateway_batch_options options = {.catalogue = fixture.catalogue,
                                            .prefix = "xq.",
                                            .partitions = PARTITIONS,
                                            .max_records = 5000,
                                            .max_bytes = 1 << 20};
    fixture.batch = gateway_batch_create(&options);
    return fixture.expiry != NULL && fixture.batch != NULL ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_batch_destroy(fixture.batch);
    gateway_expiry_destroy(fixture.expiry);
    gateway_state_close(fixture.state, false);
    bus_catalogue_destroy(fixture.catalogue);
    test_folder_remove(fixture.folder);
    return 0;
}

static struct bus_state_entry entry_of(void)
{
    return (struct bus_state_entry){.version = 1,
                                    .item = PLAIN,
                                    .publicity_days = INT32_MAX,
                                    .retention_days = INT32_MAX,
                                    .watch_days = INT32_MAX,
                                    .state_offset = -1,
                                    .audit_offset = -1,
                                    .holders = 3};
}

/* Record `number`, in the order of numbers. */
static struct bus_slot *slot_of(unsigned number)
{
    uint8_t subject[BUS_SUBJECT_KEY_SIZE] = {0}, record[BUS_IDENTITY_SIZE] = {7};
    bus_put_u32be(subject, number);
    struct bus_slot *slot = gateway_state_record(fixture.state, subject, record);
    assert_non_null(slot);
    return slot;
}

static void put(unsigned number, const struct bus_state_entry *entry)
{
    struct bus_error error;
    assert_int_equal(gateway_state_write_record(fixture.state, slot_of(number), entry, bus_bytes_text("event"), &error),
                     BUS_OK);
}

static void commit(void)
{
    struct bus_slot *const *slots;
    size_t count;
    struct bus_error error;
    assert_int_equal(gateway_state_changes(fixture.state, fixture.now_ms, &slots, &count, &error), BUS_OK);
    for (size_t i = 0; i < count; i++)
        slots[i]->offset = fixture.offset++;
    assert_int_equal(gateway_state_commit(fixture.state, &error), BUS_OK);
    gateway_batch_reset(fixture.batch);
}

static void abandon(void)
{
    gateway_state_discard(fixture.state);
    gateway_batch_reset(fixture.batch);
}

static bool gather(size_t limit)
{
    bool more = true;
    struct bus_error error;
    enum bus_status status = gateway_expiry_gather(fixture.expiry, fixture.batch, fixture.now_ms, limit, &more, &error);
    if (status != BUS_OK)
        fail_msg("%s", error.message);
    return more;
}

/* Applies what was gathered, as reconcile does, and writes what it changed. */
static struct gateway_exchange *apply(size_t index)
{
    struct bus_error error;
    struct gateway_exchange *exchange = gateway_batch_exchange(fixture.batch, index);
    exchange->now_ms = fixture.now_ms;
    assert_int_equal(gateway_expiry_apply(&fixture.states, exchange, &error), BUS_OK);
    if (exchange->writes)
        assert_int_equal(gateway_state_write_status(fixture.state, exchange->record_slot, &exchange->entry, &error),
                         BUS_OK);
    return exchange;
}

static void a_term_ends_with_its_last_day(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.publicity_days = TODAY;
    assert_false(gateway_expiry_mark(&entry, TODAY));
    assert_true(gateway_expiry_mark(&entry, TODAY + 1));
    assert_int_equal(entry.marks, 1 << BUS_MARK_PUBLICITY_ENDED);
    assert_false(gateway_expiry_mark(&entry, TODAY + 2));
    entry.retention_days = TODAY;
    assert_true(gateway_expiry_mark(&entry, TODAY + 2));
    assert_int_equal(entry.marks, 1 << BUS_MARK_PUBLICITY_ENDED | 1 << BUS_MARK_RETENTION_ENDED);
}

static void an_extended_term_takes_the_mark_off_and_no_other(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.marks = 1 << BUS_MARK_PUBLICITY_ENDED | 1 << BUS_MARK_MINOR | 1 << BUS_MARK_CORRECTING;
    entry.publicity_days = TODAY + 1;
    assert_true(gateway_expiry_mark(&entry, TODAY));
    assert_int_equal(entry.marks, 1 << BUS_MARK_MINOR | 1 << BUS_MARK_CORRECTING);
}

static void gathers_what_is_due_and_nothing_else(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    put(0, &entry);
    entry.publicity_days = TODAY - 1;
    put(1, &entry);
    entry.publicity_days = TODAY;
    put(2, &entry);
    entry = entry_of();
    entry.retention_days = TODAY - 400;
    put(3, &entry);
    entry = entry_of();
    entry.watch_days = TODAY - 1;
    put(4, &entry);
    entry.status = BUS_RECORD_WITHDRAWN;
    put(5, &entry);
    entry = entry_of();
    entry.publicity_days = TODAY - 5;
    entry.marks = 1 << BUS_MARK_PUBLICITY_ENDED;
    put(6, &entry);
    entry.item = 999; /* of no catalogue any more */
    entry.watch_days = TODAY - 1;
    put(7, &entry);
    commit();
    assert_false(gather(LIMIT));
    assert_int_equal(gateway_batch_count(fixture.batch), 3);
    static const uint32_t expected[] = {1, 3, 4};
    for (size_t i = 0; i < 3; i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(fixture.batch, i);
        assert_int_equal(bus_get_u32be(exchange->subject_key), expected[i]);
        assert_int_equal(exchange->record[0], 7);
        assert_int_equal(exchange->cause, GATEWAY_CAUSE_EXPIRY);
        assert_int_equal(exchange->partition, PARTITION);
        assert_int_equal(exchange->item->number, PLAIN);
        assert_ptr_equal(exchange->version, bus_item_current(exchange->item));
        assert_ptr_equal(exchange->record_slot, slot_of(expected[i]));
    }
}

static void walks_once_a_day(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.publicity_days = TODAY;
    put(1, &entry);
    commit();
    assert_false(gather(LIMIT));
    assert_true(gateway_batch_touches(fixture.batch, PARTITION));
    commit();
    assert_false(gather(LIMIT));
    assert_true(gateway_batch_is_empty(fixture.batch));
    fixture.now_ms += DAY_MS;
    assert_false(gather(LIMIT));
    assert_int_equal(gateway_batch_count(fixture.batch), 1);
}

static void an_entry_that_came_before_midnight_is_walked_after_it(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    assert_false(gather(LIMIT));
    commit();
    entry.publicity_days = TODAY;
    put(1, &entry); /* stays in memory: too little to be written */
    commit();
    fixture.now_ms += DAY_MS;
    gather(LIMIT);
    assert_int_equal(gateway_batch_count(fixture.batch), 1);
}

static void put_many(void)
{
    struct bus_state_entry entry = entry_of();
    for (unsigned i = 0; i < MANY; i++) {
        entry.publicity_days = i % 3 == 0 ? TODAY - 1 : INT32_MAX;
        put(i, &entry);
        if (i % 5000 == 4999)
            commit();
    }
}

/* Walks to the end in slices of `limit`, and counts what was marked; restarts after each slice when told to. */
static size_t settle_all(size_t limit, bool restarts)
{
    size_t marked = 0;
    for (int slice = 0; slice < 1000; slice++) {
        bool more = gather(limit);
        size_t count = gateway_batch_count(fixture.batch);
        assert_true(count <= limit);
        for (size_t i = 0; i < count; i++)
            marked += apply(i)->tells;
        commit();
        if (restarts) {
            gateway_state_close(fixture.state, false);
            open_state();
        }
        if (!more)
            return marked;
    }
    fail_msg("the walk does not end");
    return 0;
}

static void goes_on_in_slices_until_all_is_settled(void **unused)
{
    (void)unused;
    put_many();
    assert_int_equal(settle_all(700, false), MANY / 3);
    fixture.now_ms += DAY_MS;
    assert_int_equal(settle_all(700, false), 0);
}

static void goes_on_after_a_restart_where_it_was(void **unused)
{
    (void)unused;
    put_many();
    assert_int_equal(settle_all(3000, true), MANY / 3);
}

static void does_an_aborted_slice_again(void **unused)
{
    (void)unused;
    put_many();
    assert_true(gather(700));
    apply(0);
    abandon();
    assert_true(gather(100));
    assert_int_equal(gateway_batch_count(fixture.batch), 100);
    assert_int_equal(bus_get_u32be(gateway_batch_exchange(fixture.batch, 0)->subject_key), 0);
    abandon();
    assert_int_equal(settle_all(700, false), MANY / 3);
}

static void a_slice_ends_when_the_batch_is_full(void **unused)
{
    (void)unused;
    put_many();
    assert_true(gather(MANY));
    assert_int_equal(gateway_batch_count(fixture.batch), 5000);
}

static void the_day_never_goes_back(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.watch_days = TODAY - 3;
    assert_false(gather(LIMIT));
    commit();
    put(1, &entry);
    commit();
    fixture.now_ms -= 2 * DAY_MS;
    assert_false(gather(LIMIT));
    assert_true(gateway_batch_is_empty(fixture.batch));
    fixture.now_ms += 3 * DAY_MS;
    assert_false(gather(LIMIT));
    assert_int_equal(gateway_batch_count(fixture.batch), 1);
}

static void a_new_day_begins_from_the_first_record(void **unused)
{
    (void)unused;
    put_many();
    assert_true(gather(700));
    for (size_t i = 0; i < 700; i++)
        apply(i);
    commit();
    struct bus_state_entry entry = entry_of();
    entry.publicity_days = TODAY; /* due tomorrow, in front of where the walk is */
    put(1, &entry);
    commit();
    fixture.now_ms += DAY_MS;
    assert_int_equal(settle_all(LIMIT, false), MANY / 3 - 700 + 1);
}

static void marks_and_tells_what_ended(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.publicity_days = TODAY - 1;
    entry.retention_days = TODAY - 1;
    put(1, &entry);
    commit();
    gather(LIMIT);
    const struct gateway_exchange *exchange = apply(0);
    assert_true(exchange->writes && exchange->tells);
    assert_int_equal(exchange->change, BUS_REASON_EXPIRED);
    assert_int_equal(exchange->entry.marks, 1 << BUS_MARK_PUBLICITY_ENDED | 1 << BUS_MARK_RETENTION_ENDED);
    assert_true(exchange->holders_before == 3);
    assert_int_equal(exchange->notice_count, 0);
}

static void a_correction_of_the_same_batch_counts(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.publicity_days = TODAY - 1;
    put(1, &entry);
    put(2, &entry);
    commit();
    gather(LIMIT);
    entry.publicity_days = TODAY + 30; /* extended */
    put(1, &entry);
    entry.publicity_days = TODAY - 1;
    entry.status = BUS_RECORD_WITHDRAWN;
    put(2, &entry);
    assert_false(apply(0)->writes);
    assert_true(gateway_batch_exchange(fixture.batch, 0)->again);
    assert_false(gateway_batch_exchange(fixture.batch, 0)->tells);
    assert_false(apply(1)->writes);
}

static void a_mark_that_only_goes_is_told_to_nobody(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.marks = 1 << BUS_MARK_PUBLICITY_ENDED;
    entry.watch_days = TODAY - 1; /* why it is looked at */
    put(1, &entry);
    commit();
    gather(LIMIT);
    const struct gateway_exchange *exchange = apply(0);
    assert_true(exchange->writes);
    assert_int_equal(exchange->entry.marks, 0);
    assert_false(exchange->tells);
}

static void reminds_the_department_once(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.watch_days = TODAY - 1;
    put(1, &entry);
    commit();
    gather(LIMIT);
    const struct gateway_exchange *exchange = apply(0);
    assert_int_equal(exchange->notice_count, 1);
    assert_string_equal(exchange->notices[0].code, "LIST_TERM_ENDED");
    assert_string_equal(exchange->notices[0].department->name, "bureau");
    assert_true(exchange->writes);
    assert_false(exchange->tells);
    commit();
    fixture.now_ms += DAY_MS;
    gather(LIMIT);
    assert_int_equal(gateway_batch_count(fixture.batch), 0);
}

static void an_overdue_case_keeps_its_step(void **unused)
{
    (void)unused;
    struct bus_state_entry entry = entry_of();
    entry.item = DISPUTE;
    entry.marks = BUS_RIGHTS_UPHELD;
    entry.watch_days = TODAY - 1;
    entry.publicity_days = TODAY - 1; /* a case has no such day; if it had, it would not become a mark */
    put(1, &entry);
    commit();
    gather(LIMIT);
    const struct gateway_exchange *exchange = apply(0);
    assert_string_equal(exchange->notices[0].code, "RIGHTS_OVERDUE");
    assert_int_equal(exchange->entry.marks, BUS_RIGHTS_UPHELD);
    assert_false(exchange->tells);
}

static void a_position_of_another_layout_is_our_mistake(void **unused)
{
    (void)unused;
    static const uint8_t key[] = {BUS_STATE_SWEEP};
    struct bus_slot *slot;
    struct bus_error error;
    bool more;
    assert_int_equal(gateway_state_place(fixture.state, bus_bytes_of(key, 1), &slot, &error), BUS_OK);
    assert_int_equal(gateway_state_write_place(fixture.state, slot, bus_bytes_text("123456"), &error), BUS_OK);
    assert_int_equal(gateway_expiry_gather(fixture.expiry, fixture.batch, fixture.now_ms, LIMIT, &more, &error),
                     BUS_FATAL);
    assert_non_null(strstr(error.message, "partition 1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_term_ends_with_its_last_day),
        TEST(an_extended_term_takes_the_mark_off_and_no_other),
        TEST(gathers_what_is_due_and_nothing_else),
        TEST(walks_once_a_day),
        TEST(an_entry_that_came_before_midnight_is_walked_after_it),
        TEST(goes_on_in_slices_until_all_is_settled),
        TEST(goes_on_after_a_restart_where_it_was),
        TEST(does_an_aborted_slice_again),
        TEST(a_slice_ends_when_the_batch_is_full),
        TEST(the_day_never_goes_back),
        TEST(a_new_day_begins_from_the_first_record),
        TEST(marks_and_tells_what_ended),
        TEST(a_correction_of_the_same_batch_counts),
        TEST(a_mark_that_only_goes_is_told_to_nobody),
        TEST(reminds_the_department_once),
        TEST(an_overdue_case_keeps_its_step),
        TEST(a_position_of_another_layout_is_our_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
