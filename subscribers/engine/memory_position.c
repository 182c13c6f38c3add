#include "subscribers/engine/memory_position.h"

enum { LAYOUT = 1, HEAD_SIZE = 19, IS_SEALED = 1 };

enum bus_status subscribers_position_encode(const struct subscribers_position *position, struct bus_buffer *buffer,
                                            struct bus_error *error)
{
    uint8_t head[HEAD_SIZE] = {LAYOUT, position->is_sealed ? IS_SEALED : 0};
    bus_put_u64le(head + 2, (uint64_t)position->next);
    head[10] = position->hash == BUS_HASH_SM3 ? 0 : 1;
    bus_put_u64le(head + 11, position->log.size);
    bus_buffer_append(buffer, head, sizeof head);
    bus_buffer_append(buffer, position->log.peaks, bus_merkle_peak_count(position->log.size) * BUS_DIGEST_SIZE);
    bus_buffer_append_bytes(buffer, bus_buffer_view(&position->books));
    return buffer->failed
               ? bus_fail(error, BUS_FATAL, "no memory for the position of partition %d", (int)position->partition)
               : BUS_OK;
}

enum bus_status subscribers_position_decode(struct bus_bytes value, struct subscribers_position *position,
                                            struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(value);
    const uint8_t *head = bus_cursor_take(&cursor, HEAD_SIZE).data;
    if (cursor.failed || head[0] != LAYOUT || head[10] > 1 || bus_get_u64le(head + 11) > INT64_MAX)
        return bus_fail(error, BUS_FATAL, "the position of partition %d in the agent's memory cannot be read",
                        (int)position->partition);
    position->is_sealed = (head[1] & IS_SEALED) != 0;
    position->next = (int64_t)bus_get_u64le(head + 2);
    position->hash = head[10] == 0 ? BUS_HASH_SM3 : BUS_HASH_SHA256;
    position->log.size = bus_get_u64le(head + 11);
    size_t peaks = bus_merkle_peak_count(position->log.size) * BUS_DIGEST_SIZE;
    struct bus_bytes bytes = bus_cursor_take(&cursor, peaks);
    if (cursor.failed)
        return bus_fail(error, BUS_FATAL, "the position of partition %d in the agent's memory is cut off",
                        (int)position->partition);
    if (peaks > 0)
        memcpy(position->log.peaks, bytes.data, peaks);
    bus_buffer_reset(&position->books);
    bus_buffer_append_bytes(&position->books, bus_cursor_take(&cursor, bus_cursor_left(&cursor)));
    return BUS_OK;
}
