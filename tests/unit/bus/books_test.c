#include "bus/books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus/datum.h"

static struct bus_book *filled(void)
{
    struct bus_book *book = bus_book_create("gateway/3");
    assert_non_null(book);
    assert_true(bus_book_add(book, "market", "licence", "", BUS_MEASURE_CONSUMED, 10));
    assert_true(bus_book_add(book, "market", "licence", "court", BUS_MEASURE_DELIVERED, 7));
    assert_true(bus_book_add(book, "market", "licence", "", BUS_MEASURE_CONSUMED, 5));
    return book;
}

static void counts_by_department_item_subscriber_and_measure(void **state)
{
    (void)state;
    struct bus_book *book = filled();
    assert_string_equal(bus_book_name_view(book), "gateway/3");
    assert_int_equal(bus_book_count(book, "market", "licence", "", BUS_MEASURE_CONSUMED), 15);
    assert_int_equal(bus_book_count(book, "market", "licence", "court", BUS_MEASURE_DELIVERED), 7);
    assert_int_equal(bus_book_count(book, "market", "licence", "", BUS_MEASURE_DELIVERED), 0);
    assert_int_equal(bus_book_count(book, "tax", "licence", "", BUS_MEASURE_CONSUMED), 0);
    assert_int_equal(bus_book_entry_count(book), 2);
    struct bus_book_entry entry = bus_book_entry(book, 1);
    assert_string_equal(entry.subscriber, "court");
    assert_int_equal(entry.measure, BUS_MEASURE_DELIVERED);
    bus_book_destroy(book);
    bus_book_destroy(NULL);
}

static void an_aborted_transaction_takes_its_counts_with_it(void **state)
{
    (void)state;
    struct bus_book *book = filled();
    bus_book_mark(book);
    assert_true(bus_book_add(book, "market", "licence", "", BUS_MEASURE_CONSUMED, 100));
    assert_true(bus_book_add(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED, 1));
    bus_book_rewind(book);
    assert_int_equal(bus_book_count(book, "market", "licence", "", BUS_MEASURE_CONSUMED), 15);
    assert_int_equal(bus_book_count(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED), 0);
    assert_int_equal(bus_book_entry_count(book), 2);
    assert_true(bus_book_add(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED, 3));
    assert_int_equal(bus_book_count(book, "tax", "arrears", "", BUS_MEASURE_CONSUMED), 3);
    bus_book_destroy(book);
}

static void a_count_stays_within_64_bits(void **state)
{
    (void)state;
    struct bus_book *book = bus_book_create("b");
    assert_true(bus_book_add(book, "d", "i", "", BUS_MEASURE_GAP, INT64_MAX - 1));
    assert_true(bus_book_add(book, "d", "i", "", BUS_MEASURE_GAP, 5));
    assert_true(bus_book_count(book, "d", "i", "", BUS_MEASURE_GAP) == INT64_MAX);
    assert_true(bus_book_add(book, "d", "i", "", BUS_MEASURE_READ, INT64_MIN));
    assert_true(bus_book_add(book, "d", "i", "", BUS_MEASURE_READ, -1));
    assert_true(bus_book_count(book, "d", "i", "", BUS_MEASURE_READ) == INT64_MIN);
    bus_book_destroy(book);
}

static void keeps_many_entries_apart(void **state)
{
    (void)state;
    struct bus_book *book = bus_book_create("b");
    char item[16];
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 3000; i++) {
            snprintf(item, sizeof item, "item%d", i);
            assert_true(bus_book_add(book, "d", item, "", (enum bus_measure)(i % BUS_MEASURE_COUNT), i));
        }
    }
    assert_int_equal(bus_book_entry_count(book), 3000);
    for (int i = 0; i < 3000; i++) {
        snprintf(item, sizeof item, "item%d", i);
        assert_int_equal(bus_book_count(book, "d", item, "", (enum bus_measure)(i % BUS_MEASURE_COUNT)), 2 * i);
    }
    bus_book_destroy(book);
}

static void encodes_as_its_schema_says(void **state)
{
    (void)state;
    struct bus_book *book = filled();
    struct bus_schema *schema = NULL;
    struct bus_buffer buffer, text;
    struct bus_span spans[3];
    struct bus_error error;
    bus_buffer_init(&buffer, 4096);
    bus_buffer_init(&text, 4096);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/books.avsc", &schema, &error), BUS_OK);
    assert_int_equal(bus_book_encode(book, 1234567890123, &buffer, &error), BUS_OK);
    struct bus_bytes datum = bus_buffer_view(&buffer);
    uint64_t fingerprint = 0;
    assert_int_equal(bus_frame_fingerprint(datum, &fingerprint, &error), BUS_OK);
    assert_true(fingerprint == bus_schema_fingerprint(schema));
    if (bus_datum_walk(schema, datum, spans, &error) != BUS_OK)
        fail_msg("%s", error.message);
    const struct bus_field *entries = bus_schema_field(schema, (size_t)bus_schema_find(schema, "entries"));
    struct bus_value value = bus_datum_value(entries, datum, spans[2]);
    bus_datum_text(entries->value, &value, &text);
    assert_true(bus_bytes_equal_text(
        bus_buffer_view(&text),
        "[{\"department\":\"market\",\"item\":\"licence\",\"subscriber\":\"\",\"measure\":\"consumed\",\"count\":15},"
        "{\"department\":\"market\",\"item\":\"licence\",\"subscriber\":\"court\",\"measure\":\"delivered\",\"count\":7}]"));
    bus_buffer_release(&text);
    bus_buffer_release(&buffer);
    bus_schema_destroy(schema);
    bus_book_destroy(book);
}

