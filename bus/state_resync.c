#include "bus/state_resync.h"

/* Byte positions; docs/formats-state.md. */
enum head_layout { HEAD_LAYOUT = 0, HEAD_PHASE = 1, HEAD_ITEMS = 2, HEAD_NEXT = 8, HEAD_END = 16 };
enum item_layout { ITEM_NUMBER = 0, ITEM_DIGEST = 8 };

enum { LAYOUT = 1 };

static enum bus_status make_key(enum bus_state_kind kind, const char *subscriber, size_t room, uint8_t *out_key,
                                size_t *out_length, struct bus_error *error)
{
    size_t length = strlen(subscriber);
    if (1 + length + room > BUS_STATE_KEY_MAX)
        return bus_fail(error, BUS_REJECT, "the subscriber's name has %zu bytes, too many for a state key", length);
    out_key[0] = (uint8_t)kind;
    memcpy(out_key + 1, subscriber, length);
    *out_length = 1 + length;
    return BUS_OK;
}

enum bus_status bus_state_resync_key(const char *subscriber, uint8_t *out_key, size_t *out_length,
                                     struct bus_error *error)
{
    return make_key(BUS_STATE_RESYNC, subscriber, 0, out_key, out_length, error);
}

enum bus_status bus_state_grants_key(const char *subscriber, uint16_t item, uint8_t *out_key, size_t *out_length,
                                     struct bus_error *error)
{
    enum { ROOM = 3 }; /* 0x00 | u16le item */
    enum bus_status status = make_key(BUS_STATE_GRANTS, subscriber, ROOM, out_key, out_length, error);
    if (status != BUS_OK)
        return status;
    out_key[(*out_length)++] = 0;
    out_key[(*out_length)++] = (uint8_t)item;
    out_key[(*out_length)++] = (uint8_t)(item >> 8);
    return BUS_OK;
}

static enum bus_status reject_layout(struct bus_error *error)
{
    return bus_reject(error, "STATE_ENTRY", "状态条目的格式不是本程序所知的格式",
                      "the state entry is not of a layout that this program knows");
}

bool bus_state_resync_has(const struct bus_state_resync *resync, uint16_t item)
{
    for (size_t i = 0; i < resync->item_count; i++)
        if (resync->items[i].item == item)
            return true;
    return false;
}

size_t bus_state_resync_write(const struct bus_state_resync *resync, uint8_t *out_value)
{
    size_t size = BUS_STATE_RESYNC_HEAD + resync->item_count * BUS_STATE_RESYNC_ITEM;
    memset(out_value, 0, size);
    out_value[HEAD_LAYOUT] = LAYOUT;
    out_value[HEAD_PHASE] = (uint8_t)resync->phase;
    out_value[HEAD_ITEMS] = (uint8_t)resync->item_count;
    out_value[HEAD_ITEMS + 1] = (uint8_t)(resync->item_count >> 8);
    bus_put_u64le(out_value + HEAD_NEXT, (uint64_t)resync->next);
    bus_put_u64le(out_value + HEAD_END, (uint64_t)resync->end);
    for (size_t i = 0; i < resync->item_count; i++) {
        uint8_t *at = out_value + BUS_STATE_RESYNC_HEAD + i * BUS_STATE_RESYNC_ITEM;
        at[ITEM_NUMBER] = (uint8_t)resync->items[i].item;
        at[ITEM_NUMBER + 1] = (uint8_t)(resync->items[i].item >> 8);
        bus_put_u64le(at + ITEM_DIGEST, resync->items[i].digest);
    }
    return size;
}

enum bus_status bus_state_resync_read(struct bus_bytes value, struct bus_state_resync *out_resync,
                                      struct bus_error *error)
{
    const uint8_t *data = value.data;
    if (value.length < BUS_STATE_RESYNC_HEAD || data[HEAD_LAYOUT] != LAYOUT || data[HEAD_PHASE] > BUS_RESYNC_UNDER_WAY)
        return reject_layout(error);
    size_t count = (size_t)(data[HEAD_ITEMS] | data[HEAD_ITEMS + 1] << 8);
    if (count > BUS_STATE_RESYNC_MAX_ITEMS || value.length != BUS_STATE_RESYNC_HEAD + count * BUS_STATE_RESYNC_ITEM)
        return reject_layout(error);
    out_resync->phase = (enum bus_resync_phase)data[HEAD_PHASE];
    out_resync->next = (int64_t)bus_get_u64le(data + HEAD_NEXT);
    out_resync->end = (int64_t)bus_get_u64le(data + HEAD_END);
    out_resync->item_count = count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = data + BUS_STATE_RESYNC_HEAD + i * BUS_STATE_RESYNC_ITEM;
        out_resync->items[i] = (struct bus_state_resync_item){
            .item = (uint16_t)(at[ITEM_NUMBER] | at[ITEM_NUMBER + 1] << 8),
            .digest = bus_get_u64le(at + ITEM_DIGEST),
        };
    }
    return BUS_OK;
}

void bus_state_grants_write(uint64_t digest, uint8_t out_value[BUS_STATE_GRANTS_SIZE])
{
    bus_put_u64le(out_value, digest);
}

enum bus_status bus_state_grants_read(struct bus_bytes value, uint64_t *out_digest, struct bus_error *error)
{
    if (value.length != BUS_STATE_GRANTS_SIZE)
        return reject_layout(error);
    *out_digest = bus_get_u64le(value.data);
    return BUS_OK;
}
