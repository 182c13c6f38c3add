#include "tests/support/delivery_builder.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/event_builder.h"

enum { RECORDS = 64, MAX_FIELDS = 256 };

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "delivery_builder: %s\n", error->message);
    abort();
}

void test_deliveries_open(struct test_deliveries *deliveries)
{
    struct bus_error error;
    *deliveries = (struct test_deliveries){0};
    need(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &deliveries->catalogue, &error), &error);
    need(bus_views_create(deliveries->catalogue, &deliveries->views, &error), &error);
    size_t count;
    const struct bus_item *item = bus_catalogue_find_item(deliveries->catalogue, "tax", "arrears");
    const struct bus_view *const *views = bus_views_of(deliveries->views, bus_item_current(item), &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i]->grant->subscriber->name, "court") == 0)
            deliveries->view = views[i];
    if (deliveries->view == NULL)
        abort();
}

void test_deliveries_close(struct test_deliveries *deliveries)
{
    bus_views_destroy(deliveries->views);
    bus_catalogue_destroy(deliveries->catalogue);
}

void test_delivery_value(const struct test_deliveries *deliveries, enum bus_delivery_operation operation, int number,
                         int64_t version, struct bus_buffer *buffer)
{
    char key[32], version_text[24], amount[24];
    snprintf(key, sizeof key, "tax|%d", number);
    snprintf(version_text, sizeof version_text, "%lld", (long long)version);
    snprintf(amount, sizeof amount, "%lld", (long long)version * 100);
    const struct test_field fields[] = {
        {"record_key", key},          {"version", version_text},  {"subject_id", "000052791"},
        {"subject_name", "某某公司"}, {"arrears_amount", amount}, {"authority", "某税务局"},
        {"tax_kind", "增值税"},       {"as_of_month", "202609"},  {NULL, NULL},
    };
    struct bus_buffer event;
    struct bus_span spans[MAX_FIELDS];
    struct bus_error error;
    bus_buffer_init(&event, BUS_DATUM_MAX_SIZE);
    test_event_build(deliveries->view->item, deliveries->view->version, fields, &event);
    need(bus_datum_walk(deliveries->view->version->schema, bus_buffer_view(&event), spans, &error), &error);
    struct bus_delivery delivery = {.operation = operation,
                                    .reason = operation == BUS_DELIVERY_PUT        ? BUS_REASON_NONE
                                              : operation == BUS_DELIVERY_WITHDRAW ? BUS_REASON_WITHDRAWN
                                                                                   : BUS_REASON_DISPUTED,
                                    .flags = 1u << BUS_FLAG_NAME_MISMATCH,
                                    .version = version,
                                    .delivered_at_ms = 1790000000123};
    need(bus_view_project(deliveries->view, &delivery, bus_buffer_view(&event), spans, buffer, &error), &error);
    bus_buffer_release(&event);
}

const uint8_t *test_delivery_record(int number)
{
    static uint8_t records[RECORDS][BUS_IDENTITY_SIZE];
    uint8_t *record = records[number % RECORDS];
    char key[32];
    snprintf(key, sizeof key, "tax|%d", number);
    bus_event_identity(bus_bytes_text("arrears"), bus_bytes_text(key), record);
    return record;
}

struct subscribers_delivery test_delivery(const struct test_deliveries *deliveries,
                                          enum bus_delivery_operation operation, int number, int64_t version,
                                          uint64_t leaf)
{
    struct subscribers_delivery delivery = {0};
    struct bus_error error;
    struct bus_buffer value;
    bus_buffer_init(&value, BUS_DATUM_MAX_SIZE);
    test_delivery_value(deliveries, operation, number, version, &value);
    need(subscribers_delivery_read(deliveries->view, bus_buffer_view(&value), &delivery, &error), &error);
    delivery.record = test_delivery_record(number);
    delivery.leaf = leaf;
    delivery.offset = (int64_t)leaf;
    return delivery;
}

void test_deliveries_free(struct subscribers_delivery *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i].value.data);
}
