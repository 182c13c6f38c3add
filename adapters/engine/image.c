#include "adapters/engine/image.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/image_private.h"
#include "bus/log.h"

/* The environment: 'c' | feed -> u64le, how many records of it stand; 'i' -> of what it is an image; 'o' | topic | 0 | u32be partition ->
 * u64le next | u64le witness | its event id; 'r' | feed | record -> entry. */
enum {
    KEY_COUNT = 'c',
    KEY_IDENTITY = 'i',
    KEY_PLACE = 'o',
    KEY_RECORD = 'r',
    FEED_KEY_SIZE = 1 + ADAPTERS_IMAGE_FEED_SIZE,
    RECORD_KEY_SIZE = FEED_KEY_SIZE + ADAPTERS_IMAGE_KEY_SIZE,
    PLACE_KEY_SIZE = 1 + BUS_TOPIC_SIZE + 4,
    PLACE_SIZE = 16 + BUS_IDENTITY_SIZE,
    NOTES_LIMIT = 1024 * 1024 * 1024, /* bytes noted in one transaction, far above what a transaction may hold */
    MAX_FEED_IDS = 256,
};

#define MAP_BYTES ((size_t)64 * 1024 * 1024 * 1024) /* address space, not memory: about 200,000,000 records */

void adapters_image_key(struct bus_bytes record_key, uint8_t out_key[ADAPTERS_IMAGE_KEY_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    bus_digest(BUS_HASH_SM3, record_key, digest);
    memcpy(out_key, digest, ADAPTERS_IMAGE_KEY_SIZE);
}

void adapters_image_feed(struct bus_bytes name, uint8_t out_feed[ADAPTERS_IMAGE_FEED_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    bus_digest(BUS_HASH_SM3, name, digest);
    memcpy(out_feed, digest, ADAPTERS_IMAGE_FEED_SIZE);
}

enum bus_status adapters_image_content(struct adapters_image *image, const struct bus_item *item,
                                       const struct bus_value *values, uint8_t out_content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                       struct bus_error *error)
{
    return adapters_image_entry_content(bus_item_current(item)->schema, values, &image->scratch, out_content, error);
}

/* --- opening --- */

static bool has_place(const struct adapters_image *image, const struct bus_item *item)
{
    for (size_t i = 0; i < image->place_count; i++)
        if (image->places[i].item == item)
            return true;
    return false;
}

/* One for each partition of each topic that a feed with an image fills. */
static bool make_places(struct adapters_image *image)
{
    const struct adapters_image_options *options = &image->options;
    image->places = calloc(options->feed_count * (size_t)options->partitions + 1, sizeof *image->places);
    if (image->places == NULL)
        return false;
    for (size_t feed = 0; feed < options->feed_count; feed++) {
        const struct bus_item *item = options->feeds[feed].item;
        if (item == NULL || has_place(image, item))
            continue;
        for (int32_t partition = 0; partition < options->partitions; partition++) {
            struct adapters_image_place *place = &image->places[image->place_count++];
            *place = (struct adapters_image_place){.item = item, .partition = partition, .next = -1, .witness = -1};
            bus_topic_in(options->prefix, item, place->topic);
        }
    }
    return true;
}

enum bus_status adapters_image_open(const struct adapters_image_options *options, struct adapters_image **out_image,
                                    struct bus_error *error)
{
    char folder[4096];
    struct adapters_image *image = calloc(1, sizeof *image);
    if (image == NULL)
        return bus_fail(error, BUS_FATAL, "open the image: out of memory");
    image->options = *options;
    for (size_t i = 0; i < options->feed_count; i++)
        adapters_image_feed(bus_bytes_text(options->feeds[i].name), image->feeds[i]);
    bus_buffer_init(&image->scratch, BUS_DATUM_MAX_SIZE);
    bus_buffer_init(&image->buffer, 2 * BUS_DATUM_MAX_SIZE);
    image->overlay = bus_overlay_create(NOTES_LIMIT);
    enum bus_status status = BUS_OK;
    if (image->overlay == NULL || !make_places(image))
        status = bus_fail(error, BUS_FATAL, "open the image: out of memory");
    int length = snprintf(folder, sizeof folder, "%s/image", options->state);
    if (status == BUS_OK && length >= (int)sizeof folder)
        status = bus_fail(error, BUS_FATAL, "open the image: the name of the folder is too long: %s", options->state);
    if (status == BUS_OK)
        status = bus_store_open(folder, MAP_BYTES, &image->store, error);
    if (status == BUS_OK)
        *out_image = image;
    else
        adapters_image_close(image);
    return status;
}

void adapters_image_close(struct adapters_image *image)
{
    if (image == NULL)
        return;
    bus_store_close(image->store, true);
    bus_overlay_destroy(image->overlay);
    bus_buffer_release(&image->scratch);
    bus_buffer_release(&image->buffer);
    free(image->places);
    free(image);
}

/* --- what it is an image of, and how far --- */

static enum bus_status write_identity(struct adapters_image *image, const char *identity, struct bus_error *error)
{
    const uint8_t key = KEY_IDENTITY;
    struct bus_slot *slot = bus_overlay_slot(image->overlay, bus_bytes_of(&key, 1));
    if (slot == NULL || !bus_overlay_change(image->overlay, slot, bus_bytes_text(identity)))
        return bus_fail(error, BUS_FATAL, "write the image: out of memory");
    return adapters_image_keep(image, error);
}

enum bus_status adapters_image_restart(struct adapters_image *image, const char *reason, struct bus_error *error)
{
    bus_log(BUS_LOG_WARN, "image made again from Kafka", "folder=%s/image reason=\"%s\"", image->options.state, reason);
    for (size_t i = 0; i < image->place_count; i++)
        image->places[i].next = image->places[i].witness = -1;
    bus_overlay_reset(image->overlay);
    return bus_store_clear(image->store, error);
}

enum bus_status adapters_image_claim(struct adapters_image *image, const char *identity, struct bus_error *error)
{
    const uint8_t key = KEY_IDENTITY;
    struct bus_bytes old;
    enum bus_status status = bus_store_get(image->store, bus_bytes_of(&key, 1), &old, error);
    if (status != BUS_OK || bus_bytes_equal_text(old, identity))
        return status;
    if (old.data != NULL)
        status = adapters_image_restart(image, "it is of another cluster, adapter or number of partitions", error);
    return status == BUS_OK ? write_identity(image, identity, error) : status;
}

static size_t place_key(const struct adapters_image_place *place, uint8_t out_key[PLACE_KEY_SIZE])
{
    size_t length = strlen(place->topic) + 1;
    out_key[0] = KEY_PLACE;
    memcpy(out_key + 1, place->topic, length);
    bus_put_u32be(out_key + 1 + length, (uint32_t)place->partition);
    return 1 + length + 4;
}

enum bus_status adapters_image_load_places(struct adapters_image *image, struct bus_error *error)
{
    for (size_t i = 0; i < image->place_count; i++) {
        struct adapters_image_place *place = &image->places[i];
        uint8_t key[PLACE_KEY_SIZE];
        struct bus_bytes value;
        enum bus_status status = bus_store_get(image->store, bus_bytes_of(key, place_key(place, key)), &value, error);
        if (status != BUS_OK)
            return status;
        place->next = place->witness = -1;
        place->is_changed = false;
        if (value.length != PLACE_SIZE)
            continue;
        place->next = (int64_t)bus_get_u64le(value.data);
        place->witness = (int64_t)bus_get_u64le(value.data + 8);
        memcpy(place->witness_id, value.data + 16, BUS_IDENTITY_SIZE);
    }
    return BUS_OK;
}

static bool note_places(struct adapters_image *image)
{
    for (size_t i = 0; i < image->place_count; i++) {
        struct adapters_image_place *place = &image->places[i];
        uint8_t key[PLACE_KEY_SIZE], value[PLACE_SIZE];
        if (!place->is_changed)
            continue;
        bus_put_u64le(value, (uint64_t)place->next);
        bus_put_u64le(value + 8, (uint64_t)place->witness);
        memcpy(value + 16, place->witness_id, BUS_IDENTITY_SIZE);
        struct bus_slot *slot = bus_overlay_slot(image->overlay, bus_bytes_of(key, place_key(place, key)));
        if (slot == NULL || !bus_overlay_change(image->overlay, slot, bus_bytes_of(value, sizeof value)))
            return false;
        place->is_changed = false;
    }
    return true;
}

/* --- records --- */

static void record_key(const uint8_t feed[ADAPTERS_IMAGE_FEED_SIZE], const uint8_t key[ADAPTERS_IMAGE_KEY_SIZE],
                       uint8_t out_key[RECORD_KEY_SIZE])
{
    out_key[0] = KEY_RECORD;
    memcpy(out_key + 1, feed, ADAPTERS_IMAGE_FEED_SIZE);
    memcpy(out_key + FEED_KEY_SIZE, key, ADAPTERS_IMAGE_KEY_SIZE);
}

static enum bus_status find(struct adapters_image *image, const uint8_t key[RECORD_KEY_SIZE], bool *out_found,
                            struct adapters_image_entry *out_entry, struct bus_error *error)
{
    struct bus_bytes name = bus_bytes_of(key, RECORD_KEY_SIZE), value;
    const struct bus_slot *slot = bus_overlay_find(image->overlay, name);
    enum bus_status status = BUS_OK;
    if (slot != NULL)
        value = bus_bytes_of(slot->value, slot->value_length);
    else
        status = bus_store_get(image->store, name, &value, error);
    *out_found = status == BUS_OK && value.data != NULL;
    if (*out_found && !adapters_image_entry_decode(value, out_entry))
        return bus_fail(error, BUS_FATAL, "the image in %s/image cannot be read; remove that folder, it is made again",
                        image->options.state);
    return status;
}

bool adapters_image_find(struct adapters_image *image, size_t feed, const uint8_t key[ADAPTERS_IMAGE_KEY_SIZE],
                         struct adapters_image_entry *out_entry)
{
    uint8_t name[RECORD_KEY_SIZE];
    bool found = false;
    record_key(image->feeds[feed], key, name);
    if (!image->has_failed && find(image, name, &found, out_entry, &image->failure) != BUS_OK)
        image->has_failed = true;
    return found && !image->has_failed;
}

enum bus_status adapters_image_note_event(struct adapters_image *image, const uint8_t feed[ADAPTERS_IMAGE_FEED_SIZE],
                                          const struct bus_item *item, const struct bus_schema *schema,
                                          const struct bus_value *values,
                                          const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE], struct bus_error *error)
{
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE], name[RECORD_KEY_SIZE];
    struct adapters_image_entry entry;
    bool found;
    adapters_image_key(values[BUS_ENVELOPE_RECORD_KEY].bytes, key);
    record_key(feed, key, name);
    enum bus_status status = find(image, name, &found, &entry, error);
    if (status != BUS_OK || (found && entry.version > values[BUS_ENVELOPE_VERSION].integer))
        return status;
    bus_buffer_reset(&image->buffer);
    status = adapters_image_entry_encode(item, schema, values, content, &image->scratch, &image->buffer, error);
    if (status != BUS_OK)
        return status;
    struct bus_slot *slot = bus_overlay_slot(image->overlay, bus_bytes_of(name, sizeof name));
    if (slot == NULL || !bus_overlay_change(image->overlay, slot, bus_buffer_view(&image->buffer)))
        return bus_fail(error, BUS_FATAL, "note what is published: out of memory");
    return BUS_OK;
}

