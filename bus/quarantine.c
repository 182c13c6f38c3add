#include "bus/quarantine.h"

#include <stdio.h>

#include "bus/datum.h"

/* CRC-64-AVRO of schemas/internal/quarantine.avsc; held against the file by a test. */
static const uint64_t QUARANTINE_FINGERPRINT = 0xc3682c646a621eb1u;

/* The reason of a record whose original was cut says so. */
static void append_reason(struct bus_buffer *buffer, struct bus_bytes reason, const char *suffix)
{
    bus_buffer_varint(buffer, (int64_t)(reason.length + strlen(suffix)));
    bus_buffer_append_bytes(buffer, reason);
    bus_buffer_append_bytes(buffer, bus_bytes_text(suffix));
}

enum bus_status bus_quarantine_encode(const struct bus_quarantined *quarantined, struct bus_buffer *buffer,
                                      struct bus_error *error)
{
    struct bus_bytes original = quarantined->original;
    char suffix_zh[128] = "", suffix_en[128] = "";
    if (original.length > BUS_QUARANTINE_MAX_ORIGINAL) {
        snprintf(suffix_zh, sizeof suffix_zh, "（原文%zu字节，仅保留前%d字节）", original.length,
                 BUS_QUARANTINE_MAX_ORIGINAL);
        snprintf(suffix_en, sizeof suffix_en, " (original of %zu bytes, only the first %d kept)", original.length,
                 BUS_QUARANTINE_MAX_ORIGINAL);
        original.length = BUS_QUARANTINE_MAX_ORIGINAL;
    }
    bus_frame_append(buffer, QUARANTINE_FINGERPRINT);
    bus_buffer_varint(buffer, quarantined->severity);
    bus_datum_append_bytes(buffer, quarantined->department);
    bus_datum_append_bytes(buffer, quarantined->item);
    bus_datum_append_bytes(buffer, quarantined->stage);
    bus_datum_append_bytes(buffer, quarantined->code);
    append_reason(buffer, quarantined->reason_zh, suffix_zh);
    append_reason(buffer, quarantined->reason_en, suffix_en);
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
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode a quarantine record: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

static void decode_fields(struct bus_cursor *cursor, struct bus_quarantined *quarantined)
{
    int64_t severity = bus_cursor_varint(cursor);
    if (severity < BUS_SEVERITY_REFUSED || severity > BUS_SEVERITY_DECISION)
        cursor->failed = true;
    quarantined->severity = (enum bus_severity)severity;
    quarantined->department = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->item = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->stage = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->code = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->reason_zh = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->reason_en = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->source = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->line = bus_cursor_varint(cursor);
    quarantined->column = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->topic = bus_datum_take_bytes(cursor, SIZE_MAX);
    int64_t partition = bus_cursor_varint(cursor);
    if (partition < INT32_MIN || partition > INT32_MAX)
        cursor->failed = true;
    quarantined->partition = (int32_t)partition;
    quarantined->offset = bus_cursor_varint(cursor);
    quarantined->adapter = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->at_ms = bus_cursor_varint(cursor);
    quarantined->original = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->original_key = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->decides = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->action = bus_datum_take_bytes(cursor, SIZE_MAX);
    quarantined->officer = bus_datum_take_bytes(cursor, SIZE_MAX);
}

enum bus_status bus_quarantine_decode(struct bus_bytes value, struct bus_quarantined *out_quarantined,
                                      struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(value, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    if (fingerprint != QUARANTINE_FINGERPRINT)
        return bus_fail(error, BUS_REJECT, "not a quarantine record: another schema's fingerprint");
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    decode_fields(&cursor, out_quarantined);
    if (cursor.failed || bus_cursor_left(&cursor) > 0)
        return bus_fail(error, BUS_REJECT, "not a quarantine record: cut short, or with bytes behind it");
    return BUS_OK;
}
