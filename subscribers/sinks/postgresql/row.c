#include "subscribers/sinks/postgresql/row.h"

#include <stdio.h>

enum {
    EPOCH_DAYS = 10957, /* PostgreSQL counts from 2000-01-01 */
    TEXT_OID = 25,
    NUMERIC_NEGATIVE = 0x4000,
    DECIMAL_GROUPS = 8, /* of four digits: 64 bits and the padding of the scale */
};
static const int64_t EPOCH_MS = (int64_t)EPOCH_DAYS * 86400000;

static bool is_numeric(const struct bus_schema_type *type)
{
    return type->logical == BUS_LOGICAL_DECIMAL && type->precision <= POSTGRESQL_MAX_PRECISION;
}

static const char *plain_type(const struct bus_schema_type *type)
{
    if (type->logical == BUS_LOGICAL_DATE)
        return "date";
    if (type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        return "timestamp with time zone";
    switch (type->type) {
    case BUS_TYPE_BOOLEAN: return "boolean";
    case BUS_TYPE_INT: return "integer";
    case BUS_TYPE_LONG: return "bigint";
    case BUS_TYPE_FLOAT:
    case BUS_TYPE_DOUBLE: return "double precision";
    case BUS_TYPE_BYTES:
    case BUS_TYPE_FIXED: return type->logical == BUS_LOGICAL_DECIMAL ? "text" : "bytea";
    default: return "text";
    }
}

void postgresql_row_type(const struct bus_schema_type *type, char out_type[POSTGRESQL_TYPE_SIZE])
{
    if (is_numeric(type))
        snprintf(out_type, POSTGRESQL_TYPE_SIZE, "numeric(%d,%d)", type->precision, type->scale);
    else
        snprintf(out_type, POSTGRESQL_TYPE_SIZE, "%s", plain_type(type));
}

static void append_u16(struct bus_buffer *buffer, uint16_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

static void append_u32(struct bus_buffer *buffer, uint32_t value)
{
    uint8_t bytes[4];
    bus_put_u32be(bytes, value);
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

void postgresql_row_header(struct bus_buffer *buffer)
{
    static const uint8_t header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    bus_buffer_append(buffer, header, 19);
}

void postgresql_row_start(struct bus_buffer *buffer, size_t columns)
{
    append_u16(buffer, (uint16_t)columns);
}

void postgresql_row_trailer(struct bus_buffer *buffer)
{
    append_u16(buffer, UINT16_MAX);
}

void postgresql_row_null(struct bus_buffer *buffer)
{
    append_u32(buffer, UINT32_MAX);
}

void postgresql_row_bytes(struct bus_buffer *buffer, struct bus_bytes bytes)
{
    append_u32(buffer, (uint32_t)bytes.length);
    bus_buffer_append_bytes(buffer, bytes);
}

void postgresql_row_text(struct bus_buffer *buffer, const char *text)
{
    postgresql_row_bytes(buffer, bus_bytes_text(text));
}

void postgresql_row_boolean(struct bus_buffer *buffer, bool value)
{
    uint8_t byte = value;
    postgresql_row_bytes(buffer, bus_bytes_of(&byte, 1));
}

void postgresql_row_integer(struct bus_buffer *buffer, int32_t value)
{
    uint8_t bytes[8];
    bus_put_u32be(bytes, sizeof value);
    bus_put_u32be(bytes + 4, (uint32_t)value);
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

void postgresql_row_bigint(struct bus_buffer *buffer, int64_t value)
{
    uint8_t bytes[12];
    bus_put_u32be(bytes, sizeof value);
    bus_put_u64be(bytes + 4, (uint64_t)value);
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

void postgresql_row_timestamp(struct bus_buffer *buffer, int64_t time_ms)
{
    postgresql_row_bigint(buffer, (time_ms - EPOCH_MS) * 1000);
}

void postgresql_row_texts(struct bus_buffer *buffer, const char *const *texts, size_t count)
{
    size_t length = count == 0 ? 12 : 20;
    for (size_t i = 0; i < count; i++)
        length += 4 + strlen(texts[i]);
    append_u32(buffer, (uint32_t)length);
    append_u32(buffer, count > 0); /* dimensions */
    append_u32(buffer, 0);         /* no nulls */
    append_u32(buffer, TEXT_OID);
    if (count > 0) {
        append_u32(buffer, (uint32_t)count);
        append_u32(buffer, 1); /* lower bound */
    }
    for (size_t i = 0; i < count; i++)
        postgresql_row_text(buffer, texts[i]);
}

/* Groups of four decimal digits, the point between two groups; numeric_recv takes them from the most significant. */
static void append_numeric(struct bus_buffer *buffer, int64_t unscaled, int scale)
{
    int fraction_groups = (scale + 3) / 4;
    unsigned __int128 rest =
        unscaled < 0 ? (unsigned __int128)0 - (unsigned __int128)unscaled : (unsigned __int128)unscaled;
    for (int i = scale; i < 4 * fraction_groups; i++)
        rest *= 10;
    uint16_t groups[DECIMAL_GROUPS];
    int count = 0, skipped = 0;
    for (; rest > 0; rest /= 10000) {
        uint16_t group = (uint16_t)(rest % 10000);
        if (count == 0 && group == 0)
            skipped++; /* trailing zeros are not stored */
        else
            groups[count++] = group;
    }
    append_u32(buffer, (uint32_t)(8 + 2 * count));
    append_u16(buffer, (uint16_t)count);
    append_u16(buffer, (uint16_t)(count == 0 ? 0 : count + skipped - fraction_groups - 1)); /* weight */
    append_u16(buffer, unscaled < 0 ? NUMERIC_NEGATIVE : 0);
    append_u16(buffer, (uint16_t)scale);
    while (count > 0)
        append_u16(buffer, groups[--count]);
}

static void append_as_text(struct bus_buffer *buffer, const struct bus_schema_type *type, const struct bus_value *value)
{
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_DATUM_MAX_SIZE);
    bus_datum_text(type, value, &text);
    postgresql_row_bytes(buffer, bus_buffer_view(&text));
    buffer->failed = buffer->failed || text.failed;
    bus_buffer_release(&text);
}

bool postgresql_row_value(struct bus_buffer *buffer, const struct bus_schema_type *type, const struct bus_value *value)
{
    if (value->type == BUS_TYPE_NULL) {
        postgresql_row_null(buffer);
        return true;
    }
    if (is_numeric(type)) {
        int64_t unscaled;
        if (!bus_decimal_value(value->bytes, &unscaled))
            return false;
        append_numeric(buffer, unscaled, type->scale);
        return true;
    }
    if (type->logical == BUS_LOGICAL_DATE)
        postgresql_row_integer(buffer, (int32_t)value->integer - EPOCH_DAYS);
    else if (type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        postgresql_row_timestamp(buffer, value->integer);
    else if (type->logical == BUS_LOGICAL_DECIMAL)
        append_as_text(buffer, type, value);
    else
        switch (type->type) {
        case BUS_TYPE_STRING:
        case BUS_TYPE_BYTES:
        case BUS_TYPE_FIXED: postgresql_row_bytes(buffer, value->bytes); break;
        case BUS_TYPE_BOOLEAN: postgresql_row_boolean(buffer, value->integer != 0); break;
        case BUS_TYPE_INT: postgresql_row_integer(buffer, (int32_t)value->integer); break;
        case BUS_TYPE_LONG: postgresql_row_bigint(buffer, value->integer); break;
        case BUS_TYPE_FLOAT:
        case BUS_TYPE_DOUBLE: {
            int64_t bits;
            memcpy(&bits, &value->real, sizeof bits);
            postgresql_row_bigint(buffer, bits);
            break;
        }
        default: append_as_text(buffer, type, value); break;
        }
    return true;
}
