#include "bus/datum.h"

#include <avro.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every type, flat and nested, nullable either way round. */
static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"all\",\"namespace\":\"test\",\"fields\":["
    "{\"name\":\"flag\",\"type\":\"boolean\"},{\"name\":\"small\",\"type\":\"int\"},{\"name\":\"large\",\"type\":\"long\"},"
    "{\"name\":\"single\",\"type\":\"float\"},{\"name\":\"wide\",\"type\":\"double\"},{\"name\":\"blob\",\"type\":\"bytes\"},"
    "{\"name\":\"text\",\"type\":\"string\"},{\"name\":\"hash\",\"type\":{\"type\":\"fixed\",\"name\":\"h\",\"size\":4}},"
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"k\",\"symbols\":[\"A\",\"B\",\"C\"]}},"
    "{\"name\":\"day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],\"default\":null},"
    "{\"name\":\"note\",\"type\":[\"string\",\"null\"]},"
    "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":\"bytes\"}},"
    "{\"name\":\"map\",\"type\":{\"type\":\"map\",\"values\":\"long\"}},"
    "{\"name\":\"inner\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"i\",\"fields\":["
    "{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"y\",\"type\":[\"null\",\"string\"]}]}]},"
    "{\"name\":\"either\",\"type\":[\"int\",\"string\",\"k\"]}]}";

enum { FLAG, SMALL, LARGE, SINGLE, WIDE, BLOB, TEXT, HASH, KIND, DAY, NOTE, LIST, MAP, INNER, EITHER, FIELDS };

static struct bus_schema *schema;

static int load(void **state)
{
    (void)state;
    return bus_schema_parse(bus_bytes_text(schema_text), "test", &schema, NULL) == BUS_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    bus_schema_destroy(schema);
    return 0;
}

static struct bus_value integer(enum bus_type type, int64_t value)
{
    return (struct bus_value){.type = type, .integer = value};
}

static struct bus_value bytes(enum bus_type type, const char *data, size_t length)
{
    return (struct bus_value){.type = type, .bytes = bus_bytes_of(data, length)};
}

static void sample(struct bus_value values[FIELDS])
{
    values[FLAG] = integer(BUS_TYPE_BOOLEAN, 1);
    values[SMALL] = integer(BUS_TYPE_INT, -12345);
    values[LARGE] = integer(BUS_TYPE_LONG, 1700000000000);
    values[SINGLE] = (struct bus_value){.type = BUS_TYPE_FLOAT, .real = 0.5};
    values[WIDE] = (struct bus_value){.type = BUS_TYPE_DOUBLE, .real = -2.25};
    values[BLOB] = bytes(BUS_TYPE_BYTES, "\0\xff", 2);
    values[TEXT] = bytes(BUS_TYPE_STRING, "柳州市", 9);
    values[HASH] = bytes(BUS_TYPE_FIXED, "\1\2\3\4", 4);
    values[KIND] = integer(BUS_TYPE_ENUM, 2);
    values[DAY] = integer(BUS_TYPE_INT, 20000);
    values[NOTE] = integer(BUS_TYPE_NULL, 0);
    values[LIST] = bytes(BUS_TYPE_ARRAY, "\x04\x02\x61\x00\x00", 5);   /* ["a", ""] */
    values[MAP] = bytes(BUS_TYPE_MAP, "\x02\x02\x6b\x0e\x00", 5);      /* {"k": 7} */
    values[INNER] = bytes(BUS_TYPE_RECORD, "\x0a\x02\x04\x68\x69", 5); /* {5, "hi"} */
    values[EITHER] = (struct bus_value){.type = BUS_TYPE_UNION, .integer = 1, .bytes = bus_bytes_of("\x02z", 2)};
}

