/* A value as people and databases read it. */
#include <inttypes.h>
#include <stdio.h>

#include "bus/datum.h"
#include "bus/identifier.h"
#include "bus/json.h"

enum { MS_A_DAY = 86400000, HEX_CHUNK = 32 };

void bus_decimal_bytes(int64_t unscaled, uint8_t out_bytes[8], size_t *out_length)
{
    uint8_t all[8];
    bus_put_u64be(all, (uint64_t)unscaled);
    size_t first = 0; /* leading bytes that only repeat the sign are left out */
    while (first < 7 && all[first] == (unscaled < 0 ? 0xff : 0) && (all[first + 1] & 0x80) == (unscaled < 0 ? 0x80 : 0))
        first++;
    *out_length = sizeof all - first;
    memcpy(out_bytes, all + first, *out_length);
}

bool bus_decimal_value(struct bus_bytes bytes, int64_t *out_unscaled)
{
    if (bytes.length == 0)
        return false;
    bool negative = (bytes.data[0] & 0x80) != 0;
    size_t first = 0;
    while (bytes.length - first > 8) {
        bool repeats = bytes.data[first] == (negative ? 0xff : 0) && ((bytes.data[first + 1] & 0x80) != 0) == negative;
        if (!repeats)
            return false;
        first++;
    }
    uint64_t value = negative ? UINT64_MAX : 0;
    for (size_t i = first; i < bytes.length; i++)
        value = value << 8 | bytes.data[i];
    *out_unscaled = (int64_t)value;
    return true;
}

static void append_date(struct bus_buffer *buffer, int64_t days)
{
    int year, month, day;
    bus_date_civil((int32_t)days, &year, &month, &day);
    bus_buffer_printf(buffer, "%04d-%02d-%02d", year, month, day);
}

static void append_timestamp(struct bus_buffer *buffer, int64_t ms)
{
    int64_t days = ms / MS_A_DAY, rest = ms % MS_A_DAY;
    if (rest < 0) {
        days--;
        rest += MS_A_DAY;
    }
    if (days < INT32_MIN || days > INT32_MAX) {
        bus_buffer_printf(buffer, "%" PRId64, ms);
        return;
    }
    append_date(buffer, days);
    bus_buffer_printf(buffer, "T%02d:%02d:%02d.%03dZ", (int)(rest / 3600000), (int)(rest / 60000 % 60),
                      (int)(rest / 1000 % 60), (int)(rest % 1000));
}

static void append_hex(struct bus_buffer *buffer, struct bus_bytes bytes)
{
    char text[2 * HEX_CHUNK + 1];
    for (size_t i = 0; i < bytes.length; i += HEX_CHUNK) {
        size_t length = bytes.length - i < HEX_CHUNK ? bytes.length - i : HEX_CHUNK;
        bus_hex(bytes.data + i, length, text);
        bus_buffer_append(buffer, text, 2 * length);
    }
}

static void append_decimal(struct bus_buffer *buffer, struct bus_bytes bytes, int scale)
{
    int64_t unscaled;
    if (!bus_decimal_value(bytes, &unscaled)) {
        append_hex(buffer, bytes);
        return;
    }
    uint64_t absolute = unscaled < 0 ? 0 - (uint64_t)unscaled : (uint64_t)unscaled;
    uint64_t unit = 1;
    for (int i = 0; i < scale; i++)
        unit *= 10;
    bus_buffer_printf(buffer, "%s%" PRIu64, unscaled < 0 ? "-" : "", absolute / unit);
    if (scale > 0)
        bus_buffer_printf(buffer, ".%0*" PRIu64, scale, absolute % unit);
}

/* One value within nested data, read from the cursor, as JSON. */
static void append_json(const struct bus_schema_type *type, struct bus_cursor *cursor, struct bus_json *json);

/* Items block by block; a map's are members. */
static void append_blocks(const struct bus_schema_type *type, struct bus_cursor *cursor, struct bus_json *json)
{
    char name[256];
    for (size_t count = bus_datum_take_block(cursor, BUS_DATUM_MAX_ITEMS); count > 0;
         count = bus_datum_take_block(cursor, BUS_DATUM_MAX_ITEMS)) {
        for (size_t i = 0; i < count && !cursor->failed; i++) {
            if (type->type == BUS_TYPE_MAP) {
                struct bus_bytes key = bus_datum_take_bytes(cursor, SIZE_MAX);
                snprintf(name, sizeof name, "%.*s", (int)(key.length < sizeof name ? key.length : sizeof name - 1),
                         (const char *)key.data);
                bus_json_name(json, name);
            }
            append_json(type->element, cursor, json);
        }
    }
}

static void append_record(const struct bus_schema_type *type, struct bus_cursor *cursor, struct bus_json *json)
{
    bus_json_object(json);
    for (size_t i = 0; i < type->field_count; i++) {
        bus_json_name(json, type->fields[i].name);
        append_json(&type->fields[i].type, cursor, json);
    }
    bus_json_end_object(json);
}

