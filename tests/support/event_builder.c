#include "tests/support/event_builder.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_FIELDS = 256 };

/* A value of `type`; `scratch` holds what decimals and the event id need. */
static struct bus_value value_of(const struct bus_schema_type *type, const char *text, uint8_t scratch[32])
{
    struct bus_value value = {.type = type->type};
    switch (type->type) {
    case BUS_TYPE_STRING: value.bytes = bus_bytes_text(text); break;
    case BUS_TYPE_BYTES:
        if (type->logical == BUS_LOGICAL_DECIMAL) {
            size_t length;
            bus_decimal_bytes(strtoll(text, NULL, 10), scratch, &length);
            value.bytes = bus_bytes_of(scratch, length);
        } else {
            value.bytes = bus_bytes_text(text);
        }
        break;
    case BUS_TYPE_FIXED: value.bytes = bus_bytes_of(memset(scratch, 0, 32), type->fixed_size); break;
    case BUS_TYPE_DOUBLE:
    case BUS_TYPE_FLOAT: value.real = strtod(text, NULL); break;
    default: value.integer = strtoll(text, NULL, 10); break;
    }
    return value;
}

static const struct test_field *find(const struct test_field *fields, const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

void test_event_build(const struct bus_item *item, const struct bus_item_version *version,
                      const struct test_field *fields, struct bus_buffer *buffer)
{
    static uint8_t scratch[MAX_FIELDS][32];
    struct bus_value values[MAX_FIELDS];
    const struct bus_schema *schema = version->schema;
    for (const struct test_field *field = fields; field->name != NULL; field++)
        if (bus_schema_find(schema, field->name) < 0) {
            fprintf(stderr, "%s has no field %s\n", item->name, field->name);
            abort();
        }
    size_t count = bus_schema_field_count(schema);
    for (size_t i = 0; i < count; i++) {
        const struct bus_field *field = bus_schema_field(schema, i);
        const struct test_field *given = find(fields, field->name);
        bool null = given != NULL ? given->value == NULL : field->nullable;
        values[i] = null ? (struct bus_value){.type = BUS_TYPE_NULL}
                         : value_of(field->value, given != NULL ? given->value : "", scratch[i]);
    }
    struct bus_bytes record_key = values[BUS_ENVELOPE_RECORD_KEY].bytes;
    if (find(fields, "event_id") == NULL) {
        bus_event_make_id(bus_bytes_text(item->name), record_key, values[BUS_ENVELOPE_VERSION].integer, scratch[0]);
        values[BUS_ENVELOPE_EVENT_ID].bytes = bus_bytes_of(scratch[0], BUS_IDENTITY_SIZE);
    }
    struct bus_error error;
    if (bus_datum_encode(buffer, schema, values, &error) != BUS_OK) {
        fprintf(stderr, "%s: %s\n", item->name, error.message);
        abort();
    }
}
