#include "subscribers/engine/delivery.h"

#include <assert.h>

static const struct bus_field *delivery_field(const struct bus_view *view, enum bus_delivery_field field)
{
    return bus_schema_field(view->schema, field);
}

/* An array of enum indexes, which the walk has proved good, as bits. */
static uint32_t flag_bits(struct bus_bytes array)
{
    uint32_t bits = 0;
    struct bus_cursor cursor = bus_cursor_of(array);
    for (size_t count; (count = bus_datum_take_block(&cursor, BUS_DATUM_MAX_ITEMS)) > 0;)
        for (size_t i = 0; i < count; i++)
            bits |= (uint32_t)1 << (bus_cursor_varint(&cursor) & 31);
    return bits;
}

enum bus_status subscribers_delivery_read(const struct bus_view *view, struct bus_bytes value,
                                          struct subscribers_delivery *out_delivery, struct bus_error *error)
{
    struct bus_span spans[BUS_DELIVERY_FIELD_COUNT];
    struct bus_value values[BUS_DELIVERY_FIELD_COUNT];
    assert(bus_schema_field_count(view->schema) == BUS_DELIVERY_FIELD_COUNT);
    enum bus_status status = bus_datum_walk(view->schema, value, spans, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < BUS_DELIVERY_FIELD_COUNT; i++)
        values[i] = bus_datum_value(bus_schema_field(view->schema, i), value, spans[i]);

    out_delivery->value = value;
    out_delivery->view = view;
    out_delivery->operation = (enum bus_delivery_operation)values[BUS_DELIVERY_OPERATION].integer;
    out_delivery->reason = (enum bus_delivery_reason)values[BUS_DELIVERY_REASON].integer;
    out_delivery->grant = values[BUS_DELIVERY_GRANT].bytes;
    out_delivery->purpose = values[BUS_DELIVERY_PURPOSE].bytes;
    out_delivery->legal_basis = values[BUS_DELIVERY_LEGAL_BASIS].bytes;
    out_delivery->catalogue = values[BUS_DELIVERY_CATALOGUE].bytes;
    out_delivery->flags = flag_bits(values[BUS_DELIVERY_FLAGS].bytes);
    out_delivery->version = values[BUS_DELIVERY_VERSION].integer;
    out_delivery->delivered_at_ms = values[BUS_DELIVERY_DELIVERED_AT].integer;
    out_delivery->refusal[0] = '\0';

    bool has_fields = values[BUS_DELIVERY_FIELDS].type != BUS_TYPE_NULL;
    out_delivery->fields = has_fields ? values[BUS_DELIVERY_FIELDS].bytes : (struct bus_bytes){NULL, 0};
    if (has_fields != (out_delivery->operation == BUS_DELIVERY_PUT))
        return bus_reject(error, "DELIVERY_FIELDS", "写入投递缺少字段，或其他投递带有字段",
                          "a PUT without fields, or fields in another operation");
    return BUS_OK;
}

const struct bus_field *subscribers_delivery_view_fields(const struct bus_view *view, size_t *out_count)
{
    const struct bus_schema_type *record = delivery_field(view, BUS_DELIVERY_FIELDS)->value;
    *out_count = record->field_count;
    return record->fields;
}

void subscribers_delivery_spans(const struct subscribers_delivery *delivery, struct bus_span *out_spans)
{
    const struct bus_schema_type *record = delivery_field(delivery->view, BUS_DELIVERY_FIELDS)->value;
    struct bus_span span = {(uint32_t)(delivery->fields.data - delivery->value.data),
                            (uint32_t)delivery->fields.length};
    enum bus_status status = bus_datum_walk_record(record, delivery->value, span, out_spans, NULL);
    assert(status == BUS_OK); /* the walk over the whole delivery has proved it */
    (void)status;
}

static const char *symbol(const struct bus_view *view, enum bus_delivery_field field, int index)
{
    return delivery_field(view, field)->value->symbols[index];
}

const char *subscribers_delivery_operation(const struct subscribers_delivery *delivery)
{
    return symbol(delivery->view, BUS_DELIVERY_OPERATION, (int)delivery->operation);
}

const char *subscribers_delivery_reason(const struct subscribers_delivery *delivery)
{
    return symbol(delivery->view, BUS_DELIVERY_REASON, (int)delivery->reason);
}
