#include "bus/audit.h"

#include "bus/datum.h"

void bus_audit_begin(struct bus_buffer *buffer, int64_t at_ms)
{
    bus_frame_append(buffer, BUS_AUDIT_FINGERPRINT);
    bus_buffer_varint(buffer, at_ms);
}

void bus_audit_add(struct bus_buffer *buffer, const struct bus_disclosure *disclosure)
{
    bus_buffer_varint(buffer, 1); /* an array block of one: the number of all need not be known */
    bus_buffer_append(buffer, disclosure->subject_key, BUS_SUBJECT_KEY_SIZE);
    bus_buffer_append(buffer, disclosure->record, BUS_IDENTITY_SIZE);
    bus_buffer_append(buffer, disclosure->event_id, BUS_IDENTITY_SIZE);
    bus_datum_append_bytes(buffer, disclosure->subscriber);
    bus_datum_append_bytes(buffer, disclosure->grant);
    bus_buffer_varint(buffer, (int64_t)disclosure->leaf);
    bus_buffer_varint(buffer, disclosure->previous);
}

void bus_audit_end(struct bus_buffer *buffer)
{
    bus_buffer_varint(buffer, 0);
}

enum bus_status bus_audit_open(struct bus_bytes value, struct bus_audit_reader *out_reader, struct bus_error *error)
{
    uint64_t fingerprint;
    if (value.length < BUS_FRAME_SIZE || bus_frame_fingerprint(value, &fingerprint, NULL) != BUS_OK ||
        fingerprint != BUS_AUDIT_FINGERPRINT)
        return bus_reject(error, "AUDIT_MALFORMED", "不是审计记录", "the bytes are no audit record");
    *out_reader = (struct bus_audit_reader){
        .cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE))};
    out_reader->at_ms = bus_cursor_varint(&out_reader->cursor);
    return BUS_OK;
}

bool bus_audit_next(struct bus_audit_reader *reader, struct bus_disclosure *out_disclosure)
{
    struct bus_cursor *cursor = &reader->cursor;
    if (reader->ended || cursor->failed)
        return false;
    if (reader->left == 0)
        reader->left = bus_datum_take_block(cursor, BUS_AUDIT_MAX_DISCLOSURES);
    if (reader->left == 0 || cursor->failed) {
        reader->ended = true;
        return false;
    }
    reader->left--;
    *out_disclosure = (struct bus_disclosure){
        .subject_key = bus_cursor_take(cursor, BUS_SUBJECT_KEY_SIZE).data,
        .record = bus_cursor_take(cursor, BUS_IDENTITY_SIZE).data,
        .event_id = bus_cursor_take(cursor, BUS_IDENTITY_SIZE).data,
    };
    out_disclosure->subscriber = bus_datum_take_bytes(cursor, BUS_AUDIT_MAX_NAME);
    out_disclosure->grant = bus_datum_take_bytes(cursor, BUS_AUDIT_MAX_NAME);
    out_disclosure->leaf = (uint64_t)bus_cursor_varint(cursor);
    out_disclosure->previous = bus_cursor_varint(cursor);
    return !cursor->failed;
}
