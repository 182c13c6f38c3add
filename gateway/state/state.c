#include "gateway/state/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/state/ledger.h"
#include "gateway/state/state_private.h"

enum {
    FOLDER_SIZE = 4096,
};

/* An output log: as the last commit left it, and as the running batch does. */
struct log_slot {
    char name[BUS_STATE_KEY_MAX];
    struct bus_merkle committed, working;
};

struct gateway_state {
    int32_t partition;
    struct gateway_recent *recent;
    struct bus_overlay *overlay;
    struct gateway_ledger *ledger;
    struct log_slot *logs[GATEWAY_STATE_MAX_LOGS];
    size_t log_count;
};

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "the batch's memory for state is used up; lower batch_records");
}

static struct bus_bytes slot_value(const struct bus_slot *slot)
{
    return bus_bytes_of(slot->value, slot->value_length);
}

/* Reads the place unless that was done. */
static enum bus_status load_slot(struct gateway_state *state, struct bus_slot *slot, struct bus_error *error)
{
    if (slot->loaded)
        return BUS_OK;
    struct bus_bytes value;
    enum bus_status status = gateway_recent_get(state->recent, slot->key, &value, error);
    if (status == BUS_OK && !bus_overlay_load(state->overlay, slot, value))
        status = fail_memory(error);
    return status;
}

static enum bus_status change(struct gateway_state *state, struct bus_bytes key, struct bus_bytes value,
                              struct bus_error *error)
{
    struct bus_slot *slot = bus_overlay_slot(state->overlay, key);
    return slot != NULL && bus_overlay_change(state->overlay, slot, value) ? BUS_OK : fail_memory(error);
}

/* A value that the store or topic holds but cannot be read is not this event's fault. */
static enum bus_status broken(enum bus_status status, const struct gateway_state *state, struct bus_error *error)
{
    if (status != BUS_REJECT)
        return status;
    bus_error_prefix(error, "state of partition %d", state->partition);
    return BUS_FATAL;
}

static void forget_logs(struct gateway_state *state)
{
    while (state->log_count > 0)
        free(state->logs[--state->log_count]);
}

/* Logs and books are read again when they are asked for. */
static void forget(struct gateway_state *state)
{
    forget_logs(state);
    gateway_ledger_clear(state->ledger);
}

