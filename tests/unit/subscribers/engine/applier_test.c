#include "subscribers/engine/applier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/catalogue_copy.h"
#include "tests/support/delivery_builder.h"
#include "tests/support/folder.h"

#define GRANTS "subscribers/receivers/court/grants.cfg"
enum { MOST = 64, PARTITIONS = 2 };

/* ── a receiver that does as it is told ── */

static struct receiver {
    enum bus_status load_answers[4], apply_answers[4], renew_answers[4]; /* of the next calls; BUS_OK = 0 */
    size_t loads, applies, renews;
    bool applies_although_unknown; /* RETRY from apply, and yet it was applied */
    int64_t next[PARTITIONS];
    uint64_t leaves[MOST]; /* applied */
    size_t count;
    size_t catalogues;
} receiver;

static enum bus_status answer(const enum bus_status answers[4], size_t *calls, struct bus_error *error)
{
    enum bus_status status = *calls < 4 ? answers[*calls] : BUS_OK;
    (*calls)++;
    return status == BUS_OK ? BUS_OK : bus_fail(error, status, "told to fail");
}

static enum bus_status receiver_open(const struct subscribers_sink_context *context,
                                     const struct bus_settings_node *group, void **out_self, struct bus_error *error)
{
    (void)group;
    (void)error;
    receiver.catalogues = subscribers_catalogues_count(context->catalogues);
    *out_self = &receiver;
    return BUS_OK;
}

static void receiver_bounds(const void *self, struct subscribers_sink_bounds *out_bounds)
{
    (void)self;
    *out_bounds = (struct subscribers_sink_bounds){0};
}

static enum bus_status receiver_load(void *self, struct subscribers_position *position, struct bus_error *error)
{
    (void)self;
    position->next = receiver.next[position->partition];
    return answer(receiver.load_answers, &receiver.loads, error);
}

static enum bus_status receiver_renew(void *self, const struct subscribers_sink_context *context,
                                      struct bus_error *error)
{
    (void)self;
    enum bus_status status = answer(receiver.renew_answers, &receiver.renews, error);
    if (status == BUS_OK)
        receiver.catalogues = subscribers_catalogues_count(context->catalogues);
    return status;
}

static enum bus_status receiver_apply(void *self, struct subscribers_batch *batch, struct bus_error *error)
{
    (void)self;
    enum bus_status status = answer(receiver.apply_answers, &receiver.applies, error);
    if (status != BUS_OK && !receiver.applies_although_unknown)
        return status;
    for (size_t i = 0; i < batch->count; i++)
        receiver.leaves[receiver.count++] = batch->deliveries[i].leaf;
    for (size_t i = 0; i < batch->advance_count; i++) {
        assert_int_equal(batch->advances[i].from, receiver.next[batch->advances[i].position.partition]);
        receiver.next[batch->advances[i].position.partition] = batch->advances[i].position.next;
    }
    assert_int_equal(subscribers_batch_settle(batch, error), BUS_OK);
    return status;
}

static void receiver_close(void *self)
{
    (void)self;
}

static const struct subscribers_sink sink = {
    .name = "receiver",
    .open = receiver_open,
    .bounds = receiver_bounds,
    .load = receiver_load,
    .renew = receiver_renew,
    .apply = receiver_apply,
    .close = receiver_close,
};

/* ── an applier on it, with a catalogue of its own; `newer` is what that catalogue will be ── */

static char folder[TEST_FOLDER_SIZE], newer_folder[TEST_FOLDER_SIZE];
static struct test_deliveries made, newer;
static struct subscribers_settings settings;
static struct subscribers_receiver *opened;
static struct subscribers_orders orders;
static struct subscribers_applier applied_by, *applier = &applied_by;
static struct bus_error error;

/* What the newer catalogue has otherwise. */
static void change(const char *in_folder)
{
    test_catalogue_change(in_folder, GRANTS, "\"tax_kind\", \"arrears_amount\"", "\"arrears_amount\"");
}

static int set_up(void **state)
{
    (void)state;
    char path[TEST_CATALOGUE_PATH_SIZE];
    test_folder_make(folder);
    test_folder_make(newer_folder);
    test_catalogue_copy(newer_folder, path);
    change(newer_folder);
    test_deliveries_open_at(&newer, path);
    test_catalogue_copy(folder, path);
    test_deliveries_open_at(&made, path);
    settings = (struct subscribers_settings){
        .subscriber = "court", .partitions = PARTITIONS, .batch_records = 1000, .batch_bytes = 1000000, .sink = &sink};
    snprintf(settings.catalogue_path, sizeof settings.catalogue_path, "%s", path);
    receiver = (struct receiver){.next = {-1, -1}};
    orders = (struct subscribers_orders){0};
    assert_int_equal(subscribers_receiver_open(&settings, "xq.out.court", NULL, &opened, &error), BUS_OK);
    return subscribers_applier_init(applier, &settings, opened, &orders, &error) == BUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    subscribers_applier_release(applier);
    subscribers_receiver_close(opened);
    test_deliveries_close(&made);
    test_deliveries_close(&newer);
    test_folder_remove(folder);
    test_folder_remove(newer_folder);
    return 0;
}

