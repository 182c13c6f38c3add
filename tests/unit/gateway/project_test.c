#include "gateway/project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "gateway/authorise.h"
#include "tests/support/stage.h"

enum { SCRATCH_BYTES = 1 << 20, MAX_FIELDS = 64 };

static struct test_stage stage;
static struct bus_buffer scratch;

static int set_up(void **unused)
{
    (void)unused;
    test_stage_open(&stage, "schemas/catalogue.cfg");
    bus_buffer_init(&scratch, SCRATCH_BYTES);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    bus_buffer_release(&scratch);
    test_stage_close(&stage);
    return 0;
}

/* Ready for project: to court, procurement, website and tender. */
static struct gateway_exchange registration(const char *operation, uint64_t holders)
{
    struct bus_error error;
    struct gateway_exchange exchange = test_stage_decoded(
        &stage, "market/registration.basic", 0,
        TEST_FIELDS({"operation", operation}, {"version", "7"}, {"legal_representative", "某甲"},
                    {"legal_representative_number", "11010519491231002X"}, {"business_scope", "软件开发"}));
    exchange.flags = 1u << BUS_FLAG_NAME_MISMATCH | 1u << BUS_FLAG_AREA_ENDED;
    exchange.holders_before = holders;
    exchange.entry.version = exchange.event.version; /* as reconcile leaves it */
    if (exchange.event.operation == BUS_OPERATION_WITHDRAW)
        exchange.entry.status = BUS_RECORD_WITHDRAWN;
    assert_int_equal(gateway_authorise(&(struct gateway_authorise){.views = stage.views}, &exchange, &error), BUS_OK);
    assert_int_equal(exchange.delivery_count, 4);
    return exchange;
}

static const struct gateway_delivery *delivery_to(const struct gateway_exchange *exchange, const char *subscriber)
{
    for (size_t i = 0; i < exchange->delivery_count; i++)
        if (strcmp(exchange->deliveries[i].view->grant->subscriber->name, subscriber) == 0)
            return &exchange->deliveries[i];
    return NULL;
}

static bool holds(const struct gateway_delivery *delivery, const char *text)
{
    return memmem(delivery->value.data, delivery->value.length, text, strlen(text)) != NULL;
}

/* The text of one field of the delivery, by its view's schema. */
static void assert_text(const struct gateway_delivery *delivery, enum bus_delivery_field index, const char *text)
{
    struct bus_span spans[BUS_DELIVERY_FIELD_COUNT];
    struct bus_error error;
    struct bus_buffer found;
    bus_buffer_init(&found, SCRATCH_BYTES);
    assert_int_equal(bus_datum_walk(delivery->view->schema, delivery->value, spans, &error), BUS_OK);
    const struct bus_field *field = bus_schema_field(delivery->view->schema, index);
    struct bus_value value = bus_datum_value(field, delivery->value, spans[index]);
    bus_datum_text(field->value, &value, &found);
    assert_true(bus_bytes_equal_text(bus_buffer_view(&found), text));
    bus_buffer_release(&found);
}

static void each_delivery_is_good_in_its_own_view(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = registration("PUT", 0);
    assert_int_equal(gateway_project(&scratch, &exchange, &error), BUS_OK);
    for (size_t i = 0; i < exchange.delivery_count; i++) {
        const struct gateway_delivery *delivery = &exchange.deliveries[i];
        uint64_t fingerprint;
        assert_int_equal(bus_frame_fingerprint(delivery->value, &fingerprint, &error), BUS_OK);
        assert_ptr_equal(bus_views_find(stage.views, delivery->view->grant->subscriber->name, fingerprint),
                         delivery->view);
        assert_text(delivery, BUS_DELIVERY_OPERATION, "PUT");
        assert_text(delivery, BUS_DELIVERY_REASON, "NONE");
        assert_text(delivery, BUS_DELIVERY_GRANT, delivery->view->grant->name);
        assert_text(delivery, BUS_DELIVERY_PURPOSE, delivery->view->grant->purpose);
        assert_text(delivery, BUS_DELIVERY_LEGAL_BASIS, delivery->view->grant->legal_basis);
        assert_text(delivery, BUS_DELIVERY_CATALOGUE, bus_catalogue_version_view(stage.catalogue));
        assert_text(delivery, BUS_DELIVERY_FLAGS, "[\"NAME_MISMATCH\",\"AREA_ENDED\"]");
        assert_text(delivery, BUS_DELIVERY_VERSION, "7");
        assert_text(delivery, BUS_DELIVERY_DELIVERED_AT, "2026-11-24T09:00:00.000Z");
    }
}