enum bus_status adapters_image_note(struct adapters_image *image, size_t feed, const struct bus_value *values,
                                    const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE], struct bus_error *error)
{
    const struct bus_item *item = image->options.feeds[feed].item;
    if (image->has_failed) {
        *error = image->failure;
        return BUS_FATAL;
    }
    return adapters_image_note_event(image, image->feeds[feed], item, bus_item_current(item)->schema, values, content,
                                     error);
}

void adapters_image_forget(struct adapters_image *image)
{
    bus_overlay_reset(image->overlay);
}

void adapters_image_reach(struct adapters_image *image, const struct bus_item *item, int32_t partition, int64_t offset,
                          const uint8_t event_id[BUS_IDENTITY_SIZE])
{
    for (size_t i = 0; i < image->place_count; i++) {
        struct adapters_image_place *place = &image->places[i];
        if (place->item != item || place->partition != partition || offset < place->next)
            continue;
        place->next = offset + 1;
        place->witness = offset;
        memcpy(place->witness_id, event_id, BUS_IDENTITY_SIZE);
        place->is_changed = true;
    }
}

/* --- writing --- */

/* By how much the records of a feed that stand become more. */
struct growth {
    uint8_t feed[ADAPTERS_IMAGE_FEED_SIZE];
    int64_t more;
};

