#include "subscribers/engine/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/delivery_builder.h"

static struct test_deliveries made;

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

static int64_t stands_still(void *self)
{
    (void)self;
    return 1790000000000;
}

static struct subscribers_batch new_batch(const char *subscriber)
{
    return (struct subscribers_batch){.subscriber = subscriber, .clock = {stands_still, NULL}};
}

/* A backlog of one piece: a PUT, a STATUS and whatever `last` is. */
static void fill(struct subscribers_backlog *backlog, struct bus_bytes last)
{
    struct bus_error error;
    struct bus_buffer value;
    bus_buffer_init(&value, BUS_DATUM_MAX_SIZE);
    struct subscribers_piece *piece = subscribers_piece_create(3);
    piece->first_leaf = 40;
    test_delivery_value(&made, BUS_DELIVERY_PUT, 1, 7, &value);
    assert_int_equal(subscribers_piece_append(piece, 100, test_delivery_record(1), bus_buffer_view(&value), &error),
                     BUS_OK);
    bus_buffer_reset(&value);
    test_delivery_value(&made, BUS_DELIVERY_STATUS, 1, 7, &value);
    assert_int_equal(subscribers_piece_append(piece, 101, test_delivery_record(1), bus_buffer_view(&value), &error),
                     BUS_OK);
    assert_int_equal(subscribers_piece_append(piece, 102, test_delivery_record(2), last, &error), BUS_OK);
    bus_buffer_release(&value);
    subscribers_backlog_add(backlog, piece, 5);
}

static void reads_every_delivery_with_its_place(void **state)
{
    (void)state;
    struct subscribers_backlog backlog = {0};
    struct subscribers_batch batch = new_batch("court");
    size_t pieces;
    struct bus_error error;
    struct bus_buffer last;
    bus_buffer_init(&last, BUS_DATUM_MAX_SIZE);
    test_delivery_value(&made, BUS_DELIVERY_WITHDRAW, 2, 9, &last);
    fill(&backlog, bus_buffer_view(&last));
    assert_int_equal(backlog.records, 3);
    assert_int_equal(subscribers_backlog_decode(&backlog, made.catalogues, &batch, &pieces, &error), BUS_OK);
    assert_int_equal(batch.count, 3);
    const struct subscribers_delivery *put = &batch.deliveries[0], *gone = &batch.deliveries[2];
    assert_int_equal(put->operation, BUS_DELIVERY_PUT);
    assert_int_equal(put->partition, 3);
    assert_int_equal(put->offset, 100);
    assert_int_equal(put->leaf, 40);
    assert_int_equal(put->version, 7);
    assert_int_equal(put->flags, 1u << BUS_FLAG_NAME_MISMATCH);
    assert_int_equal(put->delivered_at_ms, 1790000000123);
    assert_true(bus_bytes_equal_text(put->grant, "court-tax-arrears"));
    assert_non_null(put->fields.data);
    assert_int_equal(batch.deliveries[1].operation, BUS_DELIVERY_STATUS);
    assert_string_equal(subscribers_delivery_reason(&batch.deliveries[1]), "DISPUTED");
    assert_null(batch.deliveries[1].fields.data);
    assert_int_equal(gone->operation, BUS_DELIVERY_WITHDRAW);
    assert_int_equal(gone->leaf, 42);
    assert_memory_equal(gone->record, test_delivery_record(2), BUS_IDENTITY_SIZE);
    bus_buffer_release(&last);
    subscribers_batch_release(&batch);
    subscribers_backlog_drop(&backlog, SIZE_MAX);
}

static void refuses_only_the_delivery_that_is_no_datum(void **state)
{
    (void)state;
    struct subscribers_backlog backlog = {0};
    struct subscribers_batch batch = new_batch("court");
    size_t pieces;
    struct bus_error error;
    struct bus_buffer last;
    bus_buffer_init(&last, BUS_DATUM_MAX_SIZE);
    test_delivery_value(&made, BUS_DELIVERY_PUT, 2, 9, &last);
    last.length -= 1;
    fill(&backlog, bus_buffer_view(&last));
    assert_int_equal(subscribers_backlog_decode(&backlog, made.catalogues, &batch, &pieces, &error), BUS_OK);
    assert_false(subscribers_delivery_is_refused(&batch.deliveries[0]));
    assert_false(subscribers_delivery_is_refused(&batch.deliveries[1]));
    assert_true(subscribers_delivery_is_refused(&batch.deliveries[2]));
    bus_buffer_release(&last);
    subscribers_batch_release(&batch);
    subscribers_backlog_drop(&backlog, SIZE_MAX);
}

