#include "tests/support/delivery_builder.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/event_builder.h"

enum { RECORDS = 64, MAX_FIELDS = 256, KEY_SIZE = 64 };
static const int64_t delivered_at_ms = 1790000000123;

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "delivery_builder: %s\n", error->message);
    abort();
}

void test_deliveries_open(struct test_deliveries *deliveries)
{
    test_deliveries_open_at(deliveries, XINQIAO_SOURCE "/schemas/catalogue.cfg");
}

void test_deliveries_open_at(struct test_deliveries *deliveries, const char *path)
{
    struct bus_error error;
    *deliveries = (struct test_deliveries){0};
    need(subscribers_catalogues_open(path, "court", &deliveries->catalogues, &error), &error);
    deliveries->catalogue = subscribers_catalogues_at(deliveries->catalogues, 0);
    deliveries->view = test_deliveries_view(deliveries, "tax", "arrears");
}

void test_deliveries_close(struct test_deliveries *deliveries)
{
    subscribers_catalogues_close(deliveries->catalogues);
}

const struct bus_view *test_deliveries_view(const struct test_deliveries *deliveries, const char *department,
                                            const char *item)
{
    const struct bus_item *found = bus_catalogue_find_item(deliveries->catalogue, department, item);
    size_t count;
    const struct bus_view *const *views =
        bus_views_of(subscribers_catalogues_views_at(deliveries->catalogues, 0), bus_item_current(found), &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i]->grant->subscriber->name, "court") == 0)
            return views[i];
    fprintf(stderr, "delivery_builder: the court has no %s.%s\n", department, item);
    abort();
}

/* The event that the delivery is about. */
static void build_event(const struct bus_view *view, int number, int64_t version, struct bus_buffer *event)
{
    char key[KEY_SIZE], name[KEY_SIZE], version_text[24], amount[24];
    snprintf(key, sizeof key, "%s|%d", view->item->department->name, number);
    snprintf(name, sizeof name, "某某公司%lld", (long long)version);
    snprintf(version_text, sizeof version_text, "%lld", (long long)version);
    snprintf(amount, sizeof amount, "%lld", (long long)version * 100);
    bool has_amount = bus_schema_find(view->version->schema, "arrears_amount") >= 0;
    const struct test_field fields[] = {
        {"record_key", key},    {"version", version_text},
        {"subject_name", name}, {has_amount ? "arrears_amount" : NULL, amount},
        {NULL, NULL},
    };
    test_event_build(view->item, view->version, fields, event);
}

static void build_value(const struct test_delivery *wanted, struct bus_buffer *buffer)
{
    struct bus_buffer event;
    struct bus_span spans[MAX_FIELDS];
    struct bus_error error;
    bus_buffer_init(&event, BUS_DATUM_MAX_SIZE);
    build_event(wanted->view, wanted->number, wanted->version, &event);
    need(bus_datum_walk(wanted->view->version->schema, bus_buffer_view(&event), spans, &error), &error);
    struct bus_delivery delivery = {.operation = wanted->operation,
                                    .reason = wanted->reason,
                                    .flags = wanted->flags,
                                    .version = wanted->version,
                                    .delivered_at_ms = delivered_at_ms};
    need(bus_view_project(wanted->view, &delivery, bus_buffer_view(&event), spans, buffer, &error), &error);
    bus_buffer_release(&event);
}

static void name_record(const struct bus_view *view, int number, uint8_t out_record[BUS_IDENTITY_SIZE])
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s|%d", view->item->department->name, number);
    bus_event_identity(bus_bytes_text(view->item->name), bus_bytes_text(key), out_record);
}

struct subscribers_delivery test_delivery_of(const struct test_deliveries *deliveries,
                                             const struct test_delivery *wanted)
{
    struct test_delivery whole = *wanted;
    struct subscribers_delivery delivery = {
        .partition = whole.partition, .leaf = whole.leaf, .offset = (int64_t)whole.leaf};
    struct bus_error error;
    struct bus_buffer bytes; /* value, record */
    uint8_t record[BUS_IDENTITY_SIZE] = {0};
    if (whole.view == NULL)
        whole.view = deliveries->view;
    bus_buffer_init(&bytes, BUS_DATUM_MAX_SIZE);
    build_value(&whole, &bytes);
    size_t length = bytes.length;
    if (whole.operation <= BUS_DELIVERY_STATUS)
        name_record(whole.view, whole.number, record);
    bus_buffer_append(&bytes, record, sizeof record);
    need(subscribers_delivery_read(whole.view, bus_bytes_of(bytes.data, length), &delivery, &error), &error);
    delivery.record = bytes.data + length;
    return delivery;
}

static struct test_delivery plain(const struct test_deliveries *deliveries, enum bus_delivery_operation operation,
                                  int number, int64_t version)
{
    return (struct test_delivery){.view = deliveries->view,
                                  .operation = operation,
                                  .reason = operation == BUS_DELIVERY_WITHDRAW ? BUS_REASON_WITHDRAWN
                                            : operation == BUS_DELIVERY_STATUS ? BUS_REASON_DISPUTED
                                                                               : BUS_REASON_NONE,
                                  .flags = 1u << BUS_FLAG_NAME_MISMATCH,
                                  .number = number,
                                  .version = version};
}

struct subscribers_delivery test_delivery(const struct test_deliveries *deliveries,
                                          enum bus_delivery_operation operation, int number, int64_t version,
                                          uint64_t leaf)
{
    struct test_delivery wanted = plain(deliveries, operation, number, version);
    wanted.leaf = leaf;
    return test_delivery_of(deliveries, &wanted);
}

void test_deliveries_free(struct subscribers_delivery *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i].value.data);
}

void test_delivery_value(const struct test_deliveries *deliveries, enum bus_delivery_operation operation, int number,
                         int64_t version, struct bus_buffer *buffer)
{
    struct test_delivery wanted = plain(deliveries, operation, number, version);
    build_value(&wanted, buffer);
}

const uint8_t *test_delivery_record(int number)
{
    static uint8_t records[RECORDS][BUS_IDENTITY_SIZE];
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "tax|%d", number);
    bus_event_identity(bus_bytes_text("arrears"), bus_bytes_text(key), records[number % RECORDS]);
    return records[number % RECORDS];
}
