#include "bus/agent_status.h"

#include <stdlib.h>

#include "bus/datum.h"
#include "bus/utf8.h"

/* Of the reasons of all lanes together, so that the record stays below BUS_DATUM_MAX_SIZE however many wait. */
enum { REASONS_ROOM = 640 * 1024 };

const char *bus_agent_state_name(enum bus_agent_state state)
{
    static const char *const names[BUS_AGENT_STATE_COUNT] = {"WORKING", "WAITING", "PAUSED", "STOPPED"};
    return names[state];
}

/* --- writing --- */

/* The whole characters in the first `limit` bytes. */
static void append_text(struct bus_buffer *buffer, const char *text, size_t limit)
{
    struct bus_bytes left = bus_bytes_of(text, strnlen(text, limit));
    size_t taken = 0;
    for (size_t length; (length = bus_utf8_sequence(left)) > 0; taken += length)
        left = bus_bytes_of(left.data + length, left.length - length);
    bus_datum_append_bytes(buffer, bus_bytes_of(text, taken));
}

static void append_lanes(struct bus_buffer *buffer, const struct bus_agent_lane *lanes, size_t count)
{
    size_t room = count == 0 ? 0 : REASONS_ROOM / count;
    if (count > 0)
        bus_buffer_varint(buffer, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        bus_buffer_varint(buffer, lanes[i].partition);
        bus_buffer_varint(buffer, lanes[i].next);
        bus_buffer_varint(buffer, (int64_t)lanes[i].size);
        bus_buffer_varint(buffer, lanes[i].waits_since_ms);
        bus_buffer_varint(buffer, (int64_t)lanes[i].waits_leaf);
        append_text(buffer, lanes[i].reason, room < BUS_AGENT_TEXT_SIZE ? room : BUS_AGENT_TEXT_SIZE - 1);
    }
    bus_buffer_varint(buffer, 0);
}

enum bus_status bus_agent_status_encode(const struct bus_agent_status *status, struct bus_buffer *buffer,
                                        struct bus_error *error)
{
    bus_frame_append(buffer, BUS_AGENT_STATUS_FINGERPRINT);
    append_text(buffer, status->subscriber, BUS_AGENT_TEXT_SIZE - 1);
    append_text(buffer, status->instance, BUS_AGENT_TEXT_SIZE - 1);
    append_text(buffer, status->sink, BUS_AGENT_SINK_SIZE - 1);
    bus_buffer_varint(buffer, status->state);
    bus_buffer_varint(buffer, status->since_ms);
    append_text(buffer, status->reason_zh, BUS_AGENT_TEXT_SIZE - 1);
    append_text(buffer, status->reason_en, BUS_AGENT_TEXT_SIZE - 1);
    bus_buffer_varint(buffer, status->applied);
    bus_buffer_varint(buffer, status->refused);
    bus_buffer_varint(buffer, status->last_applied_at_ms);
    bus_buffer_varint(buffer, status->seal_at_ms);
    bus_buffer_varint(buffer, status->started_at_ms);
    bus_buffer_varint(buffer, status->at_ms);
    append_lanes(buffer, status->lanes, status->lane_count);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode an agent's status: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

/* --- reading --- */

static void take_text(struct bus_cursor *cursor, char *out_text, size_t size)
{
    struct bus_bytes text = bus_datum_take_bytes(cursor, size - 1);
    if (text.length > 0)
        memcpy(out_text, text.data, text.length);
    out_text[text.length] = '\0';
}

/* A number from `least` to `most`. */
static int64_t take_number(struct bus_cursor *cursor, int64_t least, int64_t most)
{
    int64_t number = bus_cursor_varint(cursor);
    cursor->failed = cursor->failed || number < least || number > most;
    return cursor->failed ? 0 : number;
}

static void take_lane(struct bus_cursor *cursor, struct bus_agent_lane *lane)
{
    lane->partition = (int32_t)take_number(cursor, 0, INT32_MAX);
    lane->next = take_number(cursor, -1, INT64_MAX);
    lane->size = (uint64_t)take_number(cursor, 0, INT64_MAX);
    lane->waits_since_ms = bus_cursor_varint(cursor);
    lane->waits_leaf = (uint64_t)take_number(cursor, 0, INT64_MAX);
    take_text(cursor, lane->reason, sizeof lane->reason);
}

/* One block, as encode writes it. FATAL out of memory. */
static enum bus_status take_lanes(struct bus_cursor *cursor, struct bus_agent_status *status, struct bus_error *error)
{
    size_t count = bus_datum_take_block(cursor, BUS_AGENT_MAX_PARTITIONS);
    if (cursor->failed || count == 0)
        return BUS_OK;
    status->lanes = calloc(count, sizeof *status->lanes);
    if (status->lanes == NULL)
        return bus_fail(error, BUS_FATAL, "read the status of an agent with %zu partitions: out of memory", count);
    for (; status->lane_count < count && !cursor->failed; status->lane_count++)
        take_lane(cursor, &status->lanes[status->lane_count]);
    if (!cursor->failed && bus_datum_take_block(cursor, 0) != 0)
        cursor->failed = true;
    return BUS_OK;
}

static void take_head(struct bus_cursor *cursor, struct bus_agent_status *status)
{
    take_text(cursor, status->subscriber, sizeof status->subscriber);
    take_text(cursor, status->instance, sizeof status->instance);
    take_text(cursor, status->sink, sizeof status->sink);
    status->state = (enum bus_agent_state)take_number(cursor, 0, BUS_AGENT_STATE_COUNT - 1);
    status->since_ms = bus_cursor_varint(cursor);
    take_text(cursor, status->reason_zh, sizeof status->reason_zh);
    take_text(cursor, status->reason_en, sizeof status->reason_en);
    status->applied = bus_cursor_varint(cursor);
    status->refused = bus_cursor_varint(cursor);
    status->last_applied_at_ms = bus_cursor_varint(cursor);
    status->seal_at_ms = bus_cursor_varint(cursor);
    status->started_at_ms = bus_cursor_varint(cursor);
    status->at_ms = bus_cursor_varint(cursor);
}

enum bus_status bus_agent_status_decode(struct bus_bytes value, struct bus_agent_status *out_status,
                                        struct bus_error *error)
{
    uint64_t fingerprint;
    *out_status = (struct bus_agent_status){0};
    bool is_one = value.length >= BUS_FRAME_SIZE && bus_frame_fingerprint(value, &fingerprint, NULL) == BUS_OK &&
                  fingerprint == BUS_AGENT_STATUS_FINGERPRINT;
    if (is_one) {
        struct bus_cursor cursor =
            bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
        take_head(&cursor, out_status);
        enum bus_status status = take_lanes(&cursor, out_status, error);
        if (status != BUS_OK)
            return status;
        is_one = !cursor.failed && bus_cursor_left(&cursor) == 0;
    }
    if (is_one)
        return BUS_OK;
    bus_agent_status_release(out_status);
    return bus_reject(error, "AGENT_STATUS_MALFORMED", "不是代理状态记录", "the bytes are no agent's status");
}

void bus_agent_status_release(struct bus_agent_status *status)
{
    free(status->lanes);
    *status = (struct bus_agent_status){0};
}
