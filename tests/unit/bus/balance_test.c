#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus/balance.h"

enum { MAX_FOUND = 16 };

static void add(struct bus_balance *balance, const char *book_name, const char *item, const char *subscriber,
                enum bus_measure measure, int64_t count)
{
    struct bus_error error;
    struct bus_book *book = bus_book_create(book_name);
    assert_true(bus_book_add(book, "market", item, subscriber, measure, count));
    assert_int_equal(bus_balance_add(balance, book, &error), BUS_OK);
    bus_book_destroy(book);
}

/* 100 rows: 2 refused by the adapter, 3 by the gateway, 5 seen before; court holds 90, of which it refused 1. */
static struct bus_balance *balanced(void)
{
    struct bus_balance *balance = bus_balance_create();
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_READ, 100);
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_PUBLISHED, 98);
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_QUARANTINED, 2);
    add(balance, "gateway/0", "penalty", "", BUS_MEASURE_CONSUMED, 60);
    add(balance, "gateway/1", "penalty", "", BUS_MEASURE_CONSUMED, 39);
    add(balance, "gateway/1", "penalty", "", BUS_MEASURE_REPLAYED, 1);
    add(balance, "gateway/0", "penalty", "", BUS_MEASURE_ACCEPTED, 91);
    add(balance, "gateway/0", "penalty", "", BUS_MEASURE_DUPLICATE, 3);
    add(balance, "gateway/1", "penalty", "", BUS_MEASURE_STALE, 2);
    add(balance, "gateway/1", "penalty", "", BUS_MEASURE_QUARANTINED, 3);
    add(balance, "gateway/0", "penalty", "court", BUS_MEASURE_DELIVERED, 90);
    add(balance, "agent/court/0", "penalty", "court", BUS_MEASURE_APPLIED, 89);
    add(balance, "agent/court/0", "penalty", "court", BUS_MEASURE_REFUSED, 1);
    return balance;
}

static void balances_when_every_row_has_one_end(void **state)
{
    (void)state;
    struct bus_mismatch found[MAX_FOUND];
    struct bus_balance *balance = balanced();
    assert_int_equal(bus_balance_mismatches(balance, found, MAX_FOUND), 0);
    assert_int_equal(bus_balance_row_count(balance), 1);
    const struct bus_balance_row *row = bus_balance_row_view(balance, 0);
    assert_int_equal(row->consumed, 99);
    assert_int_equal(row->refused_rows, 2);
    assert_int_equal(row->refused_events, 3);
    assert_int_equal(row->shares[0].applied, 89);
    assert_string_equal(bus_balance_subscriber_view(balance, 0), "court");
    bus_balance_destroy(balance);
}

static void nothing_balances(void **state)
{
    (void)state;
    struct bus_mismatch found[1];
    struct bus_balance *balance = bus_balance_create();
    assert_int_equal(bus_balance_mismatches(balance, found, 1), 0);
    bus_balance_destroy(balance);
}

/* One more of `measure` breaks exactly the equations in `expected`. */
static void breaks(const char *book, const char *subscriber, enum bus_measure measure, size_t count,
                   const char *expected)
{
    struct bus_mismatch found[MAX_FOUND];
    struct bus_balance *balance = balanced();
    add(balance, book, "penalty", subscriber, measure, 1);
    assert_int_equal(bus_balance_mismatches(balance, found, MAX_FOUND), count);
    assert_string_equal(bus_equation_text(found[0].equation), expected);
    assert_int_equal(found[0].left - found[0].right, found[0].left > found[0].right ? 1 : -1);
    assert_true(found[0].text_zh[0] != '\0' && found[0].text_en[0] != '\0');
    bus_balance_destroy(balance);
}

static void each_equation_breaks_alone(void **state)
{
    (void)state;
    breaks("adapter/market", "", BUS_MEASURE_READ, 1, "read = published + quarantined");
    breaks("adapter/market", "", BUS_MEASURE_QUARANTINED, 1, "read = published + quarantined");
    breaks("gateway/0", "", BUS_MEASURE_REPLAYED, 1, "consumed - replayed = published");
    breaks("gateway/0", "", BUS_MEASURE_ACCEPTED, 1, "consumed = accepted + duplicate + stale + quarantined");
    breaks("gateway/0", "", BUS_MEASURE_QUARANTINED, 1, "consumed = accepted + duplicate + stale + quarantined");
    breaks("gateway/0", "", BUS_MEASURE_GAP, 1, "lost = 0");
    breaks("agent/court/1", "court", BUS_MEASURE_APPLIED, 1, "delivered = applied + refused + under way");
    breaks("agent/court/1", "court", BUS_MEASURE_REFUSED, 1, "delivered = applied + refused + under way");
}

static void a_published_event_more_breaks_both_neighbours(void **state)
{
    (void)state;
    breaks("adapter/market", "", BUS_MEASURE_PUBLISHED, 2, "read = published + quarantined");
}

static void notices_do_not_count(void **state)
{
    (void)state;
    struct bus_mismatch found[1];
    struct bus_balance *balance = balanced();
    add(balance, "gateway/0", "penalty", "", BUS_MEASURE_NOTICE, 7);
    assert_int_equal(bus_balance_mismatches(balance, found, 1), 0);
    bus_balance_destroy(balance);
}

static void what_is_under_way_is_no_mismatch(void **state)
{
    (void)state;
    struct bus_mismatch found[1];
    struct bus_balance *balance = balanced();
    assert_int_equal(bus_balance_all_under_way(balance), 0);
    add(balance, "gateway/0", "penalty", "court", BUS_MEASURE_DELIVERED, 4);
    add(balance, "gateway/0", "penalty", "website", BUS_MEASURE_DELIVERED, 3);
    assert_int_equal(bus_balance_mismatches(balance, found, 1), 0);
    assert_int_equal(bus_balance_all_under_way(balance), 7);
    assert_int_equal(bus_balance_under_way(&bus_balance_row_view(balance, 0)->shares[0]), 4);
    bus_balance_destroy(balance);
}

