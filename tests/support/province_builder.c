#include "tests/support/province_builder.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_SIZE = 64, MAX_FIELDS = 64, MAX_SPANS = 256 };
static const int64_t delivered_at_ms = 1795449600000; /* 2026-11-24 00:00 in Beijing */

static void need(enum bus_status status, const struct bus_error *error)
{
    if (status == BUS_OK)
        return;
    fprintf(stderr, "province_builder: %s\n", error->message);
    abort();
}

void test_province_open(struct test_province *province)
{
    struct bus_error error;
    need(
        subscribers_catalogues_open(XINQIAO_SOURCE "/schemas/catalogue.cfg", "province", &province->catalogues, &error),
        &error);
    province->catalogue = subscribers_catalogues_at(province->catalogues, 0);
    need(
        province_mapping_open(XINQIAO_SOURCE "/subscribers/receivers/province/mapping.cfg", &province->mapping, &error),
        &error);
}

void test_province_close(struct test_province *province)
{
    province_mapping_destroy(province->mapping);
    subscribers_catalogues_close(province->catalogues);
}

static const struct bus_view *find_view(const struct test_province *province, const struct bus_item *item)
{
    size_t count;
    const struct bus_view *const *views =
        bus_views_of(subscribers_catalogues_views_at(province->catalogues, 0), bus_item_current(item), &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i]->grant->subscriber->name, "province") == 0)
            return views[i];
    fprintf(stderr, "province_builder: the province has no %s\n", item->name);
    abort();
}

/* ── the event ── */

struct event_fields {
    struct test_field of[MAX_FIELDS];
    size_t count;
};

static void set(struct event_fields *fields, const char *name, const char *value)
{
    size_t at = 0;
    while (at < fields->count && strcmp(fields->of[at].name, name) != 0)
        at++;
    if (at == fields->count)
        fields->count++;
    fields->of[at] = (struct test_field){name, value};
    fields->of[fields->count] = (struct test_field){NULL, NULL};
}

static void set_penalty(struct event_fields *fields)
{
    static const struct test_field good[] = {
        {"subject_name", "柳州某某商贸有限公司"},
        {"party_kind", "法人及非法人组织"},
        {"credit_code", "91450200198229141F"},
        {"document_number", "柳市监罚〔2026〕12号"},
        {"violation", "虚假宣传"},
        {"facts", "发布虚假广告"},
        {"basis", "《广告法》第五十五条"},
        {"penalty_kinds", "警告;罚款"},
        {"fine_amount", "200000"}, /* 0.2 of 10,000 yuan */
        {"decided_on", "20780"},   /* 2026-11-23 */
        {"publicity_ends_on", "21145"},
        {"authority", "柳州市市场监督管理局"},
        {"source_unit", "柳州市市场监督管理局"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        set(fields, good[i].name, good[i].value);
}

static void build_event(const struct bus_view *view, const struct test_report *wanted, struct bus_buffer *event)
{
    struct event_fields fields = {.count = 0};
    char key[KEY_SIZE], version[KEY_SIZE], content[KEY_SIZE];
    snprintf(key, sizeof key, "%s|%d", view->item->department->name, wanted->number);
    snprintf(version, sizeof version, "%lld", (long long)wanted->version);
    snprintf(content, sizeof content, "罚款%lld元", (long long)wanted->version);
    set(&fields, "record_key", key);
    set(&fields, "version", version);
    if (strcmp(view->item->name, "penalty") == 0) {
        set_penalty(&fields);
        set(&fields, "content", content);
    }
    for (const struct test_field *field = wanted->fields; field != NULL && field->name != NULL; field++)
        set(&fields, field->name, field->value);
    test_event_build(view->item, view->version, fields.of, event);
}

/* ── the delivery ── */

static void build_value(const struct bus_view *view, const struct test_report *wanted, struct bus_buffer *buffer)
{
    struct bus_buffer event;
    struct bus_span spans[MAX_SPANS];
    struct bus_error error;
    bus_buffer_init(&event, BUS_DATUM_MAX_SIZE);
    build_event(view, wanted, &event);
    need(bus_datum_walk(view->version->schema, bus_buffer_view(&event), spans, &error), &error);
    struct bus_delivery delivery = {.operation = wanted->operation,
                                    .reason = wanted->reason,
                                    .flags = wanted->flags,
                                    .version = wanted->version,
                                    .delivered_at_ms = delivered_at_ms};
    need(bus_view_project(view, &delivery, bus_buffer_view(&event), spans, buffer, &error), &error);
    bus_buffer_release(&event);
}

struct subscribers_delivery test_province_delivery(const struct test_province *province,
                                                   const struct test_report *wanted)
{
    const char *department = wanted->department != NULL ? wanted->department : "market";
    const char *name = wanted->item != NULL ? wanted->item : "penalty";
    const struct bus_view *view = find_view(province, bus_catalogue_find_item(province->catalogue, department, name));
    struct subscribers_delivery delivery = {.leaf = wanted->leaf, .offset = (int64_t)wanted->leaf};
    struct bus_error error;
    struct bus_buffer bytes; /* value, record */
    uint8_t record[BUS_IDENTITY_SIZE] = {0};
    char key[KEY_SIZE];
    bus_buffer_init(&bytes, BUS_DATUM_MAX_SIZE);
    build_value(view, wanted, &bytes);
    size_t length = bytes.length;
    snprintf(key, sizeof key, "%s|%d", department, wanted->number);
    if (wanted->operation <= BUS_DELIVERY_STATUS)
        bus_event_identity(bus_bytes_text(name), bus_bytes_text(key), record);
    bus_buffer_append(&bytes, record, sizeof record);
    need(subscribers_delivery_read(view, bus_bytes_of(bytes.data, length), &delivery, &error), &error);
    delivery.record = bytes.data + length;
    return delivery;
}

void test_province_free(struct subscribers_delivery *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i].value.data);
}
