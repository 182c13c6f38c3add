#include "subscribers/engine/catalogues.h"

#include <stdlib.h>

enum { MAX_KEPT = 8 };

struct generation {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
};

struct subscribers_catalogues {
    const char *path, *subscriber;
    struct generation generations[MAX_KEPT + 1]; /* newest first; one more while a load is not settled */
    size_t count;
};

static void release(struct generation *generation)
{
    bus_views_destroy(generation->views);
    bus_catalogue_destroy(generation->catalogue);
    *generation = (struct generation){0};
}

static const char *version_view(const struct generation *generation)
{
    return bus_catalogue_version_view(generation->catalogue);
}

static enum bus_status load(const struct subscribers_catalogues *catalogues, struct generation *out_generation,
                            struct bus_error *error)
{
    *out_generation = (struct generation){0};
    enum bus_status status = bus_catalogue_load(catalogues->path, &out_generation->catalogue, error);
    if (status != BUS_OK)
        return status;
    if (bus_catalogue_find_subscriber(out_generation->catalogue, catalogues->subscriber) == NULL)
        return bus_fail(error, BUS_FATAL, "subscriber \"%s\" has no grants in the catalogue %s", catalogues->subscriber,
                        catalogues->path);
    return bus_views_create(out_generation->catalogue, &out_generation->views, error);
}

enum bus_status subscribers_catalogues_open(const char *path, const char *subscriber,
                                            struct subscribers_catalogues **out_catalogues, struct bus_error *error)
{
    struct subscribers_catalogues *catalogues = calloc(1, sizeof *catalogues);
    if (catalogues == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    catalogues->path = path;
    catalogues->subscriber = subscriber;
    catalogues->count = 1;
    enum bus_status status = load(catalogues, &catalogues->generations[0], error);
    if (status == BUS_OK)
        *out_catalogues = catalogues;
    else
        subscribers_catalogues_close(catalogues);
    return status;
}

void subscribers_catalogues_close(struct subscribers_catalogues *catalogues)
{
    if (catalogues == NULL)
        return;
    for (size_t i = 0; i < catalogues->count; i++)
        release(&catalogues->generations[i]);
    free(catalogues);
}

enum bus_status subscribers_catalogues_load(struct subscribers_catalogues *catalogues, bool *out_changed,
                                            struct bus_error *error)
{
    const struct generation *now = &catalogues->generations[0];
    struct generation loaded;
    *out_changed = false;
    enum bus_status status = load(catalogues, &loaded, error);
    if (status == BUS_OK &&
        strcmp(bus_catalogue_exchange_view(loaded.catalogue), bus_catalogue_exchange_view(now->catalogue)) != 0)
        status = bus_fail(error, BUS_FATAL, "the catalogue %s is now that of the exchange \"%s\": restart the agent",
                          catalogues->path, bus_catalogue_exchange_view(loaded.catalogue));
    if (status != BUS_OK || strcmp(version_view(&loaded), version_view(now)) == 0) {
        release(&loaded);
        return status;
    }
    memmove(&catalogues->generations[1], &catalogues->generations[0], catalogues->count * sizeof loaded);
    catalogues->generations[0] = loaded;
    catalogues->count++;
    *out_changed = true;
    return BUS_OK;
}

void subscribers_catalogues_settle(struct subscribers_catalogues *catalogues, bool keep)
{
    if (keep && catalogues->count <= MAX_KEPT)
        return;
    if (keep) {
        release(&catalogues->generations[--catalogues->count]);
        return;
    }
    release(&catalogues->generations[0]);
    catalogues->count--;
    memmove(&catalogues->generations[0], &catalogues->generations[1],
            catalogues->count * sizeof catalogues->generations[0]);
}

const struct bus_view *subscribers_catalogues_find(const struct subscribers_catalogues *catalogues,
                                                   uint64_t fingerprint)
{
    const struct bus_view *found = NULL;
    for (size_t i = 0; found == NULL && i < catalogues->count; i++)
        found = bus_views_find(catalogues->generations[i].views, catalogues->subscriber, fingerprint);
    return found;
}

const char *subscribers_catalogues_subscriber_view(const struct subscribers_catalogues *catalogues)
{
    return catalogues->subscriber;
}

size_t subscribers_catalogues_count(const struct subscribers_catalogues *catalogues)
{
    return catalogues->count;
}

const struct bus_catalogue *subscribers_catalogues_at(const struct subscribers_catalogues *catalogues, size_t index)
{
    return catalogues->generations[index].catalogue;
}

const struct bus_views *subscribers_catalogues_views_at(const struct subscribers_catalogues *catalogues, size_t index)
{
    return catalogues->generations[index].views;
}
