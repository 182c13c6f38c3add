#include "gateway/state/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/folder.h"

enum { DAY = 20781, MAP_BYTES = 64 << 20, MEMORY = 16 << 20 }; /* 2026-11-24 */

static char folder[TEST_FOLDER_SIZE];
static struct gateway_recent *recent;
static struct bus_overlay *overlay;
static struct gateway_ledger *ledger;
static int64_t next;

static int set_up(void **unused)
{
    (void)unused;
    struct bus_error error;
    test_folder_make(folder);
    if (gateway_recent_open(folder, MAP_BYTES, &recent, &error) != BUS_OK)
        return -1;
    overlay = bus_overlay_create(MEMORY);
    ledger = gateway_ledger_create(3, recent);
    next = 0;
    return overlay != NULL && ledger != NULL ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_ledger_destroy(ledger);
    gateway_ledger_destroy(NULL);
    bus_overlay_destroy(overlay);
    gateway_recent_close(recent, false);
    test_folder_remove(folder);
    return 0;
}

static struct bus_book *book_of(int32_t day)
{
    struct bus_book *book;
    struct bus_error error;
    assert_int_equal(gateway_ledger_book(ledger, day, &book, &error), BUS_OK);
    return book;
}

static void add(int32_t day, int64_t count)
{
    assert_true(bus_book_add(book_of(day), "tax", "arrears", "", BUS_MEASURE_CONSUMED, count));
}

static int64_t counted(int32_t day)
{
    return bus_book_count(book_of(day), "tax", "arrears", "", BUS_MEASURE_CONSUMED);
}

/* As a batch that commits: how many books it wrote. */
static size_t commit(void)
{
    size_t count;
    struct bus_error error;
    assert_int_equal(gateway_ledger_changes(ledger, 1, overlay, &error), BUS_OK);
    struct bus_slot **slots = bus_overlay_changed(overlay, &count);
    assert_int_equal(gateway_recent_add(recent, slots, count, ++next, &error), BUS_OK);
    bus_overlay_reset(overlay);
    gateway_ledger_commit(ledger);
    return count;
}

static void a_batch_writes_the_books_of_its_days_and_no_others(void **unused)
{
    (void)unused;
    add(DAY, 1);
    add(DAY + 1, 2);
    assert_int_equal(commit(), 2);
    add(DAY + 1, 4);
    struct bus_error error;
    assert_int_equal(gateway_ledger_changes(ledger, 1, overlay, &error), BUS_OK);
    size_t count;
    struct bus_slot **slots = bus_overlay_changed(overlay, &count);
    assert_int_equal(count, 1);
    assert_true(bus_bytes_equal_text(slots[0]->key, "C2026-11-25"));
    char name[BUS_BOOK_NAME_SIZE];
    gateway_ledger_name(3, slots[0]->key, name);
    assert_string_equal(name, "gateway/3/2026-11-25");
    assert_string_equal(bus_book_name_view(book_of(DAY + 1)), name);
}

static void a_batch_that_counts_nothing_writes_nothing(void **unused)
{
    (void)unused;
    add(DAY, 1);
    assert_int_equal(commit(), 1);
    assert_int_equal(commit(), 0);
}

static void an_aborted_batch_takes_its_counts_with_it(void **unused)
{
    (void)unused;
    add(DAY, 1);
    commit();
    add(DAY, 10);
    add(DAY + 1, 10);
    gateway_ledger_discard(ledger);
    assert_int_equal(counted(DAY), 1);
    assert_int_equal(counted(DAY + 1), 0);
}

static void an_old_day_is_opened_again_as_it_was(void **unused)
{
    (void)unused;
    for (int32_t day = DAY; day < DAY + 20; day++) {
        add(day, day - DAY + 1);
        assert_int_equal(commit(), 1);
    }
    for (int32_t day = DAY; day < DAY + 20; day++)
        assert_int_equal(counted(day), day - DAY + 1);
    gateway_ledger_discard(ledger);
    add(DAY, 100);
    commit();
    gateway_ledger_clear(ledger);
    assert_int_equal(counted(DAY), 101);
    assert_int_equal(counted(DAY + 19), 20);
}

static void what_changed_behind_it_is_read_after_it_was_cleared(void **unused)
{
    (void)unused;
    struct bus_error error;
    add(DAY, 1);
    commit();
    struct gateway_ledger *other = gateway_ledger_create(3, recent);
    struct bus_book *book;
    assert_int_equal(gateway_ledger_book(other, DAY, &book, &error), BUS_OK);
    assert_true(bus_book_add(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED, 6));
    struct gateway_ledger *mine = ledger;
    ledger = other;
    commit();
    ledger = mine;
    gateway_ledger_destroy(other);
    gateway_ledger_clear(ledger);
    assert_int_equal(counted(DAY), 7);
}

static void a_broken_book_in_the_store_is_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    size_t count;
    struct bus_slot *slot = bus_overlay_slot(overlay, bus_bytes_text("C2026-11-24"));
    assert_true(bus_overlay_change(overlay, slot, bus_bytes_text("no book")));
    struct bus_slot **slots = bus_overlay_changed(overlay, &count);
    assert_int_equal(gateway_recent_add(recent, slots, count, 1, &error), BUS_OK);
    struct bus_book *book;
    assert_int_equal(gateway_ledger_book(ledger, DAY, &book, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "gateway/3/2026-11-24"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_writes_the_books_of_its_days_and_no_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_that_counts_nothing_writes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_aborted_batch_takes_its_counts_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_day_is_opened_again_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_changed_behind_it_is_read_after_it_was_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_book_in_the_store_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