static void start(void)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct subscribers_position position;
        subscribers_position_init(&position, i);
        assert_int_equal(subscribers_applier_take(applier, &position, &error), BUS_OK);
        subscribers_position_release(&position);
    }
}

/* A piece of one PUT in a view of `deliveries`. */
static void add(const struct test_deliveries *deliveries, int32_t partition, uint64_t leaf)
{
    struct bus_buffer value;
    struct subscribers_piece *piece = subscribers_piece_create(partition);
    bus_buffer_init(&value, BUS_DATUM_MAX_SIZE);
    test_delivery_value(deliveries, BUS_DELIVERY_PUT, (int)leaf, 1, &value);
    assert_int_equal(subscribers_piece_append(piece, (int64_t)leaf, test_delivery_record((int)leaf),
                                              bus_buffer_view(&value), &error),
                     BUS_OK);
    piece->first_leaf = leaf;
    piece->next_offset = (int64_t)leaf + 1;
    subscribers_applier_add(applier, piece);
    bus_buffer_release(&value);
}

static void apply(void)
{
    assert_int_equal(subscribers_applier_apply(applier, &error), BUS_OK);
}

static void what_was_added_is_applied_when_nothing_more_comes(void **state)
{
    (void)state;
    start();
    assert_false(subscribers_applier_is_due(applier, false));
    add(&made, 0, 0);
    add(&made, 1, 7);
    add(&made, 0, 1);
    assert_false(subscribers_applier_is_due(applier, true));
    assert_true(subscribers_applier_is_due(applier, false));
    apply();
    assert_false(subscribers_applier_is_due(applier, false));
    assert_int_equal(receiver.applies, 1);
    assert_int_equal(receiver.count, 3);
    assert_int_equal(receiver.next[0], 2);
    assert_int_equal(receiver.next[1], 8);
    add(&made, 1, 8);
    apply();
    assert_int_equal(receiver.next[1], 9);
}

static void a_receiver_that_is_away_is_waited_for_without_holding_up_anything(void **state)
{
    (void)state;
    receiver.load_answers[0] = BUS_RETRY; /* at the start there is nothing else to do */
    receiver.next[0] = 5;
    start();
    assert_int_equal(receiver.loads, PARTITIONS + 1);
    receiver.apply_answers[0] = BUS_RETRY;
    add(&made, 0, 5);
    apply();
    assert_int_equal(receiver.applies, 1);
    assert_int_equal(receiver.count, 0);
    assert_string_not_equal(applier->away, "");
    assert_false(subscribers_applier_is_due(applier, false)); /* the back-off */
    assert_false(subscribers_applier_wants(applier, 0));      /* what waits is enough */
    assert_true(subscribers_applier_wants(applier, 1));
    apply();
    assert_int_equal(receiver.count, 1);
    assert_string_equal(applier->away, "");
    assert_true(subscribers_applier_wants(applier, 0));
}

static void what_may_have_been_applied_is_not_applied_again(void **state)
{
    (void)state;
    start();
    receiver.apply_answers[0] = BUS_RETRY;
    receiver.applies_although_unknown = true;
    add(&made, 0, 0);
    apply();
    assert_int_equal(applier->lanes[0].applied, -1);
    receiver.applies_although_unknown = false;
    add(&made, 0, 1); /* behind what is in doubt */
    apply();
    assert_int_equal(receiver.applies, 2);
    assert_int_equal(receiver.count, 2);
    assert_int_equal(receiver.next[0], 2);
    assert_int_equal(applier->lanes[0].applied, 2);
    assert_int_equal(applier->applied, 2);
}

static void what_is_in_doubt_is_forgotten_with_its_partition(void **state)
{
    (void)state;
    start();
    receiver.apply_answers[0] = BUS_RETRY;
    receiver.applies_although_unknown = true;
    add(&made, 0, 0);
    apply();
    subscribers_applier_give_up(applier, 0);
    assert_null(applier->doubtful);
    start();
    assert_int_equal(applier->lanes[0].applied, 1);
}