static void append_scalar_json(const struct bus_schema_type *type, struct bus_cursor *cursor, struct bus_json *json)
{
    struct bus_value value = {.type = type->type};
    switch (type->type) {
    case BUS_TYPE_BYTES:
    case BUS_TYPE_STRING: value.bytes = bus_datum_take_bytes(cursor, SIZE_MAX); break;
    case BUS_TYPE_FIXED: value.bytes = bus_cursor_take(cursor, type->fixed_size); break;
    case BUS_TYPE_FLOAT:
    case BUS_TYPE_DOUBLE: {
        struct bus_bytes bytes = bus_cursor_take(cursor, type->type == BUS_TYPE_FLOAT ? 4 : 8);
        float single = 0;
        if (bytes.length == sizeof single)
            memcpy(&single, bytes.data, sizeof single);
        value.real = (double)single;
        if (bytes.length == sizeof value.real)
            memcpy(&value.real, bytes.data, sizeof value.real);
        break;
    }
    case BUS_TYPE_BOOLEAN: value.integer = bus_cursor_u8(cursor); break;
    default: value.integer = bus_cursor_varint(cursor); break;
    }
    if (type->type == BUS_TYPE_STRING) {
        bus_json_text(json, value.bytes);
        return;
    }
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_DATUM_MAX_SIZE * 2);
    bus_datum_text(type, &value, &text);
    bool is_number =
        type->logical == BUS_LOGICAL_NONE && type->type >= BUS_TYPE_BOOLEAN && type->type <= BUS_TYPE_DOUBLE;
    if (is_number)
        bus_json_raw(json, bus_buffer_view(&text));
    else
        bus_json_text(json, bus_buffer_view(&text));
    bus_buffer_release(&text);
}

static void append_json(const struct bus_schema_type *type, struct bus_cursor *cursor, struct bus_json *json)
{
    int64_t branch;
    switch (type->type) {
    case BUS_TYPE_NULL: bus_json_null(json); break;
    case BUS_TYPE_ARRAY:
        bus_json_array(json);
        append_blocks(type, cursor, json);
        bus_json_end_array(json);
        break;
    case BUS_TYPE_MAP:
        bus_json_object(json);
        append_blocks(type, cursor, json);
        bus_json_end_object(json);
        break;
    case BUS_TYPE_RECORD: append_record(type, cursor, json); break;
    case BUS_TYPE_UNION:
        branch = bus_cursor_varint(cursor);
        if (branch < 0 || (uint64_t)branch >= type->branch_count) {
            cursor->failed = true;
            bus_json_null(json);
        } else {
            append_json(&type->branches[branch], cursor, json);
        }
        break;
    default: append_scalar_json(type, cursor, json); break;
    }
}

void bus_datum_text(const struct bus_schema_type *type, const struct bus_value *value, struct bus_buffer *buffer)
{
    struct bus_json json;
    struct bus_cursor cursor = bus_cursor_of(value->bytes);
    switch (value->type) {
    case BUS_TYPE_NULL: break;
    case BUS_TYPE_BOOLEAN: bus_buffer_printf(buffer, value->integer != 0 ? "true" : "false"); break;
    case BUS_TYPE_INT:
    case BUS_TYPE_LONG:
        if (type->logical == BUS_LOGICAL_DATE)
            append_date(buffer, value->integer);
        else if (type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
            append_timestamp(buffer, value->integer);
        else
            bus_buffer_printf(buffer, "%" PRId64, value->integer);
        break;
    case BUS_TYPE_FLOAT: bus_buffer_printf(buffer, "%.9g", value->real); break;
    case BUS_TYPE_DOUBLE: bus_buffer_printf(buffer, "%.17g", value->real); break;
    case BUS_TYPE_STRING: bus_buffer_append_bytes(buffer, value->bytes); break;
    case BUS_TYPE_BYTES:
    case BUS_TYPE_FIXED:
        if (type->logical == BUS_LOGICAL_DECIMAL)
            append_decimal(buffer, value->bytes, type->scale);
        else
            append_hex(buffer, value->bytes);
        break;
    case BUS_TYPE_ENUM:
        if (value->integer >= 0 && (uint64_t)value->integer < type->symbol_count)
            bus_buffer_printf(buffer, "%s", type->symbols[value->integer]);
        break;
    case BUS_TYPE_UNION:
        bus_json_init(&json, buffer);
        if (value->integer >= 0 && (uint64_t)value->integer < type->branch_count)
            append_json(&type->branches[value->integer], &cursor, &json);
        break;
    case BUS_TYPE_ARRAY:
    case BUS_TYPE_MAP:
    case BUS_TYPE_RECORD:
        bus_json_init(&json, buffer);
        append_json(type, &cursor, &json);
        break;
    }
}
