#include "subscribers/engine/batch.h"

#include <stdio.h>

enum { BOOK_MAX_SIZE = 1024 * 1024, MAX_ITEMS = 512 };

void subscribers_position_init(struct subscribers_position *position, int32_t partition)
{
    *position = (struct subscribers_position){.partition = partition, .next = -1};
    bus_buffer_init(&position->book, BOOK_MAX_SIZE);
}

void subscribers_position_release(struct subscribers_position *position)
{
    bus_buffer_release(&position->book);
}

void subscribers_delivery_refuse(struct subscribers_delivery *delivery, const char *code)
{
    snprintf(delivery->refusal, sizeof delivery->refusal, "%s", code);
}

/* Counts of one item, so that the book is asked once an item and not once a delivery. */
struct tally {
    const struct bus_item *item;
    int64_t applied, refused;
};

static struct tally *find_tally(struct tally *tallies, size_t *count, const struct bus_item *item)
{
    for (size_t i = 0; i < *count; i++)
        if (tallies[i].item == item)
            return &tallies[i];
    if (*count == MAX_ITEMS)
        return NULL;
    tallies[*count] = (struct tally){.item = item};
    return &tallies[(*count)++];
}

static enum bus_status tally_partition(const struct subscribers_batch *batch, int32_t partition, struct tally *tallies,
                                       size_t *out_count, struct bus_error *error)
{
    *out_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct subscribers_delivery *delivery = &batch->deliveries[i];
        if (delivery->partition != partition)
            continue;
        struct tally *tally = find_tally(tallies, out_count, delivery->view->item);
        if (tally == NULL)
            return bus_fail(error, BUS_FATAL, "more than %d items in one batch", MAX_ITEMS);
        if (subscribers_delivery_is_refused(delivery))
            tally->refused++;
        else
            tally->applied++;
    }
    return BUS_OK;
}

static bool enter(struct bus_book *book, const char *subscriber, const struct tally *tally)
{
    const char *department = tally->item->department->name;
    return bus_book_add(book, department, tally->item->name, subscriber, BUS_MEASURE_APPLIED, tally->applied) &&
           (tally->refused == 0 ||
            bus_book_add(book, department, tally->item->name, subscriber, BUS_MEASURE_REFUSED, tally->refused));
}

enum bus_status subscribers_batch_settle(struct subscribers_batch *batch, struct bus_error *error)
{
    struct tally tallies[MAX_ITEMS];
    for (size_t a = 0; a < batch->advance_count; a++) {
        struct subscribers_advance *advance = &batch->advances[a];
        size_t count;
        enum bus_status status = tally_partition(batch, advance->position.partition, tallies, &count, error);
        if (status != BUS_OK)
            return status;
        bus_book_rewind(advance->book);
        for (size_t i = 0; i < count; i++)
            if (!enter(advance->book, batch->subscriber, &tallies[i]))
                return bus_fail(error, BUS_FATAL, "out of memory for the books");
        bus_buffer_reset(&advance->position.book);
        status = bus_book_encode(advance->book, bus_clock_now_ms(&batch->clock), &advance->position.book, error);
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}