static void nothing_is_applied_while_an_order_says_so(void **state)
{
    (void)state;
    start();
    add(&made, 0, 0);
    orders.is_paused = true;
    assert_false(subscribers_applier_is_due(applier, false));
    assert_false(subscribers_applier_wants(applier, 0));
    orders.is_paused = false;
    assert_true(subscribers_applier_is_due(applier, false));
}

static void what_an_officer_skips_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct subscribers_skip skip = {.partition = 0, .leaf = 1, .reason = "重复 / twice"};
    orders.skips = &skip;
    orders.skip_count = 1;
    start();
    add(&made, 0, 0);
    add(&made, 0, 1);
    add(&made, 1, 1);
    apply();
    assert_int_equal(applier->applied, 2);
    assert_int_equal(applier->refused, 1);
    struct bus_cursor cursor = bus_cursor_of(bus_buffer_view(&applier->lanes[0].untold.list));
    struct subscribers_refusal refusal;
    assert_true(subscribers_refusals_next(&cursor, &refusal));
    assert_int_equal(refusal.leaf, 1);
    assert_true(bus_bytes_equal_text(refusal.code, "SKIPPED"));
    assert_true(bus_bytes_equal_text(refusal.words, "重复 / twice"));
    assert_int_equal(applier->lanes[1].untold.count, 0);
}

static void a_catalogue_that_changed_without_a_word_is_found(void **state)
{
    (void)state;
    start();
    add(&made, 0, 0);
    add(&newer, 0, 1);
    add(&made, 1, 0); /* this partition has not come to the change */
    change(folder);
    apply(); /* what is known */
    assert_int_equal(receiver.count, 2);
    assert_int_equal(receiver.next[0], 1);
    assert_int_equal(receiver.next[1], 1);
    assert_true(subscribers_applier_is_due(applier, false));
    apply();
    assert_false(subscribers_applier_is_stuck(applier));
    assert_int_equal(receiver.renews, 1);
    assert_int_equal(receiver.catalogues, 2);
    assert_int_equal(receiver.count, 3);
    assert_int_equal(receiver.next[0], 2);
}

static void an_unknown_view_holds_its_lane_and_nothing_is_skipped(void **state)
{
    (void)state;
    start();
    add(&newer, 0, 0);
    add(&made, 1, 0);
    apply();
    assert_true(subscribers_applier_is_stuck(applier));
    assert_false(subscribers_applier_wants(applier, 0));
    assert_int_equal(receiver.next[0], -1);
    assert_int_equal(receiver.next[1], 1); /* the other goes on */
    apply();
    assert_int_equal(receiver.count, 1);
    assert_int_equal(receiver.renews, 0);
    change(folder);
    apply(); /* half a minute has not passed */
    assert_true(subscribers_applier_is_stuck(applier));
    subscribers_receiver_reload(opened);
    apply();
    assert_false(subscribers_applier_is_stuck(applier));
    assert_int_equal(receiver.count, 2);
}

static void a_catalogue_that_the_receiver_refuses_is_not_taken(void **state)
{
    (void)state;
    start();
    receiver.renew_answers[0] = BUS_FATAL;
    change(folder);
    subscribers_receiver_reload(opened);
    add(&made, 0, 0);
    apply();
    assert_int_equal(receiver.count, 1);
    assert_int_equal(receiver.catalogues, 1);
    receiver.renew_answers[1] = BUS_RETRY; /* away for a moment */
    subscribers_receiver_reload(opened);
    assert_int_equal(receiver.renews, 3);
    assert_int_equal(receiver.catalogues, 2);
    add(&newer, 0, 1);
    apply();
    assert_int_equal(receiver.count, 2);
}

static void a_bad_catalogue_leaves_the_old_one_in_force(void **state)
{
    (void)state;
    start();
    test_catalogue_change(folder, GRANTS, "\"tax_kind\"", "\"tax_kin\"");
    subscribers_receiver_reload(opened);
    assert_int_equal(receiver.renews, 0);
    add(&made, 0, 0);
    apply();
    assert_int_equal(receiver.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_applied_when_nothing_more_comes),
        TEST(a_receiver_that_is_away_is_waited_for_without_holding_up_anything),
        TEST(what_may_have_been_applied_is_not_applied_again),
        TEST(what_is_in_doubt_is_forgotten_with_its_partition),
        TEST(nothing_is_applied_while_an_order_says_so),
        TEST(what_an_officer_skips_is_refused_with_the_reason),
        TEST(a_catalogue_that_changed_without_a_word_is_found),
        TEST(an_unknown_view_holds_its_lane_and_nothing_is_skipped),
        TEST(a_catalogue_that_the_receiver_refuses_is_not_taken),
        TEST(a_bad_catalogue_leaves_the_old_one_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