enum bus_status gateway_state_open(const struct gateway_state_options *options, struct gateway_state **out_state,
                                   struct bus_error *error)
{
    struct gateway_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    state->partition = options->partition;
    state->overlay = bus_overlay_create(options->overlay_bytes);
    char folder[FOLDER_SIZE];
    snprintf(folder, sizeof folder, "%s/%d", options->folder, options->partition);
    enum bus_status status = BUS_OK;
    if (state->overlay == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = gateway_recent_open(folder, options->map_bytes, &state->recent, error);
    if (status == BUS_OK) {
        state->ledger = gateway_ledger_create(options->partition, state->recent);
        if (state->ledger == NULL)
            status = bus_fail(error, BUS_FATAL, "out of memory");
    }
    if (status == BUS_OK)
        *out_state = state;
    else
        gateway_state_close(state, false);
    return status;
}

void gateway_state_close(struct gateway_state *state, bool clean)
{
    if (state == NULL)
        return;
    gateway_ledger_destroy(state->ledger);
    gateway_recent_close(state->recent, clean);
    bus_overlay_destroy(state->overlay);
    forget_logs(state);
    free(state);
}

struct gateway_recent *gateway_state_recent_view(struct gateway_state *state)
{
    return state->recent;
}

int32_t gateway_state_partition(const struct gateway_state *state)
{
    return state->partition;
}

int64_t gateway_state_changelog_next(const struct gateway_state *state)
{
    return gateway_recent_next(state->recent);
}

/* Hands all changed slots on, and starts a new overlay. */
static enum bus_status hand_on(struct gateway_state *state, int64_t next, struct bus_error *error)
{
    size_t count;
    struct bus_slot **slots = bus_overlay_changed(state->overlay, &count);
    enum bus_status status = gateway_recent_add(state->recent, slots, count, next, error);
    if (status == BUS_OK)
        bus_overlay_reset(state->overlay);
    return status;
}

enum bus_status gateway_state_replay(struct gateway_state *state, struct bus_bytes key, struct bus_bytes value,
                                     int64_t offset, struct bus_error *error)
{
    if (key.length == 0 || key.length > BUS_STATE_KEY_MAX)
        return bus_fail(error, BUS_FATAL, "xq.state/%d holds a key of %zu bytes at offset %lld", state->partition,
                        key.length, (long long)offset);
    uint8_t record[BUS_STATE_RECORD_SIZE], record_key[BUS_STATE_RECORD_KEY_SIZE];
    bool is_status = bus_state_is_status(key);
    if ((is_status || bus_state_is_record(key)) && value.data != NULL) {
        struct bus_state_entry entry;
        struct bus_bytes event;
        enum bus_status status = broken(bus_state_record_read(value, &entry, &event, error), state, error);
        if (status != BUS_OK)
            return status;
        if (!is_status)
            entry.state_offset = event.length > 0 ? offset : -1;
        bus_state_record_write(&entry, record);
        value = bus_bytes_of(record, sizeof record);
    }
    if (is_status) {
        memcpy(record_key, key.data, sizeof record_key);
        record_key[0] = BUS_STATE_SUBJECT;
        key = bus_bytes_of(record_key, sizeof record_key);
    }
    return gateway_recent_replay(state->recent, key, value, offset + 1, error);
}

enum bus_status gateway_state_replayed(struct gateway_state *state, int64_t next_offset, struct bus_error *error)
{
    forget(state);
    return gateway_recent_replayed(state->recent, next_offset, error);
}

enum bus_status gateway_state_clear(struct gateway_state *state, struct bus_error *error)
{
    bus_overlay_reset(state->overlay);
    forget(state);
    return gateway_recent_clear(state->recent, error);
}

struct bus_slot *gateway_state_record(struct gateway_state *state, const uint8_t *subject_key, const uint8_t *record)
{
    uint8_t key[BUS_STATE_RECORD_KEY_SIZE];
    bus_state_record_key(subject_key, record, key);
    return bus_overlay_slot(state->overlay, bus_bytes_of(key, sizeof key));
}

struct bus_slot *gateway_state_name(struct gateway_state *state, const uint8_t *subject_key)
{
    uint8_t key[BUS_STATE_NAME_KEY_SIZE];
    bus_state_name_key(subject_key, key);
    return bus_overlay_slot(state->overlay, bus_bytes_of(key, sizeof key));
}

enum bus_status gateway_state_sequence(struct gateway_state *state, struct bus_bytes adapter, const char *topic,
                                       struct bus_slot **out_slot, struct bus_error *error)
{
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    enum bus_status status = bus_state_sequence_key(adapter, topic, key, &length, error);
    if (status != BUS_OK)
        return status;
    *out_slot = bus_overlay_slot(state->overlay, bus_bytes_of(key, length));
    return *out_slot != NULL ? BUS_OK : fail_memory(error);
}

enum bus_status gateway_state_fetch(struct gateway_state *state, struct bus_error *error)
{
    size_t count;
    struct bus_slot **slots = bus_overlay_wanted(state->overlay, &count);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = load_slot(state, slots[i], error);
    return status;
}

enum bus_status gateway_state_read_record(struct gateway_state *state, struct bus_slot *slot,
                                          struct bus_state_entry *out_entry, bool *out_found, struct bus_error *error)
{
    enum bus_status status = load_slot(state, slot, error);
    *out_found = slot->value != NULL;
    if (status != BUS_OK || slot->value == NULL)
        return status;
    return broken(bus_state_record_read(slot_value(slot), out_entry, NULL, error), state, error);
}

static enum bus_status write_slot(struct gateway_state *state, struct bus_slot *slot, struct bus_bytes value,
                                  struct bus_error *error)
{
    return bus_overlay_change(state->overlay, slot, value) ? BUS_OK : fail_memory(error);
}

enum bus_status gateway_state_write_record(struct gateway_state *state, struct bus_slot *slot,
                                           const struct bus_state_entry *entry, struct bus_bytes event,
                                           struct bus_error *error)
{
    uint8_t value[BUS_STATE_RECORD_SIZE];
    bus_state_record_write(entry, value);
    slot->payload = event;
    slot->status_only = false;
    return write_slot(state, slot, bus_bytes_of(value, sizeof value), error);
}

enum bus_status gateway_state_write_status(struct gateway_state *state, struct bus_slot *slot,
                                           const struct bus_state_entry *entry, struct bus_error *error)
{
    uint8_t value[BUS_STATE_RECORD_SIZE];
    bus_state_record_write(entry, value);
    if (!slot->changed) /* otherwise this batch has written the event too, or erased it */
        slot->status_only = true;
    return write_slot(state, slot, bus_bytes_of(value, sizeof value), error);
}

enum bus_status gateway_state_erase_event(struct gateway_state *state, struct bus_slot *slot,
                                          const struct bus_state_entry *entry, struct bus_error *error)
{
    return gateway_state_write_record(state, slot, entry, (struct bus_bytes){NULL, 0}, error);
}

struct bus_bytes gateway_state_topic_key(const struct bus_slot *slot, uint8_t *out_key)
{
    if (!slot->status_only)
        return slot->key;
    memcpy(out_key, slot->key.data, slot->key.length);
    out_key[0] = BUS_STATE_STATUS;
    return bus_bytes_of(out_key, slot->key.length);
}

void gateway_state_note_audit(struct bus_slot *slot, int64_t audit_offset)
{
    bus_state_record_set_audit(slot->value, audit_offset);
}

enum bus_status gateway_state_read_name(struct gateway_state *state, struct bus_slot *slot,
                                        struct bus_state_name *out_name, bool *out_found, struct bus_error *error)
{
    enum bus_status status = load_slot(state, slot, error);
    *out_found = slot->value != NULL;
    if (status != BUS_OK || slot->value == NULL)
        return status;
    return broken(bus_state_name_read(slot_value(slot), out_name, error), state, error);
}

enum bus_status gateway_state_write_name(struct gateway_state *state, struct bus_slot *slot,
                                         const struct bus_state_name *name, struct bus_error *error)
{
    uint8_t value[BUS_STATE_NAME_SIZE];
    if (name == NULL)
        return write_slot(state, slot, (struct bus_bytes){NULL, 0}, error);
    bus_state_name_write(name, value);
    return write_slot(state, slot, bus_bytes_of(value, sizeof value), error);
}

enum bus_status gateway_state_read_sequence(struct gateway_state *state, struct bus_slot *slot, int64_t *out_last,
                                            bool *out_found, struct bus_error *error)
{
    enum bus_status status = load_slot(state, slot, error);
    *out_found = slot->value != NULL;
    if (status != BUS_OK || slot->value == NULL)
        return status;
    return broken(bus_state_number_read(slot_value(slot), out_last, error), state, error);
}

enum bus_status gateway_state_write_sequence(struct gateway_state *state, struct bus_slot *slot, int64_t last,
                                             struct bus_error *error)
{
    uint8_t value[BUS_STATE_NUMBER_SIZE];
    bus_state_number_write(last, value);
    return write_slot(state, slot, bus_bytes_of(value, sizeof value), error);
}

enum bus_status gateway_state_place(struct gateway_state *state, struct bus_bytes key, struct bus_slot **out_slot,
                                    struct bus_error *error)
{
    *out_slot = bus_overlay_slot(state->overlay, key);
    return *out_slot != NULL ? BUS_OK : fail_memory(error);
}

enum bus_status gateway_state_read_place(struct gateway_state *state, struct bus_slot *slot,
                                         struct bus_bytes *out_value, struct bus_error *error)
{
    enum bus_status status = load_slot(state, slot, error);
    *out_value = slot_value(slot);
    return status;
}

enum bus_status gateway_state_write_place(struct gateway_state *state, struct bus_slot *slot, struct bus_bytes value,
                                          struct bus_error *error)
{
    return write_slot(state, slot, value, error);
}

static enum bus_status load_log(struct gateway_state *state, const char *name, struct bus_merkle *out_log,
                                struct bus_error *error)
{
    uint8_t key[BUS_STATE_KEY_MAX];
    size_t length;
    struct bus_bytes value;
    enum bus_status status = bus_state_log_key(name, key, &length, error);
    if (status == BUS_OK)
        status = gateway_recent_get(state->recent, bus_bytes_of(key, length), &value, error);
    if (status == BUS_OK && value.data != NULL)
        status = bus_state_log_read(value, out_log, error);
    return broken(status, state, error);
}

enum bus_status gateway_state_log(struct gateway_state *state, const char *name, struct bus_merkle **out_log,
                                  struct bus_error *error)
{
    for (size_t i = 0; i < state->log_count; i++)
        if (strcmp(state->logs[i]->name, name) == 0) {
            *out_log = &state->logs[i]->working;
            return BUS_OK;
        }
    if (state->log_count == GATEWAY_STATE_MAX_LOGS)
        return bus_fail(error, BUS_FATAL, "more than %d output logs in partition %d", GATEWAY_STATE_MAX_LOGS,
                        state->partition);
    struct log_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    snprintf(slot->name, sizeof slot->name, "%s", name);
    enum bus_status status = load_log(state, name, &slot->committed, error);
    if (status != BUS_OK) {
        free(slot);
        return status;
    }
    slot->working = slot->committed;
    state->logs[state->log_count++] = slot;
    *out_log = &slot->working;
    return BUS_OK;
}

enum bus_status gateway_state_book(struct gateway_state *state, int32_t day, struct bus_book **out_book,
                                   struct bus_error *error)
{
    return gateway_ledger_book(state->ledger, day, out_book, error);
}

static enum bus_status change_logs(struct gateway_state *state, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < state->log_count; i++) {
        struct log_slot *slot = state->logs[i];
        if (slot->working.size == slot->committed.size)
            continue;
        uint8_t key[BUS_STATE_KEY_MAX], value[BUS_STATE_LOG_MAX];
        size_t length;
        status = bus_state_log_key(slot->name, key, &length, error);
        if (status == BUS_OK)
            status = change(state, bus_bytes_of(key, length),
                            bus_bytes_of(value, bus_state_log_write(&slot->working, value)), error);
    }
    return status;
}

