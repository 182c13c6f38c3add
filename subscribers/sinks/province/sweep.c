#include "subscribers/sinks/province/sweep.h"

enum { LEAF_SIZE = 8, MAX_SWEPT = 1000000 };

/* ── where it began ── */

static bool is_begin_of(const struct subscribers_delivery *delivery, const struct bus_item *item)
{
    return delivery->operation == BUS_DELIVERY_RESYNC_BEGIN && delivery->view->item == item;
}

/* In the batch, else as noted; *out_found false: it is not known where, so nothing may be taken back. */
static enum bus_status find_begin(const struct province_sweep *sweep, uint64_t *out_leaf, bool *out_found,
                                  struct bus_error *error)
{
    const struct subscribers_delivery *end = &sweep->batch->deliveries[sweep->at];
    *out_found = true;
    for (size_t i = sweep->at; i > 0; i--)
        if (is_begin_of(&sweep->batch->deliveries[i - 1], end->view->item)) {
            *out_leaf = sweep->batch->deliveries[i - 1].leaf;
            return BUS_OK;
        }
    uint8_t key[PROVINCE_RESYNC_KEY_SIZE];
    struct bus_bytes value = {0};
    province_resync_key(end->view->item->number, key);
    enum bus_status status =
        sweep->memory == NULL
            ? BUS_OK
            : subscribers_memory_get(sweep->memory, end->partition, bus_bytes_of(key, sizeof key), &value, error);
    *out_found = status == BUS_OK && value.data != NULL && value.length == LEAF_SIZE;
    if (*out_found)
        *out_leaf = bus_get_u64be(value.data);
    return status;
}

enum bus_status province_sweep_note(struct subscribers_batch *batch, size_t at, struct bus_error *error)
{
    const struct subscribers_delivery *marker = &batch->deliveries[at];
    uint8_t key[PROVINCE_RESYNC_KEY_SIZE], leaf[LEAF_SIZE];
    province_resync_key(marker->view->item->number, key);
    bus_put_u64be(leaf, marker->leaf);
    bool begins = marker->operation == BUS_DELIVERY_RESYNC_BEGIN;
    return subscribers_batch_note(batch, bus_bytes_of(key, sizeof key), bus_bytes_of(leaf, begins ? sizeof leaf : 0),
                                  error);
}

/* ── what it did not name ── */

struct walk {
    const struct province_sweep *sweep;
    int32_t item;
    uint64_t begin;
    size_t count;
    enum bus_status status;
    struct bus_error *error;
};

static bool take_note(void *self, struct bus_bytes key, struct bus_bytes value)
{
    struct walk *walk = self;
    struct province_note note;
    if (key.length != PROVINCE_KEY_SIZE)
        return true;
    walk->status = province_note_read(value, &note, walk->error);
    if (walk->status != BUS_OK)
        return false;
    const struct province_note *known = walk->sweep->known(walk->sweep->self, key.data + 1);
    if (known != NULL)
        note = *known;
    bool is_held = note.state == PROVINCE_REPORTED || note.state == PROVINCE_PENDING;
    if (!is_held || note.item != walk->item || note.named >= walk->begin)
        return true;
    if (walk->count++ == MAX_SWEPT)
        walk->status =
            bus_fail(walk->error, BUS_FATAL, "a resync takes back more than %d records in one partition", MAX_SWEPT);
    else
        walk->status = walk->sweep->take(walk->sweep->self, key.data + 1, &note, walk->error);
    return walk->status == BUS_OK;
}

enum bus_status province_sweep(const struct province_sweep *sweep, struct bus_error *error)
{
    const struct subscribers_delivery *end = &sweep->batch->deliveries[sweep->at];
    struct walk walk = {.sweep = sweep, .item = end->view->item->number, .error = error};
    bool is_known;
    enum bus_status status = find_begin(sweep, &walk.begin, &is_known, error);
    if (status != BUS_OK || !is_known || sweep->memory == NULL)
        return status;
    static const uint8_t prefix[] = {'G'};
    status = subscribers_memory_walk(sweep->memory, end->partition, bus_bytes_of(prefix, sizeof prefix), take_note,
                                     &walk, error);
    return status == BUS_OK ? walk.status : status;
}
