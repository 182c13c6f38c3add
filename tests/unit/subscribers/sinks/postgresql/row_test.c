#include "subscribers/sinks/postgresql/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the three above first */
#include <cmocka.h>

static struct bus_buffer buffer;

static int set_up(void **state)
{
    (void)state;
    bus_buffer_init(&buffer, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_buffer_release(&buffer);
    return 0;
}

/* `hex` may hold blanks; the expected bytes are those that PostgreSQL's own COPY … (FORMAT binary) writes. */
static void expect(const char *hex)
{
    char packed[256], found[256];
    size_t length = 0;
    for (; *hex != '\0'; hex++)
        if (*hex != ' ')
            packed[length++] = *hex;
    packed[length] = '\0';
    bus_hex(buffer.data, buffer.length, found);
    assert_string_equal(found, packed);
}

static void put_decimal(int64_t unscaled, int precision, int scale)
{
    struct bus_schema_type type = {
        .type = BUS_TYPE_BYTES, .logical = BUS_LOGICAL_DECIMAL, .precision = precision, .scale = scale};
    uint8_t bytes[8];
    size_t length;
    bus_decimal_bytes(unscaled, bytes, &length);
    struct bus_value value = {.type = BUS_TYPE_BYTES, .bytes = bus_bytes_of(bytes, length)};
    bus_buffer_reset(&buffer);
    assert_true(postgresql_row_value(&buffer, &type, &value));
}

static void decimals_are_groups_of_four_digits(void **state)
{
    (void)state;
    put_decimal(0, 16, 2);
    expect("00000008 0000 0000 0000 0002");
    put_decimal(1, 16, 2); /* 0.01 */
    expect("0000000a 0001 ffff 0000 0002 0064");
    put_decimal(1234567, 16, 2); /* 12345.67 */
    expect("0000000e 0003 0001 0000 0002 0001 0929 1a2c");
    put_decimal(-10000, 16, 2); /* -100.00 */
    expect("0000000a 0001 0000 4000 0002 0064");
    put_decimal(100000000, 16, 0); /* 1 0000 0000 */
    expect("0000000a 0001 0002 0000 0000 0001");
}

static void a_decimal_of_too_many_digits_is_not_sent(void **state)
{
    (void)state;
    struct bus_schema_type type = {.type = BUS_TYPE_BYTES, .logical = BUS_LOGICAL_DECIMAL, .precision = 16, .scale = 2};
    static const uint8_t bytes[9] = {1};
    struct bus_value value = {.type = BUS_TYPE_BYTES, .bytes = bus_bytes_of(bytes, sizeof bytes)};
    assert_false(postgresql_row_value(&buffer, &type, &value));
}

static void dates_and_times_count_from_2000(void **state)
{
    (void)state;
    struct bus_schema_type date = {.type = BUS_TYPE_INT, .logical = BUS_LOGICAL_DATE};
    struct bus_schema_type time = {.type = BUS_TYPE_LONG, .logical = BUS_LOGICAL_TIMESTAMP_MILLIS};
    struct bus_value value = {.type = BUS_TYPE_INT, .integer = 10956}; /* 1999-12-31 */
    assert_true(postgresql_row_value(&buffer, &date, &value));
    expect("00000004 ffffffff");
    bus_buffer_reset(&buffer);
    value = (struct bus_value){.type = BUS_TYPE_LONG, .integer = 946684800001}; /* 2000-01-01 and 1 ms */
    assert_true(postgresql_row_value(&buffer, &time, &value));
    expect("00000008 00000000000003e8");
}

static void texts_are_an_array(void **state)
{
    (void)state;
    postgresql_row_texts(&buffer, NULL, 0);
    expect("0000000c 00000000 00000000 00000019");
    bus_buffer_reset(&buffer);
    postgresql_row_texts(&buffer, (const char *const[]){"A", "BC"}, 2);
    expect("0000001f 00000001 00000000 00000019 00000002 00000001 00000001 41 00000002 4243");
}

static void null_has_no_bytes(void **state)
{
    (void)state;
    struct bus_schema_type text = {.type = BUS_TYPE_STRING};
    struct bus_value value = {.type = BUS_TYPE_NULL};
    assert_true(postgresql_row_value(&buffer, &text, &value));
    expect("ffffffff");
}

static void types_are_spelled_as_the_database_spells_them(void **state)
{
    (void)state;
    static const struct {
        struct bus_schema_type type;
        const char *name;
    } cases[] = {
        {{.type = BUS_TYPE_STRING}, "text"},
        {{.type = BUS_TYPE_INT, .logical = BUS_LOGICAL_DATE}, "date"},
        {{.type = BUS_TYPE_LONG, .logical = BUS_LOGICAL_TIMESTAMP_MILLIS}, "timestamp with time zone"},
        {{.type = BUS_TYPE_BYTES, .logical = BUS_LOGICAL_DECIMAL, .precision = 16, .scale = 2}, "numeric(16,2)"},
        {{.type = BUS_TYPE_BYTES, .logical = BUS_LOGICAL_DECIMAL, .precision = 30, .scale = 2}, "text"},
        {{.type = BUS_TYPE_BOOLEAN}, "boolean"},
        {{.type = BUS_TYPE_FIXED, .fixed_size = 16}, "bytea"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[POSTGRESQL_TYPE_SIZE];
        postgresql_row_type(&cases[i].type, name);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decimals_are_groups_of_four_digits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_decimal_of_too_many_digits_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dates_and_times_count_from_2000, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_are_an_array, set_up, tear_down),
        cmocka_unit_test_setup_teardown(null_has_no_bytes, set_up, tear_down),
        cmocka_unit_test(types_are_spelled_as_the_database_spells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
