#include "adapters/sources/push/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/folder.h"

enum { CLIENT = 0, FEED = 0 };

/* Who waits for an answer. */
struct waiter {
    bool is_suspended, is_told, is_repeated;
    unsigned status;
    int retry_after_s;
};

struct world {
    char folder[TEST_FOLDER_SIZE];
    struct adapters_push_settings settings;
    struct adapters_feeds feeds;
    struct bus_catalogue *catalogue;
    struct adapters_push_desk *desk;
};

static void suspend(void *self)
{
    ((struct waiter *)self)->is_suspended = true;
}

static void tell(void *self, struct bus_http_reply *take_reply)
{
    struct waiter *waiter = self;
    assert_true(waiter->is_suspended && !waiter->is_told);
    waiter->is_told = true;
    waiter->status = take_reply->status;
    waiter->retry_after_s = take_reply->retry_after_s;
    waiter->is_repeated = bus_http_reply_header_view(take_reply, "Idempotency-Replayed") != NULL;
    bus_http_reply_release(take_reply);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    test_folder_make(world->folder);
    world->settings = (struct adapters_push_settings){.clients = {{.name = "vendor"}, {.name = "other"}},
                                                      .client_count = 2,
                                                      .max_waiting = 2,
                                                      .max_at_once = 3,
                                                      .requests_per_minute = 60,
                                                      .burst = 2,
                                                      .answer_ms = 60000,
                                                      .keep_hours = 1,
                                                      .keep_count = 100};
    snprintf(world->settings.state, sizeof world->settings.state, "%s", world->folder);
    assert_int_equal(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &world->catalogue, &error), BUS_OK);
    assert_int_equal(adapters_feeds_load(XINQIAO_SOURCE "/adapters/departments/market", NULL, world->catalogue,
                                         "market", &world->feeds, &error),
                     BUS_OK);
    world->desk = adapters_push_desk_create(&(struct adapters_push_desk_options){.settings = &world->settings,
                                                                                 .feeds = &world->feeds,
                                                                                 .clock = bus_clock_real(),
                                                                                 .suspend = suspend,
                                                                                 .tell = tell});
    assert_non_null(world->desk);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_push_desk_destroy(world->desk);
    adapters_feeds_release(&world->feeds);
    bus_catalogue_destroy(world->catalogue);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static struct adapters_push_delivery *receive(struct world *world, const char *key, const char *body)
{
    struct adapters_push_delivery *delivery = NULL;
    struct bus_error error;
    if (adapters_push_desk_begin(world->desk, CLIENT, FEED, bus_bytes_text(key), &delivery) != ADAPTERS_PUSH_PROBLEMS)
        return NULL;
    assert_int_equal(adapters_push_body_add(&delivery->body, bus_bytes_text(body), &error), BUS_OK);
    assert_int_equal(adapters_push_body_finish(&delivery->body, delivery->digest, &delivery->view, &error), BUS_OK);
    return delivery;
}

/* The status that is answered at once; 0: the waiter waits. */
static unsigned hand_in(struct world *world, const char *key, const char *body, struct waiter *waiter)
{
    struct bus_http_reply reply = {0};
    struct adapters_push_delivery *delivery = receive(world, key, body);
    assert_non_null(delivery);
    if (adapters_push_desk_hand_in(world->desk, delivery, waiter, &reply))
        return 0;
    unsigned status = reply.status;
    waiter->is_repeated = bus_http_reply_header_view(&reply, "Idempotency-Replayed") != NULL;
    bus_http_reply_release(&reply);
    return status;
}

/* Takes the next delivery as the engine would. */
static bool take(struct world *world)
{
    struct adapters_push_answer answer;
    struct bus_error error;
    struct adapters_push_delivery *delivery = adapters_push_desk_next(world->desk);
    if (delivery == NULL)
        return false;
    adapters_push_answer_init(&answer);
    assert_int_equal(adapters_push_answer_add(&answer, ADAPTERS_ROW_PUBLISHED, NULL, &error), BUS_OK);
    delivery->counts = answer.counts;
    bus_buffer_reset(&delivery->record);
    assert_int_equal(adapters_push_answer_encode(&answer, "feed", delivery->digest, bus_clock_real().now_ms(NULL),
                                                 &delivery->record, &error),
                     BUS_OK);
    adapters_push_answer_release(&answer);
    return true;
}

