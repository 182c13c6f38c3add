#include "bus/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "tests/support/event_builder.h"

struct fixture {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    if (bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &fixture.catalogue, &error) != BUS_OK ||
        bus_views_create(fixture.catalogue, &fixture.views, &error) != BUS_OK) {
        print_error("%s\n", error.message);
        return -1;
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bus_views_destroy(fixture->views);
    bus_catalogue_destroy(fixture->catalogue);
    return 0;
}

static const struct bus_item *item(const struct fixture *fixture)
{
    return bus_catalogue_find_item(fixture->catalogue, "market", "penalty");
}

static const struct bus_view *court_view(const struct fixture *fixture)
{
    size_t count;
    const struct bus_view *const *views = bus_views_of(fixture->views, bus_item_current(item(fixture)), &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i]->grant->subscriber->name, "court") == 0)
            return views[i];
    return NULL;
}

/* An event of market/penalty whose every text is the field's own name, so that a leak shows. */
static void make_event(const struct bus_schema *schema, struct bus_buffer *buffer)
{
    struct bus_value values[256];
    struct bus_error error;
    for (size_t i = 0; i < bus_schema_field_count(schema); i++) {
        const struct bus_field *field = bus_schema_field(schema, i);
        values[i] = (struct bus_value){.type = field->value->type, .integer = 1};
        if (field->value->type == BUS_TYPE_FIXED || field->value->type == BUS_TYPE_BYTES)
            values[i].bytes = bus_bytes_of("0123456789abcdef", field->value->type == BUS_TYPE_FIXED ? 16 : 2);
        else
            values[i].bytes = bus_bytes_text(field->name);
        if (field->value->type == BUS_TYPE_ENUM)
            values[i].integer = 0;
    }
    assert_int_equal(bus_datum_encode(buffer, schema, values, &error), BUS_OK);
}

static void delivery_holds_the_granted_fields_and_no_other(void **state)
{
    const struct fixture *fixture = *state;
    const struct bus_view *view = court_view(fixture);
    assert_non_null(view);
    struct bus_buffer event, delivery;
    bus_buffer_init(&event, 1 << 20);
    bus_buffer_init(&delivery, 1 << 20);
    make_event(view->version->schema, &event);
    struct bus_span spans[256];
    struct bus_error error;
    assert_int_equal(bus_datum_walk(view->version->schema, bus_buffer_view(&event), spans, &error), BUS_OK);
    struct bus_delivery content = {
        .flags = 1u << BUS_FLAG_NAME_MISMATCH, .version = 7, .delivered_at_ms = 1700000000000};
    assert_int_equal(bus_view_project(view, &content, bus_buffer_view(&event), spans, &delivery, &error), BUS_OK);

    struct bus_bytes datum = bus_buffer_view(&delivery);
    struct bus_span fields[BUS_DELIVERY_FIELD_COUNT];
    assert_int_equal(bus_datum_walk(view->schema, datum, fields, &error), BUS_OK);
    struct bus_value version =
        bus_datum_value(bus_schema_field(view->schema, BUS_DELIVERY_VERSION), datum, fields[BUS_DELIVERY_VERSION]);
    assert_int_equal(version.integer, 7);
    struct bus_value catalogue =
        bus_datum_value(bus_schema_field(view->schema, BUS_DELIVERY_CATALOGUE), datum, fields[BUS_DELIVERY_CATALOGUE]);
    assert_true(bus_bytes_equal_text(catalogue.bytes, bus_catalogue_version_view(fixture->catalogue)));
    assert_non_null(memmem(datum.data, datum.length, "document_number", 15));
    for (size_t i = 0; i < bus_schema_field_count(view->version->schema); i++) {
        const struct bus_field *field = bus_schema_field(view->version->schema, i);
        bool granted = false;
        for (size_t g = 0; g < view->field_count; g++)
            granted |= view->field_indexes[g] == i;
        if (!granted && field->value->type == BUS_TYPE_STRING && strlen(field->name) > 8)
            assert_null(memmem(datum.data, datum.length, field->name, strlen(field->name)));
    }
    bus_buffer_release(&event);
    bus_buffer_release(&delivery);
}

static void withdrawal_holds_no_field(void **state)
{
    const struct bus_view *view = court_view(*state);
    struct bus_buffer delivery;
    bus_buffer_init(&delivery, 1 << 20);
    struct bus_error error;
    struct bus_delivery content = {.operation = BUS_DELIVERY_WITHDRAW, .reason = BUS_REASON_WITHDRAWN, .version = 8};
    assert_int_equal(bus_view_project(view, &content, bus_bytes_of(NULL, 0), NULL, &delivery, &error), BUS_OK);
    struct bus_bytes datum = bus_buffer_view(&delivery);
    struct bus_span spans[BUS_DELIVERY_FIELD_COUNT];
    assert_int_equal(bus_datum_walk(view->schema, datum, spans, &error), BUS_OK);
    struct bus_value fields =
        bus_datum_value(bus_schema_field(view->schema, BUS_DELIVERY_FIELDS), datum, spans[BUS_DELIVERY_FIELDS]);
    assert_int_equal(fields.type, BUS_TYPE_NULL);
    bus_buffer_release(&delivery);
}