/* A piece of one record with bytes that name no view of the court's. */
static void add_unknown(struct subscribers_backlog *backlog)
{
    struct bus_error error;
    struct bus_buffer value;
    struct subscribers_piece *piece = subscribers_piece_create(4);
    bus_buffer_init(&value, BUS_DATUM_MAX_SIZE);
    test_delivery_value(&made, BUS_DELIVERY_PUT, 5, 1, &value);
    value.data[2] ^= 1; /* of the fingerprint */
    assert_int_equal(subscribers_piece_append(piece, 7, test_delivery_record(5), bus_buffer_view(&value), &error),
                     BUS_OK);
    subscribers_backlog_add(backlog, piece, 5);
    bus_buffer_release(&value);
}

static void decodes_up_to_the_piece_with_an_unknown_view(void **state)
{
    (void)state;
    struct subscribers_backlog backlog = {0};
    struct subscribers_batch batch = new_batch("court");
    size_t pieces;
    struct bus_error error;
    struct bus_buffer last;
    bus_buffer_init(&last, BUS_DATUM_MAX_SIZE);
    test_delivery_value(&made, BUS_DELIVERY_WITHDRAW, 2, 9, &last);
    fill(&backlog, bus_buffer_view(&last));
    add_unknown(&backlog);
    fill(&backlog, bus_buffer_view(&last));
    assert_int_equal(subscribers_backlog_decode(&backlog, made.catalogues, &batch, &pieces, &error), BUS_OK);
    assert_int_equal(batch.count, 3);
    assert_int_equal(pieces, 1);
    subscribers_batch_release(&batch);
    subscribers_backlog_drop(&backlog, 1);
    assert_int_equal(backlog.records, 4);
    assert_int_equal(subscribers_backlog_decode(&backlog, made.catalogues, &batch, &pieces, &error), BUS_RETRY);
    assert_int_equal(pieces, 0);
    subscribers_batch_release(&batch);
    subscribers_backlog_drop(&backlog, SIZE_MAX);
    assert_int_equal(backlog.bytes, 0);
    bus_buffer_release(&last);
}

static void an_unknown_view_is_told_with_its_grant_and_catalogue(void **state)
{
    (void)state;
    struct subscribers_backlog backlog = {0};
    struct subscribers_batch batch = new_batch("court");
    size_t pieces;
    struct bus_error error;
    add_unknown(&backlog);
    assert_int_equal(subscribers_backlog_decode(&backlog, made.catalogues, &batch, &pieces, &error), BUS_RETRY);
    assert_non_null(strstr(error.message, "offset 7 of partition 4"));
    assert_non_null(strstr(error.message, "court-tax-arrears"));
    assert_non_null(strstr(error.message, bus_catalogue_version_view(made.catalogue)));
    assert_non_null(strstr(error.message, "nothing is skipped"));
    assert_non_null(strstr(error.message_zh, bus_catalogue_version_view(made.catalogue)));
    subscribers_batch_release(&batch);
    subscribers_backlog_drop(&backlog, SIZE_MAX);
}

enum { DELIVERED_DAY = 20717 }; /* of the built deliveries, 2026-09-21 in Beijing */

static struct subscribers_advance new_advance(void)
{
    struct subscribers_advance advance = {.ledger = bus_ledger_create("agent/court/0", 3)};
    subscribers_position_init(&advance.position, 0);
    return advance;
}

static void release_advance(struct subscribers_advance *advance)
{
    bus_ledger_destroy(advance->ledger);
    subscribers_position_release(&advance->position);
}

static int64_t counted(const struct bus_ledger *ledger, int32_t day, enum bus_measure measure)
{
    const struct bus_book *book = bus_ledger_find(ledger, day);
    return book != NULL ? bus_book_count(book, "tax", "arrears", "court", measure) : -1;
}

