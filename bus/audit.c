#include "bus/audit.h"

#include "bus/datum.h"
#include "bus/transform.h"

/* --- writing --- */

void bus_audit_writer_init(struct bus_audit_writer *writer, size_t limit_bytes)
{
    bus_buffer_init(&writer->head, limit_bytes);
    bus_buffer_init(&writer->disclosures, limit_bytes);
    writer->grant_count = 0;
}

void bus_audit_writer_release(struct bus_audit_writer *writer)
{
    bus_buffer_release(&writer->head);
    bus_buffer_release(&writer->disclosures);
}

void bus_audit_begin(struct bus_audit_writer *writer, int64_t at_ms, const char *catalogue)
{
    bus_buffer_reset(&writer->head);
    bus_buffer_reset(&writer->disclosures);
    writer->grant_count = 0;
    bus_frame_append(&writer->head, BUS_AUDIT_FINGERPRINT);
    bus_buffer_varint(&writer->head, at_ms);
    bus_datum_append_bytes(&writer->head, bus_bytes_text(catalogue));
}

static void append_field(struct bus_buffer *buffer, const char *name, const char *transform)
{
    size_t name_length = strlen(name), transform_length = strlen(transform);
    size_t length = name_length + (transform_length > 0 ? 1 + transform_length : 0);
    bus_buffer_varint(buffer, (int64_t)length);
    bus_buffer_append(buffer, name, name_length);
    if (transform_length == 0)
        return;
    bus_buffer_u8(buffer, ':');
    bus_buffer_append(buffer, transform, transform_length);
}

size_t bus_audit_add_grant(struct bus_audit_writer *writer, const struct bus_view *view)
{
    struct bus_buffer *head = &writer->head;
    const struct bus_grant *grant = view->grant;
    bus_buffer_varint(head, 1); /* an array block of one: the number of all need not be known */
    bus_datum_append_bytes(head, bus_bytes_text(grant->subscriber->name));
    bus_datum_append_bytes(head, bus_bytes_text(grant->name));
    bus_datum_append_bytes(head, bus_bytes_text(view->item->department->name));
    bus_datum_append_bytes(head, bus_bytes_text(view->item->name));
    bus_datum_append_bytes(head, bus_bytes_text(grant->purpose));
    bus_datum_append_bytes(head, bus_bytes_text(grant->legal_basis));
    if (view->field_count > 0)
        bus_buffer_varint(head, (int64_t)view->field_count);
    for (size_t i = 0; i < view->field_count; i++)
        append_field(head, bus_schema_field(view->version->schema, view->field_indexes[i])->name,
                     bus_transform_name(view->transforms[i]));
    bus_buffer_varint(head, 0);
    return writer->grant_count++;
}

void bus_audit_add(struct bus_audit_writer *writer, const struct bus_disclosure *disclosure)
{
    struct bus_buffer *buffer = &writer->disclosures;
    bus_buffer_varint(buffer, 1);
    bus_buffer_append(buffer, disclosure->subject_key, BUS_SUBJECT_KEY_SIZE);
    bus_buffer_append(buffer, disclosure->record, BUS_IDENTITY_SIZE);
    bus_buffer_varint(buffer, disclosure->version);
    bus_buffer_varint(buffer, disclosure->operation);
    bus_buffer_varint(buffer, disclosure->reason);
    bus_buffer_varint(buffer, (int64_t)disclosure->grant);
    bus_buffer_varint(buffer, (int64_t)disclosure->leaf);
    bus_buffer_varint(buffer, disclosure->previous);
}

size_t bus_audit_size(const struct bus_audit_writer *writer)
{
    return writer->head.length + writer->disclosures.length;
}

struct bus_bytes bus_audit_end(struct bus_audit_writer *writer)
{
    struct bus_buffer *head = &writer->head;
    bus_buffer_varint(head, 0);
    bus_buffer_append_bytes(head, bus_buffer_view(&writer->disclosures));
    bus_buffer_varint(head, 0);
    return head->failed || writer->disclosures.failed ? (struct bus_bytes){NULL, 0} : bus_buffer_view(head);
}

/* --- reading --- */

/* An array of texts is walked over once to find its end, and again when it is asked for. */
static void take_fields(struct bus_cursor *cursor, struct bus_audit_grant *grant)
{
    size_t total = 0, count;
    grant->fields = *cursor;
    grant->fields_left = 0;
    while ((count = bus_datum_take_block(cursor, BUS_AUDIT_MAX_FIELDS - total)) > 0 && !cursor->failed) {
        total += count;
        for (size_t i = 0; i < count && !cursor->failed; i++)
            bus_datum_take_bytes(cursor, BUS_AUDIT_MAX_TEXT);
    }
}

