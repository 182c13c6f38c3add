/* What image.c and image_follow.c share of an image. */
#ifndef ADAPTERS_ENGINE_IMAGE_PRIVATE_H
#define ADAPTERS_ENGINE_IMAGE_PRIVATE_H

#include "adapters/engine/image_entry.h"
#include "bus/store.h"

enum { ADAPTERS_IMAGE_FEED_SIZE = 8 /* the first bytes of SM3 of a feed's name: records are found by it */ };

/* How far one partition of one in topic is followed. The witness is the last event of ours that was read: when another one stands at its
 * offset, the topic was made anew. */
struct adapters_image_place {
    const struct bus_item *item;
    char topic[BUS_TOPIC_SIZE];
    int32_t partition;
    int64_t next;    /* -1: never followed */
    int64_t witness; /* -1: none */
    uint8_t witness_id[BUS_IDENTITY_SIZE];
    bool is_changed; /* since the last write */
    bool is_done;    /* of this catching up */
    int64_t target;  /* where the partition ended when catching up began */
};

struct adapters_image {
    struct adapters_image_options options;
    uint8_t feeds[ADAPTERS_MAX_FEEDS][ADAPTERS_IMAGE_FEED_SIZE];
    struct bus_store *store;
    struct bus_overlay *overlay; /* noted and not yet kept */
    struct bus_buffer scratch, buffer;
    struct adapters_image_place *places;
    size_t place_count;
    struct bus_error failure; /* of a find, which cannot answer it */
    bool has_failed;
};

/* A feed by its name's first digest bytes. */
void adapters_image_feed(struct bus_bytes name, uint8_t out_feed[ADAPTERS_IMAGE_FEED_SIZE]);
/* Notes an event of a feed unless the image knows a newer version. */
BUS_MUST_CHECK enum bus_status adapters_image_note_event(struct adapters_image *image,
                                                         const uint8_t feed[ADAPTERS_IMAGE_FEED_SIZE],
                                                         const struct bus_item *item, const struct bus_schema *schema,
                                                         const struct bus_value *values,
                                                         const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE],
                                                         struct bus_error *error);
/* Puts what the image is an image of beside it; what it holds of anything else is thrown away. */
BUS_MUST_CHECK enum bus_status adapters_image_claim(struct adapters_image *image, const char *identity,
                                                    struct bus_error *error);
/* Throws everything away and begins again. */
BUS_MUST_CHECK enum bus_status adapters_image_restart(struct adapters_image *image, const char *reason,
                                                      struct bus_error *error);
/* Reads the places as they were written last. */
BUS_MUST_CHECK enum bus_status adapters_image_load_places(struct adapters_image *image, struct bus_error *error);

#endif
