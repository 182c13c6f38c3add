/* Image: what each feed said last of each record, kept beside the adapter (LMDB) so that a full list, a snapshot or a repeated row can be
 * told from a change.
 *
 * It is a view of the in topics and of nothing else: the events of this adapter whose header BUS_FEED_HEADER names the feed. It follows them
 * by offset, so a lost or older image is made again from Kafka, and a killed process leaves nothing to repair. Files are
 * readable by the adapter's user alone. */
#ifndef ADAPTERS_ENGINE_IMAGE_H
#define ADAPTERS_ENGINE_IMAGE_H

#include "adapters/engine/position.h"
#include "bus/arena.h"
#include "bus/event.h"
#include "bus/producer.h"

/* A record: the first bytes of SM3 of its record key. Content: a digest of all that the feed says of it, so without event_id, version,
 * sequence, source_committed_at and published_at. */
enum { ADAPTERS_IMAGE_KEY_SIZE = 16, ADAPTERS_IMAGE_CONTENT_SIZE = 16 };

/* What a feed said last of a record. */
struct adapters_image_entry {
    int64_t version;
    bool is_withdrawn; /* kept for its version: a record listed again gets a higher one */
    uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE];
    struct bus_bytes withdrawal; /* for adapters_image_withdrawal; empty when is_withdrawn */
};

struct adapters_image_options {
    const char *state; /* the adapter's folder: the image lies in <state>/image; made when missing */
    const struct bus_kafka *kafka;
    const char *prefix;
    int32_t partitions;
    const char *adapter;
    size_t feed_count;
    struct {
        const char *name;
        const struct bus_item *item; /* NULL: this feed has no image */
    } feeds[ADAPTERS_MAX_FEEDS];
};

struct adapters_image;

void adapters_image_key(struct bus_bytes record_key, uint8_t out_key[ADAPTERS_IMAGE_KEY_SIZE]);
/* Digest of an event's values; subject_id must be canonical. REJECT when they do not fit the item's schema. */
BUS_MUST_CHECK enum bus_status adapters_image_content(struct adapters_image *image, const struct bus_item *item,
                                                      const struct bus_value *values,
                                                      uint8_t out_content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                                      struct bus_error *error);

/* Options are copied, what they point to is borrowed. Reads nothing from Kafka yet. FATAL with the folder and what to do. */
BUS_MUST_CHECK enum bus_status adapters_image_open(const struct adapters_image_options *options,
                                                   struct adapters_image **out_image, struct bus_error *error);
void adapters_image_close(struct adapters_image *image);
/* Reads what was published since, to the topics' ends; call it after the adapter's producer was opened and with no transaction open.
 * RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status adapters_image_catch_up(struct adapters_image *image, struct bus_error *error);

/* The entry, with what was noted since the last commit. Valid until the image changes. False when there is none. */
bool adapters_image_find(struct adapters_image *image, size_t feed, const uint8_t key[ADAPTERS_IMAGE_KEY_SIZE],
                         struct adapters_image_entry *out_entry);
/* Notes an event that is being published, by its values (subject_id canonical, version set): the image keeps its version, for a PUT its
 * content and what would withdraw it: the envelope and the fields of the item's key, all else null or empty. FATAL when out of memory. */
BUS_MUST_CHECK enum bus_status adapters_image_note(struct adapters_image *image, size_t feed,
                                                   const struct bus_value *values,
                                                   const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                                   struct bus_error *error);
/* The values of the event that withdraws what an entry holds, of the item's current schema; they borrow from entry and arena. REJECT when
 * the entry cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_image_withdrawal(const struct bus_item *item,
                                                         const struct adapters_image_entry *entry,
                                                         struct bus_arena *arena, struct bus_value *values,
                                                         struct bus_error *error);
/* Tells where the last noted event of an item stands in a partition of its topic, before adapters_image_keep: what stands before need not be
 * read again. */
void adapters_image_reach(struct adapters_image *image, const struct bus_item *item, int32_t partition, int64_t offset,
                          const uint8_t event_id[BUS_IDENTITY_SIZE]);
/* What was noted is durable in Kafka: it is written. FATAL when the disk refuses. / It is gone: it is forgotten. */
BUS_MUST_CHECK enum bus_status adapters_image_keep(struct adapters_image *image, struct bus_error *error);
void adapters_image_forget(struct adapters_image *image);

/* Records of a feed that stand (not withdrawn), as committed. */
int64_t adapters_image_count(struct adapters_image *image, size_t feed);
/* Visits every record of a feed that stands, as committed, in the order of keys from `from` (NULL: the first) on; stops when `visit` returns
 * false. `visit` must not change the image. */
BUS_MUST_CHECK enum bus_status adapters_image_walk(struct adapters_image *image, size_t feed, const uint8_t *from,
                                                   bool (*visit)(void *self, const uint8_t *key,
                                                                 const struct adapters_image_entry *entry),
                                                   void *self, struct bus_error *error);

#endif
