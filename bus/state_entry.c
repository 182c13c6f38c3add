#include "bus/state_entry.h"

#include <xxhash.h>

/* Byte positions within an entry; docs/formats-state.md. */
enum record_layout {
    RECORD_LAYOUT = 0,
    RECORD_STATUS = 1,
    RECORD_SUBJECT_KIND = 2,
    RECORD_MARKS = 3,
    RECORD_ITEM = 4,
    RECORD_DISPUTES = 6,
    RECORD_FLAGS = 8,
    RECORD_PUBLICITY = 12,
    RECORD_VERSION = 16,
    RECORD_DIGEST = 24,
    RECORD_HOLDERS = 32,
    RECORD_STATE_OFFSET = 40,
    RECORD_AUDIT_OFFSET = 48,
    RECORD_FIRST_SEEN = 56,
    RECORD_CHANGED = 64,
    RECORD_RETENTION = 72,
    RECORD_WATCH = 76,
    RECORD_REPAIRS = 80,
    RECORD_RESTRICTIONS = 81,
    RECORD_PUBLIC_RESTRICTIONS = 82,
    RECORD_LIFE = 83,
};

enum name_layout { NAME_LAYOUT = 0, NAME_ENDED = 1, NAME_ITEM = 2, NAME_DIGEST = 8, NAME_VERSION = 16 };

static void put_u16le(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static uint16_t get_u16le(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

bool bus_state_is_record(struct bus_bytes key)
{
    return key.length == BUS_STATE_RECORD_KEY_SIZE && key.data[0] == BUS_STATE_SUBJECT;
}

bool bus_state_is_status(struct bus_bytes key)
{
    return key.length == BUS_STATE_RECORD_KEY_SIZE && key.data[0] == BUS_STATE_STATUS;
}

void bus_state_record_key(const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], const uint8_t record[BUS_IDENTITY_SIZE],
                          uint8_t out_key[BUS_STATE_RECORD_KEY_SIZE])
{
    out_key[0] = BUS_STATE_SUBJECT;
    memcpy(out_key + 1, subject_key, BUS_SUBJECT_KEY_SIZE);
    memcpy(out_key + 1 + BUS_SUBJECT_KEY_SIZE, record, BUS_IDENTITY_SIZE);
}

void bus_state_name_key(const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE], uint8_t out_key[BUS_STATE_NAME_KEY_SIZE])
{
    out_key[0] = BUS_STATE_SUBJECT;
    memcpy(out_key + 1, subject_key, BUS_SUBJECT_KEY_SIZE);
}

static enum bus_status text_key(enum bus_state_kind kind, struct bus_bytes first, const char *separator,
                                struct bus_bytes second, uint8_t *out_key, size_t *out_length, struct bus_error *error)
{
    size_t separator_length = separator != NULL ? 1 : 0;
    size_t length = 1 + first.length + separator_length + second.length;
    if (length > BUS_STATE_KEY_MAX)
        return bus_fail(error, BUS_REJECT,
                        "a state key of %zu bytes, at most %d are possible: shorten the adapter's name", length,
                        BUS_STATE_KEY_MAX);
    uint8_t *at = out_key;
    *at++ = (uint8_t)kind;
    memcpy(at, first.data, first.length);
    at += first.length;
    if (separator != NULL)
        *at++ = (uint8_t)*separator;
    if (second.length > 0)
        memcpy(at, second.data, second.length);
    *out_length = length;
    return BUS_OK;
}

enum bus_status bus_state_log_key(const char *log, uint8_t *out_key, size_t *out_length, struct bus_error *error)
{
    return text_key(BUS_STATE_LOG, bus_bytes_text(log), NULL, (struct bus_bytes){NULL, 0}, out_key, out_length, error);
}

enum bus_status bus_state_sequence_key(struct bus_bytes adapter, const char *topic, uint8_t *out_key,
                                       size_t *out_length, struct bus_error *error)
{
    return text_key(BUS_STATE_SEQUENCE, adapter, "", bus_bytes_text(topic), out_key, out_length, error);
}