static void granted_fields_are_the_events_bytes_and_no_other_field_is_there(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = registration("PUT", 0);
    assert_int_equal(gateway_project(&scratch, &exchange, &error), BUS_OK);
    assert_true(holds(delivery_to(&exchange, "court"), "11010519491231002X"));
    assert_false(holds(delivery_to(&exchange, "procurement"), "11010519491231002X"));
    assert_false(holds(delivery_to(&exchange, "website"), "11010519491231002X"));
    assert_true(holds(delivery_to(&exchange, "procurement"), "软件开发"));
    assert_false(holds(delivery_to(&exchange, "website"), "软件开发"));
    assert_true(holds(delivery_to(&exchange, "website"), "某甲"));
    for (size_t i = 0; i < exchange.delivery_count; i++) {
        const struct gateway_delivery *delivery = &exchange.deliveries[i];
        const struct bus_field *fields = bus_schema_field(delivery->view->schema, BUS_DELIVERY_FIELDS);
        struct bus_span head[BUS_DELIVERY_FIELD_COUNT], inner[MAX_FIELDS];
        assert_int_equal(bus_datum_walk(delivery->view->schema, delivery->value, head, &error), BUS_OK);
        struct bus_span record = {head[BUS_DELIVERY_FIELDS].offset + 1, head[BUS_DELIVERY_FIELDS].length - 1};
        assert_int_equal(bus_datum_walk_record(fields->value, delivery->value, record, inner, &error), BUS_OK);
        assert_int_equal(fields->value->field_count, delivery->view->grant->field_count);
        for (size_t j = 0; j < fields->value->field_count; j++) {
            struct bus_span span = exchange.spans[delivery->view->field_indexes[j]];
            assert_int_equal(inner[j].length, span.length);
            assert_memory_equal(delivery->value.data + inner[j].offset, exchange.value.data + span.offset, span.length);
        }
    }
}

static void a_withdrawal_has_no_fields(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = registration("WITHDRAW", 1 << 0 | 1 << 1 | 1 << 2 | 1 << 5); /* the four */
    assert_int_equal(gateway_project(&scratch, &exchange, &error), BUS_OK);
    for (size_t i = 0; i < exchange.delivery_count; i++) {
        assert_text(&exchange.deliveries[i], BUS_DELIVERY_OPERATION, "WITHDRAW");
        assert_text(&exchange.deliveries[i], BUS_DELIVERY_REASON, "WITHDRAWN");
        assert_text(&exchange.deliveries[i], BUS_DELIVERY_FIELDS, "");
        assert_false(holds(&exchange.deliveries[i], "某甲"));
        assert_false(holds(&exchange.deliveries[i], TEST_SAMPLE_NAME));
    }
}

static void no_delivery_no_work(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = registration("PUT", 0);
    exchange.delivery_count = 0;
    assert_int_equal(gateway_project(&scratch, &exchange, &error), BUS_OK);
    assert_null(exchange.deliveries[0].value.data);
}

static void what_is_left_in_the_scratch_buffer_never_shows(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange first = registration("PUT", 0), second = registration("PUT", 0);
    bus_buffer_append(&scratch, "left over", 9);
    assert_int_equal(gateway_project(&scratch, &first, &error), BUS_OK);
    assert_int_equal(gateway_project(&scratch, &second, &error), BUS_OK);
    for (size_t i = 0; i < first.delivery_count; i++)
        assert_true(bus_bytes_equal(first.deliveries[i].value, second.deliveries[i].value));
}

static void a_buffer_at_its_limit_and_a_full_arena_are_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct bus_buffer small;
    bus_buffer_init(&small, 32);
    struct gateway_exchange exchange = registration("PUT", 0);
    assert_int_equal(gateway_project(&small, &exchange, &error), BUS_FATAL);
    bus_buffer_release(&small);
    exchange.arena = bus_arena_create(16);
    assert_non_null(exchange.arena);
    assert_int_equal(gateway_project(&scratch, &exchange, &error), BUS_FATAL);
    bus_arena_destroy(exchange.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_delivery_is_good_in_its_own_view),
        cmocka_unit_test(granted_fields_are_the_events_bytes_and_no_other_field_is_there),
        cmocka_unit_test(a_withdrawal_has_no_fields),
        cmocka_unit_test(no_delivery_no_work),
        cmocka_unit_test(what_is_left_in_the_scratch_buffer_never_shows),
        cmocka_unit_test(a_buffer_at_its_limit_and_a_full_arena_are_fatal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
