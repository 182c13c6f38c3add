#include "bus/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bus/datum.h"

#define TEXT(member, content) .member = {(const uint8_t *)(content), sizeof(content) - 1}

static const struct bus_quarantined sample = {
    .severity = BUS_SEVERITY_DECISION,
    TEXT(department, "market"),
    TEXT(item, "licence"),
    TEXT(stage, "adapter.map"),
    TEXT(code, "USCC_CHECK_DIGIT"),
    TEXT(reason_zh, "校验码错误"),
    TEXT(reason_en, "check digit"),
    TEXT(source, "a.csv"),
    .line = 17,
    TEXT(column, "XK_XDR_SHXYM"),
    TEXT(topic, "xq.in.market.licence"),
    .partition = 3,
    .offset = 123456789012,
    TEXT(adapter, "market-files"),
    .at_ms = 1700000000000,
    TEXT(original, "\0\1\2"),
    TEXT(original_key, "0123456789abcdef"),
    TEXT(decides, "0:17"),
    TEXT(action, "REPLAYED"),
    TEXT(officer, "li"),
};

/* Every text of the record under its name in the schema. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
#define PLACE(member)                                                                                                  \
    {                                                                                                                  \
#member, offsetof(struct bus_quarantined, member)                                                              \
    }
    PLACE(department), PLACE(item),         PLACE(stage),   PLACE(code),   PLACE(reason_zh),
    PLACE(reason_en),  PLACE(source),       PLACE(column),  PLACE(topic),  PLACE(adapter),
    PLACE(original),   PLACE(original_key), PLACE(decides), PLACE(action), PLACE(officer),
};

static struct bus_bytes text_at(const struct bus_quarantined *quarantined, size_t index)
{
    struct bus_bytes text;
    memcpy(&text, (const char *)quarantined + texts[index].offset, sizeof text);
    return text;
}

static void encode(const struct bus_quarantined *quarantined, struct bus_buffer *buffer)
{
    bus_buffer_init(buffer, BUS_DATUM_MAX_SIZE);
    assert_int_equal(bus_quarantine_encode(quarantined, buffer, NULL), BUS_OK);
}

static void encodes_as_its_schema_says(void **state)
{
    (void)state;
    struct bus_schema *schema = NULL;
    struct bus_buffer buffer;
    struct bus_span spans[64];
    struct bus_error error;
    uint64_t fingerprint = 0;
    encode(&sample, &buffer);
    struct bus_bytes datum = bus_buffer_view(&buffer);
    assert_int_equal(bus_schema_load(XINQIAO_SOURCE "/schemas/internal/quarantine.avsc", &schema, &error), BUS_OK);
    assert_int_equal(bus_frame_fingerprint(datum, &fingerprint, &error), BUS_OK);
    assert_true(fingerprint == bus_schema_fingerprint(schema));
    if (bus_datum_walk(schema, datum, spans, &error) != BUS_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int index = bus_schema_find(schema, texts[i].name);
        assert_true(index >= 0);
        struct bus_value value = bus_datum_value(bus_schema_field(schema, (size_t)index), datum, spans[index]);
        assert_true(bus_bytes_equal(value.bytes, text_at(&sample, i)));
    }
    static const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"severity", 2}, {"line", 17}, {"partition", 3}, {"offset", 123456789012}, {"at", 1700000000000}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int index = bus_schema_find(schema, numbers[i].name);
        assert_true(index >= 0);
        struct bus_value value = bus_datum_value(bus_schema_field(schema, (size_t)index), datum, spans[index]);
        assert_true(value.integer == numbers[i].value);
    }
    assert_int_equal(bus_schema_field_count(schema), sizeof texts / sizeof *texts + sizeof numbers / sizeof *numbers);
    bus_schema_destroy(schema);
    bus_buffer_release(&buffer);
}

static void decodes_what_it_encodes(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_quarantined decoded;
    encode(&sample, &buffer);
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&buffer), &decoded, NULL), BUS_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_true(bus_bytes_equal(text_at(&decoded, i), text_at(&sample, i)));
    assert_int_equal(decoded.severity, BUS_SEVERITY_DECISION);
    assert_int_equal(decoded.line, 17);
    assert_int_equal(decoded.partition, 3);
    assert_true(decoded.offset == 123456789012);
    assert_true(decoded.at_ms == 1700000000000);
    bus_buffer_release(&buffer);
}

static void absent_texts_become_empty_ones(void **state)
{
    (void)state;
    struct bus_quarantined bare = {.severity = BUS_SEVERITY_REFUSED, .partition = -1, .offset = -1}, decoded;
    struct bus_buffer buffer;
    encode(&bare, &buffer);
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&buffer), &decoded, NULL), BUS_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(text_at(&decoded, i).length, 0);
        assert_non_null(text_at(&decoded, i).data);
    }
    assert_int_equal(decoded.partition, -1);
    bus_buffer_release(&buffer);
}

static void a_long_original_is_cut_and_the_reason_says_so(void **state)
{
    (void)state;
    struct bus_quarantined large = sample, decoded;
    struct bus_buffer buffer;
    size_t length = BUS_QUARANTINE_MAX_ORIGINAL + 1;
    uint8_t *original = calloc(1, length);
    assert_non_null(original);
    large.original = bus_bytes_of(original, length);
    encode(&large, &buffer);
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&buffer), &decoded, NULL), BUS_OK);
    assert_int_equal(decoded.original.length, BUS_QUARANTINE_MAX_ORIGINAL);
    char reason[256];
    snprintf(reason, sizeof reason, "%.*s", (int)decoded.reason_en.length, (const char *)decoded.reason_en.data);
    assert_non_null(strstr(reason, "check digit"));
    assert_non_null(strstr(reason, "921601 bytes"));
    assert_true(decoded.reason_zh.length > large.reason_zh.length);
    bus_buffer_release(&buffer);
    free(original);
}

static void refuses_what_is_no_quarantine_record(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_quarantined decoded;
    encode(&sample, &buffer);
    for (size_t length = 0; length < buffer.length; length++)
        assert_int_equal(bus_quarantine_decode(bus_bytes_of(buffer.data, length), &decoded, NULL), BUS_REJECT);
    bus_buffer_u8(&buffer, 0);
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&buffer), &decoded, NULL), BUS_REJECT);
    buffer.length--;
    buffer.data[BUS_FRAME_SIZE] = 6; /* severity 3 */
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&buffer), &decoded, NULL), BUS_REJECT);
    buffer.data[BUS_FRAME_SIZE] = 4;
    buffer.data[4] ^= 1;
    assert_int_equal(bus_quarantine_decode(bus_buffer_view(&buffer), &decoded, NULL), BUS_REJECT);
    bus_buffer_release(&buffer);
}

static void stops_at_the_buffers_limit(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 50);
    assert_int_equal(bus_quarantine_encode(&sample, &buffer, NULL), BUS_FATAL);
    bus_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_as_its_schema_says),
        cmocka_unit_test(decodes_what_it_encodes),
        cmocka_unit_test(absent_texts_become_empty_ones),
        cmocka_unit_test(a_long_original_is_cut_and_the_reason_says_so),
        cmocka_unit_test(refuses_what_is_no_quarantine_record),
        cmocka_unit_test(stops_at_the_buffers_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
