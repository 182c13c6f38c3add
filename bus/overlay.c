#include "bus/overlay.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 1024, FILL_NUMERATOR = 1, FILL_DENOMINATOR = 2 };

/* What is sorted: most keys differ in their first eight bytes, and need not be looked up to be compared. */
struct sortable {
    uint64_t prefix;
    struct bus_slot *slot;
};

/* Open addressing: a bucket holds the index of a slot plus one, 0 = empty. */
struct bus_overlay {
    struct bus_arena *arena;
    struct bus_slot **slots;
    struct bus_slot **sorted;
    struct sortable *sortables;
    size_t count, capacity, loaded_upto;
    uint32_t *buckets;
    size_t bucket_count;
};

static bool grow_slots(struct bus_overlay *overlay)
{
    if (overlay->count < overlay->capacity)
        return true;
    size_t capacity = overlay->capacity * 2;
    struct bus_slot **slots = realloc(overlay->slots, capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    overlay->slots = slots;
    struct bus_slot **sorted = realloc(overlay->sorted, capacity * sizeof *sorted);
    if (sorted == NULL)
        return false;
    overlay->sorted = sorted;
    struct sortable *sortables = realloc(overlay->sortables, capacity * sizeof *sortables);
    if (sortables == NULL)
        return false;
    overlay->sortables = sortables;
    overlay->capacity = capacity;
    return true;
}

struct bus_overlay *bus_overlay_create(size_t limit_bytes)
{
    struct bus_overlay *overlay = calloc(1, sizeof *overlay);
    if (overlay == NULL)
        return NULL;
    overlay->arena = bus_arena_create(limit_bytes);
    overlay->capacity = FIRST_BUCKETS / 2;
    overlay->slots = calloc(overlay->capacity, sizeof(struct bus_slot *));
    overlay->sorted = calloc(overlay->capacity, sizeof(struct bus_slot *));
    overlay->sortables = calloc(overlay->capacity, sizeof *overlay->sortables);
    overlay->bucket_count = FIRST_BUCKETS;
    overlay->buckets = calloc(overlay->bucket_count, sizeof *overlay->buckets);
    if (overlay->arena != NULL && overlay->slots != NULL && overlay->sorted != NULL && overlay->sortables != NULL &&
        overlay->buckets != NULL)
        return overlay;
    bus_overlay_destroy(overlay);
    return NULL;
}

void bus_overlay_destroy(struct bus_overlay *overlay)
{
    if (overlay == NULL)
        return;
    bus_arena_destroy(overlay->arena);
    free(overlay->slots);
    free(overlay->sorted);
    free(overlay->sortables);
    free(overlay->buckets);
    free(overlay);
}

void bus_overlay_reset(struct bus_overlay *overlay)
{
    bus_arena_reset(overlay->arena);
    memset(overlay->buckets, 0, overlay->bucket_count * sizeof *overlay->buckets);
    overlay->count = 0;
    overlay->loaded_upto = 0;
}

/* Keys of records are uniform already; the multiplication spreads the others. */
static uint64_t hash_key(struct bus_bytes key)
{
    uint64_t hash = key.length * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = 0;
    for (; at + 8 <= key.length; at += 8) {
        hash = (hash ^ bus_get_u64le(key.data + at)) * UINT64_C(0xFF51AFD7ED558CCD);
        hash ^= hash >> 32;
    }
    for (; at < key.length; at++)
        hash = (hash ^ key.data[at]) * UINT64_C(0xC4CEB9FE1A85EC53);
    return hash ^ hash >> 32;
}

/* The bucket where `key` is, or the empty one where it belongs. */
static uint32_t *bucket_of(struct bus_overlay *overlay, uint64_t hash, struct bus_bytes key)
{
    size_t mask = overlay->bucket_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t *bucket = &overlay->buckets[at];
        if (*bucket == 0)
            return bucket;
        const struct bus_slot *slot = overlay->slots[*bucket - 1];
        if (slot->hash == hash && bus_bytes_equal(slot->key, key))
            return bucket;
    }
}

static bool grow_buckets(struct bus_overlay *overlay)
{
    if (overlay->count * FILL_DENOMINATOR < overlay->bucket_count * FILL_NUMERATOR)
        return true;
    size_t bucket_count = overlay->bucket_count * 2;
    uint32_t *buckets = calloc(bucket_count, sizeof *buckets);
    if (buckets == NULL)
        return false;
    free(overlay->buckets);
    overlay->buckets = buckets;
    overlay->bucket_count = bucket_count;
    for (size_t i = 0; i < overlay->count; i++)
        *bucket_of(overlay, overlay->slots[i]->hash, overlay->slots[i]->key) = (uint32_t)(i + 1);
    return true;
}

