#include "adapters/engine/feeds.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 4096 };

static int is_mapping(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".cfg") == 0;
}

static enum bus_status place_item(struct adapters_feeds *feeds, const struct bus_item *item, size_t *out_place,
                                  struct bus_error *error)
{
    for (*out_place = 0; *out_place < feeds->distinct_count; ++*out_place)
        if (feeds->distinct[*out_place] == item)
            return BUS_OK;
    if (feeds->distinct_count == ADAPTERS_PUBLISHER_MAX_ITEMS)
        return bus_fail(error, BUS_FATAL, "more than %d items in one adapter", ADAPTERS_PUBLISHER_MAX_ITEMS);
    feeds->distinct[feeds->distinct_count++] = item;
    return BUS_OK;
}

static enum bus_status load_one(const char *path, const struct bus_catalogue *catalogue, const char *department,
                                struct adapters_feeds *feeds, struct bus_error *error)
{
    if (feeds->count == ADAPTERS_MAX_FEEDS)
        return bus_fail(error, BUS_FATAL, "%s: more than %d feeds in one adapter", path, ADAPTERS_MAX_FEEDS);
    struct adapters_mapping *mapping = NULL;
    enum bus_status status = adapters_mapping_load(path, catalogue, department, &mapping, error);
    if (status != BUS_OK)
        return status;
    feeds->mappings[feeds->count] = mapping;
    return place_item(feeds, adapters_mapping_item(mapping), &feeds->items[feeds->count++], error);
}

static bool is_named(const struct bus_settings_node *only, const char *file)
{
    size_t length = strlen(file) - strlen(".cfg");
    for (size_t i = 0; only != NULL && i < bus_settings_count(only); i++) {
        const char *name = bus_settings_as_text(bus_settings_at(only, i));
        if (strlen(name) == length && memcmp(name, file, length) == 0)
            return true;
    }
    return only == NULL;
}

/* Every name in `only` is a feed. */
static enum bus_status check_names(const struct adapters_feeds *feeds, const struct bus_settings_node *only,
                                   const char *folder, struct bus_error *error)
{
    for (size_t i = 0; only != NULL && i < bus_settings_count(only); i++) {
        const struct bus_settings_node *node = bus_settings_at(only, i);
        size_t at = 0;
        while (at < feeds->count &&
               strcmp(adapters_mapping_feed_view(feeds->mappings[at]), bus_settings_as_text(node)) != 0)
            at++;
        if (at == feeds->count)
            return bus_settings_fail(node, error, "%s holds no mapping %s.cfg", folder, bus_settings_as_text(node));
    }
    return BUS_OK;
}

enum bus_status adapters_feeds_load(const char *folder, const struct bus_settings_node *only,
                                    const struct bus_catalogue *catalogue, const char *department,
                                    struct adapters_feeds *out_feeds, struct bus_error *error)
{
    *out_feeds = (struct adapters_feeds){0};
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_mapping, alphasort);
    if (count < 0)
        return bus_fail(error, BUS_FATAL, "read the mappings in %s: %s", folder, strerror(errno));
    enum bus_status status = BUS_OK;
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (status == BUS_OK && is_named(only, entries[i]->d_name))
            status = load_one(path, catalogue, department, out_feeds, error);
        free(entries[i]);
    }
    free(entries);
    if (status == BUS_OK)
        status = check_names(out_feeds, only, folder, error);
    if (status == BUS_OK && out_feeds->count == 0)
        status = bus_fail(error, BUS_FATAL, "%s holds no mapping (*.cfg): put one a feed there", folder);
    if (status != BUS_OK)
        adapters_feeds_release(out_feeds);
    return status;
}

void adapters_feeds_release(struct adapters_feeds *feeds)
{
    for (size_t i = 0; i < feeds->count; i++)
        adapters_mapping_destroy(feeds->mappings[i]);
    *feeds = (struct adapters_feeds){0};
}
