#include "bus/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <xxhash.h>

#include "bus/digest.h"

static struct bus_schema *schema;

static int load(void **state)
{
    (void)state;
    return bus_schema_load(XINQIAO_SOURCE "/schemas/envelope.avsc", &schema, NULL) == BUS_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    bus_schema_destroy(schema);
    return 0;
}

static struct bus_value number(enum bus_type type, int64_t integer)
{
    return (struct bus_value){.type = type, .integer = integer};
}

static struct bus_value text(const char *content)
{
    return (struct bus_value){.type = BUS_TYPE_STRING, .bytes = bus_bytes_text(content)};
}

static void sample(struct bus_value values[BUS_ENVELOPE_FIELDS])
{
    values[BUS_ENVELOPE_EVENT_ID] =
        (struct bus_value){.type = BUS_TYPE_FIXED, .bytes = bus_bytes_of("0123456789abcdef", 16)};
    values[BUS_ENVELOPE_RECORD_KEY] = text("market|1");
    values[BUS_ENVELOPE_VERSION] = number(BUS_TYPE_LONG, 7);
    values[BUS_ENVELOPE_SEQUENCE] = number(BUS_TYPE_LONG, 99);
    values[BUS_ENVELOPE_OPERATION] = number(BUS_TYPE_ENUM, BUS_OPERATION_WITHDRAW);
    values[BUS_ENVELOPE_SUBJECT_KIND] = number(BUS_TYPE_ENUM, BUS_SUBJECT_PERSON);
    values[BUS_ENVELOPE_SUBJECT_ID] = text("11010519491231002X");
    values[BUS_ENVELOPE_SUBJECT_NAME] = text("某某");
    values[BUS_ENVELOPE_OCCURRED_AT] = number(BUS_TYPE_LONG, 1000);
    values[BUS_ENVELOPE_SOURCE_COMMITTED_AT] = number(BUS_TYPE_LONG, 2000);
    values[BUS_ENVELOPE_PUBLISHED_AT] = number(BUS_TYPE_LONG, 3000);
    values[BUS_ENVELOPE_CONDUCT_END_DATE] = number(BUS_TYPE_NULL, 0);
    values[BUS_ENVELOPE_PUBLICITY_UNTIL] = number(BUS_TYPE_INT, 20000);
    values[BUS_ENVELOPE_RULE_VERSION] = text("2026");
    values[BUS_ENVELOPE_AREA_CODE] = text("450203");
}

static void encode(const struct bus_value *values, struct bus_buffer *buffer, struct bus_span *spans)
{
    bus_buffer_init(buffer, BUS_DATUM_MAX_SIZE);
    assert_int_equal(bus_datum_encode(buffer, schema, values, NULL), BUS_OK);
    assert_int_equal(bus_datum_walk(schema, bus_buffer_view(buffer), spans, NULL), BUS_OK);
}

static uint64_t digest_of(const struct bus_value *values)
{
    struct bus_buffer buffer;
    struct bus_span spans[BUS_ENVELOPE_FIELDS];
    encode(values, &buffer, spans);
    uint64_t digest = bus_event_digest(bus_buffer_view(&buffer), spans);
    bus_buffer_release(&buffer);
    return digest;
}

static void reads_every_envelope_field(void **state)
{
    (void)state;
    struct bus_value values[BUS_ENVELOPE_FIELDS];
    struct bus_span spans[BUS_ENVELOPE_FIELDS];
    struct bus_buffer buffer;
    struct bus_event event;
    sample(values);
    encode(values, &buffer, spans);
    bus_event_read(schema, bus_buffer_view(&buffer), spans, &event);
    assert_memory_equal(event.event_id, "0123456789abcdef", 16);
    assert_true(bus_bytes_equal_text(event.record_key, "market|1"));
    assert_int_equal(event.version, 7);
    assert_int_equal(event.sequence, 99);
    assert_int_equal(event.operation, BUS_OPERATION_WITHDRAW);
    assert_int_equal(event.subject_kind, BUS_SUBJECT_PERSON);
    assert_true(bus_bytes_equal_text(event.subject_id, "11010519491231002X"));
    assert_true(bus_bytes_equal_text(event.subject_name, "某某"));
    assert_int_equal(event.occurred_at_ms, 1000);
    assert_int_equal(event.source_committed_at_ms, 2000);
    assert_int_equal(event.published_at_ms, 3000);
    assert_false(event.has_conduct_end_date);
    assert_true(event.has_publicity_until);
    assert_int_equal(event.publicity_until, 20000);
    assert_true(bus_bytes_equal_text(event.rule_version, "2026"));
    assert_true(bus_bytes_equal_text(event.area_code, "450203"));
    bus_buffer_release(&buffer);
}

static void digest_ignores_what_transport_changes(void **state)
{
    (void)state;
    static const int transport[] = {BUS_ENVELOPE_EVENT_ID, BUS_ENVELOPE_RECORD_KEY,          BUS_ENVELOPE_VERSION,
                                    BUS_ENVELOPE_SEQUENCE, BUS_ENVELOPE_SOURCE_COMMITTED_AT, BUS_ENVELOPE_PUBLISHED_AT};
    struct bus_value values[BUS_ENVELOPE_FIELDS];
    sample(values);
    uint64_t digest = digest_of(values);
    for (size_t i = 0; i < sizeof transport / sizeof *transport; i++) {
        struct bus_value *value = &values[transport[i]];
        if (value->type == BUS_TYPE_LONG)
            value->integer += 123456;
        else
            value->bytes = bus_bytes_of("another key 1234", 16);
        assert_true(digest_of(values) == digest);
    }
}

