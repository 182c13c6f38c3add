#include "bus/agent_order.h"

#include <stdio.h>

#include "bus/datum.h"

const char *bus_agent_order_name(enum bus_agent_order_kind kind)
{
    static const char *const names[BUS_AGENT_ORDER_COUNT] = {"PAUSE", "RESUME", "SKIP", "RESEND"};
    return names[kind];
}

static enum bus_status check_texts(const struct bus_agent_order *order, struct bus_error *error)
{
    const struct bus_bytes texts[] = {order->subject, order->officer, order->reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].length > BUS_AGENT_ORDER_MAX_TEXT)
            return bus_reject(error, "AGENT_ORDER_TEXT", "文字过长，每项最多1024字节",
                              "a text is too long: at most 1024 bytes each");
    return BUS_OK;
}

enum bus_status bus_agent_order_encode(const struct bus_agent_order *order, struct bus_buffer *buffer,
                                       struct bus_error *error)
{
    enum bus_status status = check_texts(order, error);
    if (status != BUS_OK)
        return status;
    bus_frame_append(buffer, BUS_AGENT_ORDER_FINGERPRINT);
    bus_buffer_varint(buffer, order->kind);
    bus_buffer_varint(buffer, order->partition);
    bus_buffer_varint(buffer, order->leaf);
    bus_datum_append_bytes(buffer, order->subject);
    bus_datum_append_bytes(buffer, order->officer);
    bus_datum_append_bytes(buffer, order->reason);
    bus_buffer_varint(buffer, order->at_ms);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode an order: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

/* A skip names a delivery, the others none; a resend says of what, the others nothing. */
static bool is_whole(const struct bus_agent_order *order, int64_t partition)
{
    if (order->kind == BUS_AGENT_SKIP)
        return partition >= 0 && partition <= INT32_MAX && order->leaf >= 0 && order->subject.length == 0;
    return partition == -1 && order->leaf == -1 && (order->kind == BUS_AGENT_RESEND || order->subject.length == 0);
}

static enum bus_status reject(struct bus_error *error)
{
    return bus_reject(error, "AGENT_ORDER_MALFORMED", "不是代理指令记录", "the bytes are no order about an agent");
}

enum bus_status bus_agent_order_decode(struct bus_bytes value, struct bus_agent_order *out_order,
                                       struct bus_error *error)
{
    uint64_t fingerprint;
    if (value.length < BUS_FRAME_SIZE || bus_frame_fingerprint(value, &fingerprint, NULL) != BUS_OK ||
        fingerprint != BUS_AGENT_ORDER_FINGERPRINT)
        return reject(error);
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    int64_t kind = bus_cursor_varint(&cursor);
    if (kind < 0 || kind >= BUS_AGENT_ORDER_COUNT)
        return reject(error);
    *out_order = (struct bus_agent_order){.kind = (enum bus_agent_order_kind)kind};
    int64_t partition = bus_cursor_varint(&cursor);
    out_order->leaf = bus_cursor_varint(&cursor);
    out_order->subject = bus_datum_take_bytes(&cursor, BUS_AGENT_ORDER_MAX_TEXT);
    out_order->officer = bus_datum_take_bytes(&cursor, BUS_AGENT_ORDER_MAX_TEXT);
    out_order->reason = bus_datum_take_bytes(&cursor, BUS_AGENT_ORDER_MAX_TEXT);
    out_order->at_ms = bus_cursor_varint(&cursor);
    if (cursor.failed || bus_cursor_left(&cursor) != 0 || !is_whole(out_order, partition))
        return reject(error);
    out_order->partition = (int32_t)partition;
    return BUS_OK;
}

void bus_topic_agent(const char *prefix, const char *subscriber, char out_topic[BUS_AGENT_TOPIC_SIZE])
{
    snprintf(out_topic, BUS_AGENT_TOPIC_SIZE, "%sagent.%s", prefix, subscriber);
}
