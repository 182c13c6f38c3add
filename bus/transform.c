#include "bus/transform.h"

#include "bus/calendar.h"
#include "bus/identifier.h"
#include "bus/utf8.h"

/* In the order of the enum, NONE left out. */
static const char *const names[] = {"mask", "year", "present"};

struct words {
    const char *type, *zh, *en;
};

static const struct words words[] = {
    [BUS_TRANSFORM_NONE] = {"", "", ""},
    [BUS_TRANSFORM_MASK] = {"string", "（脱敏）", " (masked)"},
    [BUS_TRANSFORM_YEAR] = {"int", "（仅年份）", " (year only)"},
    [BUS_TRANSFORM_PRESENT] = {"boolean", "（有无）", " (whether there is any)"},
};

const char *bus_transform_name(enum bus_transform transform)
{
    return transform == BUS_TRANSFORM_NONE ? "" : names[transform - 1];
}

bool bus_transform_parse(const char *name, enum bus_transform *out_transform)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) {
            *out_transform = (enum bus_transform)(i + 1);
            return true;
        }
    return false;
}

const char *const *bus_transform_names(size_t *out_count)
{
    *out_count = sizeof names / sizeof names[0];
    return names;
}

bool bus_transform_fits(enum bus_transform transform, const struct bus_field *field)
{
    if (transform == BUS_TRANSFORM_MASK)
        return field->value->type == BUS_TYPE_STRING;
    if (transform == BUS_TRANSFORM_YEAR)
        return field->value->logical == BUS_LOGICAL_DATE || field->value->logical == BUS_LOGICAL_TIMESTAMP_MILLIS;
    return true;
}

static enum bus_transform type_of(enum bus_transform transform)
{
    return transform == BUS_TRANSFORM_MASK ? BUS_TRANSFORM_NONE : transform;
}

bool bus_transform_same_type(enum bus_transform left, enum bus_transform right)
{
    return type_of(left) == type_of(right);
}

bool bus_transform_is_present(const struct bus_value *value)
{
    return value->type != BUS_TYPE_NULL && !(value->type == BUS_TYPE_STRING && value->bytes.length == 0);
}

/* ── mask ── */

/* Whether it is made of the characters of numbers (of documents, plates, telephones), with a digit among them. */
static bool is_number(struct bus_bytes text, bool hyphens)
{
    bool has_digit = false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t character = text.data[i];
        bool is_digit = character >= '0' && character <= '9';
        bool is_letter = (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z');
        if (!is_digit && !is_letter && !(hyphens && character == '-'))
            return false;
        has_digit = has_digit || is_digit;
    }
    return has_digit;
}

/* What stays of a text: bytes at its beginning and end, and how many characters between them are hidden. */
struct masked {
    size_t first, last, hidden;
};

static struct masked find_masked(struct bus_bytes text)
{
    if ((text.length == 15 || text.length == 18) && is_number(text, false))
        return (struct masked){6, 4, text.length - 10};
    if (text.length > 8 && is_number(text, true))
        return (struct masked){2, 2, text.length - 4};
    size_t characters = bus_utf8_characters(text);
    if (characters <= 1)
        return (struct masked){0, 0, characters};
    return (struct masked){bus_utf8_sequence(text), 0, characters - 1};
}

static void append_masked(struct bus_bytes text, struct masked masked, struct bus_buffer *buffer)
{
    bus_buffer_append(buffer, text.data, masked.first);
    for (size_t i = 0; i < masked.hidden; i++)
        bus_buffer_u8(buffer, '*');
    bus_buffer_append(buffer, text.data + text.length - masked.last, masked.last);
}

void bus_transform_mask(struct bus_bytes text, struct bus_buffer *buffer)
{
    if (text.length > 0)
        append_masked(text, find_masked(text), buffer);
}

static void append_masked_string(struct bus_bytes text, struct bus_buffer *buffer)
{
    struct masked masked = find_masked(text);
    bus_buffer_varint(buffer, (int64_t)(masked.first + masked.hidden + masked.last));
    if (text.length > 0)
        append_masked(text, masked, buffer);
}

/* ── year ── */

/* Of a day, or of a moment in Beijing. */
static int year_of(const struct bus_schema_type *type, int64_t value)
{
    int year, month, day;
    int32_t days = type->logical == BUS_LOGICAL_DATE ? (int32_t)value : bus_calendar_day(value);
    bus_date_civil(days, &year, &month, &day);
    return year;
}

/* ── the field in a view ── */

bool bus_transform_is_nullable(enum bus_transform transform, const struct bus_field *field)
{
    return field->nullable && transform != BUS_TRANSFORM_PRESENT;
}

void bus_transform_write_type(enum bus_transform transform, const struct bus_field *field, struct bus_buffer *text)
{
    bool nullable = bus_transform_is_nullable(transform, field);
    bus_buffer_printf(text, nullable ? "[\"null\",\"%s\"]" : "\"%s\"", words[transform].type);
}

const char *bus_transform_zh(enum bus_transform transform)
{
    return words[transform].zh;
}

const char *bus_transform_en(enum bus_transform transform)
{
    return words[transform].en;
}

void bus_transform_append(enum bus_transform transform, const struct bus_field *field, struct bus_bytes datum,
                          struct bus_span span, struct bus_buffer *buffer)
{
    if (transform == BUS_TRANSFORM_NONE) {
        bus_buffer_append(buffer, datum.data + span.offset, span.length);
        return;
    }
    struct bus_value value = bus_datum_value(field, datum, span);
    if (transform == BUS_TRANSFORM_PRESENT) {
        bus_buffer_u8(buffer, bus_transform_is_present(&value));
        return;
    }
    if (field->nullable)
        bus_buffer_varint(buffer, value.type != BUS_TYPE_NULL); /* the branch of ["null", T] */
    if (value.type == BUS_TYPE_NULL)
        return;
    if (transform == BUS_TRANSFORM_MASK)
        append_masked_string(value.bytes, buffer);
    else
        bus_buffer_varint(buffer, year_of(field->value, value.integer));
}