static bool stands(struct bus_bytes value)
{
    struct adapters_image_entry entry;
    return value.data != NULL && adapters_image_entry_decode(value, &entry) && !entry.is_withdrawn;
}

/* Slots come in the order of keys, so that a feed's lie together. */
static enum bus_status measure(struct adapters_image *image, struct bus_slot *const *slots, size_t count,
                               struct growth growths[MAX_FEED_IDS], size_t *out_count, struct bus_error *error)
{
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct bus_bytes key = slots[i]->key, old;
        if (key.data[0] != KEY_RECORD)
            continue;
        struct growth *last = *out_count > 0 ? &growths[*out_count - 1] : NULL;
        if (last == NULL || memcmp(last->feed, key.data + 1, sizeof last->feed) != 0) {
            if (*out_count == MAX_FEED_IDS)
                return bus_fail(error, BUS_FATAL, "write the image: more than %d feeds", MAX_FEED_IDS);
            last = &growths[(*out_count)++];
            memcpy(last->feed, key.data + 1, sizeof last->feed);
            last->more = 0;
        }
        enum bus_status status = bus_store_get(image->store, key, &old, error);
        if (status != BUS_OK)
            return status;
        last->more += stands(bus_bytes_of(slots[i]->value, slots[i]->value_length)) - stands(old);
    }
    return BUS_OK;
}

