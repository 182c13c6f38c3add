#include "bus/condition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/identifier.h"
#include "bus/transform.h"

enum { MILLIONTHS = 6, TEXT_SIZE = 32, MAX_DIGITS = 12, MAX_SCALE = 24 /* what 128 bits can compare */ };

static const int64_t MS_A_DAY = 86400000;
static const int64_t BEIJING_MS = 8 * 3600000;

static bool is_number(const struct bus_schema_type *type)
{
    switch (type->type) {
    case BUS_TYPE_INT:
    case BUS_TYPE_LONG:
    case BUS_TYPE_FLOAT:
    case BUS_TYPE_DOUBLE: return true;
    default: return type->logical == BUS_LOGICAL_DECIMAL && type->scale <= MAX_SCALE;
    }
}

static bool has_values(const struct bus_schema_type *type)
{
    switch (type->type) {
    case BUS_TYPE_STRING:
    case BUS_TYPE_ENUM:
    case BUS_TYPE_BOOLEAN: return true;
    case BUS_TYPE_INT:
    case BUS_TYPE_LONG: return type->logical != BUS_LOGICAL_TIMESTAMP_MILLIS;
    default: return false;
    }
}

bool bus_condition_fits(enum bus_comparison comparison, const struct bus_field *field)
{
    switch (comparison) {
    case BUS_COMPARISON_IS:
    case BUS_COMPARISON_IS_NOT: return has_values(field->value);
    case BUS_COMPARISON_AT_LEAST:
    case BUS_COMPARISON_AT_MOST: return is_number(field->value);
    case BUS_COMPARISON_PRESENT:
    case BUS_COMPARISON_ABSENT: break;
    }
    return true;
}

/* "-12.5" in millionths. */
static bool parse_number(const char *text, int64_t *out_number)
{
    bool negative = text[0] == '-';
    const char *digits = text + negative;
    size_t whole = strspn(digits, "0123456789");
    size_t decimals = digits[whole] == '.' ? strspn(digits + whole + 1, "0123456789") : 0;
    const char *end = digits + whole + (decimals > 0 ? decimals + 1 : 0);
    if (whole == 0 || whole > MAX_DIGITS || decimals > MILLIONTHS || *end != '\0')
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < whole; i++)
        number = 10 * number + (digits[i] - '0');
    for (size_t i = 0; i < MILLIONTHS; i++)
        number = 10 * number + (i < decimals ? digits[whole + 1 + i] - '0' : 0);
    *out_number = negative ? -number : number;
    return true;
}

static bool parse_day(const char *text, int32_t *out_days)
{
    int year, month, day, used = 0;
    return strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) == 3 && used == 10 &&
           bus_date_days(year, month, day, out_days);
}

bool bus_condition_number(enum bus_comparison comparison, const struct bus_field *field, const char *text,
                          int64_t *out_number)
{
    int32_t days;
    enum bus_logical logical = field->value->logical;
    if (logical != BUS_LOGICAL_DATE && logical != BUS_LOGICAL_TIMESTAMP_MILLIS)
        return parse_number(text, out_number);
    if (!parse_day(text, &days))
        return false;
    *out_number = days;
    if (logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        *out_number = days * MS_A_DAY - BEIJING_MS + (comparison == BUS_COMPARISON_AT_MOST ? MS_A_DAY - 1 : 0);
    return true;
}

static bool is_one_of(const struct bus_condition *condition, struct bus_bytes text)
{
    for (size_t i = 0; i < condition->value_count; i++)
        if (bus_bytes_equal_text(text, condition->values[i]))
            return true;
    return false;
}

/* A text may hold several codes: it is one of the values when any of them is. */
static bool text_is(const struct bus_condition *condition, const struct bus_field *field, struct bus_bytes text)
{
    size_t separator = field->code_separator != NULL ? strlen(field->code_separator) : 0;
    while (separator > 0) {
        const uint8_t *at = memmem(text.data, text.length, field->code_separator, separator);
        if (at == NULL)
            break;
        if (is_one_of(condition, bus_bytes_of(text.data, (size_t)(at - text.data))))
            return true;
        text = bus_bytes_of(at + separator, text.length - (size_t)(at - text.data) - separator);
    }
    return is_one_of(condition, text);
}

static bool value_is(const struct bus_condition *condition, const struct bus_field *field,
                     const struct bus_value *value)
{
    char text[TEXT_SIZE];
    const struct bus_schema_type *type = field->value;
    int year, month, day;
    if (type->type == BUS_TYPE_STRING)
        return text_is(condition, field, value->bytes);
    if (type->type == BUS_TYPE_ENUM)
        return is_one_of(condition, bus_bytes_text(type->symbols[value->integer]));
    if (type->type == BUS_TYPE_BOOLEAN)
        return is_one_of(condition, bus_bytes_text(value->integer != 0 ? "true" : "false"));
    if (type->logical == BUS_LOGICAL_DATE) {
        bus_date_civil((int32_t)value->integer, &year, &month, &day);
        snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
    } else {
        snprintf(text, sizeof text, "%" PRId64, value->integer);
    }
    return is_one_of(condition, bus_bytes_text(text));
}

static int order(__int128 left, __int128 right)
{
    return (left > right) - (left < right);
}

/* A decimal beyond 64 bits is beyond every number that a condition can name. */
static int compare_decimal(const struct bus_schema_type *type, struct bus_bytes bytes, int64_t number)
{
    int64_t unscaled;
    if (!bus_decimal_value(bytes, &unscaled))
        return bytes.length > 0 && (bytes.data[0] & 0x80) != 0 ? -1 : 1;
    __int128 left = unscaled, right = number;
    for (int i = type->scale; i < MILLIONTHS; i++)
        left *= 10;
    for (int i = MILLIONTHS; i < type->scale; i++)
        right *= 10;
    return order(left, right);
}

static int compare_number(const struct bus_schema_type *type, const struct bus_value *value, int64_t number)
{
    if (type->logical == BUS_LOGICAL_DECIMAL)
        return compare_decimal(type, value->bytes, number);
    if (type->type == BUS_TYPE_FLOAT || type->type == BUS_TYPE_DOUBLE) {
        double millionths = value->real * 1e6;
        return (millionths > (double)number) - (millionths < (double)number);
    }
    bool is_time = type->logical == BUS_LOGICAL_DATE || type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS;
    return order(is_time ? (__int128)value->integer : (__int128)value->integer * 1000000, number);
}

bool bus_condition_holds(const struct bus_condition *condition, const struct bus_field *field, struct bus_bytes datum,
                         struct bus_span span)
{
    struct bus_value value = {.type = BUS_TYPE_NULL};
    if (field != NULL)
        value = bus_datum_value(field, datum, span);
    bool is_present = bus_transform_is_present(&value) && value.real == value.real; /* not a number: none */
    switch (condition->comparison) {
    case BUS_COMPARISON_IS: return is_present && value_is(condition, field, &value);
    case BUS_COMPARISON_IS_NOT: return !is_present || !value_is(condition, field, &value);
    case BUS_COMPARISON_AT_LEAST: return is_present && compare_number(field->value, &value, condition->number) >= 0;
    case BUS_COMPARISON_AT_MOST: return is_present && compare_number(field->value, &value, condition->number) <= 0;
    case BUS_COMPARISON_PRESENT: return is_present;
    case BUS_COMPARISON_ABSENT: return !is_present;
    }
    return false;
}
