#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/batch.h"

enum { PARTITIONS = 4, MOST_RECORDS = 100, MOST_BYTES = 10000 };

static struct bus_catalogue *catalogue;
static struct gateway_batch *batch;

static int set_up_all(void **unused)
{
    (void)unused;
    struct bus_error error;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int tear_down_all(void **unused)
{
    (void)unused;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static int set_up(void **unused)
{
    (void)unused;
    struct gateway_batch_options options = {
        .catalogue = catalogue,
        .prefix = "xq.",
        .partitions = PARTITIONS,
        .max_records = MOST_RECORDS,
        .max_bytes = MOST_BYTES,
    };
    batch = gateway_batch_create(&options);
    return batch != NULL ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    gateway_batch_destroy(batch);
    return 0;
}

static enum bus_status add(const char *topic, int32_t partition, int64_t offset, const char *adapter)
{
    struct gateway_input input = {
        .topic = topic,
        .partition = partition,
        .offset = offset,
        .key = bus_bytes_text("0123456789abcdef"),
        .value = bus_bytes_text("an event"),
        .adapter = bus_bytes_text(adapter),
    };
    struct bus_error error;
    return gateway_batch_add(batch, &input, &error);
}

static void each_topic_and_partition_is_one_source_with_its_offsets(void **unused)
{
    (void)unused;
    assert_int_equal(add("xq.in.tax.arrears", 1, 10, "tax"), BUS_OK);
    assert_int_equal(add("xq.in.tax.payment", 1, 3, "tax"), BUS_OK);
    assert_int_equal(add("xq.in.tax.arrears", 2, 5, "tax"), BUS_OK);
    assert_int_equal(add("xq.in.tax.arrears", 1, 14, "tax"), BUS_OK); /* control records lie between */
    assert_int_equal(gateway_batch_count(batch), 4);
    assert_int_equal(gateway_batch_source_count(batch), 3);
    const struct gateway_source *source = gateway_batch_source(batch, 0);
    assert_string_equal(source->topic, "xq.in.tax.arrears");
    assert_string_equal(source->item->name, "arrears");
    assert_int_equal(source->first, 10);
    assert_int_equal(source->next, 15);
    assert_ptr_equal(gateway_batch_exchange(batch, 3)->source, source);
}

static void is_full_at_its_bounds(void **unused)
{
    (void)unused;
    for (int i = 0; i < MOST_RECORDS; i++) {
        assert_false(gateway_batch_is_full(batch));
        assert_int_equal(add("xq.in.tax.arrears", 0, i, "tax"), BUS_OK);
    }
    assert_true(gateway_batch_is_full(batch));
    assert_int_equal(add("xq.in.tax.arrears", 0, MOST_RECORDS, "tax"), BUS_FATAL);
    gateway_batch_reset(batch);
    assert_false(gateway_batch_is_full(batch));
    static uint8_t big[MOST_BYTES];
    struct gateway_input input = {.topic = "xq.in.tax.arrears", .value = bus_bytes_of(big, sizeof big)};
    struct bus_error error;
    assert_int_equal(gateway_batch_add(batch, &input, &error), BUS_OK);
    assert_true(gateway_batch_is_full(batch));
}

static void a_topic_or_partition_that_cannot_be_is_fatal(void **unused)
{
    (void)unused;
    assert_int_equal(add("xq.in.tax.none", 0, 0, "tax"), BUS_FATAL);
    assert_int_equal(add("yy.in.tax.arrears", 0, 0, "tax"), BUS_FATAL);
    assert_int_equal(add("xq.in.tax.arrears", PARTITIONS, 0, "tax"), BUS_FATAL);
    assert_int_equal(add("xq.in.tax.arrears", -1, 0, "tax"), BUS_FATAL);
}

static void an_adapter_name_that_is_none_is_left_out(void **unused)
{
    (void)unused;
    assert_int_equal(add("xq.in.tax.arrears", 0, 0, "tax-2.files"), BUS_OK);
    assert_int_equal(add("xq.in.tax.arrears", 0, 1, "two words"), BUS_OK);
    assert_int_equal(add("xq.in.tax.arrears", 0, 2, "税务"), BUS_OK);
    assert_int_equal(add("xq.in.tax.arrears", 0, 3,
                         "a-name-that-is-longer-than-any-name-of-an-adapter-can-reasonably-be-for-a-header"),
                     BUS_OK);
    assert_true(bus_bytes_equal_text(gateway_batch_exchange(batch, 0)->adapter, "tax-2.files"));
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(gateway_batch_exchange(batch, i)->adapter.length, 0);
}

/* Deliveries as authorise and project would have made them. */
static void give_deliveries(struct gateway_exchange *exchange, const struct bus_view *views, size_t count)
{
    exchange->deliveries = bus_arena_allocate(exchange->arena, count * sizeof *exchange->deliveries);
    exchange->delivery_count = count;
    for (size_t i = 0; i < count; i++)
        exchange->deliveries[i] = (struct gateway_delivery){.view = &views[i], .value = bus_bytes_text("delivery")};
}

static void each_log_gets_its_deliveries_in_the_order_of_the_events(void **unused)
{
    (void)unused;
    struct bus_grant grants[2] = {{.subscriber = bus_catalogue_find_subscriber(catalogue, "court")},
                                  {.subscriber = bus_catalogue_find_subscriber(catalogue, "website")}};
    struct bus_view views[2] = {{.grant = &grants[0]}, {.grant = &grants[1]}};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(add("xq.in.tax.arrears", i % 2, i, "tax"), BUS_OK);
        struct gateway_exchange *exchange = gateway_batch_exchange(batch, (size_t)i);
        exchange->record[0] = (uint8_t)i;
        give_deliveries(exchange, views, i == 5 ? 0 : i < 2 ? 2 : 1);
    }
    for (int round = 0; round < 2; round++) { /* asking leaves nothing behind */
        struct gateway_output *outputs;
        size_t count;
        struct bus_error error;
        assert_int_equal(gateway_batch_outputs(batch, &outputs, &count, &error), BUS_OK);
        assert_int_equal(count, 4);
        assert_string_equal(outputs[0].log, "xq.out.court/0");
        assert_string_equal(outputs[0].topic, "xq.out.court");
        assert_int_equal(outputs[0].count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(outputs[0].keys[i].data[0], 2 * i);
            assert_true(bus_bytes_equal_text(outputs[0].values[i], "delivery"));
        }
        assert_string_equal(outputs[1].log, "xq.out.website/0");
        assert_int_equal(outputs[1].count, 1);
        assert_string_equal(outputs[3].log, "xq.out.website/1");
    }
}

static void a_batch_without_deliveries_has_no_outputs(void **unused)
{
    (void)unused;
    struct gateway_output *outputs;
    size_t count = 1;
    struct bus_error error;
    assert_int_equal(add("xq.in.tax.arrears", 0, 0, "tax"), BUS_OK);
    assert_int_equal(gateway_batch_outputs(batch, &outputs, &count, &error), BUS_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_topic_and_partition_is_one_source_with_its_offsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_full_at_its_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_topic_or_partition_that_cannot_be_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_adapter_name_that_is_none_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_log_gets_its_deliveries_in_the_order_of_the_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_without_deliveries_has_no_outputs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
