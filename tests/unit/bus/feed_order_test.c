#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/datum.h"
#include "bus/feed_order.h"

enum { FIELDS = 8 };

static const struct bus_feed_order approval = {
    .kind = BUS_FEED_APPROVE,
    .adapter = {(const uint8_t *)"tax", 3},
    .feed = {(const uint8_t *)"arrears", 7},
    .digest = {1, 2, 3},
    .held_at_ms = 1795400000000,
    .officer = {(const uint8_t *)"wang", 4},
    .reason = {(const uint8_t *)"\xe5\xb7\xb2\xe6\xa0\xb8\xe5\xae\x9e", 9},
    .at_ms = 1795500000000,
};

static void write_one(const struct bus_feed_order *order, struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, 16 * 1024);
    assert_int_equal(bus_feed_order_encode(order, buffer, &error), BUS_OK);
}

static void an_order_is_a_datum_of_its_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    write_one(&approval, &buffer);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/feed_order.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_FEED_ORDER_FINGERPRINT);
    assert_int_equal(bus_schema_field_count(schema), FIELDS);
    assert_int_equal(bus_schema_field(schema, 0)->value->symbol_count, BUS_FEED_ORDER_COUNT);
    for (int kind = 0; kind < BUS_FEED_ORDER_COUNT; kind++)
        assert_string_equal(bus_schema_field(schema, 0)->value->symbols[kind],
                            bus_feed_order_name((enum bus_feed_order_kind)kind));
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, 7), bus_buffer_view(&buffer), spans[7]).integer,
                     approval.at_ms);
    bus_schema_destroy(schema);
    bus_buffer_release(&buffer);
}

static void an_order_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < BUS_FEED_ORDER_COUNT; kind++) {
        struct bus_feed_order order = approval, read;
        struct bus_error error;
        struct bus_buffer buffer;
        order.kind = (enum bus_feed_order_kind)kind;
        write_one(&order, &buffer);
        assert_int_equal(bus_feed_order_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
        assert_int_equal(read.kind, kind);
        assert_true(bus_bytes_equal(read.adapter, order.adapter));
        assert_true(bus_bytes_equal(read.feed, order.feed));
        assert_true(bus_bytes_equal(read.officer, order.officer));
        assert_true(bus_bytes_equal(read.reason, order.reason));
        assert_int_equal(read.held_at_ms, order.held_at_ms);
        assert_int_equal(read.at_ms, order.at_ms);
        assert_int_equal(read.digest[2], kind == BUS_FEED_APPROVE || kind == BUS_FEED_REJECT ? 3 : 0);
        bus_buffer_release(&buffer);
    }
}

static void a_cut_or_longer_order_is_refused(void **unused)
{
    (void)unused;
    struct bus_feed_order order;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&approval, &buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        assert_int_equal(bus_feed_order_decode(bus_bytes_of(buffer.data, length), &order, &error), BUS_REJECT);
        assert_string_equal(error.code, "FEED_ORDER_MALFORMED");
    }
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_feed_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void an_unknown_kind_or_another_schema_is_refused(void **unused)
{
    (void)unused;
    struct bus_feed_order order;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&approval, &buffer);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_FEED_ORDER_COUNT; /* zig-zag */
    assert_int_equal(bus_feed_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_FEED_APPROVE;
    assert_int_equal(bus_feed_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_OK);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_FEED_PAUSE; /* a pause is about no list */
    assert_int_equal(bus_feed_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_FEED_APPROVE;
    buffer.data[BUS_FRAME_SIZE - 1] ^= 1;
    assert_int_equal(bus_feed_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void a_text_too_long_is_refused_before_it_is_written(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_feed_order order = approval;
    static uint8_t text[BUS_FEED_ORDER_MAX_TEXT + 1];
    order.reason = bus_bytes_of(text, sizeof text);
    bus_buffer_init(&buffer, 16 * 1024);
    assert_int_equal(bus_feed_order_encode(&order, &buffer, &error), BUS_REJECT);
    assert_string_equal(error.code, "FEED_ORDER_TEXT");
    assert_int_equal(buffer.length, 0);
    bus_buffer_release(&buffer);
}

static void a_full_buffer_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16);
    assert_int_equal(bus_feed_order_encode(&approval, &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_a_datum_of_its_schema),
        cmocka_unit_test(an_order_reads_back_as_it_was_written),
        cmocka_unit_test(a_cut_or_longer_order_is_refused),
        cmocka_unit_test(an_unknown_kind_or_another_schema_is_refused),
        cmocka_unit_test(a_text_too_long_is_refused_before_it_is_written),
        cmocka_unit_test(a_full_buffer_is_our_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
