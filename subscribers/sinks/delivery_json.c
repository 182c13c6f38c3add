#include "subscribers/sinks/delivery_json.h"

enum { TIME_SIZE = 64 };

static void append_hex(struct bus_json *json, const char *name, const uint8_t *bytes, size_t length)
{
    char text[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(bytes, length, text);
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void append_text(struct bus_json *json, const char *name, struct bus_bytes text)
{
    bus_json_name(json, name);
    bus_json_text(json, text);
}

static void append_integer(struct bus_json *json, const char *name, int64_t value)
{
    bus_json_name(json, name);
    bus_json_integer(json, value);
}

void delivery_json_time(struct bus_json *json, const char *name, int64_t time_ms)
{
    static const struct bus_schema_type type = {.type = BUS_TYPE_LONG, .logical = BUS_LOGICAL_TIMESTAMP_MILLIS};
    struct bus_value value = {.type = BUS_TYPE_LONG, .integer = time_ms};
    struct bus_buffer text;
    bus_buffer_init(&text, TIME_SIZE);
    bus_datum_text(&type, &value, &text);
    append_text(json, name, bus_buffer_view(&text));
    bus_buffer_release(&text);
}

static void append_flags(struct bus_json *json, uint32_t flags)
{
    bus_json_name(json, "flags");
    bus_json_array(json);
    for (int flag = 0; flag < BUS_FLAG_COUNT; flag++)
        if (flags >> flag & 1)
            bus_json_string(json, bus_flag_name((enum bus_flag)flag));
    bus_json_end_array(json);
}

static bool is_number(const struct bus_schema_type *type)
{
    if (type->logical == BUS_LOGICAL_DECIMAL)
        return true;
    return type->logical == BUS_LOGICAL_NONE && (type->type == BUS_TYPE_INT || type->type == BUS_TYPE_LONG ||
                                                 type->type == BUS_TYPE_FLOAT || type->type == BUS_TYPE_DOUBLE);
}

static void append_value(struct bus_json *json, const struct bus_field *field, const struct bus_value *value,
                         struct bus_buffer *scratch)
{
    const struct bus_schema_type *type = field->value;
    bus_json_name(json, field->name);
    if (value->type == BUS_TYPE_NULL) {
        bus_json_null(json);
        return;
    }
    if (type->type == BUS_TYPE_STRING) {
        bus_json_text(json, value->bytes);
        return;
    }
    if (type->type == BUS_TYPE_BOOLEAN) {
        bus_json_boolean(json, value->integer != 0);
        return;
    }
    bus_buffer_reset(scratch);
    bus_datum_text(type, value, scratch);
    if (is_number(type) || type->type == BUS_TYPE_ARRAY)
        bus_json_raw(json, bus_buffer_view(scratch));
    else
        bus_json_text(json, bus_buffer_view(scratch));
}

static void append_fields(struct bus_json *json, const struct subscribers_delivery *delivery,
                          struct bus_buffer *scratch)
{
    bus_json_name(json, "fields");
    if (delivery->fields.data == NULL) {
        bus_json_null(json);
        return;
    }
    struct bus_span spans[SUBSCRIBERS_MAX_FIELDS];
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(delivery->view, &count);
    subscribers_delivery_spans(delivery, spans);
    bus_json_object(json);
    for (size_t i = 0; i < count; i++) {
        struct bus_value value = bus_datum_value(&fields[i], delivery->value, spans[i]);
        append_value(json, &fields[i], &value, scratch);
    }
    bus_json_end_object(json);
}

static void append_content(struct bus_json *json, const struct subscribers_delivery *delivery)
{
    struct bus_buffer scratch;
    bus_buffer_init(&scratch, BUS_DATUM_MAX_SIZE);
    bus_json_name(json, "operation");
    bus_json_string(json, subscribers_delivery_operation(delivery));
    bus_json_name(json, "reason");
    bus_json_string(json, subscribers_delivery_reason(delivery));
    append_text(json, "grant", delivery->grant);
    append_text(json, "purpose", delivery->purpose);
    append_text(json, "legal_basis", delivery->legal_basis);
    append_text(json, "catalogue", delivery->catalogue);
    append_flags(json, delivery->flags);
    append_integer(json, "version", delivery->version);
    delivery_json_time(json, "delivered_at", delivery->delivered_at_ms);
    append_fields(json, delivery, &scratch);
    bus_buffer_release(&scratch);
}

void delivery_json_members(struct bus_json *json, const struct subscribers_delivery *delivery)
{
    if (!subscribers_delivery_is_marker(delivery))
        append_hex(json, "record", delivery->record, BUS_IDENTITY_SIZE);
    append_integer(json, "partition", delivery->partition);
    append_integer(json, "leaf", (int64_t)delivery->leaf);
    append_text(json, "department", bus_bytes_text(delivery->view->item->department->name));
    append_text(json, "item", bus_bytes_text(delivery->view->item->name));
    if (subscribers_delivery_is_refused(delivery))
        append_text(json, "refused", bus_bytes_text(delivery->refusal));
    else
        append_content(json, delivery);
}