static struct bus_slot *new_slot(struct bus_overlay *overlay, uint64_t hash, struct bus_bytes key)
{
    if (!grow_slots(overlay))
        return NULL;
    struct bus_slot *slot = bus_arena_allocate(overlay->arena, sizeof *slot + key.length);
    if (slot == NULL)
        return NULL;
    memcpy(slot + 1, key.data, key.length);
    *slot = (struct bus_slot){.key = bus_bytes_of(slot + 1, key.length), .hash = hash, .offset = -1};
    overlay->slots[overlay->count++] = slot;
    return slot;
}

struct bus_slot *bus_overlay_find(struct bus_overlay *overlay, struct bus_bytes key)
{
    uint32_t index = *bucket_of(overlay, hash_key(key), key);
    return index != 0 ? overlay->slots[index - 1] : NULL;
}

struct bus_slot *bus_overlay_slot(struct bus_overlay *overlay, struct bus_bytes key)
{
    uint64_t hash = hash_key(key);
    uint32_t *bucket = bucket_of(overlay, hash, key);
    if (*bucket != 0)
        return overlay->slots[*bucket - 1];
    if (!grow_buckets(overlay))
        return NULL;
    bucket = bucket_of(overlay, hash, key);
    struct bus_slot *slot = new_slot(overlay, hash, key);
    if (slot != NULL)
        *bucket = (uint32_t)overlay->count;
    return slot;
}

static bool set_value(struct bus_overlay *overlay, struct bus_slot *slot, struct bus_bytes value)
{
    if (value.data == NULL) {
        slot->value = NULL;
        slot->value_length = 0;
        return true;
    }
    uint8_t *memory = slot->value;
    if (memory == NULL || slot->value_capacity < value.length) {
        memory = bus_arena_allocate(overlay->arena, value.length);
        if (memory == NULL)
            return false;
        slot->value_capacity = value.length;
    }
    memcpy(memory, value.data, value.length);
    slot->value = memory;
    slot->value_length = value.length;
    return true;
}

bool bus_overlay_load(struct bus_overlay *overlay, struct bus_slot *slot, struct bus_bytes value)
{
    slot->loaded = set_value(overlay, slot, value);
    return slot->loaded;
}

bool bus_overlay_change(struct bus_overlay *overlay, struct bus_slot *slot, struct bus_bytes value)
{
    if (!set_value(overlay, slot, value))
        return false;
    slot->loaded = true;
    slot->changed = true;
    return true;
}

static uint64_t prefix_of(struct bus_bytes key)
{
    uint8_t first[8] = {0};
    memcpy(first, key.data, key.length < sizeof first ? key.length : sizeof first);
    return bus_get_u64be(first);
}

static int compare(const void *left, const void *right)
{
    const struct sortable *a = left, *b = right;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    struct bus_bytes one = a->slot->key, two = b->slot->key;
    int order = memcmp(one.data, two.data, one.length < two.length ? one.length : two.length);
    return order != 0 ? order : (one.length > two.length) - (one.length < two.length);
}

static struct bus_slot **sort(struct bus_overlay *overlay, size_t count)
{
    qsort(overlay->sortables, count, sizeof *overlay->sortables, compare);
    for (size_t i = 0; i < count; i++)
        overlay->sorted[i] = overlay->sortables[i].slot;
    return overlay->sorted;
}

static struct sortable sortable_of(struct bus_slot *slot)
{
    return (struct sortable){prefix_of(slot->key), slot};
}

struct bus_slot **bus_overlay_wanted(struct bus_overlay *overlay, size_t *out_count)
{
    size_t count = 0;
    for (; overlay->loaded_upto < overlay->count; overlay->loaded_upto++)
        if (!overlay->slots[overlay->loaded_upto]->loaded)
            overlay->sortables[count++] = sortable_of(overlay->slots[overlay->loaded_upto]);
    *out_count = count;
    return sort(overlay, count);
}

struct bus_slot **bus_overlay_changed(struct bus_overlay *overlay, size_t *out_count)
{
    size_t count = 0;
    for (size_t i = 0; i < overlay->count; i++)
        if (overlay->slots[i]->changed)
            overlay->sorted[count++] = overlay->slots[i];
    *out_count = count;
    return overlay->sorted;
}

struct bus_slot **bus_overlay_changed_sorted(struct bus_overlay *overlay, size_t *out_count)
{
    struct bus_slot **slots = bus_overlay_changed(overlay, out_count);
    for (size_t i = 0; i < *out_count; i++)
        overlay->sortables[i] = sortable_of(slots[i]);
    return sort(overlay, *out_count);
}
