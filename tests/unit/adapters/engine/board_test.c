#include "adapters/engine/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

enum { NOW_MS = 1000 };

struct world {
    struct bus_catalogue *catalogue;
    struct adapters_feeds feeds;
    struct adapters_board *board;
};

static int64_t now(void *self)
{
    (void)self;
    return NOW_MS;
}

static int set_up(void **state)
{
    struct bus_error error;
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &world->catalogue, &error), BUS_OK);
    assert_int_equal(adapters_feeds_load(XINQIAO_SOURCE "/adapters/departments/tax", NULL, world->catalogue, "tax",
                                         &world->feeds, &error),
                     BUS_OK);
    const struct adapters_board_options options = {
        .adapter = "tax",
        .department = "tax",
        .source = "files",
        .feeds = &world->feeds,
        .clock = {.now_ms = now},
    };
    world->board = adapters_board_create(&options);
    assert_non_null(world->board);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_board_close(world->board);
    adapters_feeds_release(&world->feeds);
    bus_catalogue_destroy(world->catalogue);
    free(world);
    return 0;
}

static void order(struct world *world, enum bus_feed_order_kind kind, const char *adapter, const char *feed,
                  uint8_t digest, int64_t held_at_ms)
{
    const struct bus_feed_order one = {
        .kind = kind,
        .adapter = bus_bytes_text(adapter),
        .feed = bus_bytes_text(feed),
        .digest = {digest},
        .held_at_ms = held_at_ms,
    };
    adapters_board_take_order(world->board, &one);
}

static void hold(struct world *world, size_t feed, uint8_t digest, int64_t at_ms)
{
    struct bus_feed_status *status = adapters_board_status(world->board, feed);
    status->held = (struct bus_feed_held){.is_held = true, .digest = {digest}, .at_ms = at_ms};
    adapters_board_tell(world->board, feed);
}

static enum adapters_decision decision(struct world *world, size_t feed, uint8_t digest)
{
    const uint8_t whole[BUS_DIGEST_SIZE] = {digest};
    return adapters_board_decision(world->board, feed, whole);
}

static void every_feed_is_described_at_the_start_and_waits_to_be_told(void **state)
{
    struct world *world = *state;
    const struct bus_feed_status *status = adapters_board_status(world->board, 0);
    assert_string_equal(status->feed, "arrears");
    assert_string_equal(status->item, "arrears");
    assert_string_equal(status->source, "files");
    assert_true(adapters_board_is_changed(world->board));
    adapters_board_keep(world->board);
    assert_false(adapters_board_is_changed(world->board));
}

static void the_last_pause_or_resume_counts_for_its_feed_only(void **state)
{
    struct world *world = *state;
    order(world, BUS_FEED_PAUSE, "tax", "arrears", 0, 0);
    assert_true(adapters_board_is_paused(world->board, 0));
    assert_true(adapters_board_status(world->board, 0)->is_paused);
    assert_false(adapters_board_is_paused(world->board, 1));
    order(world, BUS_FEED_RESUME, "tax", "arrears", 0, 0);
    assert_false(adapters_board_is_paused(world->board, 0));
    order(world, BUS_FEED_PAUSE, "tax-2", "arrears", 0, 0);
    order(world, BUS_FEED_PAUSE, "tax", "arrear", 0, 0);
    assert_false(adapters_board_is_paused(world->board, 0));
}

static void a_decision_counts_for_the_list_that_is_held_and_no_other(void **state)
{
    struct world *world = *state;
    order(world, BUS_FEED_APPROVE, "tax", "arrears", 7, 100);
    assert_int_equal(decision(world, 0, 7), ADAPTERS_UNDECIDED); /* nothing is held */
    hold(world, 0, 7, 100);
    assert_int_equal(decision(world, 0, 7), ADAPTERS_APPROVED);
    assert_int_equal(decision(world, 0, 8), ADAPTERS_UNDECIDED);
    assert_int_equal(decision(world, 1, 7), ADAPTERS_UNDECIDED);
    order(world, BUS_FEED_REJECT, "tax", "arrears", 7, 100);
    assert_int_equal(decision(world, 0, 7), ADAPTERS_REJECTED);
}

/* What the same list would withdraw may be something else by now. */
static void a_decision_about_the_same_list_held_at_another_time_does_not_count(void **state)
{
    struct world *world = *state;
    order(world, BUS_FEED_APPROVE, "tax", "arrears", 7, 100);
    hold(world, 0, 7, 101);
    assert_int_equal(decision(world, 0, 7), ADAPTERS_UNDECIDED);
}

static void a_delivery_is_counted_and_ends_the_trouble(void **state)
{
    struct world *world = *state;
    const struct adapters_delivered delivered = {"a.csv", 10, 2, 7, 3, 1};
    adapters_board_trouble(world->board, 0, "中", "en");
    adapters_board_delivered(world->board, 0, &delivered);
    const struct bus_feed_status *status = adapters_board_status(world->board, 0);
    assert_string_equal(status->last_delivery, "a.csv");
    assert_int_equal(status->last_delivery_at_ms, NOW_MS);
    assert_int_equal(status->last_rows, 10);
    assert_int_equal(status->last_withdrawn, 3);
    assert_string_equal(status->trouble_zh, "");
}

static void a_transaction_given_up_takes_its_statuses_back_but_no_order_and_no_trouble(void **state)
{
    struct world *world = *state;
    const struct adapters_delivered delivered = {.name = "a.csv", .rows = 10};
    adapters_board_keep(world->board);
    adapters_board_delivered(world->board, 0, &delivered);
    hold(world, 1, 7, 100);
    order(world, BUS_FEED_PAUSE, "tax", "arrears", 0, 0);
    adapters_board_trouble(world->board, 1, "中", "en");
    adapters_board_forget(world->board);
    assert_int_equal(adapters_board_status(world->board, 0)->last_rows, 0);
    assert_false(adapters_board_status(world->board, 1)->held.is_held);
    assert_true(adapters_board_status(world->board, 0)->is_paused);
    assert_string_equal(adapters_board_status(world->board, 1)->trouble_en, "en");
    assert_true(adapters_board_is_changed(world->board)); /* both are still to be told */
}

static void a_trouble_that_was_told_is_not_told_again(void **state)
{
    struct world *world = *state;
    adapters_board_trouble(world->board, 0, "中", "en");
    adapters_board_keep(world->board);
    adapters_board_trouble(world->board, 0, "中", "en");
    assert_false(adapters_board_is_changed(world->board));
    adapters_board_trouble(world->board, 0, "中", "en\n\ton two lines");
    assert_string_equal(adapters_board_status(world->board, 0)->trouble_en, "en  on two lines");
    adapters_board_keep(world->board);
    adapters_board_trouble(world->board, 0, "中", "en\n\ton two lines");
    assert_false(adapters_board_is_changed(world->board));
    adapters_board_trouble(world->board, 0, "", "");
    assert_true(adapters_board_is_changed(world->board));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_feed_is_described_at_the_start_and_waits_to_be_told),
        TEST(the_last_pause_or_resume_counts_for_its_feed_only),
        TEST(a_decision_counts_for_the_list_that_is_held_and_no_other),
        TEST(a_decision_about_the_same_list_held_at_another_time_does_not_count),
        TEST(a_delivery_is_counted_and_ends_the_trouble),
        TEST(a_transaction_given_up_takes_its_statuses_back_but_no_order_and_no_trouble),
        TEST(a_trouble_that_was_told_is_not_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