static void encode(struct bus_buffer *buffer)
{
    struct bus_value values[FIELDS];
    struct bus_error error;
    sample(values);
    bus_buffer_init(buffer, 4096);
    if (bus_datum_encode(buffer, schema, values, &error) != BUS_OK)
        fail_msg("%s", error.message);
}

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    struct bus_value values[FIELDS];
    struct bus_error error;
    uint64_t fingerprint;
    encode(&buffer);
    sample(values);
    struct bus_bytes datum = bus_buffer_view(&buffer);
    assert_int_equal(bus_frame_fingerprint(datum, &fingerprint, &error), BUS_OK);
    assert_true(fingerprint == bus_schema_fingerprint(schema));
    assert_int_equal(bus_datum_walk(schema, datum, spans, &error), BUS_OK);
    assert_int_equal(spans[0].offset, BUS_FRAME_SIZE);
    for (size_t i = 0; i < FIELDS; i++) {
        struct bus_value value = bus_datum_value(bus_schema_field(schema, i), datum, spans[i]);
        assert_int_equal(value.type, values[i].type);
        assert_true(value.integer == values[i].integer);
        assert_true(value.real == values[i].real);
        if (value.type != BUS_TYPE_FLOAT && value.type != BUS_TYPE_DOUBLE)
            assert_true(bus_bytes_equal(value.bytes, values[i].bytes));
        size_t end = i + 1 < FIELDS ? spans[i + 1].offset : datum.length;
        assert_int_equal(spans[i].offset + spans[i].length, end);
    }
    bus_buffer_release(&buffer);
}

static void walks_a_nested_record(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS], inner[2];
    struct bus_error error;
    encode(&buffer);
    struct bus_bytes datum = bus_buffer_view(&buffer);
    assert_int_equal(bus_datum_walk(schema, datum, spans, &error), BUS_OK);
    const struct bus_schema_type *record = bus_schema_field(schema, INNER)->value;
    struct bus_span span = {spans[INNER].offset + 1, spans[INNER].length - 1};
    assert_int_equal(bus_datum_walk_record(record, datum, span, inner, &error), BUS_OK);
    assert_int_equal(bus_datum_value(&record->fields[0], datum, inner[0]).integer, 5);
    assert_true(bus_bytes_equal_text(bus_datum_value(&record->fields[1], datum, inner[1]).bytes, "hi"));
    span.length--;
    assert_int_equal(bus_datum_walk_record(record, datum, span, inner, &error), BUS_REJECT);
    assert_string_equal(error.code, "DATUM_LENGTH");
    bus_buffer_release(&buffer);
}

