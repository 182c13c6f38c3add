/* Feeds: the mappings of one adapter, each with the item that it fills. */
#ifndef ADAPTERS_ENGINE_FEEDS_H
#define ADAPTERS_ENGINE_FEEDS_H

#include "adapters/engine/publisher.h"
#include "adapters/mapping/mapping.h"

struct adapters_feeds {
    struct adapters_mapping *mappings[ADAPTERS_MAX_FEEDS];
    size_t items[ADAPTERS_MAX_FEEDS];   /* of each feed, its place in `distinct` */
    bool has_image[ADAPTERS_MAX_FEEDS]; /* whether what it said is kept; set by the engine */
    size_t count;
    const struct bus_item *distinct[ADAPTERS_PUBLISHER_MAX_ITEMS];
    size_t distinct_count;
};

/* Loads every *.cfg of the folder, or those that `only` names, by name. FATAL: none, too many, or a bad one, with file and line. */
BUS_MUST_CHECK enum bus_status adapters_feeds_load(const char *folder, const struct bus_settings_node *only,
                                                   const struct bus_catalogue *catalogue, const char *department,
                                                   struct adapters_feeds *out_feeds, struct bus_error *error);
void adapters_feeds_release(struct adapters_feeds *feeds);

#endif