static void what_one_applied_too_often_hides_nothing_that_is_under_way_to_another(void **state)
{
    (void)state;
    struct bus_mismatch found[1];
    struct bus_balance *balance = balanced();
    add(balance, "gateway/0", "penalty", "website", BUS_MEASURE_DELIVERED, 3);
    add(balance, "agent/court/0", "penalty", "court", BUS_MEASURE_APPLIED, 3);
    assert_int_equal(bus_balance_mismatches(balance, found, 1), 1);
    assert_int_equal(bus_balance_all_under_way(balance), 3);
    bus_balance_destroy(balance);
}

static void loss_never_balances_and_explains_what_the_gateway_did_not_take(void **state)
{
    (void)state;
    struct bus_mismatch found[MAX_FOUND];
    struct bus_balance *balance = balanced();
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_READ, 7);
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_PUBLISHED, 7);
    add(balance, "gateway/0", "penalty", "", BUS_MEASURE_GAP, 7);
    assert_int_equal(bus_balance_mismatches(balance, found, MAX_FOUND), 1);
    assert_int_equal(found[0].equation, BUS_EQUATION_LOST);
    assert_int_equal(found[0].left, 7);
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_READ, 1);
    add(balance, "adapter/market", "penalty", "", BUS_MEASURE_PUBLISHED, 1);
    assert_int_equal(bus_balance_mismatches(balance, found, MAX_FOUND), 2);
    assert_int_equal(found[1].equation, BUS_EQUATION_TAKEN);
    bus_balance_destroy(balance);
}

static void tells_of_all_mismatches_and_writes_no_more_than_asked(void **state)
{
    (void)state;
    struct bus_mismatch found[2];
    memset(found, 0x5a, sizeof found);
    struct bus_balance *balance = balanced();
    add(balance, "adapter/market", "licence", "", BUS_MEASURE_PUBLISHED, 1);
    assert_int_equal(bus_balance_mismatches(balance, found, 1), 2);
    assert_string_equal(bus_balance_row_view(balance, found[0].row)->item, "licence");
    assert_int_equal(((const unsigned char *)&found[1])[0], 0x5a);
    bus_balance_destroy(balance);
}

static void tells_of_one_equation_whether_it_fails(void **state)
{
    (void)state;
    struct bus_mismatch found;
    struct bus_balance *balance = balanced();
    add(balance, "agent/court/1", "penalty", "court", BUS_MEASURE_APPLIED, 2);
    assert_true(bus_balance_fails(balance, "market", "penalty", BUS_EQUATION_DELIVERED, "court", &found));
    assert_int_equal(found.right - found.left, 2);
    assert_false(bus_balance_fails(balance, "market", "penalty", BUS_EQUATION_DELIVERED, "website", &found));
    assert_false(bus_balance_fails(balance, "market", "penalty", BUS_EQUATION_ENDED, "", &found));
    assert_false(bus_balance_fails(balance, "market", "licence", BUS_EQUATION_DELIVERED, "court", &found));
    bus_balance_destroy(balance);
}

static void sorts_rows_and_adds_them_up(void **state)
{
    (void)state;
    struct bus_balance_row total;
    struct bus_balance *balance = balanced();
    add(balance, "adapter/market", "licence", "", BUS_MEASURE_READ, 5);
    add(balance, "adapter/market", "registration.basic", "", BUS_MEASURE_READ, 7);
    assert_string_equal(bus_balance_row_view(balance, 0)->item, "licence");
    assert_string_equal(bus_balance_row_view(balance, 1)->item, "penalty");
    assert_string_equal(bus_balance_row_view(balance, 2)->item, "registration.basic");
    bus_balance_total(balance, &total);
    assert_int_equal(total.read, 112);
    assert_int_equal(total.shares[0].delivered, 90);
    bus_balance_destroy(balance);
}

static void refuses_a_book_of_nobody(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_balance *balance = bus_balance_create();
    struct bus_book *book = bus_book_create("stranger/1");
    assert_int_equal(bus_balance_add(balance, book, &error), BUS_REJECT);
    bus_book_destroy(book);
    bus_balance_destroy(balance);
}

static void refuses_deliveries_to_nobody(void **state)
{
    (void)state;
    struct bus_error error;
    struct bus_balance *balance = bus_balance_create();
    struct bus_book *book = bus_book_create("gateway/1");
    assert_true(bus_book_add(book, "market", "penalty", "", BUS_MEASURE_DELIVERED, 1));
    assert_int_equal(bus_balance_add(balance, book, &error), BUS_FATAL);
    bus_book_destroy(book);
    bus_balance_destroy(balance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balances_when_every_row_has_one_end),
        cmocka_unit_test(nothing_balances),
        cmocka_unit_test(each_equation_breaks_alone),
        cmocka_unit_test(a_published_event_more_breaks_both_neighbours),
        cmocka_unit_test(notices_do_not_count),
        cmocka_unit_test(what_is_under_way_is_no_mismatch),
        cmocka_unit_test(what_one_applied_too_often_hides_nothing_that_is_under_way_to_another),
        cmocka_unit_test(loss_never_balances_and_explains_what_the_gateway_did_not_take),
        cmocka_unit_test(tells_of_all_mismatches_and_writes_no_more_than_asked),
        cmocka_unit_test(tells_of_one_equation_whether_it_fails),
        cmocka_unit_test(sorts_rows_and_adds_them_up),
        cmocka_unit_test(refuses_a_book_of_nobody),
        cmocka_unit_test(refuses_deliveries_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
