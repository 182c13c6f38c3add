#include "subscribers/engine/batch.h"

#include <stdio.h>

#include "bus/calendar.h"

enum { BOOKS_MAX_SIZE = 1024 * 1024, MAX_TALLIES = 512 };

void subscribers_position_init(struct subscribers_position *position, int32_t partition)
{
    *position = (struct subscribers_position){.partition = partition, .next = -1};
    bus_buffer_init(&position->books, BOOKS_MAX_SIZE);
}

void subscribers_position_release(struct subscribers_position *position)
{
    bus_buffer_release(&position->books);
}

void subscribers_delivery_refuse(struct subscribers_delivery *delivery, const char *code)
{
    snprintf(delivery->refusal, sizeof delivery->refusal, "%s", code);
}

/* Counts of one item and day, so that the books are asked once for many deliveries. */
struct tally {
    const struct bus_item *item;
    int32_t day;
    int64_t applied, refused;
};

struct tallies {
    struct tally of[MAX_TALLIES];
    size_t count;
    size_t last; /* deliveries of one item and day come in runs */
};

/* NULL when there are too many. */
static struct tally *find_tally(struct tallies *tallies, const struct bus_item *item, int32_t day)
{
    for (size_t i = 0; i < tallies->count; i++) {
        size_t at = (tallies->last + i) % tallies->count;
        if (tallies->of[at].item == item && tallies->of[at].day == day) {
            tallies->last = at;
            return &tallies->of[at];
        }
    }
    if (tallies->count == MAX_TALLIES)
        return NULL;
    tallies->last = tallies->count++;
    tallies->of[tallies->last] = (struct tally){.item = item, .day = day};
    return &tallies->of[tallies->last];
}

static bool enter(struct bus_ledger *ledger, const char *subscriber, const struct tally *tally)
{
    const char *department = tally->item->department->name;
    struct bus_book *book = bus_ledger_open(ledger, bus_ledger_day(ledger, tally->day));
    if (book == NULL)
        return false;
    return (tally->applied == 0 ||
            bus_book_add(book, department, tally->item->name, subscriber, BUS_MEASURE_APPLIED, tally->applied)) &&
           (tally->refused == 0 ||
            bus_book_add(book, department, tally->item->name, subscriber, BUS_MEASURE_REFUSED, tally->refused));
}

/* Into the books, and room for more. */
static enum bus_status enter_all(struct tallies *tallies, struct bus_ledger *ledger, const char *subscriber,
                                 struct bus_error *error)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (!enter(ledger, subscriber, &tallies->of[i]))
            return bus_fail(error, BUS_FATAL, "out of memory for the books");
    tallies->count = tallies->last = 0;
    return BUS_OK;
}

/* What cannot be read does not say when it was delivered. */
static int32_t day_of(const struct subscribers_batch *batch, const struct subscribers_delivery *delivery)
{
    int64_t at_ms = delivery->delivered_at_ms;
    return bus_calendar_day(at_ms != 0 ? at_ms : bus_clock_now_ms(&batch->clock));
}

static enum bus_status count_partition(const struct subscribers_batch *batch, const struct subscribers_advance *advance,
                                       struct bus_error *error)
{
    struct tallies tallies;
    tallies.count = tallies.last = 0;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < batch->count; i++) {
        const struct subscribers_delivery *delivery = &batch->deliveries[i];
        if (delivery->partition != advance->position.partition)
            continue;
        const struct bus_item *item = delivery->view->item;
        int32_t day = day_of(batch, delivery);
        struct tally *tally = find_tally(&tallies, item, day);
        if (tally == NULL) {
            status = enter_all(&tallies, advance->ledger, batch->subscriber, error);
            tally = find_tally(&tallies, item, day);
        }
        if (subscribers_delivery_is_refused(delivery))
            tally->refused++;
        else
            tally->applied++;
    }
    return status == BUS_OK ? enter_all(&tallies, advance->ledger, batch->subscriber, error) : status;
}

enum bus_status subscribers_batch_settle(struct subscribers_batch *batch, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < batch->advance_count; i++) {
        struct subscribers_advance *advance = &batch->advances[i];
        bus_ledger_rewind(advance->ledger);
        bus_buffer_reset(&advance->position.books);
        status = count_partition(batch, advance, error);
        if (status == BUS_OK)
            status =
                bus_ledger_encode(advance->ledger, bus_clock_now_ms(&batch->clock), &advance->position.books, error);
    }
    return status;
}
