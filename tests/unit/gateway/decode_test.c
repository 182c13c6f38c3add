#include "gateway/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "tests/support/stage.h"

#define NOTHING TEST_FIELDS({NULL, NULL})

static struct test_stage stage;

static int set_up(void **unused)
{
    (void)unused;
    test_stage_open(&stage, "schemas/catalogue.cfg");
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    test_stage_close(&stage);
    return 0;
}

static struct bus_bytes changed(struct bus_bytes value, size_t at, uint8_t byte)
{
    uint8_t *copy = bus_arena_allocate(stage.arena, value.length);
    assert_non_null(copy);
    memcpy(copy, value.data, value.length);
    copy[at] = byte;
    return bus_bytes_of(copy, value.length);
}

static void assert_refused(struct gateway_exchange exchange, const char *code)
{
    struct bus_error error;
    assert_int_equal(gateway_decode(stage.decode, &exchange, &error), BUS_REJECT);
    assert_string_equal(error.code, code);
    assert_true(error.message[0] != '\0' && error.message_zh[0] != '\0');
    assert_false(exchange.decoded);
}

static void finds_the_item_by_topic_and_the_version_by_fingerprint(void **unused)
{
    (void)unused;
    for (int version = 1; version <= 2; version++) {
        struct gateway_exchange exchange = test_stage_decoded(&stage, "tax/credit.grade", version, NOTHING);
        assert_ptr_equal(exchange.item, bus_catalogue_find_item(stage.catalogue, "tax", "credit.grade"));
        assert_int_equal(exchange.version->number, version);
        assert_true(exchange.decoded);
    }
    struct gateway_exchange transport = test_stage_decoded(&stage, "transport/penalty", 0, NOTHING);
    assert_string_equal(transport.item->department->name, "transport");
}

static void reads_every_field_of_the_envelope(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = test_stage_decoded(
        &stage, "market/licence", 0,
        TEST_FIELDS({"record_key", "market|A"}, {"version", "7"}, {"sequence", "9"}, {"operation", "WITHDRAW"},
                    {"subject_kind", "PERSON"}, {"subject_id", "11010519491231002X"}, {"subject_name", "某人"},
                    {"occurred_at", "1970-01-02T00:00:00Z"}, {"conduct_end_date", "1970-01-03"},
                    {"area_code", "450203"}, {"rule_version", "r1"}));
    const struct bus_event *event = &exchange.event;
    assert_true(bus_bytes_equal_text(event->record_key, "market|A"));
    assert_int_equal(event->version, 7);
    assert_int_equal(event->sequence, 9);
    assert_int_equal(event->operation, BUS_OPERATION_WITHDRAW);
    assert_int_equal(event->subject_kind, BUS_SUBJECT_PERSON);
    assert_true(bus_bytes_equal_text(event->subject_id, "11010519491231002X"));
    assert_true(bus_bytes_equal_text(event->subject_name, "某人"));
    assert_int_equal(event->occurred_at_ms, 86400000);
    assert_true(event->has_conduct_end_date);
    assert_int_equal(event->conduct_end_date, 2);
    assert_false(event->has_publicity_until);
    assert_true(bus_bytes_equal_text(event->area_code, "450203"));
    assert_true(bus_bytes_equal_text(event->rule_version, "r1"));
}

static void spans_cover_the_datum_from_frame_to_last_byte(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = test_stage_decoded(&stage, "court/dishonest.debtor", 0, NOTHING);
    size_t count = bus_schema_field_count(exchange.version->schema), next = BUS_FRAME_SIZE;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(exchange.spans[i].offset, next);
        next += exchange.spans[i].length;
    }
    assert_int_equal(next, exchange.value.length);
}

static void refuses_a_schema_that_is_not_this_items(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = test_stage_event(&stage, "tax/arrears", 0, NOTHING), other = exchange;
    exchange.value = changed(exchange.value, 2, (uint8_t)(exchange.value.data[2] ^ 1));
    assert_refused(exchange, "SCHEMA_UNKNOWN");
    other.topic = "xq.in.tax.payment"; /* published, but for another topic */
    assert_refused(other, "SCHEMA_UNKNOWN");
}