void bus_state_record_write(const struct bus_state_entry *entry, uint8_t out_value[BUS_STATE_RECORD_SIZE])
{
    memset(out_value, 0, BUS_STATE_RECORD_SIZE);
    out_value[RECORD_LAYOUT] = BUS_STATE_VERSION;
    out_value[RECORD_STATUS] = entry->status;
    out_value[RECORD_SUBJECT_KIND] = entry->subject_kind;
    out_value[RECORD_MARKS] = entry->marks;
    put_u16le(out_value + RECORD_ITEM, entry->item);
    put_u16le(out_value + RECORD_DISPUTES, entry->disputes);
    bus_put_u32le(out_value + RECORD_FLAGS, entry->flags);
    bus_put_u32le(out_value + RECORD_PUBLICITY, (uint32_t)entry->publicity_days);
    bus_put_u32le(out_value + RECORD_RETENTION, (uint32_t)entry->retention_days);
    bus_put_u32le(out_value + RECORD_WATCH, (uint32_t)entry->watch_days);
    out_value[RECORD_REPAIRS] = entry->repairs;
    out_value[RECORD_RESTRICTIONS] = entry->restrictions;
    out_value[RECORD_PUBLIC_RESTRICTIONS] = entry->public_restrictions;
    out_value[RECORD_LIFE] = entry->life;
    bus_put_u64le(out_value + RECORD_VERSION, (uint64_t)entry->version);
    bus_put_u64le(out_value + RECORD_DIGEST, entry->digest);
    bus_put_u64le(out_value + RECORD_HOLDERS, entry->holders);
    bus_put_u64le(out_value + RECORD_STATE_OFFSET, (uint64_t)entry->state_offset);
    bus_put_u64le(out_value + RECORD_AUDIT_OFFSET, (uint64_t)entry->audit_offset);
    bus_put_u64le(out_value + RECORD_FIRST_SEEN, (uint64_t)entry->first_seen_ms);
    bus_put_u64le(out_value + RECORD_CHANGED, (uint64_t)entry->changed_ms);
}

static enum bus_status reject_layout(struct bus_error *error)
{
    return bus_reject(error, "STATE_ENTRY", "状态条目的格式不是本程序所知的格式",
                      "the state entry is not of a layout that this program knows");
}

enum bus_status bus_state_record_read(struct bus_bytes value, struct bus_state_entry *out_entry,
                                      struct bus_bytes *out_event, struct bus_error *error)
{
    const uint8_t *data = value.data;
    if (value.length < BUS_STATE_RECORD_SIZE || data[RECORD_LAYOUT] != BUS_STATE_VERSION)
        return reject_layout(error);
    *out_entry = (struct bus_state_entry){
        .version = (int64_t)bus_get_u64le(data + RECORD_VERSION),
        .digest = bus_get_u64le(data + RECORD_DIGEST),
        .status = data[RECORD_STATUS],
        .subject_kind = data[RECORD_SUBJECT_KIND],
        .marks = data[RECORD_MARKS],
        .item = get_u16le(data + RECORD_ITEM),
        .disputes = get_u16le(data + RECORD_DISPUTES),
        .flags = bus_get_u32le(data + RECORD_FLAGS),
        .publicity_days = (int32_t)bus_get_u32le(data + RECORD_PUBLICITY),
        .retention_days = (int32_t)bus_get_u32le(data + RECORD_RETENTION),
        .watch_days = (int32_t)bus_get_u32le(data + RECORD_WATCH),
        .repairs = data[RECORD_REPAIRS],
        .restrictions = data[RECORD_RESTRICTIONS],
        .public_restrictions = data[RECORD_PUBLIC_RESTRICTIONS],
        .life = data[RECORD_LIFE],
        .holders = bus_get_u64le(data + RECORD_HOLDERS),
        .state_offset = (int64_t)bus_get_u64le(data + RECORD_STATE_OFFSET),
        .audit_offset = (int64_t)bus_get_u64le(data + RECORD_AUDIT_OFFSET),
        .first_seen_ms = (int64_t)bus_get_u64le(data + RECORD_FIRST_SEEN),
        .changed_ms = (int64_t)bus_get_u64le(data + RECORD_CHANGED),
    };
    if (out_event != NULL)
        *out_event = bus_bytes_of(data + BUS_STATE_RECORD_SIZE, value.length - BUS_STATE_RECORD_SIZE);
    return BUS_OK;
}

