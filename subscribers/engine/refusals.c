#include "subscribers/engine/refusals.h"

#include "bus/datum.h"

enum { MARK_DAY = INT32_MIN, MARK_SIZE = 8, MAX_TEXT = 4096, WORDS_ROOM = 512 * 1024 };

void subscribers_refusals_init(struct subscribers_refusals *refusals)
{
    *refusals = (struct subscribers_refusals){0};
    bus_buffer_init(&refusals->list, SUBSCRIBERS_REFUSALS_MAX_SIZE);
}

void subscribers_refusals_release(struct subscribers_refusals *refusals)
{
    bus_buffer_release(&refusals->list);
}

void subscribers_refusals_clear(struct subscribers_refusals *refusals)
{
    bus_buffer_reset(&refusals->list);
    refusals->count = 0;
}

void subscribers_refusals_add(struct subscribers_refusals *refusals, const struct subscribers_delivery *delivery)
{
    struct bus_buffer *list = &refusals->list;
    bool has_room = list->length < SUBSCRIBERS_REFUSALS_MAX_SIZE - WORDS_ROOM;
    if (list->length > SUBSCRIBERS_REFUSALS_MAX_SIZE - MAX_TEXT)
        return;
    const struct bus_item *item = delivery->view->item;
    bus_buffer_varint(list, (int64_t)delivery->leaf);
    bus_buffer_varint(list, delivery->offset);
    bus_buffer_append(list, delivery->record, BUS_IDENTITY_SIZE);
    bus_datum_append_bytes(list, bus_bytes_text(item->department->name));
    bus_datum_append_bytes(list, bus_bytes_text(item->name));
    bus_datum_append_bytes(list, bus_bytes_text(delivery->refusal));
    bus_datum_append_bytes(list, bus_bytes_text(has_room && delivery->words != NULL ? delivery->words : ""));
    refusals->count++;
}

bool subscribers_refusals_next(struct bus_cursor *cursor, struct subscribers_refusal *out_refusal)
{
    if (bus_cursor_left(cursor) == 0 || cursor->failed)
        return false;
    out_refusal->leaf = (uint64_t)bus_cursor_varint(cursor);
    out_refusal->offset = bus_cursor_varint(cursor);
    out_refusal->record = bus_cursor_take(cursor, BUS_IDENTITY_SIZE).data;
    out_refusal->department = bus_datum_take_bytes(cursor, MAX_TEXT);
    out_refusal->item = bus_datum_take_bytes(cursor, MAX_TEXT);
    out_refusal->code = bus_datum_take_bytes(cursor, MAX_TEXT);
    out_refusal->words = bus_datum_take_bytes(cursor, MAX_TEXT);
    return !cursor->failed;
}

void subscribers_refusals_write(const struct subscribers_refusals *refusals, struct bus_buffer *books)
{
    uint8_t mark[MARK_SIZE];
    if (refusals->count == 0)
        return;
    bus_put_u32le(mark, (uint32_t)MARK_DAY);
    bus_put_u32le(mark + 4, (uint32_t)refusals->list.length);
    bus_buffer_append(books, mark, sizeof mark);
    bus_buffer_append_bytes(books, bus_buffer_view(&refusals->list));
}

static enum bus_status count_them(struct subscribers_refusals *refusals, struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(bus_buffer_view(&refusals->list));
    struct subscribers_refusal refusal;
    while (subscribers_refusals_next(&cursor, &refusal))
        refusals->count++;
    return cursor.failed
               ? bus_reject(error, "REFUSALS_MALFORMED", "存储的拒收记录无法读取", "the stored refusals cannot be read")
               : BUS_OK;
}

enum bus_status subscribers_refusals_read(struct bus_bytes *books, struct subscribers_refusals *refusals,
                                          struct bus_error *error)
{
    subscribers_refusals_clear(refusals);
    if (books->length < MARK_SIZE || (int32_t)bus_get_u32le(books->data) != MARK_DAY)
        return BUS_OK;
    size_t length = bus_get_u32le(books->data + 4);
    if (length > books->length - MARK_SIZE)
        return bus_reject(error, "REFUSALS_MALFORMED", "存储的拒收记录被截断", "the stored refusals are cut off");
    bus_buffer_append(&refusals->list, books->data + MARK_SIZE, length);
    *books = bus_bytes_of(books->data + MARK_SIZE + length, books->length - MARK_SIZE - length);
    return count_them(refusals, error);
}