static enum bus_status read_count(struct adapters_image *image, const uint8_t key[FEED_KEY_SIZE], int64_t *out_count,
                                  struct bus_error *error)
{
    struct bus_bytes value;
    enum bus_status status = bus_store_get(image->store, bus_bytes_of(key, FEED_KEY_SIZE), &value, error);
    *out_count = status == BUS_OK && value.length == 8 ? (int64_t)bus_get_u64le(value.data) : 0;
    return status;
}

static enum bus_status note_growth(struct adapters_image *image, const struct growth *growth, struct bus_error *error)
{
    uint8_t key[FEED_KEY_SIZE] = {KEY_COUNT}, value[8];
    int64_t count;
    memcpy(key + 1, growth->feed, sizeof growth->feed);
    enum bus_status status = read_count(image, key, &count, error);
    if (status != BUS_OK || growth->more == 0)
        return status;
    bus_put_u64le(value, (uint64_t)(count + growth->more));
    struct bus_slot *slot = bus_overlay_slot(image->overlay, bus_bytes_of(key, sizeof key));
    if (slot == NULL || !bus_overlay_change(image->overlay, slot, bus_bytes_of(value, sizeof value)))
        return bus_fail(error, BUS_FATAL, "write the image: out of memory");
    return BUS_OK;
}

enum bus_status adapters_image_keep(struct adapters_image *image, struct bus_error *error)
{
    struct growth growths[MAX_FEED_IDS];
    size_t count, growth_count;
    if (!note_places(image))
        return bus_fail(error, BUS_FATAL, "write the image: out of memory");
    struct bus_slot **slots = bus_overlay_changed_sorted(image->overlay, &count);
    if (count == 0)
        return BUS_OK;
    enum bus_status status = measure(image, slots, count, growths, &growth_count, error);
    for (size_t i = 0; status == BUS_OK && i < growth_count; i++)
        status = note_growth(image, &growths[i], error);
    if (status != BUS_OK)
        return status;
    slots = bus_overlay_changed_sorted(image->overlay, &count);
    status = bus_store_write(image->store, slots, count, error);
    if (status == BUS_OK)
        bus_overlay_reset(image->overlay);
    return status;
}

/* --- reading whole feeds --- */

int64_t adapters_image_count(struct adapters_image *image, size_t feed)
{
    uint8_t key[FEED_KEY_SIZE] = {KEY_COUNT};
    int64_t count;
    memcpy(key + 1, image->feeds[feed], ADAPTERS_IMAGE_FEED_SIZE);
    if (!image->has_failed && read_count(image, key, &count, &image->failure) != BUS_OK)
        image->has_failed = true;
    return image->has_failed ? 0 : count;
}

struct walk {
    const uint8_t *feed;
    bool (*visit)(void *self, const uint8_t *key, const struct adapters_image_entry *entry);
    void *self;
    bool is_broken;
};

static bool visit_entry(void *self, struct bus_bytes key, struct bus_bytes value)
{
    struct walk *walk = self;
    struct adapters_image_entry entry;
    if (key.length != RECORD_KEY_SIZE || key.data[0] != KEY_RECORD ||
        memcmp(key.data + 1, walk->feed, ADAPTERS_IMAGE_FEED_SIZE) != 0)
        return false;
    walk->is_broken = !adapters_image_entry_decode(value, &entry);
    if (walk->is_broken)
        return false;
    return entry.is_withdrawn || walk->visit(walk->self, key.data + FEED_KEY_SIZE, &entry);
}

enum bus_status adapters_image_walk(struct adapters_image *image, size_t feed, const uint8_t *from,
                                    bool (*visit)(void *self, const uint8_t *key,
                                                  const struct adapters_image_entry *entry),
                                    void *self, struct bus_error *error)
{
    static const uint8_t first[ADAPTERS_IMAGE_KEY_SIZE];
    struct walk walk = {.feed = image->feeds[feed], .visit = visit, .self = self};
    uint8_t key[RECORD_KEY_SIZE];
    bool is_end;
    record_key(image->feeds[feed], from != NULL ? from : first, key);
    enum bus_status status =
        bus_store_walk(image->store, bus_bytes_of(key, sizeof key), visit_entry, &walk, &is_end, error);
    if (status == BUS_OK && walk.is_broken)
        return bus_fail(error, BUS_FATAL, "the image in %s/image cannot be read; remove that folder, it is made again",
                        image->options.state);
    return status;
}
