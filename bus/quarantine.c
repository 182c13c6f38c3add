#include "bus/quarantine.h"

#include "bus/datum.h"

/* Of schemas/internal/quarantine.avsc; a unit test compares. */
static const uint64_t quarantine_fingerprint = UINT64_C(0xc3682c646a621eb1);

enum { MAX_TEXT = 4096 };

enum bus_status bus_quarantine_encode(const struct bus_quarantined *quarantined, struct bus_buffer *buffer,
                                      struct bus_error *error)
{
    struct bus_bytes original = quarantined->original;
    if (original.length > BUS_QUARANTINE_MAX_ORIGINAL)
        original.length = BUS_QUARANTINE_MAX_ORIGINAL;
    bus_frame_append(buffer, quarantine_fingerprint);
    bus_buffer_varint(buffer, quarantined->severity);
    bus_datum_append_bytes(buffer, quarantined->department);
    bus_datum_append_bytes(buffer, quarantined->item);
    bus_datum_append_bytes(buffer, quarantined->stage);
    bus_datum_append_bytes(buffer, quarantined->code);
    bus_datum_append_bytes(buffer, quarantined->reason_zh);
    bus_datum_append_bytes(buffer, quarantined->reason_en);
    bus_datum_append_bytes(buffer, quarantined->source);
    bus_buffer_varint(buffer, quarantined->line);
    bus_datum_append_bytes(buffer, quarantined->column);
    bus_datum_append_bytes(buffer, quarantined->topic);
    bus_buffer_varint(buffer, quarantined->partition);
    bus_buffer_varint(buffer, quarantined->offset);
    bus_datum_append_bytes(buffer, quarantined->adapter);
    bus_buffer_varint(buffer, quarantined->at_ms);
    bus_datum_append_bytes(buffer, original);
    bus_datum_append_bytes(buffer, quarantined->original_key);
    bus_datum_append_bytes(buffer, quarantined->decides);
    bus_datum_append_bytes(buffer, quarantined->action);
    bus_datum_append_bytes(buffer, quarantined->officer);
    return buffer->failed ? bus_fail(error, BUS_FATAL, "a quarantine record does not fit its buffer") : BUS_OK;
}

static void take_record(struct bus_cursor *cursor, struct bus_quarantined *out)
{
    int64_t severity = bus_cursor_varint(cursor);
    if (severity < BUS_SEVERITY_REFUSED || severity > BUS_SEVERITY_DECISION)
        cursor->failed = true;
    out->severity = (enum bus_severity)severity;
    out->department = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->item = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->stage = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->code = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->reason_zh = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->reason_en = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->source = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->line = bus_cursor_varint(cursor);
    out->column = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->topic = bus_datum_take_bytes(cursor, MAX_TEXT);
    int64_t partition = bus_cursor_varint(cursor);
    if (partition < INT32_MIN || partition > INT32_MAX)
        cursor->failed = true;
    out->partition = (int32_t)partition;
    out->offset = bus_cursor_varint(cursor);
    out->adapter = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->at_ms = bus_cursor_varint(cursor);
    out->original = bus_datum_take_bytes(cursor, BUS_QUARANTINE_MAX_ORIGINAL);
    out->original_key = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->decides = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->action = bus_datum_take_bytes(cursor, MAX_TEXT);
    out->officer = bus_datum_take_bytes(cursor, MAX_TEXT);
}

enum bus_status bus_quarantine_decode(struct bus_bytes value, struct bus_quarantined *out_quarantined,
                                      struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(value, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    if (fingerprint != quarantine_fingerprint)
        return bus_fail(error, BUS_REJECT, "the record is no quarantine record: its schema is another");
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    take_record(&cursor, out_quarantined);
    if (cursor.failed || cursor.at != cursor.end)
        return bus_fail(error, BUS_REJECT, "the record is no quarantine record: its bytes do not fit the schema");
    return BUS_OK;
}
