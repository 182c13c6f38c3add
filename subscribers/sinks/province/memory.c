#include "subscribers/sinks/province/memory.h"

#include <stdio.h>

enum { LAYOUT = 1, MAX_GOV_ID = PROVINCE_GOV_ID_SIZE - 1 };

void province_note_key(const uint8_t record[BUS_IDENTITY_SIZE], uint8_t out_key[PROVINCE_KEY_SIZE])
{
    out_key[0] = 'G';
    memcpy(out_key + 1, record, BUS_IDENTITY_SIZE);
}

void province_resync_key(int32_t item, uint8_t out_key[PROVINCE_RESYNC_KEY_SIZE])
{
    out_key[0] = 'R';
    bus_put_u32be(out_key + 1, (uint32_t)item);
}

static void append_u32(struct bus_buffer *buffer, uint32_t value)
{
    uint8_t bytes[4];
    bus_put_u32be(bytes, value);
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

static void append_u64(struct bus_buffer *buffer, uint64_t value)
{
    uint8_t bytes[8];
    bus_put_u64be(bytes, value);
    bus_buffer_append(buffer, bytes, sizeof bytes);
}

void province_note_write(const struct province_note *note, struct bus_buffer *buffer)
{
    size_t length = strlen(note->gov_id);
    bus_buffer_u8(buffer, LAYOUT);
    bus_buffer_u8(buffer, (uint8_t)note->state);
    append_u32(buffer, (uint32_t)note->item);
    append_u32(buffer, (uint32_t)note->day);
    append_u64(buffer, (uint64_t)note->version);
    append_u64(buffer, (uint64_t)note->offset);
    append_u64(buffer, note->leaf);
    append_u64(buffer, note->named);
    bus_buffer_u8(buffer, (uint8_t)note->mark);
    bus_buffer_append(buffer, note->digest, sizeof note->digest);
    bus_buffer_u8(buffer, (uint8_t)length);
    bus_buffer_append(buffer, note->gov_id, length);
}

static uint32_t take_u32(struct bus_cursor *cursor)
{
    struct bus_bytes bytes = bus_cursor_take(cursor, 4);
    return cursor->failed ? 0 : bus_get_u32be(bytes.data);
}

static uint64_t take_u64(struct bus_cursor *cursor)
{
    struct bus_bytes bytes = bus_cursor_take(cursor, 8);
    return cursor->failed ? 0 : bus_get_u64be(bytes.data);
}

/* Whether all was there, and nothing behind it. */
static bool take_note(struct bus_cursor *cursor, struct province_note *note)
{
    uint8_t layout = bus_cursor_u8(cursor);
    note->state = (enum province_state)bus_cursor_u8(cursor);
    note->item = (int32_t)take_u32(cursor);
    note->day = (int32_t)take_u32(cursor);
    note->version = (int64_t)take_u64(cursor);
    note->offset = (int64_t)take_u64(cursor);
    note->leaf = take_u64(cursor);
    note->named = take_u64(cursor);
    note->mark = (enum province_mark)bus_cursor_u8(cursor);
    struct bus_bytes digest = bus_cursor_take(cursor, sizeof note->digest);
    struct bus_bytes gov_id = bus_cursor_take(cursor, bus_cursor_u8(cursor));
    if (cursor->failed || bus_cursor_left(cursor) > 0 || layout != LAYOUT || gov_id.length > MAX_GOV_ID ||
        note->state < PROVINCE_REPORTED || note->state > PROVINCE_PENDING || note->mark > PROVINCE_PUBLICITY_OVER)
        return false;
    memcpy(note->digest, digest.data, digest.length);
    if (gov_id.length > 0)
        memcpy(note->gov_id, gov_id.data, gov_id.length);
    return true;
}

enum bus_status province_note_read(struct bus_bytes value, struct province_note *out_note, struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(value);
    *out_note = (struct province_note){0};
    if (take_note(&cursor, out_note))
        return BUS_OK;
    return bus_fail(
        error, BUS_FATAL,
        "a note in the agent's memory is not one of the province sink (layout %d): it was written by another "
        "version, or is damaged",
        LAYOUT);
}

enum bus_status province_memory_find(struct subscribers_memory *memory, int32_t partition,
                                     const uint8_t record[BUS_IDENTITY_SIZE], struct province_note *out_note,
                                     struct bus_error *error)
{
    uint8_t key[PROVINCE_KEY_SIZE];
    struct bus_bytes value = {0};
    *out_note = (struct province_note){0};
    if (memory == NULL)
        return BUS_OK;
    province_note_key(record, key);
    enum bus_status status = subscribers_memory_get(memory, partition, bus_bytes_of(key, sizeof key), &value, error);
    if (status != BUS_OK || value.data == NULL)
        return status;
    return province_note_read(value, out_note, error);
}

/* ── rows of a request ── */

static const uint8_t size_key[] = {'S'};

enum bus_status province_memory_size(struct subscribers_memory *memory, int32_t partition, size_t limit,
                                     size_t *out_size, struct bus_error *error)
{
    struct bus_bytes value = {0};
    *out_size = limit;
    enum bus_status status =
        memory == NULL
            ? BUS_OK
            : subscribers_memory_get(memory, partition, bus_bytes_of(size_key, sizeof size_key), &value, error);
    if (status == BUS_OK && value.data != NULL && value.length == 4) {
        uint32_t size = bus_get_u32be(value.data);
        *out_size = size == 0 || size > limit ? limit : size;
    }
    return status;
}

enum bus_status province_memory_note_size(struct subscribers_batch *batch, size_t size, struct bus_error *error)
{
    uint8_t value[4];
    bus_put_u32be(value, (uint32_t)size);
    return subscribers_batch_note(batch, bus_bytes_of(size_key, sizeof size_key), bus_bytes_of(value, sizeof value),
                                  error);
}
