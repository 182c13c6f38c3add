#include "adapters/engine/image_entry.h"

enum { HEAD_SIZE = 8 + 1 + ADAPTERS_IMAGE_CONTENT_SIZE, FINGERPRINT_SIZE = 8, MAX_KEPT = 64 };

/* Of the envelope, what a withdrawal says. */
static const uint8_t kept_envelope[] = {
    BUS_ENVELOPE_RECORD_KEY,      BUS_ENVELOPE_SUBJECT_KIND, BUS_ENVELOPE_SUBJECT_ID,
    BUS_ENVELOPE_SUBJECT_NAME,    BUS_ENVELOPE_OCCURRED_AT,  BUS_ENVELOPE_CONDUCT_END_DATE,
    BUS_ENVELOPE_PUBLICITY_UNTIL, BUS_ENVELOPE_RULE_VERSION, BUS_ENVELOPE_AREA_CODE};

enum { KEPT_ENVELOPE = sizeof kept_envelope / sizeof kept_envelope[0] };

/* The indexes of the kept fields in `schema`, in the order of an entry; those of the key that are the envelope's are there already. */
static size_t kept_fields(const struct bus_item *item, const struct bus_schema *schema, size_t out_indexes[MAX_KEPT])
{
    size_t count = 0;
    for (; count < KEPT_ENVELOPE; count++)
        out_indexes[count] = kept_envelope[count];
    for (size_t i = 0; i < item->key_field_count && count < MAX_KEPT; i++) {
        int index = bus_schema_find(schema, item->key_fields[i]);
        if (index >= BUS_ENVELOPE_FIELDS)
            out_indexes[count++] = (size_t)index;
    }
    return count;
}

/* --- written --- */

static enum bus_status append_field(struct bus_buffer *buffer, const struct bus_field *field,
                                    const struct bus_value *value, struct bus_buffer *scratch, struct bus_error *error)
{
    bus_buffer_reset(scratch);
    enum bus_status status = bus_datum_append(scratch, field, value, error);
    bus_datum_append_bytes(buffer, bus_buffer_view(scratch));
    return status;
}

