#include "adapters/sources/push/keys.h"

#include <stdlib.h>

#include "adapters/sources/push/answer.h"

enum { FIRST_SLOTS = 256 };

/* One key that ended. In a chain by its slot, and in a list by age. */
struct entry {
    uint8_t id[ADAPTERS_PUSH_ID_SIZE], body[BUS_DIGEST_SIZE];
    int64_t at_ms;
    struct entry *chain, *older, *newer;
    size_t length;
    uint8_t record[];
};

struct adapters_push_keys {
    struct adapters_push_keys_limits limits;
    struct entry **slots;
    size_t slot_count, count, bytes;
    struct entry *oldest, *newest;
};

void adapters_push_keys_id(const char *client, const char *feed, struct bus_bytes key,
                           uint8_t out_id[ADAPTERS_PUSH_ID_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    const struct bus_bytes parts[] = {
        bus_bytes_of(client, strlen(client) + 1),
        bus_bytes_of(feed, strlen(feed) + 1),
        key,
    };
    bus_digest_parts(BUS_HASH_SM3, parts, sizeof parts / sizeof *parts, digest);
    memcpy(out_id, digest, ADAPTERS_PUSH_ID_SIZE);
}

struct adapters_push_keys *adapters_push_keys_create(const struct adapters_push_keys_limits *limits)
{
    struct adapters_push_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return NULL;
    keys->limits = *limits;
    keys->slot_count = FIRST_SLOTS;
    keys->slots = calloc(FIRST_SLOTS, sizeof *keys->slots);
    if (keys->slots != NULL)
        return keys;
    free(keys);
    return NULL;
}

void adapters_push_keys_destroy(struct adapters_push_keys *keys)
{
    if (keys == NULL)
        return;
    for (struct entry *entry = keys->oldest, *next; entry != NULL; entry = next) {
        next = entry->newer;
        free(entry);
    }
    free(keys->slots);
    free(keys);
}

size_t adapters_push_keys_count(const struct adapters_push_keys *keys)
{
    return keys->count;
}

static struct entry **slot_of(const struct adapters_push_keys *keys, const uint8_t *id)
{
    return &keys->slots[bus_get_u64le(id) & (keys->slot_count - 1)];
}

static struct entry *find(const struct adapters_push_keys *keys, const uint8_t *id)
{
    struct entry *entry = *slot_of(keys, id);
    while (entry != NULL && memcmp(entry->id, id, ADAPTERS_PUSH_ID_SIZE) != 0)
        entry = entry->chain;
    return entry;
}

bool adapters_push_keys_find(const struct adapters_push_keys *keys, const uint8_t id[ADAPTERS_PUSH_ID_SIZE],
                             const uint8_t **out_body, struct bus_bytes *out_record)
{
    const struct entry *entry = find(keys, id);
    if (entry == NULL)
        return false;
    *out_body = entry->body;
    *out_record = bus_bytes_of(entry->record, entry->length);
    return true;
}

/* Twice as many slots. Without memory for them chains grow longer, which is no error. */
static void grow(struct adapters_push_keys *keys)
{
    struct entry **slots = calloc(2 * keys->slot_count, sizeof *slots);
    if (slots == NULL)
        return;
    free(keys->slots);
    keys->slots = slots;
    keys->slot_count *= 2;
    for (struct entry *entry = keys->oldest; entry != NULL; entry = entry->newer) {
        struct entry **slot = slot_of(keys, entry->id);
        entry->chain = *slot;
        *slot = entry;
    }
}

void adapters_push_keys_forget(struct adapters_push_keys *keys, const uint8_t id[ADAPTERS_PUSH_ID_SIZE])
{
    struct entry *entry = find(keys, id);
    if (entry == NULL)
        return;
    struct entry **link = slot_of(keys, id);
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    *(entry->older != NULL ? &entry->older->newer : &keys->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &keys->newest) = entry->older;
    keys->count--;
    keys->bytes -= entry->length;
    free(entry);
}

static void add(struct adapters_push_keys *keys, struct entry *entry)
{
    if (keys->count >= keys->slot_count)
        grow(keys);
    struct entry **slot = slot_of(keys, entry->id);
    entry->chain = *slot;
    *slot = entry;
    entry->older = keys->newest;
    *(keys->newest != NULL ? &keys->newest->newer : &keys->oldest) = entry;
    keys->newest = entry;
    keys->count++;
    keys->bytes += entry->length;
}

enum bus_status adapters_push_keys_note(struct adapters_push_keys *keys, const uint8_t id[ADAPTERS_PUSH_ID_SIZE],
                                        struct bus_bytes record, struct bus_error *error)
{
    uint8_t body[BUS_DIGEST_SIZE];
    int64_t at_ms;
    enum bus_status status = adapters_push_answer_read(record, body, &at_ms, error);
    if (status != BUS_OK)
        return status;
    struct entry *entry = malloc(sizeof *entry + record.length);
    if (entry == NULL)
        return bus_fail(error, BUS_FATAL, "keep the answer to a delivery: out of memory");
    *entry = (struct entry){.at_ms = at_ms, .length = record.length};
    memcpy(entry->id, id, sizeof entry->id);
    memcpy(entry->body, body, sizeof entry->body);
    memcpy(entry->record, record.data, record.length);
    adapters_push_keys_forget(keys, id);
    add(keys, entry);
    return BUS_OK;
}

size_t adapters_push_keys_expired(const struct adapters_push_keys *keys, int64_t now_ms,
                                  uint8_t (*out_ids)[ADAPTERS_PUSH_ID_SIZE], size_t max)
{
    size_t expired = 0, bytes = keys->bytes;
    for (const struct entry *entry = keys->oldest; entry != NULL && expired < max; entry = entry->newer) {
        bool is_old = now_ms - entry->at_ms > keys->limits.keep_ms;
        if (!is_old && keys->count - expired <= keys->limits.keep_count && bytes <= keys->limits.keep_bytes)
            break;
        bytes -= entry->length;
        memcpy(out_ids[expired++], entry->id, ADAPTERS_PUSH_ID_SIZE);
    }
    return expired;
}