static void a_delivery_is_answered_behind_its_commit_only(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};
    assert_int_equal(hand_in(world, "a", "[]", &waiter), 0);
    assert_true(waiter.is_suspended && !waiter.is_told);
    assert_true(take(world));
    assert_false(take(world));
    assert_false(waiter.is_told);
    adapters_push_desk_committed(world->desk);
    assert_true(waiter.is_told);
    assert_int_equal(waiter.status, 200);
    struct adapters_push_feed feed;
    adapters_push_desk_feed(world->desk, FEED, &feed);
    assert_int_equal(feed.last.accepted, 1);
    assert_true(feed.last_at_ms > 0);
}

static void a_repetition_is_in_progress_then_answered_and_another_body_is_neither(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0}, again = {0};
    assert_int_equal(hand_in(world, "a", "[]", &waiter), 0);
    assert_int_equal(hand_in(world, "a", "[]", &again), 409);
    assert_int_equal(hand_in(world, "a", "[1]", &again), 422);
    assert_true(take(world));
    assert_int_equal(hand_in(world, "a", "[]", &again), 409);
    assert_int_equal(hand_in(world, "a", "[1]", &again), 422);
    adapters_push_desk_committed(world->desk);
    assert_int_equal(hand_in(world, "a", "[]", &again), 200);
    assert_true(again.is_repeated && !again.is_suspended);
    assert_int_equal(hand_in(world, "a", "[1]", &again), 422);
    assert_int_equal(hand_in(world, "b", "[1]", &again), 0);
    assert_true(take(world));
    adapters_push_desk_committed(world->desk);
}

static void what_was_given_up_is_taken_again_in_its_order(void **state)
{
    struct world *world = *state;
    struct waiter first = {0}, second = {0};
    assert_int_equal(hand_in(world, "a", "[1]", &first), 0);
    assert_int_equal(hand_in(world, "b", "[2]", &second), 0);
    assert_true(take(world));
    adapters_push_desk_aborted(world->desk);
    struct adapters_push_delivery *next = adapters_push_desk_next(world->desk);
    assert_non_null(strstr(next->source, "vendor/a"));
    adapters_push_desk_aborted(world->desk);
    assert_true(take(world) && take(world));
    assert_false(first.is_told || second.is_told);
    adapters_push_desk_committed(world->desk);
    assert_int_equal(first.status, 200);
    assert_int_equal(second.status, 200);
}

static void more_than_may_wait_is_told_to_come_again(void **state)
{
    struct world *world = *state;
    struct waiter waiters[3] = {0};
    assert_int_equal(hand_in(world, "a", "[1]", &waiters[0]), 0);
    assert_int_equal(hand_in(world, "b", "[2]", &waiters[1]), 0);
    assert_int_equal(hand_in(world, "c", "[3]", &waiters[2]), 503);
    assert_true(take(world));
    assert_int_equal(hand_in(world, "c", "[3]", &waiters[2]), 0);
    assert_true(take(world) && take(world));
    adapters_push_desk_committed(world->desk);
    assert_true(waiters[2].is_told);
}

static void a_client_has_so_many_deliveries_at_once_and_no_more(void **state)
{
    struct world *world = *state;
    struct adapters_push_delivery *deliveries[3], *more = NULL;
    for (int i = 0; i < 3; i++) {
        deliveries[i] = receive(world, "k", "[]");
        assert_non_null(deliveries[i]);
    }
    assert_int_equal(adapters_push_desk_begin(world->desk, CLIENT, FEED, bus_bytes_text("m"), &more),
                     ADAPTERS_PUSH_TOO_MANY_AT_ONCE);
    assert_int_equal(adapters_push_desk_begin(world->desk, CLIENT + 1, FEED, bus_bytes_text("m"), &more),
                     ADAPTERS_PUSH_PROBLEMS);
    adapters_push_delivery_destroy(more);
    adapters_push_delivery_destroy(deliveries[0]);
    deliveries[0] = receive(world, "k", "[]");
    for (int i = 0; i < 3; i++)
        adapters_push_delivery_destroy(deliveries[i]);
}

static void a_fast_client_is_slowed_down_and_no_other(void **state)
{
    struct world *world = *state;
    int retry_after_s;
    assert_int_equal(adapters_push_desk_admit(world->desk, 0, &retry_after_s), ADAPTERS_PUSH_PROBLEMS);
    assert_int_equal(adapters_push_desk_admit(world->desk, 0, &retry_after_s), ADAPTERS_PUSH_PROBLEMS);
    assert_int_equal(adapters_push_desk_admit(world->desk, 0, &retry_after_s), ADAPTERS_PUSH_TOO_FAST);
    assert_int_equal(retry_after_s, 1);
    assert_int_equal(adapters_push_desk_admit(world->desk, 1, &retry_after_s), ADAPTERS_PUSH_PROBLEMS);
}

