#include "subscribers/engine/backlog.h"

#include <stdio.h>
#include <stdlib.h>

enum { VIEW_SLOTS = 256 };

void subscribers_backlog_add(struct subscribers_backlog *backlog, struct subscribers_piece *take_piece, int64_t now_ms)
{
    take_piece->next = NULL;
    if (backlog->last != NULL) {
        backlog->last->next = take_piece;
    } else {
        backlog->first = take_piece;
        backlog->since_ms = now_ms;
    }
    backlog->last = take_piece;
    backlog->records += take_piece->count;
    backlog->bytes += take_piece->data.length;
}

void subscribers_backlog_clear(struct subscribers_backlog *backlog)
{
    subscribers_piece_destroy_all(backlog->first);
    *backlog = (struct subscribers_backlog){0};
}

/* Views by fingerprint; a subscriber has a few dozen, and a batch asks thousands of times. */
struct view_cache {
    const struct bus_views *views;
    const char *subscriber;
    struct {
        uint64_t fingerprint;
        const struct bus_view *view;
    } slots[VIEW_SLOTS];
};

static const struct bus_view *find_view(struct view_cache *cache, uint64_t fingerprint)
{
    size_t slot = fingerprint % VIEW_SLOTS;
    if (cache->slots[slot].view == NULL || cache->slots[slot].fingerprint != fingerprint) {
        cache->slots[slot].fingerprint = fingerprint;
        cache->slots[slot].view = bus_views_find(cache->views, cache->subscriber, fingerprint);
    }
    return cache->slots[slot].view;
}

static enum bus_status decode(struct view_cache *cache, struct bus_bytes value, struct subscribers_delivery *delivery,
                              struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(value, &fingerprint, error);
    const struct bus_view *view = status == BUS_OK ? find_view(cache, fingerprint) : NULL;
    if (view == NULL) {
        status =
            bus_fail(error, BUS_FATAL,
                     "offset %lld of partition %d has a view that this catalogue does not know: install the exchange's "
                     "current schemas and grants, then start the agent again",
                     (long long)delivery->offset, (int)delivery->partition);
        snprintf(error->message_zh, sizeof error->message_zh,
                 "投递的视图不在本机目录中：请更新 schemas 与授权文件后重新启动");
        return status;
    }
    delivery->view = view;
    if (subscribers_delivery_read(view, value, delivery, error) != BUS_OK)
        subscribers_delivery_refuse(delivery, error->code);
    return BUS_OK;
}

enum bus_status subscribers_backlog_decode(const struct subscribers_backlog *backlog, const struct bus_views *views,
                                           struct subscribers_batch *out_batch, struct bus_error *error)
{
    struct view_cache cache = {.views = views, .subscriber = out_batch->subscriber};
    out_batch->count = 0;
    out_batch->deliveries = calloc(backlog->records, sizeof *out_batch->deliveries);
    if (out_batch->deliveries == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for %zu deliveries", backlog->records);
    for (const struct subscribers_piece *piece = backlog->first; piece != NULL; piece = piece->next)
        for (size_t i = 0; i < piece->count; i++) {
            struct subscribers_delivery *delivery = &out_batch->deliveries[out_batch->count++];
            delivery->partition = piece->partition;
            delivery->offset = piece->records[i].offset;
            delivery->leaf = piece->first_leaf + i;
            delivery->record = subscribers_piece_key_view(piece, i).data;
            enum bus_status status = decode(&cache, subscribers_piece_value_view(piece, i), delivery, error);
            if (status != BUS_OK)
                return status;
        }
    return BUS_OK;
}

void subscribers_batch_release(struct subscribers_batch *batch)
{
    for (size_t i = 0; i < batch->advance_count; i++)
        subscribers_position_release(&batch->advances[i].position);
    free(batch->advances);
    free(batch->deliveries);
    batch->advances = NULL;
    batch->deliveries = NULL;
    batch->advance_count = batch->count = 0;
}
