#include "gateway/state/recent.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/state_entry.h"
#include "bus/store.h"
#include "gateway/state/runs.h"

enum {
    WRITE_KEYS = 65536,     /* changed keys that make a write: the more, the more of them share a page; some 15 MiB */
    WRITE_OFFSETS = 150000, /* changelog records that a restart may have to replay */
    LEAST_PIECE = 2048,     /* keys; more when more come with a transaction, or they would pile up */
    REPLAY_KEYS = 131072,   /* changed keys that make a write while a state is recovered: some 35 MiB */
    LIMIT_BYTES = 256 * 1024 * 1024,
    RUN_BYTES = 48 * 1024 * 1024, /* of a state that is made from nothing, sorted at a time */
    APPEND_KEYS = 16384,          /* in one write of such a state */
    FOLDER_SIZE = 4096,
};

static const uint8_t meta_key[] = {BUS_STATE_META};

struct gateway_recent {
    char folder[FOLDER_SIZE];
    struct bus_store *store;
    struct bus_overlay *changes;  /* committed, not written */
    size_t count;                 /* of changed keys */
    struct bus_overlay *replayed; /* in their place while a state is recovered; NULL otherwise */
    struct gateway_runs *runs;    /* in place of that when it is made from nothing */
    int64_t replayed_next;        /* changelog offset that was replayed last; counts when it is written */
    struct bus_overlay *writing;  /* older ones, of which the first `done` in the order of keys are written */
    struct bus_slot **order;
    size_t order_count, done;
    int64_t next, writing_next, written; /* changelog offsets: what is known, ends with `writing`, the store contains */
    bool owes_replayed; /* the store may lack what was replayed; an earlier owner's walk had it in its own */
};

static enum bus_status load_next(struct gateway_recent *recent, struct bus_error *error)
{
    struct bus_bytes value;
    recent->next = 0;
    enum bus_status status = bus_store_get(recent->store, bus_bytes_of(meta_key, sizeof meta_key), &value, error);
    if (status == BUS_OK && value.data != NULL && bus_state_number_read(value, &recent->next, error) != BUS_OK)
        status = BUS_FATAL;
    recent->written = recent->writing_next = recent->next;
    return status;
}