static void a_paused_feed_takes_nothing_in(void **state)
{
    struct world *world = *state;
    struct waiter waiter = {0};
    struct adapters_push_delivery *delivery = NULL;
    assert_int_equal(hand_in(world, "a", "[]", &waiter), 0);
    adapters_push_desk_set_paused(world->desk, FEED, true);
    assert_int_equal(adapters_push_desk_begin(world->desk, CLIENT, FEED, bus_bytes_text("b"), &delivery),
                     ADAPTERS_PUSH_PAUSED);
    assert_non_null(adapters_push_desk_next(world->desk));
    adapters_push_desk_refuse(world->desk, ADAPTERS_PUSH_PAUSED);
    assert_true(waiter.is_told && waiter.status == 503 && waiter.retry_after_s > 0);
    adapters_push_desk_set_paused(world->desk, FEED, false);
    struct waiter again = {0};
    assert_int_equal(hand_in(world, "a", "[]", &again), 0);
}

static void who_waits_too_long_is_told_and_what_is_in_a_transaction_stays(void **state)
{
    struct world *world = *state;
    struct waiter taken = {0}, waiting = {0}, again = {0};
    world->settings.answer_ms = -1;
    assert_int_equal(hand_in(world, "a", "[1]", &taken), 0);
    assert_true(take(world));
    assert_int_equal(hand_in(world, "b", "[2]", &waiting), 0);
    adapters_push_desk_expire(world->desk);
    assert_true(taken.status == 503 && waiting.status == 503);
    assert_int_equal(hand_in(world, "a", "[1]", &again), 409); /* not known yet what becomes of it */
    adapters_push_desk_committed(world->desk);
    assert_int_equal(hand_in(world, "a", "[1]", &again), 200);
    assert_int_equal(hand_in(world, "b", "[2]", &again), 0); /* nothing was taken of it: it is new */
}

static void while_kafka_is_away_one_delivery_at_a_time_tries(void **state)
{
    struct world *world = *state;
    struct waiter first = {0}, second = {0};
    world->settings.max_waiting = 10;
    assert_int_equal(hand_in(world, "a", "[1]", &first), 0);
    assert_true(take(world));
    adapters_push_desk_aborted(world->desk);
    assert_int_equal(hand_in(world, "b", "[2]", &second), 0); /* it may be back in a moment */
    bus_clock_sleep_ms(2100);
    struct waiter third = {0};
    assert_int_equal(hand_in(world, "c", "[3]", &third), 503);
    assert_true(take(world) && take(world));
    adapters_push_desk_committed(world->desk);
    assert_int_equal(hand_in(world, "c", "[3]", &third), 0);
}

static void at_the_end_all_who_wait_are_told(void **state)
{
    struct world *world = *state;
    struct waiter taken = {0}, waiting = {0}, late = {0};
    struct adapters_push_delivery *receiving = receive(world, "c", "[3]");
    assert_int_equal(hand_in(world, "a", "[1]", &taken), 0);
    assert_true(take(world));
    assert_int_equal(hand_in(world, "b", "[2]", &waiting), 0);
    adapters_push_desk_close(world->desk);
    assert_true(taken.status == 503 && waiting.status == 503);
    struct bus_http_reply reply = {0};
    assert_false(adapters_push_desk_hand_in(world->desk, receiving, &late, &reply));
    assert_int_equal(reply.status, 503);
    bus_http_reply_release(&reply);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_delivery_is_answered_behind_its_commit_only),
        TEST(a_repetition_is_in_progress_then_answered_and_another_body_is_neither),
        TEST(what_was_given_up_is_taken_again_in_its_order),
        TEST(more_than_may_wait_is_told_to_come_again),
        TEST(a_client_has_so_many_deliveries_at_once_and_no_more),
        TEST(a_fast_client_is_slowed_down_and_no_other),
        TEST(a_paused_feed_takes_nothing_in),
        TEST(who_waits_too_long_is_told_and_what_is_in_a_transaction_stays),
        TEST(while_kafka_is_away_one_delivery_at_a_time_tries),
        TEST(at_the_end_all_who_wait_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
