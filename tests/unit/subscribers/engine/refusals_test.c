#include "subscribers/engine/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka wants the first two above first */
#include <cmocka.h>

#include "tests/support/delivery_builder.h"

static struct test_deliveries made;
static struct bus_error error;

static int set_up(void **state)
{
    (void)state;
    test_deliveries_open(&made);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_deliveries_close(&made);
    return 0;
}

static void add(struct subscribers_refusals *refusals, uint64_t leaf, const char *code, const char *words)
{
    struct subscribers_delivery delivery = test_delivery(&made, BUS_DELIVERY_PUT, (int)leaf, 1, leaf);
    delivery.offset = (int64_t)leaf + 100;
    subscribers_delivery_refuse_because(&delivery, code, bus_bytes_text(words));
    subscribers_refusals_add(refusals, &delivery);
    free(delivery.words);
    test_deliveries_free(&delivery, 1);
}

static void what_is_stored_in_front_of_the_books_is_read_again(void **state)
{
    (void)state;
    struct subscribers_refusals refusals, read;
    struct subscribers_refusal refusal;
    struct bus_buffer stored;
    subscribers_refusals_init(&refusals);
    subscribers_refusals_init(&read);
    bus_buffer_init(&stored, 65536);
    add(&refusals, 4, "PG_23514", "违反约束 / breaks a constraint");
    add(&refusals, 9, "PROVINCE_REFUSED", "");
    subscribers_refusals_write(&refusals, &stored);
    bus_buffer_append(&stored, "the books", 9);
    struct bus_bytes books = bus_buffer_view(&stored);
    assert_int_equal(subscribers_refusals_read(&books, &read, &error), BUS_OK);
    assert_true(bus_bytes_equal_text(books, "the books"));
    assert_int_equal(read.count, 2);
    struct bus_cursor cursor = bus_cursor_of(bus_buffer_view(&read.list));
    assert_true(subscribers_refusals_next(&cursor, &refusal));
    assert_int_equal(refusal.leaf, 4);
    assert_int_equal(refusal.offset, 104);
    assert_memory_equal(refusal.record, test_delivery_record(4), BUS_IDENTITY_SIZE);
    assert_true(bus_bytes_equal_text(refusal.department, "tax"));
    assert_true(bus_bytes_equal_text(refusal.item, "arrears"));
    assert_true(bus_bytes_equal_text(refusal.code, "PG_23514"));
    assert_true(bus_bytes_equal_text(refusal.words, "违反约束 / breaks a constraint"));
    assert_true(subscribers_refusals_next(&cursor, &refusal));
    assert_int_equal(refusal.words.length, 0);
    assert_false(subscribers_refusals_next(&cursor, &refusal));
    bus_buffer_release(&stored);
    subscribers_refusals_release(&read);
    subscribers_refusals_release(&refusals);
}

static void books_without_refusals_are_left_alone(void **state)
{
    (void)state;
    struct subscribers_refusals refusals;
    struct bus_buffer stored;
    subscribers_refusals_init(&refusals);
    bus_buffer_init(&stored, 64);
    subscribers_refusals_write(&refusals, &stored);
    assert_int_equal(stored.length, 0);
    struct bus_bytes books = bus_bytes_text("plain books");
    assert_int_equal(subscribers_refusals_read(&books, &refusals, &error), BUS_OK);
    assert_true(bus_bytes_equal_text(books, "plain books"));
    assert_int_equal(refusals.count, 0);
    subscribers_refusals_release(&refusals);
}

static void what_is_cut_off_is_rejected(void **state)
{
    (void)state;
    struct subscribers_refusals refusals, read;
    struct bus_buffer stored;
    subscribers_refusals_init(&refusals);
    subscribers_refusals_init(&read);
    bus_buffer_init(&stored, 65536);
    add(&refusals, 4, "PG_23514", "words");
    subscribers_refusals_write(&refusals, &stored);
    struct bus_bytes books = bus_bytes_of(stored.data, stored.length - 1);
    assert_int_equal(subscribers_refusals_read(&books, &read, &error), BUS_REJECT);
    stored.length--; /* the list is shorter by one byte, and says so */
    bus_put_u32le(stored.data + 4, (uint32_t)(stored.length - 8));
    books = bus_buffer_view(&stored);
    assert_int_equal(subscribers_refusals_read(&books, &read, &error), BUS_REJECT);
    bus_buffer_release(&stored);
    subscribers_refusals_release(&read);
    subscribers_refusals_release(&refusals);
}

static void a_flood_is_bounded(void **state)
{
    (void)state;
    struct subscribers_refusals refusals;
    char words[SUBSCRIBERS_REASON_SIZE];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    subscribers_refusals_init(&refusals);
    for (int i = 0; i < 40000; i++)
        add(&refusals, (uint64_t)(i % 60), "PG_23514", words);
    assert_false(refusals.list.failed);
    assert_true(refusals.list.length <= SUBSCRIBERS_REFUSALS_MAX_SIZE);
    subscribers_refusals_release(&refusals);
}

static void a_receivers_words_are_cut_at_a_character_and_hold_no_controls(void **state)
{
    (void)state;
    struct subscribers_delivery delivery = test_delivery(&made, BUS_DELIVERY_PUT, 1, 1, 0);
    char words[3 * SUBSCRIBERS_REASON_SIZE] = "a\n";
    for (size_t i = 2; i + 3 < sizeof words; i += 3)
        memcpy(words + i, "错", 4);
    subscribers_delivery_refuse_because(&delivery, "CODE", bus_bytes_text(words));
    assert_non_null(delivery.words);
    assert_memory_equal(delivery.words, "a 错", 5);
    size_t length = strlen(delivery.words);
    assert_true(length < SUBSCRIBERS_REASON_SIZE && length > SUBSCRIBERS_REASON_SIZE - 5);
    assert_memory_equal(delivery.words + length - 3, "错", 3);
    subscribers_delivery_refuse_because(&delivery, "CODE", bus_bytes_text("\xFF\xFE"));
    assert_null(delivery.words); /* no text at all */
    test_deliveries_free(&delivery, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_in_front_of_the_books_is_read_again),
        cmocka_unit_test(books_without_refusals_are_left_alone),
        cmocka_unit_test(what_is_cut_off_is_rejected),
        cmocka_unit_test(a_flood_is_bounded),
        cmocka_unit_test(a_receivers_words_are_cut_at_a_character_and_hold_no_controls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