enum bus_status gateway_recent_open(const char *folder, size_t map_bytes, struct gateway_recent **out_recent,
                                    struct bus_error *error)
{
    struct gateway_recent *recent = calloc(1, sizeof *recent);
    if (recent == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    snprintf(recent->folder, sizeof recent->folder, "%s", folder);
    recent->changes = bus_overlay_create(LIMIT_BYTES);
    recent->writing = bus_overlay_create(LIMIT_BYTES);
    enum bus_status status = BUS_OK;
    if (recent->changes == NULL || recent->writing == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = bus_store_open(folder, map_bytes, &recent->store, error);
    if (status == BUS_OK)
        status = load_next(recent, error);
    if (status == BUS_OK)
        *out_recent = recent;
    else
        gateway_recent_close(recent, false);
    return status;
}

void gateway_recent_close(struct gateway_recent *recent, bool clean)
{
    if (recent == NULL)
        return;
    struct bus_error error;
    if (recent->store != NULL && gateway_recent_write(recent, &error) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "state not written, will be replayed", BUS_FATAL, &error);
    bus_store_close(recent->store, clean);
    bus_overlay_destroy(recent->changes);
    bus_overlay_destroy(recent->writing);
    bus_overlay_destroy(recent->replayed);
    gateway_runs_destroy(recent->runs);
    free(recent);
}

int64_t gateway_recent_next(const struct gateway_recent *recent)
{
    return recent->next;
}

enum bus_status gateway_recent_get(struct gateway_recent *recent, struct bus_bytes key, struct bus_bytes *out_value,
                                   struct bus_error *error)
{
    const struct bus_slot *slot = bus_overlay_find(recent->changes, key);
    if (slot == NULL)
        slot = bus_overlay_find(recent->writing, key);
    if (slot == NULL)
        return bus_store_get(recent->store, key, out_value, error);
    *out_value = bus_bytes_of(slot->value, slot->value_length);
    return BUS_OK;
}

enum bus_status gateway_recent_walk(struct gateway_recent *recent, struct bus_bytes from,
                                    bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value), void *self,
                                    bool *out_end, struct bus_error *error)
{
    enum bus_status status = recent->owes_replayed ? gateway_recent_write(recent, error) : BUS_OK;
    if (status != BUS_OK)
        return status;
    recent->owes_replayed = false;
    return bus_store_walk(recent->store, from, take, self, out_end, error);
}

static bool keep(struct gateway_recent *recent, const struct bus_slot *change)
{
    struct bus_slot *slot = bus_overlay_slot(recent->changes, change->key);
    if (slot == NULL)
        return false;
    recent->count += !slot->changed;
    return bus_overlay_change(recent->changes, slot, bus_bytes_of(change->value, change->value_length));
}

static bool is_writing(const struct gateway_recent *recent)
{
    return recent->writing_next != recent->written;
}

/* What has come together is written from now on; what comes is kept apart. */
static void begin_writing(struct gateway_recent *recent)
{
    struct bus_overlay *changes = recent->changes;
    recent->changes = recent->writing;
    recent->writing = changes;
    recent->order = bus_overlay_changed_sorted(recent->writing, &recent->order_count);
    recent->done = 0;
    recent->count = 0;
    recent->writing_next = recent->next;
}

/* The store contains the changelog up to `next`. */
static enum bus_status write_next(struct gateway_recent *recent, int64_t next, struct bus_error *error)
{
    uint8_t number[BUS_STATE_NUMBER_SIZE];
    bus_state_number_write(next, number);
    struct bus_slot meta = {
        .key = bus_bytes_of(meta_key, sizeof meta_key), .value = number, .value_length = sizeof number};
    enum bus_status status = bus_store_write(recent->store, &(struct bus_slot *){&meta}, 1, error);
    if (status == BUS_OK)
        recent->written = next;
    return status;
}

static enum bus_status end_writing(struct gateway_recent *recent, struct bus_error *error)
{
    enum bus_status status = write_next(recent, recent->writing_next, error);
    if (status != BUS_OK)
        return status;
    bus_overlay_reset(recent->writing);
    return BUS_OK;
}

static enum bus_status write_piece(struct gateway_recent *recent, size_t most, struct bus_error *error)
{
    size_t left = recent->order_count - recent->done, count = left < most ? left : most;
    enum bus_status status = BUS_OK;
    if (count > 0)
        status = bus_store_write(recent->store, recent->order + recent->done, count, error);
    if (status != BUS_OK)
        return status;
    recent->done += count;
    return recent->done == recent->order_count ? end_writing(recent, error) : BUS_OK;
}

enum bus_status gateway_recent_add(struct gateway_recent *recent, struct bus_slot *const *slots, size_t count,
                                   int64_t next, struct bus_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!keep(recent, slots[i]))
            return bus_fail(error, BUS_FATAL, "out of memory for state; lower batch_records");
    recent->next = next;
    if (!is_writing(recent) && (recent->count >= WRITE_KEYS || next - recent->written >= WRITE_OFFSETS))
        begin_writing(recent);
    size_t most = count > LEAST_PIECE ? count : LEAST_PIECE;
    return is_writing(recent) ? write_piece(recent, most, error) : BUS_OK;
}

static enum bus_status write_replayed(struct gateway_recent *recent, struct bus_error *error)
{
    size_t count = 0;
    struct bus_slot **slots = bus_overlay_changed_sorted(recent->replayed, &count);
    enum bus_status status = BUS_OK;
    for (size_t done = 0; status == BUS_OK && done < count; done += WRITE_KEYS)
        status =
            bus_store_write(recent->store, slots + done, count - done < WRITE_KEYS ? count - done : WRITE_KEYS, error);
    if (status == BUS_OK)
        status = write_next(recent, recent->replayed_next, error);
    bus_overlay_reset(recent->replayed);
    recent->count = 0;
    recent->next = recent->writing_next = recent->written;
    return status;
}

/* --- a state made from nothing --- */

