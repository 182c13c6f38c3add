#include "bus/state_receipt.h"

#include <assert.h>

enum layout {
    AT_LAYOUT = 0,
    AT_SIZE = 8,
    AT_OFFSET = 16,
    AT_TIME = 24,
    AT_RECEIPT = 32,
    AT_LAST = 40,
    AT_REFUSED = 48
};

enum { LAYOUT = 1 };

enum bus_status bus_state_receipt_key(const char *subscriber, uint8_t *out_key, size_t *out_length,
                                      struct bus_error *error)
{
    size_t length = strlen(subscriber);
    if (length >= BUS_STATE_KEY_MAX)
        return bus_fail(error, BUS_REJECT, "a state key of %zu bytes, at most %d are possible", length + 1,
                        BUS_STATE_KEY_MAX);
    out_key[0] = BUS_STATE_RECEIPT;
    memcpy(out_key + 1, subscriber, length);
    *out_length = length + 1;
    return BUS_OK;
}

size_t bus_state_receipt_write(const struct bus_state_receipt *entry, uint8_t *out_value)
{
    assert(entry->receipt.length <= BUS_RECEIPT_MAX_SIZE);
    memset(out_value, 0, BUS_STATE_RECEIPT_HEAD);
    out_value[AT_LAYOUT] = LAYOUT;
    bus_put_u64le(out_value + AT_SIZE, entry->size);
    bus_put_u64le(out_value + AT_OFFSET, (uint64_t)entry->offset);
    bus_put_u64le(out_value + AT_TIME, (uint64_t)entry->at_ms);
    bus_put_u64le(out_value + AT_RECEIPT, (uint64_t)entry->receipt_offset);
    bus_put_u64le(out_value + AT_LAST, (uint64_t)entry->last_ms);
    bus_put_u64le(out_value + AT_REFUSED, (uint64_t)entry->refused);
    if (entry->receipt.length > 0)
        memcpy(out_value + BUS_STATE_RECEIPT_HEAD, entry->receipt.data, entry->receipt.length);
    return BUS_STATE_RECEIPT_HEAD + entry->receipt.length;
}

enum bus_status bus_state_receipt_read(struct bus_bytes value, struct bus_state_receipt *out_entry,
                                       struct bus_error *error)
{
    const uint8_t *data = value.data;
    if (value.length < BUS_STATE_RECEIPT_HEAD || value.length > BUS_STATE_RECEIPT_SIZE || data[AT_LAYOUT] != LAYOUT)
        return bus_reject(error, "STATE_ENTRY", "状态条目的格式不是本程序所知的格式",
                          "the state entry is not of a layout that this program knows");
    *out_entry = (struct bus_state_receipt){
        .size = bus_get_u64le(data + AT_SIZE),
        .offset = (int64_t)bus_get_u64le(data + AT_OFFSET),
        .at_ms = (int64_t)bus_get_u64le(data + AT_TIME),
        .receipt_offset = (int64_t)bus_get_u64le(data + AT_RECEIPT),
        .last_ms = (int64_t)bus_get_u64le(data + AT_LAST),
        .refused = (int64_t)bus_get_u64le(data + AT_REFUSED),
        .receipt = bus_bytes_of(data + BUS_STATE_RECEIPT_HEAD, value.length - BUS_STATE_RECEIPT_HEAD),
    };
    return BUS_OK;
}