static void take_grant(struct bus_cursor *cursor, struct bus_audit_grant *grant)
{
    struct bus_bytes *texts[] = {&grant->subscriber, &grant->grant,   &grant->department,
                                 &grant->item,       &grant->purpose, &grant->legal_basis};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = bus_datum_take_bytes(cursor, BUS_AUDIT_MAX_TEXT);
    take_fields(cursor, grant);
}

static void take_grants(struct bus_audit_reader *reader)
{
    struct bus_cursor *cursor = &reader->cursor;
    size_t count;
    while ((count = bus_datum_take_block(cursor, BUS_AUDIT_MAX_GRANTS - reader->grant_count)) > 0 && !cursor->failed)
        for (size_t i = 0; i < count && !cursor->failed; i++)
            take_grant(cursor, &reader->grants[reader->grant_count++]);
}

enum bus_status bus_audit_open(struct bus_bytes value, struct bus_audit_reader *out_reader, struct bus_error *error)
{
    uint64_t fingerprint;
    bool framed = value.length >= BUS_FRAME_SIZE && bus_frame_fingerprint(value, &fingerprint, NULL) == BUS_OK &&
                  fingerprint == BUS_AUDIT_FINGERPRINT;
    out_reader->left = out_reader->grant_count = 0;
    out_reader->ended = false;
    if (framed) {
        out_reader->cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
        out_reader->at_ms = bus_cursor_varint(&out_reader->cursor);
        out_reader->catalogue = bus_datum_take_bytes(&out_reader->cursor, BUS_AUDIT_MAX_TEXT);
        take_grants(out_reader);
    }
    return framed && !out_reader->cursor.failed
               ? BUS_OK
               : bus_reject(error, "AUDIT_MALFORMED", "不是审计记录", "the bytes are no audit record");
}

static bool fail(struct bus_audit_reader *reader)
{
    reader->cursor.failed = true;
    return false;
}

static bool take_disclosure(struct bus_audit_reader *reader, struct bus_disclosure *disclosure)
{
    struct bus_cursor *cursor = &reader->cursor;
    *disclosure = (struct bus_disclosure){
        .subject_key = bus_cursor_take(cursor, BUS_SUBJECT_KEY_SIZE).data,
        .record = bus_cursor_take(cursor, BUS_IDENTITY_SIZE).data,
    };
    disclosure->version = bus_cursor_varint(cursor);
    int64_t operation = bus_cursor_varint(cursor), reason = bus_cursor_varint(cursor),
            grant = bus_cursor_varint(cursor);
    disclosure->leaf = (uint64_t)bus_cursor_varint(cursor);
    disclosure->previous = bus_cursor_varint(cursor);
    if (cursor->failed || operation < 0 || operation > BUS_DELIVERY_STATUS || reason < 0 ||
        reason > BUS_REASON_GRANT_ENDED || grant < 0 || (size_t)grant >= reader->grant_count)
        return fail(reader);
    disclosure->operation = (enum bus_delivery_operation)operation;
    disclosure->reason = (enum bus_delivery_reason)reason;
    disclosure->grant = (size_t)grant;
    return true;
}

bool bus_audit_next(struct bus_audit_reader *reader, struct bus_disclosure *out_disclosure)
{
    struct bus_cursor *cursor = &reader->cursor;
    if (reader->ended || cursor->failed)
        return false;
    if (reader->left == 0)
        reader->left = bus_datum_take_block(cursor, BUS_AUDIT_MAX_DISCLOSURES);
    if (reader->left == 0 && !cursor->failed) {
        reader->ended = true;
        return bus_cursor_left(cursor) == 0 ? false : fail(reader);
    }
    if (cursor->failed)
        return false;
    reader->left--;
    return take_disclosure(reader, out_disclosure);
}

bool bus_audit_next_field(struct bus_audit_grant *grant, struct bus_bytes *out_name, enum bus_transform *out_transform)
{
    char transform[16];
    if (grant->fields_left == 0)
        grant->fields_left = bus_datum_take_block(&grant->fields, BUS_AUDIT_MAX_FIELDS);
    if (grant->fields_left == 0 || grant->fields.failed)
        return false;
    grant->fields_left--;
    struct bus_bytes text = bus_datum_take_bytes(&grant->fields, BUS_AUDIT_MAX_TEXT);
    const uint8_t *colon = text.length > 0 ? memchr(text.data, ':', text.length) : NULL;
    *out_name = text;
    *out_transform = BUS_TRANSFORM_NONE;
    size_t length = colon != NULL ? text.length - (size_t)(colon + 1 - text.data) : 0;
    if (colon == NULL || length >= sizeof transform)
        return !grant->fields.failed;
    memcpy(transform, colon + 1, length);
    transform[length] = '\0';
    if (bus_transform_parse(transform, out_transform))
        out_name->length = (size_t)(colon - text.data);
    return !grant->fields.failed;
}