static void append_u64(struct bus_buffer *buffer, uint64_t number)
{
    uint8_t bytes[8];
    bus_put_u64le(bytes, number);
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

enum bus_status adapters_image_entry_encode(const struct bus_item *item, const struct bus_schema *schema,
                                            const struct bus_value *values,
                                            const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                            struct bus_buffer *scratch, struct bus_buffer *buffer,
                                            struct bus_error *error)
{
    size_t kept[MAX_KEPT];
    bool is_withdrawn = values[BUS_ENVELOPE_OPERATION].integer == BUS_OPERATION_WITHDRAW;
    append_u64(buffer, (uint64_t)values[BUS_ENVELOPE_VERSION].integer);
    bus_buffer_u8(buffer, is_withdrawn);
    bus_buffer_append(buffer, content, ADAPTERS_IMAGE_CONTENT_SIZE);
    if (is_withdrawn)
        return BUS_OK;
    append_u64(buffer, bus_schema_fingerprint(schema));
    enum bus_status status = BUS_OK;
    size_t count = kept_fields(item, schema, kept);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = append_field(buffer, bus_schema_field(schema, kept[i]), &values[kept[i]], scratch, error);
    if (status == BUS_OK && (buffer->failed || scratch->failed))
        return bus_fail(error, BUS_FATAL, "note what is published: out of memory");
    return status;
}

enum bus_status adapters_image_entry_content(const struct bus_schema *schema, const struct bus_value *values,
                                             struct bus_buffer *scratch,
                                             uint8_t out_content[ADAPTERS_IMAGE_CONTENT_SIZE], struct bus_error *error)
{
    const uint64_t left_out = 1u << BUS_ENVELOPE_EVENT_ID | 1u << BUS_ENVELOPE_VERSION | 1u << BUS_ENVELOPE_SEQUENCE |
                              1u << BUS_ENVELOPE_SOURCE_COMMITTED_AT | 1u << BUS_ENVELOPE_PUBLISHED_AT;
    size_t count = bus_schema_field_count(schema);
    enum bus_status status = BUS_OK;
    bus_buffer_reset(scratch);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        if (i >= BUS_ENVELOPE_FIELDS || (left_out >> i & 1) == 0)
            status = bus_datum_append(scratch, bus_schema_field(schema, i), &values[i], error);
    if (status == BUS_OK && scratch->failed)
        status = bus_reject(error, "EVENT_TOO_LONG", "该行作为变更事件超过 1 MiB",
                            "the row makes an event of more than 1 MiB");
    if (status == BUS_OK)
        bus_event_content_digest(bus_buffer_view(scratch), out_content);
    return status;
}

/* --- read --- */

bool adapters_image_entry_decode(struct bus_bytes value, struct adapters_image_entry *out_entry)
{
    struct bus_cursor cursor = bus_cursor_of(value);
    struct bus_bytes head = bus_cursor_take(&cursor, HEAD_SIZE);
    if (cursor.failed)
        return false;
    out_entry->version = (int64_t)bus_get_u64le(head.data);
    out_entry->is_withdrawn = head.data[8] != 0;
    memcpy(out_entry->content, head.data + 9, sizeof out_entry->content);
    out_entry->withdrawal = bus_bytes_of(cursor.at, bus_cursor_left(&cursor));
    return out_entry->is_withdrawn ? out_entry->withdrawal.length == 0
                                   : out_entry->withdrawal.length > FINGERPRINT_SIZE;
}

/* What stands for nothing in a field that cannot be null. */
static struct bus_value empty_value(const struct bus_field *field)
{
    static const uint8_t zeros[64];
    if (field->nullable)
        return (struct bus_value){.type = BUS_TYPE_NULL};
    struct bus_value value = {.type = field->value->type};
    if (value.type == BUS_TYPE_FIXED)
        value.bytes = bus_bytes_of(zeros, field->value->fixed_size <= sizeof zeros ? field->value->fixed_size : 0);
    else if (value.type == BUS_TYPE_ARRAY || value.type == BUS_TYPE_MAP)
        value.bytes = bus_bytes_of(zeros, 1);
    else if (value.type == BUS_TYPE_STRING || value.type == BUS_TYPE_BYTES)
        value.bytes = bus_bytes_of(zeros, 0);
    return value;
}

static void fill_empty(const struct bus_schema *schema, struct bus_value *values)
{
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        values[i] = empty_value(bus_schema_field(schema, i));
    values[BUS_ENVELOPE_OPERATION].integer = BUS_OPERATION_WITHDRAW;
}

static enum bus_status fail_entry(struct bus_error *error)
{
    return bus_fail(error, BUS_REJECT, "what the image holds of a record cannot be read");
}

enum bus_status adapters_image_withdrawal(const struct bus_item *item, const struct adapters_image_entry *entry,
                                          struct bus_arena *arena, struct bus_value *values, struct bus_error *error)
{
    size_t kept[MAX_KEPT];
    struct bus_bytes copy = bus_arena_copy(arena, entry->withdrawal);
    struct bus_cursor cursor = bus_cursor_of(copy);
    struct bus_bytes fingerprint = bus_cursor_take(&cursor, FINGERPRINT_SIZE);
    if (cursor.failed)
        return fail_entry(error);
    const struct bus_item_version *from = bus_item_version_by_fingerprint(item, bus_get_u64le(fingerprint.data));
    const struct bus_schema *to = bus_item_current(item)->schema;
    if (from == NULL)
        return fail_entry(error);
    fill_empty(to, values);
    size_t count = kept_fields(item, from->schema, kept);
    for (size_t i = 0; i < count; i++) {
        const struct bus_field *field = bus_schema_field(from->schema, kept[i]);
        struct bus_bytes piece = bus_datum_take_bytes(&cursor, BUS_DATUM_MAX_SIZE);
        int index = bus_schema_find(to, field->name);
        if (cursor.failed || index < 0)
            return fail_entry(error);
        values[index] = bus_datum_value(field, piece, (struct bus_span){0, (uint32_t)piece.length});
    }
    return bus_cursor_left(&cursor) == 0 ? BUS_OK : fail_entry(error);
}
