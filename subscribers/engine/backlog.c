#include "subscribers/engine/backlog.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/datum.h"

enum { VIEW_SLOTS = 256, MAX_WORD = 4096 };

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

void subscribers_backlog_drop(struct subscribers_backlog *backlog, size_t count)
{
    for (; count > 0 && backlog->first != NULL; count--) {
        struct subscribers_piece *piece = backlog->first;
        backlog->first = piece->next;
        backlog->records -= piece->count;
        backlog->bytes -= piece->data.length;
        subscribers_piece_destroy(piece);
    }
    if (backlog->first == NULL)
        *backlog = (struct subscribers_backlog){0};
}

/* Views by fingerprint; a subscriber has a few dozen, and a batch asks thousands of times. */
struct view_cache {
    const struct subscribers_catalogues *catalogues;
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
        cache->slots[slot].view = subscribers_catalogues_find(cache->catalogues, fingerprint);
    }
    return cache->slots[slot].view;
}

/* One of the texts that every delivery begins with, whatever its view. */
struct word {
    int length;
    const char *text;
};

static struct word take_word(struct bus_cursor *cursor)
{
    struct bus_bytes bytes = bus_datum_take_bytes(cursor, MAX_WORD);
    return cursor->failed || bytes.length == 0 ? (struct word){1, "?"}
                                               : (struct word){(int)bytes.length, (const char *)bytes.data};
}

static enum bus_status unknown_view(const struct view_cache *cache, const struct subscribers_delivery *delivery,
                                    struct bus_bytes value, struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(value);
    bus_cursor_take(&cursor, BUS_FRAME_SIZE);
    bus_cursor_varint(&cursor); /* operation */
    bus_cursor_varint(&cursor); /* reason */
    struct word grant = take_word(&cursor);
    take_word(&cursor); /* purpose */
    take_word(&cursor); /* legal basis */
    struct word version = take_word(&cursor);
    enum bus_status status = bus_fail(
        error, BUS_RETRY,
        "offset %lld of partition %d: grant %.*s of catalogue %.*s has a view that is not known here (in force: %s). "
        "Install the schemas and grants of that catalogue, an older one until this has been read; they are looked for "
        "every 30 s and at SIGHUP, and nothing is skipped",
        (long long)delivery->offset, (int)delivery->partition, grant.length, grant.text, version.length, version.text,
        bus_catalogue_version_view(subscribers_catalogues_at(cache->catalogues, 0)));
    snprintf(error->message_zh, sizeof error->message_zh,
             "投递的视图不在本机目录中：请安装目录版本 %.*s 的 schemas 与授权文件，之后自动继续，不会遗漏",
             version.length, version.text);
    return status;
}

static void decode(const struct bus_view *view, struct bus_bytes value, struct subscribers_delivery *delivery)
{
    struct bus_error error;
    delivery->view = view;
    if (subscribers_delivery_read(view, value, delivery, &error) != BUS_OK)
        subscribers_delivery_refuse(delivery, error.code);
}

/* Records [from, to) of the piece, behind what the batch has. On RETRY it has what it had. */
static enum bus_status decode_records(struct view_cache *cache, const struct subscribers_piece *piece, size_t from,
                                      size_t to, struct subscribers_batch *batch, struct bus_error *error)
{
    struct subscribers_delivery *deliveries = &batch->deliveries[batch->count];
    for (size_t i = from; i < to; i++) {
        struct subscribers_delivery *delivery = &deliveries[i - from];
        struct bus_bytes value = subscribers_piece_value_view(piece, i);
        uint64_t fingerprint;
        delivery->partition = piece->partition;
        delivery->offset = piece->records[i].offset;
        delivery->leaf = piece->first_leaf + i;
        delivery->record = subscribers_piece_key_view(piece, i).data;
        const struct bus_view *view = NULL;
        if (bus_frame_fingerprint(value, &fingerprint, error) == BUS_OK)
            view = find_view(cache, fingerprint);
        if (view == NULL)
            return unknown_view(cache, delivery, value, error);
        decode(view, value, delivery);
    }
    batch->count += to - from;
    return BUS_OK;
}

static enum bus_status make_room(struct subscribers_batch *batch, size_t more, struct bus_error *error)
{
    size_t capacity = batch->count + more;
    struct subscribers_delivery *deliveries = realloc(batch->deliveries, (capacity + 1) * sizeof *deliveries);
    if (deliveries == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for %zu deliveries", capacity);
    memset(&deliveries[batch->count], 0, (more + 1) * sizeof *deliveries);
    batch->deliveries = deliveries;
    batch->capacity = capacity;
    return BUS_OK;
}

enum bus_status subscribers_backlog_decode(const struct subscribers_backlog *backlog,
                                           const struct subscribers_catalogues *catalogues,
                                           struct subscribers_batch *out_batch, size_t *out_pieces,
                                           struct bus_error *error)
{
    struct view_cache cache = {.catalogues = catalogues};
    *out_pieces = 0;
    enum bus_status status = make_room(out_batch, backlog->records, error);
    for (const struct subscribers_piece *piece = backlog->first; status == BUS_OK && piece != NULL;
         piece = piece->next) {
        status = decode_records(&cache, piece, 0, piece->count, out_batch, error);
        *out_pieces += status == BUS_OK;
    }
    return status == BUS_RETRY && *out_pieces > 0 ? BUS_OK : status;
}

enum bus_status subscribers_backlog_decode_part(const struct subscribers_backlog *backlog,
                                                const struct subscribers_catalogues *catalogues, size_t most,
                                                struct subscribers_batch *out_batch, struct bus_error *error)
{
    struct view_cache cache = {.catalogues = catalogues};
    const struct subscribers_piece *piece = backlog->first;
    size_t left = piece->count - piece->done, count = left < most ? left : most;
    enum bus_status status = make_room(out_batch, count, error);
    if (status == BUS_OK)
        status = decode_records(&cache, piece, piece->done, piece->done + count, out_batch, error);
    out_batch->pieces = piece;
    out_batch->before = piece->before;
    return status;
}