static void digest_sees_every_other_field(void **state)
{
    (void)state;
    static const int content[] = {
        BUS_ENVELOPE_OPERATION,       BUS_ENVELOPE_SUBJECT_KIND, BUS_ENVELOPE_SUBJECT_ID,
        BUS_ENVELOPE_SUBJECT_NAME,    BUS_ENVELOPE_OCCURRED_AT,  BUS_ENVELOPE_CONDUCT_END_DATE,
        BUS_ENVELOPE_PUBLICITY_UNTIL, BUS_ENVELOPE_RULE_VERSION, BUS_ENVELOPE_AREA_CODE};
    for (size_t i = 0; i < sizeof content / sizeof *content; i++) {
        struct bus_value values[BUS_ENVELOPE_FIELDS];
        sample(values);
        uint64_t digest = digest_of(values);
        struct bus_value *value = &values[content[i]];
        if (value->type == BUS_TYPE_STRING)
            *value = text("x");
        else if (value->type == BUS_TYPE_ENUM)
            value->integer = 0;
        else
            *value = number(content[i] == BUS_ENVELOPE_OCCURRED_AT ? BUS_TYPE_LONG : BUS_TYPE_INT, 5);
        assert_true(digest_of(values) != digest);
    }
}

/* Short events are hashed in one call and long ones in a stream: both are XXH3 of the same bytes. */
static void digest_is_one_function_of_the_bytes(void **state)
{
    (void)state;
    static char name[8400];
    static uint8_t whole[16384];
    memset(name, 'a', sizeof name);
    for (size_t length = 8000; length < sizeof name; length += 7) {
        struct bus_value values[BUS_ENVELOPE_FIELDS];
        struct bus_span spans[BUS_ENVELOPE_FIELDS];
        struct bus_buffer buffer;
        sample(values);
        values[BUS_ENVELOPE_SUBJECT_NAME].bytes = bus_bytes_of(name, length);
        encode(values, &buffer, spans);
        size_t start = spans[BUS_ENVELOPE_OPERATION].offset, gap = spans[BUS_ENVELOPE_SOURCE_COMMITTED_AT].offset;
        size_t resume = spans[BUS_ENVELOPE_CONDUCT_END_DATE].offset;
        memcpy(whole, buffer.data + start, gap - start);
        memcpy(whole + (gap - start), buffer.data + resume, buffer.length - resume);
        assert_true(bus_event_digest(bus_buffer_view(&buffer), spans) ==
                    XXH3_64bits(whole, gap - start + buffer.length - resume));
        bus_buffer_release(&buffer);
    }
}

static void identities_are_the_first_half_of_sm3(void **state)
{
    (void)state;
    uint8_t identity[BUS_IDENTITY_SIZE], event_id[BUS_IDENTITY_SIZE], expected[BUS_DIGEST_SIZE];
    bus_event_identity(bus_bytes_text("licence"), bus_bytes_text("market|1"), identity);
    bus_digest(BUS_HASH_SM3, bus_bytes_of("licence\0market|1", 16), expected);
    assert_memory_equal(identity, expected, sizeof identity);
    bus_event_make_id(bus_bytes_text("licence"), bus_bytes_text("market|1"), -42, event_id);
    bus_digest(BUS_HASH_SM3, bus_bytes_of("licence\0market|1\0-42", 20), expected);
    assert_memory_equal(event_id, expected, sizeof event_id);
}

static void assert_envelope(const char *text_of_schema, bool good)
{
    struct bus_schema *other = NULL;
    struct bus_error error;
    assert_int_equal(bus_schema_parse(bus_bytes_text(text_of_schema), "test", &other, &error), BUS_OK);
    assert_int_equal(bus_event_check_schema(other, &error), good ? BUS_OK : BUS_REJECT);
    if (!good)
        assert_string_equal(error.code, "ENVELOPE");
    bus_schema_destroy(other);
}

/* The envelope's own text with one piece of it replaced. */
static void assert_broken_by(const char *piece, const char *replacement)
{
    struct bus_bytes whole = bus_schema_text_view(schema);
    char source[16384], changed[16384];
    snprintf(source, sizeof source, "%.*s", (int)whole.length, (const char *)whole.data);
    char *found = strstr(source, piece);
    assert_non_null(found);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(found - source), source, replacement, found + strlen(piece));
    assert_envelope(changed, false);
}

static void an_item_must_begin_with_the_envelope(void **state)
{
    (void)state;
    assert_int_equal(bus_event_check_schema(schema, NULL), BUS_OK);
    assert_envelope("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}", false);
    assert_broken_by("\"size\": 16", "\"size\": 20");
    assert_broken_by("\"record_key\", \"type\": \"string\"", "\"record_key\", \"type\": \"bytes\"");
    assert_broken_by("\"version\", \"type\": \"long\"", "\"version\", \"type\": \"int\"");
    assert_broken_by("\"PUT\", \"WITHDRAW\"", "\"WITHDRAW\", \"PUT\"");
    assert_broken_by("\"name\": \"subject_id\"", "\"name\": \"subject_number\"");
    assert_broken_by("{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}", "\"long\"");
    assert_broken_by("[\"null\", {\"type\": \"int\", \"logicalType\": \"date\"}], \"default\": null",
                     "{\"type\": \"int\", \"logicalType\": \"date\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_envelope_field),           cmocka_unit_test(digest_ignores_what_transport_changes),
        cmocka_unit_test(digest_sees_every_other_field),        cmocka_unit_test(digest_is_one_function_of_the_bytes),
        cmocka_unit_test(identities_are_the_first_half_of_sm3), cmocka_unit_test(an_item_must_begin_with_the_envelope),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
