#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/agent_order.h"
#include "bus/datum.h"

enum { FIELDS = 7 };

static const struct bus_agent_order skip = {
    .kind = BUS_AGENT_SKIP,
    .partition = 3,
    .leaf = INT64_C(5000000000),
    .officer = {(const uint8_t *)"wang", 4},
    .reason = {(const uint8_t *)"\xe5\xb7\xb2\xe6\xa0\xb8\xe5\xae\x9e", 9},
    .at_ms = 1795500000000,
};

/* As an officer would order it. */
static struct bus_agent_order of_kind(enum bus_agent_order_kind kind)
{
    struct bus_agent_order order = skip;
    order.kind = kind;
    if (kind != BUS_AGENT_SKIP)
        order.partition = -1, order.leaf = -1;
    if (kind == BUS_AGENT_RESEND)
        order.subject = bus_bytes_text("2026-11-23");
    return order;
}

static void write_one(const struct bus_agent_order *order, struct bus_buffer *buffer)
{
    struct bus_error error;
    bus_buffer_init(buffer, 16 * 1024);
    assert_int_equal(bus_agent_order_encode(order, buffer, &error), BUS_OK);
}

static void an_order_is_a_datum_of_its_schema(void **unused)
{
    (void)unused;
    struct bus_schema *schema = NULL;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    write_one(&skip, &buffer);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/agent_order.avsc", &schema, &error), BUS_OK);
    assert_true(bus_schema_fingerprint(schema) == BUS_AGENT_ORDER_FINGERPRINT);
    assert_int_equal(bus_schema_field_count(schema), FIELDS);
    assert_int_equal(bus_schema_field(schema, 0)->value->symbol_count, BUS_AGENT_ORDER_COUNT);
    for (int kind = 0; kind < BUS_AGENT_ORDER_COUNT; kind++)
        assert_string_equal(bus_schema_field(schema, 0)->value->symbols[kind],
                            bus_agent_order_name((enum bus_agent_order_kind)kind));
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(&buffer), spans, &error), BUS_OK);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, 2), bus_buffer_view(&buffer), spans[2]).integer,
                     skip.leaf);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, 6), bus_buffer_view(&buffer), spans[6]).integer,
                     skip.at_ms);
    bus_schema_destroy(schema);
    bus_buffer_release(&buffer);
}

static void an_order_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < BUS_AGENT_ORDER_COUNT; kind++) {
        struct bus_agent_order order = of_kind((enum bus_agent_order_kind)kind), read;
        struct bus_error error;
        struct bus_buffer buffer;
        write_one(&order, &buffer);
        assert_int_equal(bus_agent_order_decode(bus_buffer_view(&buffer), &read, &error), BUS_OK);
        assert_int_equal(read.kind, kind);
        assert_int_equal(read.partition, order.partition);
        assert_int_equal(read.leaf, order.leaf);
        assert_true(bus_bytes_equal(read.subject, order.subject));
        assert_true(bus_bytes_equal(read.officer, order.officer));
        assert_true(bus_bytes_equal(read.reason, order.reason));
        assert_int_equal(read.at_ms, order.at_ms);
        bus_buffer_release(&buffer);
    }
}

static void a_cut_or_longer_order_is_refused(void **unused)
{
    (void)unused;
    struct bus_agent_order order;
    struct bus_error error;
    struct bus_buffer buffer;
    write_one(&skip, &buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        assert_int_equal(bus_agent_order_decode(bus_bytes_of(buffer.data, length), &order, &error), BUS_REJECT);
        assert_string_equal(error.code, "AGENT_ORDER_MALFORMED");
    }
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_agent_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void an_unknown_kind_or_another_schema_is_refused(void **unused)
{
    (void)unused;
    struct bus_agent_order order;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_agent_order pause = of_kind(BUS_AGENT_PAUSE);
    write_one(&pause, &buffer);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_AGENT_ORDER_COUNT; /* zig-zag */
    assert_int_equal(bus_agent_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    buffer.data[BUS_FRAME_SIZE] = 2 * BUS_AGENT_RESUME;
    assert_int_equal(bus_agent_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_OK);
    buffer.data[BUS_FRAME_SIZE - 1] ^= 1;
    assert_int_equal(bus_agent_order_decode(bus_buffer_view(&buffer), &order, &error), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void only_a_skip_names_a_delivery_and_only_a_resend_a_day(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < BUS_AGENT_ORDER_COUNT; kind++) {
        struct bus_agent_order orders[3], read;
        for (size_t i = 0; i < 3; i++)
            orders[i] = of_kind((enum bus_agent_order_kind)kind);
        orders[0].partition = kind == BUS_AGENT_SKIP ? -1 : 0;
        orders[1].leaf = kind == BUS_AGENT_SKIP ? -1 : 0;
        orders[2].subject = bus_bytes_text("2026-11-23");
        for (size_t i = 0; i < 3; i++) {
            struct bus_error error;
            struct bus_buffer buffer;
            write_one(&orders[i], &buffer);
            assert_int_equal(bus_agent_order_decode(bus_buffer_view(&buffer), &read, &error),
                             kind == BUS_AGENT_RESEND && i == 2 ? BUS_OK : BUS_REJECT);
            bus_buffer_release(&buffer);
        }
    }
}

static void a_text_too_long_is_refused_before_it_is_written(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_agent_order order = skip;
    static uint8_t text[BUS_AGENT_ORDER_MAX_TEXT + 1];
    order.reason = bus_bytes_of(text, sizeof text);
    bus_buffer_init(&buffer, 16 * 1024);
    assert_int_equal(bus_agent_order_encode(&order, &buffer, &error), BUS_REJECT);
    assert_string_equal(error.code, "AGENT_ORDER_TEXT");
    assert_int_equal(buffer.length, 0);
    bus_buffer_release(&buffer);
}

static void a_full_buffer_is_our_fault(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 16);
    assert_int_equal(bus_agent_order_encode(&skip, &buffer, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

static void the_topic_is_named_after_the_subscriber(void **unused)
{
    (void)unused;
    char topic[BUS_AGENT_TOPIC_SIZE];
    bus_topic_agent("xq.", "court", topic);
    assert_string_equal(topic, "xq.agent.court");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_a_datum_of_its_schema),
        cmocka_unit_test(an_order_reads_back_as_it_was_written),
        cmocka_unit_test(a_cut_or_longer_order_is_refused),
        cmocka_unit_test(an_unknown_kind_or_another_schema_is_refused),
        cmocka_unit_test(only_a_skip_names_a_delivery_and_only_a_resend_a_day),
        cmocka_unit_test(a_text_too_long_is_refused_before_it_is_written),
        cmocka_unit_test(a_full_buffer_is_our_fault),
        cmocka_unit_test(the_topic_is_named_after_the_subscriber),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