static enum bus_status begin_runs(struct gateway_recent *recent, struct bus_error *error)
{
    recent->runs = gateway_runs_create(recent->folder, RUN_BYTES);
    if (recent->runs == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for state");
    return bus_store_clear(recent->store, error); /* of what a process that was killed had begun */
}

/* Entries on their way from the runs into the store. */
struct appending {
    struct bus_store *store;
    struct bus_arena *arena;
    struct bus_slot slots[APPEND_KEYS], *order[APPEND_KEYS];
    size_t count;
};

static enum bus_status append_now(struct appending *appending, struct bus_error *error)
{
    enum bus_status status = bus_store_append(appending->store, appending->order, appending->count, error);
    appending->count = 0;
    bus_arena_reset(appending->arena);
    return status;
}

static enum bus_status append(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    struct appending *appending = self;
    struct bus_bytes kept_key = bus_arena_copy(appending->arena, key);
    struct bus_bytes kept_value = bus_arena_copy(appending->arena, value);
    if (kept_key.data == NULL || kept_value.data == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for state");
    appending->order[appending->count] = &appending->slots[appending->count];
    appending->slots[appending->count++] = (struct bus_slot){
        .key = kept_key, .value = (uint8_t *)(uintptr_t)kept_value.data, .value_length = kept_value.length};
    return appending->count == APPEND_KEYS ? append_now(appending, error) : BUS_OK;
}

static enum bus_status write_runs(struct gateway_recent *recent, int64_t next, struct bus_error *error)
{
    struct appending *appending = calloc(1, sizeof *appending);
    if (appending == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for state");
    appending->store = recent->store;
    appending->arena = bus_arena_create(LIMIT_BYTES);
    enum bus_status status = appending->arena != NULL ? gateway_runs_merge(recent->runs, append, appending, error)
                                                      : bus_fail(error, BUS_FATAL, "out of memory for state");
    if (status == BUS_OK)
        status = append_now(appending, error);
    if (status == BUS_OK)
        status = write_next(recent, next, error);
    recent->next = recent->writing_next = recent->written;
    bus_arena_destroy(appending->arena);
    free(appending);
    gateway_runs_destroy(recent->runs);
    recent->runs = NULL;
    return status;
}

/* --- recovery --- */

enum bus_status gateway_recent_replay(struct gateway_recent *recent, struct bus_bytes key, struct bus_bytes value,
                                      int64_t next, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (recent->next == 0 && recent->runs == NULL && recent->replayed == NULL)
        status = begin_runs(recent, error);
    if (status != BUS_OK || recent->runs != NULL)
        return status != BUS_OK ? status : gateway_runs_add(recent->runs, key, value, error);
    if (recent->replayed == NULL)
        recent->replayed = bus_overlay_create(LIMIT_BYTES);
    struct bus_slot *slot = recent->replayed != NULL ? bus_overlay_slot(recent->replayed, key) : NULL;
    bool is_new = slot != NULL && !slot->changed;
    if (slot == NULL || !bus_overlay_change(recent->replayed, slot, value))
        return bus_fail(error, BUS_FATAL, "out of memory for state");
    recent->count += is_new;
    recent->replayed_next = next;
    return recent->count >= REPLAY_KEYS ? write_replayed(recent, error) : BUS_OK;
}

/* What is left is recent, unless it is much. */
enum bus_status gateway_recent_replayed(struct gateway_recent *recent, int64_t next, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (recent->runs != NULL)
        return write_runs(recent, next, error);
    recent->next = recent->replayed_next = next;
    if (recent->replayed == NULL)
        return BUS_OK;
    if (recent->count >= WRITE_KEYS || next - recent->written >= WRITE_OFFSETS) {
        status = write_replayed(recent, error);
        bus_overlay_destroy(recent->replayed);
    } else {
        bus_overlay_destroy(recent->changes);
        recent->changes = recent->replayed;
        recent->owes_replayed = true;
    }
    recent->replayed = NULL;
    return status;
}

enum bus_status gateway_recent_write(struct gateway_recent *recent, struct bus_error *error)
{
    enum bus_status status = is_writing(recent) ? write_piece(recent, SIZE_MAX, error) : BUS_OK;
    if (status != BUS_OK || recent->next == recent->written)
        return status;
    begin_writing(recent);
    return write_piece(recent, SIZE_MAX, error);
}

enum bus_status gateway_recent_clear(struct gateway_recent *recent, struct bus_error *error)
{
    bus_overlay_reset(recent->changes);
    bus_overlay_reset(recent->writing);
    bus_overlay_destroy(recent->replayed);
    recent->replayed = NULL;
    gateway_runs_destroy(recent->runs);
    recent->runs = NULL;
    recent->owes_replayed = false;
    recent->count = recent->order_count = recent->done = 0;
    enum bus_status status = bus_store_clear(recent->store, error);
    return status == BUS_OK ? load_next(recent, error) : status;
}