static void refuses_what_is_not_framed(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = test_stage_event(&stage, "tax/arrears", 0, NOTHING), broken = exchange;
    broken.value = (struct bus_bytes){NULL, 0};
    assert_refused(broken, "DATUM_FRAME");
    broken.value = bus_bytes_of(exchange.value.data, BUS_FRAME_SIZE - 1);
    assert_refused(broken, "DATUM_FRAME");
    broken.value = changed(exchange.value, 0, 0xc4);
    assert_refused(broken, "DATUM_FRAME");
    broken.value = changed(exchange.value, 1, 0x02);
    assert_refused(broken, "DATUM_FRAME");
}

static void refuses_what_is_too_long(void **unused)
{
    (void)unused;
    struct gateway_exchange exchange = test_stage_event(&stage, "tax/arrears", 0, NOTHING);
    uint8_t *bytes = bus_arena_allocate(stage.arena, BUS_DATUM_MAX_SIZE + 1);
    memset(bytes, 0, BUS_DATUM_MAX_SIZE + 1);
    memcpy(bytes, exchange.value.data, exchange.value.length);
    exchange.value = bus_bytes_of(bytes, BUS_DATUM_MAX_SIZE + 1);
    assert_refused(exchange, "DATUM_TOO_LONG");
    exchange.value.length--;
    assert_refused(exchange, "DATUM_TRAILING");
}

static void no_prefix_of_an_event_is_an_event(void **unused)
{
    (void)unused;
    struct gateway_exchange whole = test_stage_event(&stage, "market/licence", 0, NOTHING);
    for (size_t length = 0; length < whole.value.length; length++) {
        struct gateway_exchange exchange = whole;
        struct bus_error error;
        exchange.value.length = length;
        assert_int_equal(gateway_decode(stage.decode, &exchange, &error), BUS_REJECT);
        assert_false(exchange.decoded);
    }
}

/* Whatever a byte is changed to, the answer is a good event or a reason. */
static void no_changed_byte_does_more_than_refuse_its_event(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0xfe, 0xff};
    struct gateway_exchange whole = test_stage_event(&stage, "tax/arrears", 0, NOTHING);
    for (size_t at = 0; at < whole.value.length; at++)
        for (size_t i = 0; i < sizeof bytes; i++) {
            struct gateway_exchange exchange = whole;
            struct bus_error error;
            exchange.value = changed(whole.value, at, bytes[i]);
            enum bus_status status = gateway_decode(stage.decode, &exchange, &error);
            assert_true(status == BUS_OK || status == BUS_REJECT);
            assert_int_equal(exchange.decoded, status == BUS_OK);
        }
}

static void a_topic_outside_the_catalogue_is_our_mistake(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = test_stage_event(&stage, "tax/arrears", 0, NOTHING);
    exchange.topic = "xq.in.tax.arrear";
    assert_int_equal(gateway_decode(stage.decode, &exchange, &error), BUS_FATAL);
}

static void a_full_arena_is_fatal(void **unused)
{
    (void)unused;
    struct bus_error error;
    struct gateway_exchange exchange = test_stage_event(&stage, "tax/arrears", 0, NOTHING);
    exchange.arena = bus_arena_create(16);
    assert_non_null(exchange.arena);
    assert_int_equal(gateway_decode(stage.decode, &exchange, &error), BUS_FATAL);
    bus_arena_destroy(exchange.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_item_by_topic_and_the_version_by_fingerprint),
        cmocka_unit_test(reads_every_field_of_the_envelope),
        cmocka_unit_test(spans_cover_the_datum_from_frame_to_last_byte),
        cmocka_unit_test(refuses_a_schema_that_is_not_this_items),
        cmocka_unit_test(refuses_what_is_not_framed),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(no_prefix_of_an_event_is_an_event),
        cmocka_unit_test(no_changed_byte_does_more_than_refuse_its_event),
        cmocka_unit_test(a_topic_outside_the_catalogue_is_our_mistake),
        cmocka_unit_test(a_full_arena_is_fatal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