static void every_view_has_a_fingerprint_of_its_own_within_its_subscriber(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < bus_views_count(fixture->views); i++) {
        const struct bus_view *view = bus_views_at(fixture->views, i);
        uint64_t fingerprint = bus_schema_fingerprint(view->schema);
        const struct bus_view *found = bus_views_find(fixture->views, view->grant->subscriber->name, fingerprint);
        /* Two versions of one item may look the same through one grant. */
        assert_ptr_equal(found->grant, view->grant);
        assert_ptr_equal(found->item, view->item);
    }
    assert_null(bus_views_find(fixture->views, "court", 0));
}

static void delivery_too_large_for_its_buffer_is_fatal(void **state)
{
    const struct bus_view *view = court_view(*state);
    struct bus_buffer delivery;
    bus_buffer_init(&delivery, 16);
    struct bus_error error;
    struct bus_delivery content = {.operation = BUS_DELIVERY_WITHDRAW};
    assert_int_equal(bus_view_project(view, &content, bus_bytes_of(NULL, 0), NULL, &delivery, &error), BUS_FATAL);
    bus_buffer_release(&delivery);
}

/* One event of the small catalogue's item with everything that can be cut down. */
static void fields_leave_cut_down_as_the_grant_says_and_no_further(void **state)
{
    (void)state;
    struct fixture small;
    struct bus_error error;
    if (bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg", &small.catalogue, &error) !=
            BUS_OK ||
        bus_views_create(small.catalogue, &small.views, &error) != BUS_OK)
        fail_msg("%s", error.message);
    const struct bus_item *policy = bus_catalogue_find_item(small.catalogue, "bureau", "policy");
    const struct bus_view *view = NULL;
    size_t count;
    const struct bus_view *const *views = bus_views_of(small.views, bus_item_current(policy), &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i]->grant->name, "masked") == 0)
            view = views[i];
    assert_non_null(view);
    const struct test_field given[] = {
        {"subject_name", "欧阳修"},   {"document_number", "A1"},        {"amount", "500"}, {"decided_on", NULL},
        {"telephone", "13877212345"}, {"occurred_at", "1767196800000"}, {NULL, NULL}};
    struct bus_buffer event, delivery, text;
    struct bus_span spans[256], outer[BUS_DELIVERY_FIELD_COUNT], inner[16];
    bus_buffer_init(&event, 1 << 20);
    bus_buffer_init(&delivery, 1 << 20);
    bus_buffer_init(&text, 1 << 20);
    test_event_build(policy, view->version, given, &event);
    assert_int_equal(bus_datum_walk(view->version->schema, bus_buffer_view(&event), spans, &error), BUS_OK);
    struct bus_delivery content = {.version = 1};
    assert_int_equal(bus_view_project(view, &content, bus_buffer_view(&event), spans, &delivery, &error), BUS_OK);

    struct bus_bytes datum = bus_buffer_view(&delivery);
    assert_int_equal(bus_datum_walk(view->schema, datum, outer, &error), BUS_OK);
    const struct bus_field *fields = bus_schema_field(view->schema, BUS_DELIVERY_FIELDS);
    struct bus_value record = bus_datum_value(fields, datum, outer[BUS_DELIVERY_FIELDS]);
    struct bus_span whole = {(uint32_t)(record.bytes.data - datum.data), (uint32_t)record.bytes.length};
    assert_int_equal(bus_datum_walk_record(fields->value, datum, whole, inner, &error), BUS_OK);
    for (size_t i = 0; i < fields->value->field_count; i++) {
        const struct bus_field *field = &fields->value->fields[i];
        struct bus_value value = bus_datum_value(field, datum, inner[i]);
        bus_buffer_printf(&text, "%s=", field->name);
        bus_datum_text(field->value, &value, &text);
        bus_buffer_printf(&text, " %s;", strrchr(field->doc, '(') != NULL ? strrchr(field->doc, '(') : "");
    }
    bus_buffer_u8(&text, 0);
    assert_string_equal((const char *)text.data,
                        "subject_name=欧** (masked);occurred_at=2026 (year only);document_number=A1 ;"
                        "amount=true (whether there is any);decided_on= (year only);");
    assert_null(memmem(datum.data, datum.length, "阳修", strlen("阳修")));
    bus_buffer_release(&event);
    bus_buffer_release(&delivery);
    bus_buffer_release(&text);
    bus_views_destroy(small.views);
    bus_catalogue_destroy(small.catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivery_holds_the_granted_fields_and_no_other),
        cmocka_unit_test(withdrawal_holds_no_field),
        cmocka_unit_test(fields_leave_cut_down_as_the_grant_says_and_no_further),
        cmocka_unit_test(every_view_has_a_fingerprint_of_its_own_within_its_subscriber),
        cmocka_unit_test(delivery_too_large_for_its_buffer_is_fatal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