static void decodes_what_it_encodes(void **state)
{
    (void)state;
    struct bus_book *book = filled(), *other = bus_book_create("other"), *empty = bus_book_create("empty");
    struct bus_buffer buffer;
    struct bus_error error;
    int64_t at_ms = 0;
    bus_buffer_init(&buffer, 4096);
    assert_true(bus_book_add(other, "x", "y", "z", BUS_MEASURE_GAP, 9));
    assert_int_equal(bus_book_encode(book, 1234567890123, &buffer, &error), BUS_OK);
    assert_int_equal(bus_book_decode(bus_buffer_view(&buffer), other, &at_ms, &error), BUS_OK);
    assert_true(at_ms == 1234567890123);
    assert_int_equal(bus_book_entry_count(other), 2);
    assert_int_equal(bus_book_count(other, "market", "licence", "", BUS_MEASURE_CONSUMED), 15);
    assert_int_equal(bus_book_count(other, "x", "y", "z", BUS_MEASURE_GAP), 0);
    bus_buffer_reset(&buffer);
    assert_int_equal(bus_book_encode(empty, 5, &buffer, &error), BUS_OK);
    assert_int_equal(bus_book_decode(bus_buffer_view(&buffer), other, &at_ms, &error), BUS_OK);
    assert_int_equal(bus_book_entry_count(other), 0);
    bus_buffer_release(&buffer);
    bus_book_destroy(book);
    bus_book_destroy(other);
    bus_book_destroy(empty);
}

static void refuses_what_is_no_book(void **state)
{
    (void)state;
    struct bus_book *book = filled(), *other = bus_book_create("other");
    struct bus_buffer buffer;
    struct bus_error error;
    int64_t at_ms;
    bus_buffer_init(&buffer, 4096);
    assert_int_equal(bus_book_encode(book, 5, &buffer, &error), BUS_OK);
    for (size_t length = 0; length < buffer.length; length++)
        assert_int_equal(bus_book_decode(bus_bytes_of(buffer.data, length), other, &at_ms, &error), BUS_REJECT);
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_book_decode(bus_buffer_view(&buffer), other, &at_ms, &error), BUS_REJECT);
    buffer.length--;
    buffer.data[5] ^= 1;
    assert_int_equal(bus_book_decode(bus_buffer_view(&buffer), other, &at_ms, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
    bus_book_destroy(book);
    bus_book_destroy(other);
}

static void stops_at_the_buffers_limit(void **state)
{
    (void)state;
    struct bus_book *book = filled();
    struct bus_buffer buffer;
    struct bus_error error;
    bus_buffer_init(&buffer, 30);
    assert_int_equal(bus_book_encode(book, 5, &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
    bus_book_destroy(book);
}

static void names_carry_writer_and_day(void **state)
{
    (void)state;
    char name[BUS_BOOK_NAME_SIZE], text[BUS_BOOK_DAY_SIZE];
    struct bus_bytes writer;
    int32_t day;
    bus_book_name("agent/court/3", 20781, name);
    assert_string_equal(name, "agent/court/3/2026-11-24");
    assert_true(bus_book_name_read(bus_bytes_text(name), &writer, &day));
    assert_true(bus_bytes_equal_text(writer, "agent/court/3"));
    assert_int_equal(day, 20781);
    bus_book_day_text(INT32_MIN, text);
    assert_string_equal(text, "0001-01-01");
    bus_book_day_text(INT32_MAX, text);
    assert_string_equal(text, "9999-12-31");
    bus_book_day_text(0, text);
    assert_string_equal(text, "1970-01-01");
}

static void a_name_without_a_day_is_no_books(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "2026-11-24",
                                        "/2026-11-24",
                                        "gateway/3",
                                        "gateway/3-2026-11-24",
                                        "gateway/3/2026-02-30",
                                        "gateway/3/2026-1-024",
                                        "gateway/3/2026:11:24",
                                        "gateway/3/2026-11-2x",
                                        "gateway/3/02026-11-24"};
    struct bus_bytes writer;
    int32_t day;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(bus_book_name_read(bus_bytes_text(names[i]), &writer, &day));
}

static void a_writer_that_is_too_long_is_cut_and_the_day_stays(void **state)
{
    (void)state;
    char writer[2 * BUS_BOOK_NAME_SIZE], name[BUS_BOOK_NAME_SIZE];
    struct bus_bytes found;
    int32_t day;
    memset(writer, 'x', sizeof writer - 1);
    writer[sizeof writer - 1] = '\0';
    bus_book_name(writer, 1, name);
    assert_true(bus_book_name_read(bus_bytes_text(name), &found, &day));
    assert_int_equal(day, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_carry_writer_and_day),
        cmocka_unit_test(a_name_without_a_day_is_no_books),
        cmocka_unit_test(a_writer_that_is_too_long_is_cut_and_the_day_stays),
        cmocka_unit_test(counts_by_department_item_subscriber_and_measure),
        cmocka_unit_test(an_aborted_transaction_takes_its_counts_with_it),
        cmocka_unit_test(a_count_stays_within_64_bits),
        cmocka_unit_test(keeps_many_entries_apart),
        cmocka_unit_test(encodes_as_its_schema_says),
        cmocka_unit_test(decodes_what_it_encodes),
        cmocka_unit_test(refuses_what_is_no_book),
        cmocka_unit_test(stops_at_the_buffers_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