/* An independent judge: Avro C decodes what we encode. */
static void avro_c_reads_what_we_write(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    encode(&buffer);
    avro_schema_t avro = NULL;
    assert_int_equal(avro_schema_from_json_length(schema_text, strlen(schema_text), &avro), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(avro);
    avro_value_t value;
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    avro_reader_t reader =
        avro_reader_memory((const char *)buffer.data + BUS_FRAME_SIZE, (int64_t)(buffer.length - BUS_FRAME_SIZE));
    assert_int_equal(avro_value_read(reader, &value), 0);
    char *json = NULL;
    assert_int_equal(avro_value_to_json(&value, 1, &json), 0);
    assert_non_null(strstr(json, "\"small\": -12345"));
    assert_non_null(strstr(json, "\"large\": 1700000000000"));
    assert_non_null(strstr(json, "\"text\": \"\\u67F3\\u5DDE\\u5E02\""));
    assert_non_null(strstr(json, "\"kind\": \"C\""));
    assert_non_null(strstr(json, "\"map\": {\"k\": 7}"));
    assert_non_null(strstr(json, "\"note\": null"));
    free(json);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(avro);
    bus_buffer_release(&buffer);
}

/* And we read what Avro C encodes. */
static void reads_what_avro_c_writes(void **state)
{
    (void)state;
    struct bus_buffer ours;
    encode(&ours);
    avro_schema_t avro = NULL;
    assert_int_equal(avro_schema_from_json_length(schema_text, strlen(schema_text), &avro), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(avro);
    avro_value_t value;
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    avro_reader_t reader =
        avro_reader_memory((const char *)ours.data + BUS_FRAME_SIZE, (int64_t)(ours.length - BUS_FRAME_SIZE));
    assert_int_equal(avro_value_read(reader, &value), 0);
    uint8_t theirs[1024];
    memcpy(theirs, ours.data, BUS_FRAME_SIZE);
    avro_writer_t writer = avro_writer_memory((char *)theirs + BUS_FRAME_SIZE, sizeof theirs - BUS_FRAME_SIZE);
    assert_int_equal(avro_value_write(writer, &value), 0);
    struct bus_bytes datum = bus_bytes_of(theirs, BUS_FRAME_SIZE + (size_t)avro_writer_tell(writer));
    struct bus_span spans[FIELDS];
    struct bus_error error;
    if (bus_datum_walk(schema, datum, spans, &error) != BUS_OK)
        fail_msg("%s", error.message);
    assert_int_equal(bus_datum_value(bus_schema_field(schema, SMALL), datum, spans[SMALL]).integer, -12345);
    assert_true(
        bus_bytes_equal_text(bus_datum_value(bus_schema_field(schema, TEXT), datum, spans[TEXT]).bytes, "柳州市"));
    avro_writer_free(writer);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(avro);
    bus_buffer_release(&ours);
}

/* A record of one field `a` of `type`, and body bytes that it must refuse with `code` ("" = accept). */
static void judge(const char *type, const char *body, size_t length, const char *code)
{
    char text[512];
    uint8_t datum[256] = {0xc3, 0x01};
    struct bus_schema *one = NULL;
    struct bus_span spans[1];
    struct bus_error error = {.code = ""};
    snprintf(text, sizeof text, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":%s}]}", type);
    assert_int_equal(bus_schema_parse(bus_bytes_text(text), "test", &one, NULL), BUS_OK);
    memcpy(datum + BUS_FRAME_SIZE, body, length);
    enum bus_status status = bus_datum_walk(one, bus_bytes_of(datum, BUS_FRAME_SIZE + length), spans, &error);
    if (status != (code[0] == '\0' ? BUS_OK : BUS_REJECT) || strcmp(error.code, code) != 0)
        fail_msg("%s: '%s' instead of '%s'", type, error.code, code);
    if (status == BUS_REJECT) {
        assert_non_null(strstr(error.message, "'a'"));
        assert_true(error.message_zh[0] != '\0');
    }
    bus_schema_destroy(one);
}

#define JUDGE(type, body, code) judge(type, body, sizeof body - 1, code)
#define ENUM2 "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}"
#define ARRAY(of) "{\"type\":\"array\",\"items\":" of "}"

static void gives_each_fault_its_reason(void **state)
{
    (void)state;
    JUDGE("\"string\"", "", "DATUM_TRUNCATED");
    JUDGE("\"long\"", "\x80", "DATUM_TRUNCATED");
    JUDGE("\"double\"", "\1\2\3", "DATUM_TRUNCATED");
    JUDGE("{\"type\":\"fixed\",\"name\":\"f\",\"size\":4}", "\1\2\3", "DATUM_TRUNCATED");
    JUDGE("\"boolean\"", "", "DATUM_TRUNCATED");
    JUDGE("\"int\"", "\2\2", "DATUM_TRAILING");
    JUDGE("\"null\"", "\0", "DATUM_TRAILING");
    JUDGE(ENUM2, "\2", "");
    JUDGE(ENUM2, "\4", "DATUM_ENUM_RANGE");
    JUDGE(ENUM2, "\1", "DATUM_ENUM_RANGE");
    JUDGE("[\"null\",\"int\"]", "\4", "DATUM_UNION_RANGE");
    JUDGE("[\"null\",\"int\"]", "\1", "DATUM_UNION_RANGE");
    JUDGE("[\"int\",\"string\",\"long\"]", "\6", "DATUM_UNION_RANGE");
    JUDGE("\"string\"", "\4a", "DATUM_LENGTH");
    JUDGE("\"bytes\"", "\1", "DATUM_LENGTH");
    JUDGE("\"string\"",
          "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
          "a",
          "DATUM_LENGTH");                                             /* 2^62 */
    JUDGE("\"int\"", "\xfe\xff\xff\xff\x0f", "");                      /* 2^31 - 1 */
    JUDGE("\"int\"", "\x80\x80\x80\x80\x10", "DATUM_VARINT");          /* 2^31 */
    JUDGE("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ""); /* -2^63 */
    JUDGE("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "DATUM_VARINT");
    JUDGE("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "DATUM_VARINT");
    JUDGE("\"boolean\"", "\2", "DATUM_VARINT");
    JUDGE("\"string\"", "\2\xff", "DATUM_UTF8");
    JUDGE("\"string\"", "\2\0", "DATUM_UTF8");
    JUDGE("\"bytes\"", "\2\xff", "");
    JUDGE("{\"type\":\"map\",\"values\":\"int\"}", "\2\2\xff\2\0", "DATUM_UTF8");
    JUDGE(ARRAY("\"null\""), "\x80\x89\x7a\0", "DATUM_ITEMS");             /* 1,000,000 nulls in four bytes */
    JUDGE(ARRAY("\"null\""), "\xc0\x9a\x0c\xc0\x9a\x0c\0", "DATUM_ITEMS"); /* two blocks of 100,000 */
    JUDGE(ARRAY("\"null\""), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0", "DATUM_ITEMS");
    JUDGE(ARRAY("\"int\""), "\x03\x04\2\4\0", "");             /* block of 2 with its size, 2 bytes */
    JUDGE(ARRAY("\"int\""), "\x03\x06\2\4\0", "DATUM_LENGTH"); /* a size that is not true */
    JUDGE(ARRAY("\"int\""), "\x03\x01\2\4\0", "DATUM_LENGTH");
    JUDGE(ARRAY("\"int\""), "\2\2", "DATUM_TRUNCATED"); /* no end of the array */
}

static void judges_the_frame(void **state)
{
    (void)state;
    uint64_t fingerprint;
    struct bus_error error;
    static uint8_t large[BUS_DATUM_MAX_SIZE + 1] = {0xc3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(bus_frame_fingerprint(bus_bytes_of(large, 9), &fingerprint, &error), BUS_REJECT);
    assert_string_equal(error.code, "DATUM_FRAME");
    assert_int_equal(bus_frame_fingerprint(bus_bytes_of(large, BUS_DATUM_MAX_SIZE), &fingerprint, &error), BUS_OK);
    assert_true(fingerprint == 0x0807060504030201u);
    assert_int_equal(bus_frame_fingerprint(bus_bytes_of(large, sizeof large), &fingerprint, &error), BUS_REJECT);
    assert_string_equal(error.code, "DATUM_TOO_LONG");
    large[1] = 2;
    assert_int_equal(bus_frame_fingerprint(bus_bytes_of(large, 20), &fingerprint, &error), BUS_REJECT);
    assert_string_equal(error.code, "DATUM_FRAME");
}

/* Every prefix of a good datum is refused, and every flipped byte is either refused or walked within bounds. */
static void survives_every_cut_and_every_flip(void **state)
{
    (void)state;
    struct bus_buffer buffer;
    struct bus_span spans[FIELDS];
    encode(&buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        uint8_t *copy = malloc(length + 1); /* of the exact size, so that a sanitizer sees a step too far */
        memcpy(copy, buffer.data, length);
        assert_int_equal(bus_datum_walk(schema, bus_bytes_of(copy, length), spans, NULL), BUS_REJECT);
        free(copy);
    }
    for (size_t i = BUS_FRAME_SIZE; i < buffer.length; i++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            buffer.data[i] ^= (uint8_t)flip;
            if (bus_datum_walk(schema, bus_buffer_view(&buffer), spans, NULL) == BUS_OK)
                assert_int_equal(spans[EITHER].offset + spans[EITHER].length, buffer.length);
            buffer.data[i] ^= (uint8_t)flip;
        }
    }
    bus_buffer_release(&buffer);
}

static void refuses_values_that_do_not_fit(void **state)
{
    (void)state;
    const struct {
        int field;
        struct bus_value value;
        const char *code;
    } cases[] = {
        {TEXT, integer(BUS_TYPE_NULL, 0), "DATUM_NULL"},
        {TEXT, bytes(BUS_TYPE_STRING, "\xff", 1), "DATUM_TYPE"},
        {TEXT, bytes(BUS_TYPE_BYTES, "a", 1), "DATUM_TYPE"},
        {SMALL, integer(BUS_TYPE_INT, 1LL << 31), "DATUM_TYPE"},
        {SMALL, integer(BUS_TYPE_LONG, 1), "DATUM_TYPE"},
        {FLAG, integer(BUS_TYPE_BOOLEAN, 2), "DATUM_TYPE"},
        {HASH, bytes(BUS_TYPE_FIXED, "abc", 3), "DATUM_TYPE"},
        {KIND, integer(BUS_TYPE_ENUM, 3), "DATUM_ENUM_RANGE"},
        {KIND, integer(BUS_TYPE_ENUM, -1), "DATUM_ENUM_RANGE"},
        {LIST, bytes(BUS_TYPE_ARRAY, "\x04\x02\x61\x00", 4), "DATUM_TYPE"},
        {EITHER, {.type = BUS_TYPE_UNION, .integer = 3}, "DATUM_TYPE"},
    };
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bus_error error;
        const struct bus_field *field = bus_schema_field(schema, (size_t)cases[i].field);
        assert_int_equal(bus_datum_append(&buffer, field, &cases[i].value, &error), BUS_REJECT);
        assert_string_equal(error.code, cases[i].code);
        assert_non_null(strstr(error.message, field->name));
    }
    assert_int_equal(buffer.length, 0);
    bus_buffer_release(&buffer);
}

static void stops_at_the_buffers_limit(void **state)
{
    (void)state;
    struct bus_value values[FIELDS];
    struct bus_buffer buffer;
    struct bus_error error;
    sample(values);
    bus_buffer_init(&buffer, 20);
    assert_int_equal(bus_datum_encode(&buffer, schema, values, &error), BUS_FATAL);
    bus_buffer_release(&buffer);
}

static void reads_blocks_and_bytes_within_limits(void **state)
{
    (void)state;
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of("\x04\x05\x0c\x00\x0a", 5));
    assert_int_equal(bus_datum_take_block(&cursor, 10), 2);
    assert_int_equal(bus_datum_take_block(&cursor, 10), 0); /* size 6 is beyond the end */
    assert_true(cursor.failed);
    cursor = bus_cursor_of(bus_bytes_of("\x03\x02zz", 4));
    assert_int_equal(bus_datum_take_block(&cursor, 10), 2);
    cursor = bus_cursor_of(bus_bytes_of("\x16", 1));
    assert_int_equal(bus_datum_take_block(&cursor, 10), 0);
    assert_true(cursor.failed);
    cursor = bus_cursor_of(bus_bytes_of("\x04"
                                        "ab",
                                        3));
    assert_true(bus_bytes_equal_text(bus_datum_take_bytes(&cursor, 2), "ab"));
    cursor = bus_cursor_of(bus_bytes_of("\x04"
                                        "ab",
                                        3));
    assert_int_equal(bus_datum_take_bytes(&cursor, 1).length, 0);
    assert_true(cursor.failed);
}

static void decimals_are_shortest_and_come_back(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        size_t length;
    } cases[] = {{0, 1},      {127, 1},       {128, 2},       {-128, 1}, {-129, 2},
                 {200000, 3}, {INT64_MAX, 8}, {INT64_MIN, 8}, {-1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t encoded[8];
        size_t length;
        int64_t value;
        bus_decimal_bytes(cases[i].value, encoded, &length);
        assert_int_equal(length, cases[i].length);
        assert_true(bus_decimal_value(bus_bytes_of(encoded, length), &value));
        assert_true(value == cases[i].value);
    }
    int64_t value;
    assert_false(bus_decimal_value(bus_bytes_of("", 0), &value));
    assert_false(bus_decimal_value(bus_bytes_of("\1\0\0\0\0\0\0\0\0", 9), &value));
    assert_true(bus_decimal_value(bus_bytes_of("\0\0\0\0\0\0\0\0\7", 9), &value) && value == 7);
    assert_true(bus_decimal_value(bus_bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 9), &value) && value == -2);
}

static void assert_text(enum bus_type type, enum bus_logical logical, int scale, const struct bus_value *value,
                        const char *expected)
{
    struct bus_schema_type whole = {.type = type, .logical = logical, .scale = scale};
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 4096);
    bus_datum_text(&whole, value, &buffer);
    bus_buffer_u8(&buffer, 0);
    assert_string_equal((const char *)buffer.data, expected);
    bus_buffer_release(&buffer);
}

static void writes_values_as_people_read_them(void **state)
{
    (void)state;
    struct bus_value day = integer(BUS_TYPE_INT, 20416), before = integer(BUS_TYPE_INT, -1);
    struct bus_value moment = integer(BUS_TYPE_LONG, 1700000000123), early = integer(BUS_TYPE_LONG, -1);
    struct bus_value fine = bytes(BUS_TYPE_BYTES, "\x03\x0d\x40", 3), negative = bytes(BUS_TYPE_BYTES, "\xff", 1);
    struct bus_value blob = bytes(BUS_TYPE_BYTES, "\x00\xab", 2), null = integer(BUS_TYPE_NULL, 0);
    assert_text(BUS_TYPE_INT, BUS_LOGICAL_DATE, 0, &day, "2025-11-24");
    assert_text(BUS_TYPE_INT, BUS_LOGICAL_DATE, 0, &before, "1969-12-31");
    assert_text(BUS_TYPE_LONG, BUS_LOGICAL_TIMESTAMP_MILLIS, 0, &moment, "2023-11-14T22:13:20.123Z");
    assert_text(BUS_TYPE_LONG, BUS_LOGICAL_TIMESTAMP_MILLIS, 0, &early, "1969-12-31T23:59:59.999Z");
    assert_text(BUS_TYPE_BYTES, BUS_LOGICAL_DECIMAL, 6, &fine, "0.200000");
    assert_text(BUS_TYPE_BYTES, BUS_LOGICAL_DECIMAL, 2, &negative, "-0.01");
    assert_text(BUS_TYPE_BYTES, BUS_LOGICAL_DECIMAL, 0, &negative, "-1");
    assert_text(BUS_TYPE_BYTES, BUS_LOGICAL_NONE, 0, &blob, "00ab");
    assert_text(BUS_TYPE_LONG, BUS_LOGICAL_NONE, 0, &null, "");
}

static void writes_nested_values_as_json(void **state)
{
    (void)state;
    static const struct {
        int field;
        const char *text;
    } cases[] = {{FLAG, "true"},
                 {KIND, "C"},
                 {LIST, "[\"61\",\"\"]"},
                 {MAP, "{\"k\":7}"},
                 {INNER, "{\"x\":5,\"y\":\"hi\"}"},
                 {EITHER, "\"z\""},
                 {SINGLE, "0.5"},
                 {WIDE, "-2.25"},
                 {HASH, "01020304"}};
    struct bus_value values[FIELDS];
    sample(values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bus_buffer buffer;
        bus_buffer_init(&buffer, 4096);
        const struct bus_field *field = bus_schema_field(schema, (size_t)cases[i].field);
        bus_datum_text(field->value, &values[cases[i].field], &buffer);
        bus_buffer_u8(&buffer, 0);
        assert_string_equal((const char *)buffer.data, cases[i].text);
        bus_buffer_release(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_writes),           cmocka_unit_test(walks_a_nested_record),
        cmocka_unit_test(avro_c_reads_what_we_write),          cmocka_unit_test(reads_what_avro_c_writes),
        cmocka_unit_test(gives_each_fault_its_reason),         cmocka_unit_test(judges_the_frame),
        cmocka_unit_test(survives_every_cut_and_every_flip),   cmocka_unit_test(refuses_values_that_do_not_fit),
        cmocka_unit_test(stops_at_the_buffers_limit),          cmocka_unit_test(reads_blocks_and_bytes_within_limits),
        cmocka_unit_test(decimals_are_shortest_and_come_back), cmocka_unit_test(writes_values_as_people_read_them),
        cmocka_unit_test(writes_nested_values_as_json),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
