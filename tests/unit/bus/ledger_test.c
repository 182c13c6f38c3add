#include "bus/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DAY = 20781, KEEP = 3 }; /* 2026-11-24 */

static int set_up(void **state)
{
    *state = bus_ledger_create("gateway/3", KEEP);
    return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    bus_ledger_destroy(*state);
    bus_ledger_destroy(NULL);
    return 0;
}

static void add(struct bus_ledger *ledger, int32_t day, int64_t count)
{
    struct bus_book *book = bus_ledger_open(ledger, day);
    assert_non_null(book);
    assert_true(bus_book_add(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED, count));
}

/* -1: no book of that day. */
static int64_t counted(const struct bus_ledger *ledger, int32_t day)
{
    const struct bus_book *book = bus_ledger_find(ledger, day);
    return book != NULL ? bus_book_count(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED) : -1;
}

static void each_day_has_a_book_of_its_own_under_its_name(void **state)
{
    struct bus_ledger *ledger = *state;
    add(ledger, DAY, 1);
    add(ledger, DAY - 1, 2);
    add(ledger, DAY + 1, 4);
    add(ledger, DAY, 8);
    assert_int_equal(bus_ledger_count(ledger), 3);
    assert_int_equal(bus_ledger_day_at(ledger, 0), DAY - 1);
    assert_string_equal(bus_book_name_view(bus_ledger_book_at(ledger, 0)), "gateway/3/2026-11-23");
    assert_string_equal(bus_book_name_view(bus_ledger_book_at(ledger, 1)), "gateway/3/2026-11-24");
    assert_int_equal(counted(ledger, DAY), 9);
    assert_int_equal(counted(ledger, DAY - 1), 2);
    assert_int_equal(counted(ledger, DAY + 2), -1);
}

static void what_was_counted_since_the_mark_can_be_taken_back(void **state)
{
    struct bus_ledger *ledger = *state;
    add(ledger, DAY, 1);
    add(ledger, DAY + 2, 5);
    bus_ledger_mark(ledger);
    assert_int_equal(bus_ledger_open_from(ledger), INT32_MAX);
    add(ledger, DAY + 1, 7);
    add(ledger, DAY + 2, 10);
    assert_int_equal(bus_ledger_open_from(ledger), DAY + 1);
    assert_false(bus_ledger_is_open(ledger, 0));
    assert_true(bus_ledger_is_open(ledger, 2));
    bus_ledger_rewind(ledger);
    assert_int_equal(bus_ledger_count(ledger), 2);
    assert_int_equal(counted(ledger, DAY), 1);
    assert_int_equal(counted(ledger, DAY + 1), -1);
    assert_int_equal(counted(ledger, DAY + 2), 5);
    assert_int_equal(bus_ledger_open_from(ledger), INT32_MAX);
}

static void forgets_the_oldest_days_and_counts_for_them_in_the_earliest_held(void **state)
{
    struct bus_ledger *ledger = *state;
    assert_int_equal(bus_ledger_day(ledger, DAY), DAY);
    for (int32_t i = 0; i < 5; i++)
        add(ledger, DAY + i, 1);
    bus_ledger_mark(ledger);
    bus_ledger_forget(ledger);
    assert_int_equal(bus_ledger_count(ledger), KEEP);
    assert_int_equal(bus_ledger_day_at(ledger, 0), DAY + 2);
    assert_int_equal(bus_ledger_day(ledger, DAY), DAY + 2);
    assert_int_equal(bus_ledger_day(ledger, DAY + 3), DAY + 3);
    assert_int_equal(bus_ledger_day(ledger, DAY + 9), DAY + 9);
    bus_ledger_forget(ledger);
    assert_int_equal(bus_ledger_count(ledger), KEEP);
}

static void an_earlier_day_has_its_own_book_while_nothing_can_have_been_forgotten(void **state)
{
    struct bus_ledger *ledger = *state;
    add(ledger, DAY, 1);
    add(ledger, DAY + 1, 1);
    assert_int_equal(bus_ledger_day(ledger, DAY - 5), DAY - 5);
}

static void all_books_travel_in_one_piece(void **state)
{
    struct bus_ledger *ledger = *state, *other = bus_ledger_create("gateway/3", KEEP);
    struct bus_buffer buffer;
    struct bus_error error;
    bus_buffer_init(&buffer, 4096);
    add(ledger, DAY, 3);
    add(ledger, DAY + 1, 4);
    add(other, DAY + 7, 9);
    assert_int_equal(bus_ledger_encode(ledger, 1, &buffer, &error), BUS_OK);
    assert_int_equal(bus_ledger_decode(bus_buffer_view(&buffer), other, &error), BUS_OK);
    assert_int_equal(bus_ledger_count(other), 2);
    assert_int_equal(counted(other, DAY), 3);
    assert_int_equal(counted(other, DAY + 1), 4);
    bus_ledger_rewind(other);
    assert_int_equal(counted(other, DAY + 1), 4);
    assert_int_equal(bus_ledger_decode((struct bus_bytes){NULL, 0}, other, &error), BUS_OK);
    assert_int_equal(bus_ledger_count(other), 0);
    bus_buffer_release(&buffer);
    bus_ledger_destroy(other);
}

static void refuses_a_piece_that_is_broken_anywhere(void **state)
{
    struct bus_ledger *ledger = *state, *other = bus_ledger_create("gateway/3", KEEP);
    struct bus_buffer buffer;
    struct bus_error error;
    bus_buffer_init(&buffer, 4096);
    add(ledger, DAY, 3);
    size_t whole = 0;
    for (int32_t i = 0; i < 2; i++) {
        bus_buffer_reset(&buffer);
        add(ledger, DAY + i, 4);
        assert_int_equal(bus_ledger_encode(ledger, 1, &buffer, &error), BUS_OK);
        whole = i == 0 ? buffer.length : whole;
    }
    for (size_t length = 1; length < buffer.length; length++)
        if (length != whole)
            assert_int_equal(bus_ledger_decode(bus_bytes_of(buffer.data, length), other, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
    bus_ledger_destroy(other);
}

static void a_piece_beyond_its_limit_is_fatal(void **state)
{
    struct bus_ledger *ledger = *state;
    struct bus_buffer buffer;
    struct bus_error error;
    add(ledger, DAY, 3);
    for (size_t limit = 0; limit < 60; limit++) {
        bus_buffer_init(&buffer, limit);
        assert_int_equal(bus_ledger_encode(ledger, 1, &buffer, &error), BUS_FATAL);
        bus_buffer_release(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_day_has_a_book_of_its_own_under_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_counted_since_the_mark_can_be_taken_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_the_oldest_days_and_counts_for_them_in_the_earliest_held, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_earlier_day_has_its_own_book_while_nothing_can_have_been_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_books_travel_in_one_piece, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_piece_that_is_broken_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_piece_beyond_its_limit_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
