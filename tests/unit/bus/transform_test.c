#include "bus/transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

static void assert_masked(const char *text, const char *expected)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, 1024);
    bus_transform_mask(bus_bytes_text(text), &buffer);
    if (!bus_bytes_equal_text(bus_buffer_view(&buffer), expected))
        fail_msg("%s became %.*s, not %s", text, (int)buffer.length, (const char *)buffer.data, expected);
    bus_buffer_release(&buffer);
}

static void a_name_keeps_its_first_character_and_its_length(void **state)
{
    (void)state;
    assert_masked("张三", "张*");
    assert_masked("欧阳修文", "欧***");
    assert_masked("𠮷田太郎", "𠮷***");
    assert_masked("Li Ming", "L******");
    assert_masked("John Christopher Smith", "J*********************");
    assert_masked("", "");
}

static void a_text_of_one_character_keeps_none(void **state)
{
    (void)state;
    assert_masked("张", "*");
    assert_masked("7", "*");
}

static void a_document_number_keeps_its_place_and_its_end(void **state)
{
    (void)state;
    assert_masked("450202199003070011", "450202********0011");
    assert_masked("11010519491231002X", "110105********002X");
    assert_masked("450202900307001", "450202*****7001");
    assert_masked("914502000765432109", "914502********2109");
}

static void another_number_keeps_two_at_each_end(void **state)
{
    (void)state;
    assert_masked("13877212345", "13*******45");
    assert_masked("0772-2825678", "07********78");
    assert_masked("D2143569X", "D2*****9X");
    assert_masked("12345678", "1*******"); /* eight are too few */
}

static void names_are_known_and_others_are_not(void **state)
{
    (void)state;
    enum bus_transform transform;
    size_t count;
    const char *const *names = bus_transform_names(&count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_true(bus_transform_parse(names[i], &transform));
        assert_string_equal(bus_transform_name(transform), names[i]);
    }
    assert_false(bus_transform_parse("masked", &transform));
    assert_false(bus_transform_parse("", &transform));
    assert_string_equal(bus_transform_name(BUS_TRANSFORM_NONE), "");
}

static void only_mask_leaves_a_field_its_type(void **state)
{
    (void)state;
    assert_true(bus_transform_same_type(BUS_TRANSFORM_NONE, BUS_TRANSFORM_MASK));
    assert_true(bus_transform_same_type(BUS_TRANSFORM_YEAR, BUS_TRANSFORM_YEAR));
    assert_false(bus_transform_same_type(BUS_TRANSFORM_NONE, BUS_TRANSFORM_YEAR));
    assert_false(bus_transform_same_type(BUS_TRANSFORM_MASK, BUS_TRANSFORM_PRESENT));
    assert_false(bus_transform_same_type(BUS_TRANSFORM_YEAR, BUS_TRANSFORM_PRESENT));
}

/* A schema with a field of the given type, and the datum of one value. */
struct fixture {
    struct bus_schema *schema;
    struct bus_buffer datum, out;
    struct bus_span span;
};

static void make(struct fixture *fixture, const char *type, struct bus_value value)
{
    char text[512];
    struct bus_error error;
    snprintf(text, sizeof text, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"f\",\"type\":%s}]}", type);
    bus_buffer_init(&fixture->datum, 1024);
    bus_buffer_init(&fixture->out, 1024);
    if (bus_schema_parse(bus_bytes_text(text), "test", &fixture->schema, &error) != BUS_OK ||
        bus_datum_encode(&fixture->datum, fixture->schema, &value, &error) != BUS_OK ||
        bus_datum_walk(fixture->schema, bus_buffer_view(&fixture->datum), &fixture->span, &error) != BUS_OK)
        fail_msg("%s", error.message);
}

static void unmake(struct fixture *fixture)
{
    bus_schema_destroy(fixture->schema);
    bus_buffer_release(&fixture->datum);
    bus_buffer_release(&fixture->out);
}

static void assert_leaves(enum bus_transform transform, const char *type, struct bus_value value, const char *expected,
                          size_t length)
{
    struct fixture fixture;
    make(&fixture, type, value);
    const struct bus_field *field = bus_schema_field(fixture.schema, 0);
    assert_true(bus_transform_fits(transform, field));
    bus_transform_append(transform, field, bus_buffer_view(&fixture.datum), fixture.span, &fixture.out);
    assert_int_equal(fixture.out.length, length);
    assert_memory_equal(fixture.out.data, expected, length);
    unmake(&fixture);
}

#define DATE "{\"type\":\"int\",\"logicalType\":\"date\"}"
#define TIME "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"