void bus_state_record_set_state(uint8_t *value, int64_t state_offset)
{
    bus_put_u64le(value + RECORD_STATE_OFFSET, (uint64_t)state_offset);
}

void bus_state_record_set_audit(uint8_t *value, int64_t audit_offset)
{
    bus_put_u64le(value + RECORD_AUDIT_OFFSET, (uint64_t)audit_offset);
}

void bus_state_name_write(const struct bus_state_name *name, uint8_t out_value[BUS_STATE_NAME_SIZE])
{
    memset(out_value, 0, BUS_STATE_NAME_SIZE);
    out_value[NAME_LAYOUT] = BUS_STATE_VERSION;
    out_value[NAME_ENDED] = name->ended;
    put_u16le(out_value + NAME_ITEM, name->item);
    bus_put_u64le(out_value + NAME_DIGEST, name->name_digest);
    bus_put_u64le(out_value + NAME_VERSION, (uint64_t)name->version);
}

enum bus_status bus_state_name_read(struct bus_bytes value, struct bus_state_name *out_name, struct bus_error *error)
{
    if (value.length != BUS_STATE_NAME_SIZE || value.data[NAME_LAYOUT] != BUS_STATE_VERSION)
        return reject_layout(error);
    *out_name = (struct bus_state_name){
        .ended = value.data[NAME_ENDED] != 0,
        .item = get_u16le(value.data + NAME_ITEM),
        .name_digest = bus_get_u64le(value.data + NAME_DIGEST),
        .version = (int64_t)bus_get_u64le(value.data + NAME_VERSION),
    };
    return BUS_OK;
}

size_t bus_state_log_write(const struct bus_merkle *log, uint8_t out_value[BUS_STATE_LOG_MAX])
{
    size_t peaks = bus_merkle_peak_count(log->size);
    bus_put_u64le(out_value, log->size);
    memcpy(out_value + 8, log->peaks, peaks * BUS_DIGEST_SIZE);
    return 8 + peaks * BUS_DIGEST_SIZE;
}

enum bus_status bus_state_log_read(struct bus_bytes value, struct bus_merkle *out_log, struct bus_error *error)
{
    if (value.length < 8)
        return reject_layout(error);
    uint64_t size = bus_get_u64le(value.data);
    size_t peaks = bus_merkle_peak_count(size);
    if (peaks > BUS_MERKLE_MAX_PEAKS || value.length != 8 + peaks * BUS_DIGEST_SIZE)
        return reject_layout(error);
    out_log->size = size;
    memcpy(out_log->peaks, value.data + 8, peaks * BUS_DIGEST_SIZE);
    return BUS_OK;
}

void bus_state_number_write(int64_t number, uint8_t out_value[BUS_STATE_NUMBER_SIZE])
{
    bus_put_u64le(out_value, (uint64_t)number);
}

enum bus_status bus_state_number_read(struct bus_bytes value, int64_t *out_number, struct bus_error *error)
{
    if (value.length != BUS_STATE_NUMBER_SIZE)
        return reject_layout(error);
    *out_number = (int64_t)bus_get_u64le(value.data);
    return BUS_OK;
}

uint64_t bus_state_name_digest(struct bus_bytes name)
{
    return XXH3_64bits(name.data, name.length);
}
