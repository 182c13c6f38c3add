#include "bus/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#define SCHEMA                                                                                                         \
    "{\"type\":\"record\",\"name\":\"r\",\"fields\":["                                                                 \
    "{\"name\":\"text\",\"type\":[\"null\",\"string\"]},"                                                              \
    "{\"name\":\"kinds\",\"type\":\"string\",\"code_list\":\"penalty_kind\",\"code_separator\":\";\"},"                \
    "{\"name\":\"symbol\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}},"                     \
    "{\"name\":\"count\",\"type\":\"int\"},"                                                                           \
    "{\"name\":\"amount\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,"        \
    "\"scale\":2}]},"                                                                                                  \
    "{\"name\":\"fine\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":8}},"      \
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"                                         \
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"                             \
    "{\"name\":\"ratio\",\"type\":\"double\"},"                                                                        \
    "{\"name\":\"yes\",\"type\":\"boolean\"}]}"

enum { FIELDS = 10 };

struct fixture {
    struct bus_schema *schema;
    struct bus_buffer datum;
    struct bus_span spans[FIELDS];
};

static void encode(struct fixture *fixture, const struct bus_value values[FIELDS])
{
    struct bus_error error;
    bus_buffer_reset(&fixture->datum);
    if (bus_datum_encode(&fixture->datum, fixture->schema, values, &error) != BUS_OK ||
        bus_datum_walk(fixture->schema, bus_buffer_view(&fixture->datum), fixture->spans, &error) != BUS_OK)
        fail_msg("%s", error.message);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    bus_buffer_init(&fixture.datum, 4096);
    if (bus_schema_parse(bus_bytes_text(SCHEMA), "test", &fixture.schema, &error) != BUS_OK) {
        print_error("%s\n", error.message);
        return -1;
    }
    struct bus_value values[FIELDS] = {
        {.type = BUS_TYPE_STRING, .bytes = bus_bytes_text("一般")},
        {.type = BUS_TYPE_STRING, .bytes = bus_bytes_text("警告;罚款;其他")},
        {.type = BUS_TYPE_ENUM, .integer = 1},
        {.type = BUS_TYPE_INT, .integer = 12},
        {.type = BUS_TYPE_BYTES, .bytes = bus_bytes_of("\x01\xf4", 2)},         /* 5.00 */
        {.type = BUS_TYPE_BYTES, .bytes = bus_bytes_of("\x1d\xcd\x65\x01", 4)}, /* 5.00000001 */
        {.type = BUS_TYPE_INT, .integer = 20453},                               /* 2025-12-31 */
        {.type = BUS_TYPE_LONG, .integer = 1767196800000 - 1},                  /* its last moment in Beijing */
        {.type = BUS_TYPE_DOUBLE, .real = 0.5},
        {.type = BUS_TYPE_BOOLEAN, .integer = 1},
    };
    encode(&fixture, values);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bus_schema_destroy(fixture->schema);
    bus_buffer_release(&fixture->datum);
    return 0;
}

static const struct bus_field *field_of(const struct fixture *fixture, const char *name, struct bus_span *out_span)
{
    int index = bus_schema_find(fixture->schema, name);
    assert_true(index >= 0);
    *out_span = fixture->spans[index];
    return bus_schema_field(fixture->schema, (size_t)index);
}

static bool is(const struct fixture *fixture, const char *name, enum bus_comparison comparison, const char *value)
{
    struct bus_condition condition = {.field = name, .comparison = comparison, .values = &value, .value_count = 1};
    struct bus_span span;
    const struct bus_field *field = field_of(fixture, name, &span);
    assert_true(bus_condition_fits(comparison, field));
    if (comparison == BUS_COMPARISON_AT_LEAST || comparison == BUS_COMPARISON_AT_MOST)
        assert_true(bus_condition_number(comparison, field, value, &condition.number));
    return bus_condition_holds(&condition, field, bus_buffer_view(&fixture->datum), span);
}

static void a_value_is_one_of_those_named(void **state)
{
    static const struct {
        const char *field, *good, *bad;
    } cases[] = {{"text", "一般", "一"},
                 {"kinds", "罚款", "警"},
                 {"kinds", "警告", "款"},
                 {"kinds", "其他", "拘留"},
                 {"symbol", "B", "A"},
                 {"count", "12", "1"},
                 {"day", "2025-12-31", "2026-12-31"},
                 {"yes", "true", "false"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(is(*state, cases[i].field, BUS_COMPARISON_IS, cases[i].good));
        assert_false(is(*state, cases[i].field, BUS_COMPARISON_IS, cases[i].bad));
        assert_false(is(*state, cases[i].field, BUS_COMPARISON_IS_NOT, cases[i].good));
        assert_true(is(*state, cases[i].field, BUS_COMPARISON_IS_NOT, cases[i].bad));
    }
}

static void bounds_are_included_and_exact(void **state)
{
    static const struct {
        const char *field, *same, *less, *more;
    } cases[] = {{"amount", "5", "4.99", "5.000001"},
                 {"count", "12", "11.999999", "12.5"},
                 {"day", "2025-12-31", "2025-12-30", "2026-01-01"},
                 {"ratio", "0.5", "0.499999", "0.500001"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(is(*state, cases[i].field, BUS_COMPARISON_AT_LEAST, cases[i].same));
        assert_true(is(*state, cases[i].field, BUS_COMPARISON_AT_MOST, cases[i].same));
        assert_true(is(*state, cases[i].field, BUS_COMPARISON_AT_LEAST, cases[i].less));
        assert_false(is(*state, cases[i].field, BUS_COMPARISON_AT_MOST, cases[i].less));
        assert_false(is(*state, cases[i].field, BUS_COMPARISON_AT_LEAST, cases[i].more));
        assert_true(is(*state, cases[i].field, BUS_COMPARISON_AT_MOST, cases[i].more));
    }
    assert_true(is(*state, "fine", BUS_COMPARISON_AT_LEAST, "5")); /* eight decimals are not rounded */
    assert_false(is(*state, "fine", BUS_COMPARISON_AT_MOST, "5"));
    assert_true(is(*state, "amount", BUS_COMPARISON_AT_LEAST, "-5"));
}

static void a_day_of_a_timestamp_is_the_whole_day_in_beijing(void **state)
{
    assert_true(is(*state, "at", BUS_COMPARISON_AT_LEAST, "2025-12-31"));
    assert_true(is(*state, "at", BUS_COMPARISON_AT_MOST, "2025-12-31"));
    assert_false(is(*state, "at", BUS_COMPARISON_AT_LEAST, "2026-01-01"));
    assert_false(is(*state, "at", BUS_COMPARISON_AT_MOST, "2025-12-30"));
}

/* Null, an empty text, a field that the version has not, and what is not a number. */
static void what_is_not_there_is_absent_and_not_equal(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"text", "kinds", "amount", "ratio"};
    struct bus_value values[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        const struct bus_field *field = bus_schema_field(fixture->schema, i);
        values[i] = (struct bus_value){.type = field->nullable ? BUS_TYPE_NULL : field->value->type};
    }
    values[8].real = __builtin_nan("");
    encode(fixture, values);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bus_span span;
        const struct bus_field *field = field_of(fixture, names[i], &span);
        for (enum bus_comparison comparison = 0; comparison <= BUS_COMPARISON_ABSENT; comparison++) {
            struct bus_condition condition = {.comparison = comparison, .values = names, .value_count = 1};
            bool expected = comparison == BUS_COMPARISON_IS_NOT || comparison == BUS_COMPARISON_ABSENT;
            if (bus_condition_fits(comparison, field))
                assert_int_equal(bus_condition_holds(&condition, field, bus_buffer_view(&fixture->datum), span),
                                 expected);
            assert_int_equal(bus_condition_holds(&condition, NULL, bus_buffer_view(&fixture->datum), span), expected);
        }
    }
}

static void a_decimal_beyond_64_bits_keeps_its_sign(void **state)
{
    struct fixture *fixture = *state;
    struct bus_value values[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        values[i] = (struct bus_value){.type = bus_schema_field(fixture->schema, i)->value->type};
    values[4].bytes = bus_bytes_of("\x01\0\0\0\0\0\0\0\0", 9);
    values[5].bytes = bus_bytes_of("\xfe\0\0\0\0\0\0\0\0", 9);
    encode(fixture, values);
    assert_true(is(fixture, "amount", BUS_COMPARISON_AT_LEAST, "999999999999"));
    assert_false(is(fixture, "amount", BUS_COMPARISON_AT_MOST, "999999999999"));
    assert_true(is(fixture, "fine", BUS_COMPARISON_AT_MOST, "-999999999999"));
}

static void what_is_no_number_or_day_is_refused(void **state)
{
    struct bus_span span;
    int64_t number;
    static const char *const bad[] = {"",    "-",   ".5", "5.",        "1.1234567", "1234567890123",
                                      "5万", "1e3", "+5", "2025-12-31"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bus_condition_number(BUS_COMPARISON_AT_LEAST, field_of(*state, "amount", &span), bad[i], &number));
    static const char *const bad_days[] = {"2025-02-30", "2025-1-1", "2025-12-31x", "20251231", "5", ""};
    for (size_t i = 0; i < sizeof bad_days / sizeof bad_days[0]; i++)
        assert_false(
            bus_condition_number(BUS_COMPARISON_AT_LEAST, field_of(*state, "day", &span), bad_days[i], &number));
}

static void comparisons_fit_their_types_only(void **state)
{
    struct bus_span span;
    assert_false(bus_condition_fits(BUS_COMPARISON_AT_LEAST, field_of(*state, "text", &span)));
    assert_false(bus_condition_fits(BUS_COMPARISON_AT_MOST, field_of(*state, "symbol", &span)));
    assert_false(bus_condition_fits(BUS_COMPARISON_IS, field_of(*state, "amount", &span)));
    assert_false(bus_condition_fits(BUS_COMPARISON_IS_NOT, field_of(*state, "at", &span)));
    assert_true(bus_condition_fits(BUS_COMPARISON_PRESENT, field_of(*state, "amount", &span)));
    assert_true(bus_condition_fits(BUS_COMPARISON_ABSENT, field_of(*state, "ratio", &span)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_is_one_of_those_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_are_included_and_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_of_a_timestamp_is_the_whole_day_in_beijing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_absent_and_not_equal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_decimal_beyond_64_bits_keeps_its_sign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_number_or_day_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(comparisons_fit_their_types_only, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