static void a_masked_text_keeps_its_nullability(void **state)
{
    (void)state;
    struct bus_value name = {.type = BUS_TYPE_STRING, .bytes = bus_bytes_text("张三")};
    struct bus_value null = {.type = BUS_TYPE_NULL};
    assert_leaves(BUS_TRANSFORM_MASK, "\"string\"", name, "\x08张*", 5);
    assert_leaves(BUS_TRANSFORM_MASK, "[\"null\",\"string\"]", name, "\x02\x08张*", 6);
    assert_leaves(BUS_TRANSFORM_MASK, "[\"string\",\"null\"]", name, "\x02\x08张*", 6);
    assert_leaves(BUS_TRANSFORM_MASK, "[\"null\",\"string\"]", null, "\x00", 1);
}

static void a_year_is_that_of_beijing(void **state)
{
    (void)state;
    struct bus_value day = {.type = BUS_TYPE_INT, .integer = 20453};               /* 2025-12-31 */
    struct bus_value new_year = {.type = BUS_TYPE_LONG, .integer = 1767196800000}; /* 2025-12-31T16:00Z */
    struct bus_value old_year = {.type = BUS_TYPE_LONG, .integer = 1767196800000 - 1};
    struct bus_value null = {.type = BUS_TYPE_NULL};
    assert_leaves(BUS_TRANSFORM_YEAR, DATE, day, "\xd2\x1f", 2);      /* 2025 */
    assert_leaves(BUS_TRANSFORM_YEAR, TIME, new_year, "\xd4\x1f", 2); /* 2026 */
    assert_leaves(BUS_TRANSFORM_YEAR, TIME, old_year, "\xd2\x1f", 2);
    assert_leaves(BUS_TRANSFORM_YEAR, "[\"null\"," DATE "]", day, "\x02\xd2\x1f", 3);
    assert_leaves(BUS_TRANSFORM_YEAR, "[\"null\"," DATE "]", null, "\x00", 1);
}

static void present_says_only_whether_there_is_any(void **state)
{
    (void)state;
    struct bus_value text = {.type = BUS_TYPE_STRING, .bytes = bus_bytes_text("x")};
    struct bus_value empty = {.type = BUS_TYPE_STRING};
    struct bus_value zero = {.type = BUS_TYPE_LONG};
    struct bus_value null = {.type = BUS_TYPE_NULL};
    assert_leaves(BUS_TRANSFORM_PRESENT, "[\"null\",\"string\"]", text, "\x01", 1);
    assert_leaves(BUS_TRANSFORM_PRESENT, "[\"null\",\"string\"]", empty, "\x00", 1);
    assert_leaves(BUS_TRANSFORM_PRESENT, "[\"null\",\"string\"]", null, "\x00", 1);
    assert_leaves(BUS_TRANSFORM_PRESENT, "\"long\"", zero, "\x01", 1);
}

static void each_fits_its_types_only(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool mask, year;
    } types[] = {{"\"string\"", true, false}, {"[\"null\",\"string\"]", true, false},
                 {DATE, false, true},         {"[\"null\"," TIME "]", false, true},
                 {"\"long\"", false, false},  {"\"boolean\"", false, false}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct bus_schema *schema;
        struct bus_error error;
        char text[256];
        snprintf(text, sizeof text, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"f\",\"type\":%s}]}",
                 types[i].type);
        assert_int_equal(bus_schema_parse(bus_bytes_text(text), "test", &schema, &error), BUS_OK);
        assert_int_equal(bus_transform_fits(BUS_TRANSFORM_MASK, bus_schema_field(schema, 0)), types[i].mask);
        assert_int_equal(bus_transform_fits(BUS_TRANSFORM_YEAR, bus_schema_field(schema, 0)), types[i].year);
        assert_true(bus_transform_fits(BUS_TRANSFORM_PRESENT, bus_schema_field(schema, 0)));
        bus_schema_destroy(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_keeps_its_first_character_and_its_length),
        cmocka_unit_test(a_text_of_one_character_keeps_none),
        cmocka_unit_test(a_document_number_keeps_its_place_and_its_end),
        cmocka_unit_test(another_number_keeps_two_at_each_end),
        cmocka_unit_test(names_are_known_and_others_are_not),
        cmocka_unit_test(only_mask_leaves_a_field_its_type),
        cmocka_unit_test(a_masked_text_keeps_its_nullability),
        cmocka_unit_test(a_year_is_that_of_beijing),
        cmocka_unit_test(present_says_only_whether_there_is_any),
        cmocka_unit_test(each_fits_its_types_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
