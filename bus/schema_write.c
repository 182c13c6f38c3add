/* Schema as text: the parsing canonical form, its fingerprint, and the fuller form that derived schemas are made of. */
#include "bus/json.h"
#include "bus/schema.h"

static const uint64_t CRC64_EMPTY = 0xc15d213aa4d7a795u;

uint64_t bus_schema_crc64(struct bus_bytes text)
{
    uint64_t crc = CRC64_EMPTY;
    for (size_t i = 0; i < text.length; i++) {
        crc ^= text.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (CRC64_EMPTY & (0 - (crc & 1)));
    }
    return crc;
}

/* A quoted text; names and symbols are plain ASCII, docs may be anything. */
static void write_text(struct bus_buffer *buffer, const char *text)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_string(&json, text);
}

/* Whether the named type has been written already; remembers it if not. */
static bool is_written(struct bus_schema_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) == 0)
            return true;
    }
    if (names->count < BUS_SCHEMA_MAX_NAMES)
        names->names[names->count++] = name;
    return false;
}

static void write_field(struct bus_buffer *buffer, const struct bus_field *field, bool canonical,
                        struct bus_schema_names *names)
{
    bus_buffer_printf(buffer, "{\"name\":\"%s\",\"type\":", field->name);
    bus_schema_write_type(buffer, &field->type, canonical, names);
    if (!canonical && field->doc[0] != '\0') {
        bus_buffer_printf(buffer, ",\"doc\":");
        write_text(buffer, field->doc);
    }
    if (!canonical && field->default_null)
        bus_buffer_printf(buffer, ",\"default\":null");
    bus_buffer_printf(buffer, "}");
}

/* Canonical order of attributes: name, type, fields, symbols, items, values, size. */
static void write_named(struct bus_buffer *buffer, const struct bus_schema_type *type, bool canonical,
                        struct bus_schema_names *names)
{
    if (is_written(names, type->name)) {
        write_text(buffer, type->name);
        return;
    }
    bus_buffer_printf(buffer, "{\"name\":\"%s\",\"type\":\"%s\"", type->name, bus_type_name(type->type));
    if (type->type == BUS_TYPE_RECORD) {
        bus_buffer_printf(buffer, ",\"fields\":[");
        for (size_t i = 0; i < type->field_count; i++) {
            bus_buffer_printf(buffer, i > 0 ? "," : "");
            write_field(buffer, &type->fields[i], canonical, names);
        }
        bus_buffer_printf(buffer, "]");
    } else if (type->type == BUS_TYPE_ENUM) {
        for (size_t i = 0; i < type->symbol_count; i++)
            bus_buffer_printf(buffer, "%s\"%s\"", i > 0 ? "," : ",\"symbols\":[", type->symbols[i]);
        bus_buffer_printf(buffer, "]");
    } else {
        bus_buffer_printf(buffer, ",\"size\":%zu", type->fixed_size);
        if (!canonical && type->logical == BUS_LOGICAL_DECIMAL)
            bus_buffer_printf(buffer, ",\"logicalType\":\"decimal\",\"precision\":%d,\"scale\":%d", type->precision,
                              type->scale);
    }
    bus_buffer_printf(buffer, "}");
}

static void write_primitive(struct bus_buffer *buffer, const struct bus_schema_type *type, bool canonical)
{
    const char *name = bus_type_name(type->type);
    if (canonical || type->logical == BUS_LOGICAL_NONE)
        bus_buffer_printf(buffer, "\"%s\"", name);
    else if (type->logical == BUS_LOGICAL_DATE)
        bus_buffer_printf(buffer, "{\"type\":\"%s\",\"logicalType\":\"date\"}", name);
    else if (type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        bus_buffer_printf(buffer, "{\"type\":\"%s\",\"logicalType\":\"timestamp-millis\"}", name);
    else
        bus_buffer_printf(buffer, "{\"type\":\"%s\",\"logicalType\":\"decimal\",\"precision\":%d,\"scale\":%d}", name,
                          type->precision, type->scale);
}

void bus_schema_write_type(struct bus_buffer *buffer, const struct bus_schema_type *type, bool canonical,
                           struct bus_schema_names *names)
{
    switch (type->type) {
    case BUS_TYPE_RECORD:
    case BUS_TYPE_ENUM:
    case BUS_TYPE_FIXED: write_named(buffer, type, canonical, names); break;
    case BUS_TYPE_ARRAY:
    case BUS_TYPE_MAP:
        bus_buffer_printf(buffer, "{\"type\":\"%s\",\"%s\":", bus_type_name(type->type),
                          type->type == BUS_TYPE_ARRAY ? "items" : "values");
        bus_schema_write_type(buffer, type->element, canonical, names);
        bus_buffer_printf(buffer, "}");
        break;
    case BUS_TYPE_UNION:
        for (size_t i = 0; i < type->branch_count; i++) {
            bus_buffer_printf(buffer, i > 0 ? "," : "[");
            bus_schema_write_type(buffer, &type->branches[i], canonical, names);
        }
        bus_buffer_printf(buffer, "]");
        break;
    default: write_primitive(buffer, type, canonical); break;
    }
}
