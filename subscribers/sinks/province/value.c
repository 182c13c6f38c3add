#include "subscribers/sinks/province/value.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/calendar.h"
#include "bus/identifier.h"

enum { MICRO_DIGITS = 6, TEN_THOUSAND_DIGITS = 4 };

enum bus_status province_value_refuse(const struct province_field *field, const char *code, const char *what_zh,
                                      const char *what_en, struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "字段 %s %s", field->code, what_zh);
    snprintf(en, sizeof en, "field %s %s", field->code, what_en);
    return bus_reject(error, code, zh, en);
}

/* ── dates ── */

static bool day_of(const struct bus_schema_type *type, const struct bus_value *value, int32_t *out_day)
{
    if (type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS) {
        *out_day = bus_calendar_day(value->integer);
        return true;
    }
    *out_day = (int32_t)value->integer;
    return type->logical == BUS_LOGICAL_DATE;
}

static enum bus_status append_date(const struct province_field *field, const struct bus_schema_type *type,
                                   const struct bus_value *value, struct bus_buffer *buffer, struct bus_error *error)
{
    int32_t days;
    int year = 0, month, day;
    bool is_date = day_of(type, value, &days);
    if (is_date)
        bus_date_civil(days, &year, &month, &day);
    if (!is_date || year < 1 || year > 9999)
        return province_value_refuse(field, "PROVINCE_FORMAT", "不是平台可用的日期",
                                     "is no date that the province can use", error);
    if (field->transform == PROVINCE_DATE_8)
        bus_buffer_printf(buffer, "%04d%02d%02d", year, month, day);
    else if (field->transform == PROVINCE_DATE_ZH)
        bus_buffer_printf(buffer, "%04d年%02d月%02d日", year, month, day);
    else
        bus_buffer_printf(buffer, "%04d-%02d-%02d", year, month, day);
    return BUS_OK;
}

/* ── amounts ── */

static enum bus_status refuse_amount(const struct province_field *field, struct bus_error *error)
{
    return province_value_refuse(field, "PROVINCE_FORMAT", "不是平台可用的金额（万元，六位小数）",
                                 "is no amount that the province can use (10,000 yuan, six decimals)", error);
}

/* The number and how many of its digits stand behind the point; false when it is none. */
static bool number_of(const struct bus_schema_type *type, const struct bus_value *value, int64_t *out_unscaled,
                      int *out_scale)
{
    *out_scale = 0;
    *out_unscaled = value->integer;
    if (type->logical == BUS_LOGICAL_DECIMAL) {
        *out_scale = type->scale;
        return bus_decimal_value(value->bytes, out_unscaled);
    }
    return type->logical == BUS_LOGICAL_NONE && (type->type == BUS_TYPE_INT || type->type == BUS_TYPE_LONG);
}

/* Moves the point so that six digits stand behind it; false when digits would be lost or do not fit. */
static bool to_millionths(int64_t *number, int scale)
{
    for (; scale < MICRO_DIGITS; scale++)
        if (__builtin_mul_overflow(*number, 10, number))
            return false;
    for (; scale > MICRO_DIGITS; scale--) {
        if (*number % 10 != 0)
            return false;
        *number /= 10;
    }
    return true;
}

static enum bus_status append_amount(const struct province_field *field, const struct bus_schema_type *type,
                                     const struct bus_value *value, struct bus_buffer *buffer, struct bus_error *error)
{
    int64_t number;
    int scale;
    if (!number_of(type, value, &number, &scale) || number < 0)
        return refuse_amount(field, error);
    if (field->transform == PROVINCE_YUAN)
        scale += TEN_THOUSAND_DIGITS;
    if (!to_millionths(&number, scale) || number > 999999999999999999)
        return refuse_amount(field, error);
    bus_buffer_printf(buffer, "%" PRId64 ".%06" PRId64, number / 1000000, number % 1000000);
    return BUS_OK;
}

/* ── codes ── */

static const char *find_code(const struct province_table *table, struct bus_bytes code)
{
    for (size_t i = 0; i < table->count; i++)
        if (bus_bytes_equal_text(code, table->codes[i].from))
            return table->codes[i].to;
    return NULL;
}

/* The text up to the next separator, which it goes past. */
static struct bus_bytes next_code(struct bus_bytes *rest, const char *separator)
{
    size_t length = strlen(separator);
    const uint8_t *found = length == 0 ? NULL : memmem(rest->data, rest->length, separator, length);
    struct bus_bytes code = {rest->data, found != NULL ? (size_t)(found - rest->data) : rest->length};
    size_t taken = found != NULL ? code.length + length : rest->length;
    *rest = bus_bytes_of(rest->data + taken, rest->length - taken);
    return code;
}

static enum bus_status append_codes(const struct province_field *field, struct bus_bytes text,
                                    struct bus_buffer *buffer, struct bus_error *error)
{
    for (bool is_first = true; text.length > 0; is_first = false) {
        const char *to = find_code(field->table, next_code(&text, field->separator));
        if (to == NULL)
            return province_value_refuse(field, "PROVINCE_CODE", "的取值不在平台代码表中",
                                         "has a value that is not among the province's codes", error);
        bus_buffer_printf(buffer, "%s%s", is_first ? "" : field->separator, to);
    }
    return BUS_OK;
}

static enum bus_status append_text(const struct province_field *field, const struct bus_schema_type *type,
                                   const struct bus_value *value, struct bus_buffer *buffer, struct bus_error *error)
{
    if (field->table == NULL) {
        bus_datum_text(type, value, buffer);
        return BUS_OK;
    }
    if (value->type == BUS_TYPE_STRING)
        return append_codes(field, value->bytes, buffer, error);
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_DATUM_MAX_SIZE);
    bus_datum_text(type, value, &text);
    enum bus_status status = append_codes(field, bus_buffer_view(&text), buffer, error);
    bus_buffer_release(&text);
    return status;
}

enum bus_status province_value_append(const struct province_field *field, const struct bus_schema_type *type,
                                      const struct bus_value *value, struct bus_buffer *buffer, struct bus_error *error)
{
    if (value->type == BUS_TYPE_NULL)
        return BUS_OK;
    switch (field->transform) {
    case PROVINCE_TEXT: return append_text(field, type, value, buffer, error);
    case PROVINCE_DATE:
    case PROVINCE_DATE_8:
    case PROVINCE_DATE_ZH: return append_date(field, type, value, buffer, error);
    case PROVINCE_AMOUNT:
    case PROVINCE_YUAN: return append_amount(field, type, value, buffer, error);
    }
    return BUS_OK;
}
