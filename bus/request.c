#include "bus/request.h"

#include "bus/datum.h"

static enum bus_status check_texts(const struct bus_request *request, struct bus_error *error)
{
    const struct bus_bytes texts[] = {request->subscriber, request->item, request->officer, request->reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].length > BUS_REQUEST_MAX_TEXT)
            return bus_reject(error, "REQUEST_TEXT", "文字过长，每项最多4096字节",
                              "a text is too long: at most 4096 bytes each");
    return BUS_OK;
}

enum bus_status bus_request_encode(const struct bus_request *request, struct bus_buffer *buffer,
                                   struct bus_error *error)
{
    enum bus_status status = check_texts(request, error);
    if (status != BUS_OK)
        return status;
    bus_frame_append(buffer, BUS_REQUEST_FINGERPRINT);
    bus_buffer_varint(buffer, request->kind);
    bus_datum_append_bytes(buffer, request->subscriber);
    bus_datum_append_bytes(buffer, request->item);
    bus_datum_append_bytes(buffer, request->officer);
    bus_datum_append_bytes(buffer, request->reason);
    bus_buffer_varint(buffer, request->at_ms);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode a request: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

static enum bus_status reject(struct bus_error *error)
{
    return bus_reject(error, "REQUEST_MALFORMED", "不是请求记录", "the bytes are no request");
}

enum bus_status bus_request_decode(struct bus_bytes value, struct bus_request *out_request, struct bus_error *error)
{
    uint64_t fingerprint;
    if (value.length < BUS_FRAME_SIZE || bus_frame_fingerprint(value, &fingerprint, NULL) != BUS_OK ||
        fingerprint != BUS_REQUEST_FINGERPRINT)
        return reject(error);
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    int64_t kind = bus_cursor_varint(&cursor);
    *out_request = (struct bus_request){.kind = BUS_REQUEST_RESYNC};
    out_request->subscriber = bus_datum_take_bytes(&cursor, BUS_REQUEST_MAX_TEXT);
    out_request->item = bus_datum_take_bytes(&cursor, BUS_REQUEST_MAX_TEXT);
    out_request->officer = bus_datum_take_bytes(&cursor, BUS_REQUEST_MAX_TEXT);
    out_request->reason = bus_datum_take_bytes(&cursor, BUS_REQUEST_MAX_TEXT);
    out_request->at_ms = bus_cursor_varint(&cursor);
    bool whole = !cursor.failed && bus_cursor_left(&cursor) == 0;
    return whole && kind == BUS_REQUEST_RESYNC ? BUS_OK : reject(error);
}