static void counts_each_delivery_once_however_often_it_is_tried(void **state)
{
    (void)state;
    struct bus_error error;
    struct subscribers_delivery deliveries[] = {
        test_delivery(&made, BUS_DELIVERY_PUT, 1, 1, 0),
        test_delivery(&made, BUS_DELIVERY_PUT, 2, 1, 1),
        test_delivery(&made, BUS_DELIVERY_WITHDRAW, 1, 2, 2),
    };
    struct subscribers_advance advance = new_advance();
    struct subscribers_batch batch = new_batch("court");
    batch.deliveries = deliveries;
    batch.count = 3;
    batch.advances = &advance;
    batch.advance_count = 1;
    subscribers_delivery_refuse(&deliveries[1], "PG_23514");
    assert_int_equal(subscribers_batch_settle(&batch, &error), BUS_OK);
    assert_int_equal(subscribers_batch_settle(&batch, &error), BUS_OK);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY, BUS_MEASURE_APPLIED), 2);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY, BUS_MEASURE_REFUSED), 1);
    struct bus_ledger *stored = bus_ledger_create("agent/court/0", 3);
    struct bus_bytes books = bus_buffer_view(&advance.position.books);
    struct subscribers_refusals refusals;
    subscribers_refusals_init(&refusals);
    assert_int_equal(subscribers_refusals_read(&books, &refusals, &error), BUS_OK);
    assert_int_equal(refusals.count, 1);
    subscribers_refusals_release(&refusals);
    assert_int_equal(bus_ledger_decode(books, stored, &error), BUS_OK);
    assert_int_equal(bus_ledger_count(stored), 1);
    assert_int_equal(counted(stored, DELIVERED_DAY, BUS_MEASURE_APPLIED), 2);
    bus_ledger_destroy(stored);
    release_advance(&advance);
    test_deliveries_free(deliveries, 3);
}

static void counts_each_delivery_on_the_day_it_was_delivered(void **state)
{
    (void)state;
    enum { DAYS = 700 };
    struct bus_error error;
    struct subscribers_delivery delivery = test_delivery(&made, BUS_DELIVERY_PUT, 1, 1, 0), deliveries[DAYS + 2];
    struct subscribers_advance advance = new_advance();
    struct subscribers_batch batch = new_batch("court");
    batch.deliveries = deliveries;
    batch.count = DAYS + 2;
    batch.advances = &advance;
    batch.advance_count = 1;
    for (size_t i = 0; i < batch.count; i++) {
        deliveries[i] = delivery;
        deliveries[i].delivered_at_ms += (int64_t)(i % DAYS) * 24 * 60 * 60 * 1000;
    }
    assert_int_equal(subscribers_batch_settle(&batch, &error), BUS_OK);
    assert_int_equal(bus_ledger_count(advance.ledger), DAYS);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY, BUS_MEASURE_APPLIED), 2);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY + 1, BUS_MEASURE_APPLIED), 2);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY + 2, BUS_MEASURE_APPLIED), 1);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY + DAYS - 1, BUS_MEASURE_APPLIED), 1);
    release_advance(&advance);
    test_deliveries_free(&delivery, 1);
}

static void what_cannot_be_read_counts_on_the_day_it_came(void **state)
{
    (void)state;
    struct bus_error error;
    struct subscribers_delivery delivery = test_delivery(&made, BUS_DELIVERY_PUT, 1, 1, 0);
    struct subscribers_advance advance = new_advance();
    struct subscribers_batch batch = new_batch("court");
    batch.deliveries = &delivery;
    batch.count = 1;
    batch.advances = &advance;
    batch.advance_count = 1;
    delivery.delivered_at_ms = 0;
    subscribers_delivery_refuse(&delivery, "DATUM_SHORT");
    assert_int_equal(subscribers_batch_settle(&batch, &error), BUS_OK);
    assert_int_equal(bus_ledger_count(advance.ledger), 1);
    assert_int_equal(counted(advance.ledger, DELIVERED_DAY, BUS_MEASURE_REFUSED), 1);
    release_advance(&advance);
    test_deliveries_free(&delivery, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_delivery_with_its_place),
        cmocka_unit_test(refuses_only_the_delivery_that_is_no_datum),
        cmocka_unit_test(decodes_up_to_the_piece_with_an_unknown_view),
        cmocka_unit_test(an_unknown_view_is_told_with_its_grant_and_catalogue),
        cmocka_unit_test(counts_each_delivery_once_however_often_it_is_tried),
        cmocka_unit_test(counts_each_delivery_on_the_day_it_was_delivered),
        cmocka_unit_test(what_cannot_be_read_counts_on_the_day_it_came),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
