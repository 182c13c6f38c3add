#include "bus/feed_order.h"

#include "bus/datum.h"

static bool is_about_a_list(enum bus_feed_order_kind kind)
{
    return kind == BUS_FEED_APPROVE || kind == BUS_FEED_REJECT;
}

const char *bus_feed_order_name(enum bus_feed_order_kind kind)
{
    static const char *const names[BUS_FEED_ORDER_COUNT] = {"PAUSE", "RESUME", "APPROVE", "REJECT"};
    return names[kind];
}

static enum bus_status check_texts(const struct bus_feed_order *order, struct bus_error *error)
{
    const struct bus_bytes texts[] = {order->adapter, order->feed, order->officer, order->reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].length > BUS_FEED_ORDER_MAX_TEXT)
            return bus_reject(error, "FEED_ORDER_TEXT", "文字过长，每项最多4096字节",
                              "a text is too long: at most 4096 bytes each");
    return BUS_OK;
}

enum bus_status bus_feed_order_encode(const struct bus_feed_order *order, struct bus_buffer *buffer,
                                      struct bus_error *error)
{
    enum bus_status status = check_texts(order, error);
    if (status != BUS_OK)
        return status;
    bus_frame_append(buffer, BUS_FEED_ORDER_FINGERPRINT);
    bus_buffer_varint(buffer, order->kind);
    bus_datum_append_bytes(buffer, order->adapter);
    bus_datum_append_bytes(buffer, order->feed);
    bus_datum_append_bytes(buffer, bus_bytes_of(order->digest, is_about_a_list(order->kind) ? BUS_DIGEST_SIZE : 0));
    bus_buffer_varint(buffer, order->held_at_ms);
    bus_datum_append_bytes(buffer, order->officer);
    bus_datum_append_bytes(buffer, order->reason);
    bus_buffer_varint(buffer, order->at_ms);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode an order: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

static enum bus_status reject(struct bus_error *error)
{
    return bus_reject(error, "FEED_ORDER_MALFORMED", "不是数据源指令记录", "the bytes are no order about a feed");
}

enum bus_status bus_feed_order_decode(struct bus_bytes value, struct bus_feed_order *out_order, struct bus_error *error)
{
    uint64_t fingerprint;
    if (value.length < BUS_FRAME_SIZE || bus_frame_fingerprint(value, &fingerprint, NULL) != BUS_OK ||
        fingerprint != BUS_FEED_ORDER_FINGERPRINT)
        return reject(error);
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    int64_t kind = bus_cursor_varint(&cursor);
    if (kind < 0 || kind >= BUS_FEED_ORDER_COUNT)
        return reject(error);
    *out_order = (struct bus_feed_order){.kind = (enum bus_feed_order_kind)kind};
    out_order->adapter = bus_datum_take_bytes(&cursor, BUS_FEED_ORDER_MAX_TEXT);
    out_order->feed = bus_datum_take_bytes(&cursor, BUS_FEED_ORDER_MAX_TEXT);
    struct bus_bytes digest = bus_datum_take_bytes(&cursor, BUS_DIGEST_SIZE);
    out_order->held_at_ms = bus_cursor_varint(&cursor);
    out_order->officer = bus_datum_take_bytes(&cursor, BUS_FEED_ORDER_MAX_TEXT);
    out_order->reason = bus_datum_take_bytes(&cursor, BUS_FEED_ORDER_MAX_TEXT);
    out_order->at_ms = bus_cursor_varint(&cursor);
    if (cursor.failed || bus_cursor_left(&cursor) != 0 ||
        digest.length != (is_about_a_list(out_order->kind) ? BUS_DIGEST_SIZE : 0))
        return reject(error);
    if (digest.length > 0)
        memcpy(out_order->digest, digest.data, BUS_DIGEST_SIZE);
    return BUS_OK;
}