enum bus_status gateway_state_changes(struct gateway_state *state, int64_t now_ms, struct bus_slot *const **out_slots,
                                      size_t *out_count, struct bus_error *error)
{
    enum bus_status status = gateway_ledger_changes(state->ledger, now_ms, state->overlay, error);
    if (status == BUS_OK)
        status = change_logs(state, error);
    if (status == BUS_OK)
        *out_slots = bus_overlay_changed(state->overlay, out_count);
    return status;
}

/* The store keeps each record's own offset in the topic, which was not known when it was produced. */
static int64_t note_offsets(struct gateway_state *state)
{
    size_t count;
    struct bus_slot **slots = bus_overlay_changed(state->overlay, &count);
    int64_t next = gateway_recent_next(state->recent);
    for (size_t i = 0; i < count; i++) {
        struct bus_slot *slot = slots[i];
        if (slot->offset >= next)
            next = slot->offset + 1;
        if (bus_state_is_record(slot->key) && slot->value != NULL && !slot->status_only)
            bus_state_record_set_state(slot->value, slot->payload.length > 0 ? slot->offset : -1);
    }
    return next;
}

enum bus_status gateway_state_commit(struct gateway_state *state, struct bus_error *error)
{
    enum bus_status status = hand_on(state, note_offsets(state), error);
    if (status != BUS_OK)
        return status;
    gateway_ledger_commit(state->ledger);
    for (size_t i = 0; i < state->log_count; i++)
        state->logs[i]->committed = state->logs[i]->working;
    return BUS_OK;
}

void gateway_state_discard(struct gateway_state *state)
{
    bus_overlay_reset(state->overlay);
    gateway_ledger_discard(state->ledger);
    for (size_t i = 0; i < state->log_count; i++)
        state->logs[i]->working = state->logs[i]->committed;
}
