#include "subscribers/engine/batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/calendar.h"
#include "bus/utf8.h"

enum { BOOKS_MAX_SIZE = 3 * 1024 * 1024, MAX_TALLIES = 512, NOTE_MAX_SIZE = 64 * 1024 };

void subscribers_position_init(struct subscribers_position *position, int32_t partition)
{
    *position = (struct subscribers_position){.partition = partition, .next = -1};
    bus_buffer_init(&position->books, BOOKS_MAX_SIZE);
}

void subscribers_position_release(struct subscribers_position *position)
{
    bus_buffer_release(&position->books);
}

void subscribers_batch_release(struct subscribers_batch *batch)
{
    for (size_t i = 0; i < batch->advance_count; i++)
        subscribers_position_release(&batch->advances[i].position);
    for (size_t i = 0; i < batch->count; i++)
        free(batch->deliveries[i].words);
    for (size_t i = 0; i < batch->note_count; i++) {
        bus_buffer_release(&batch->notes[i].key);
        bus_buffer_release(&batch->notes[i].value);
    }
    free(batch->advances);
    free(batch->deliveries);
    free(batch->notes);
    *batch = (struct subscribers_batch){.subscriber = batch->subscriber, .clock = batch->clock};
}

/* ── what a sink says ── */

void subscribers_delivery_refuse(struct subscribers_delivery *delivery, const char *code)
{
    snprintf(delivery->refusal, sizeof delivery->refusal, "%s", code);
    free(delivery->words);
    delivery->words = NULL;
}

/* Words travel in receipts, which are lines of text: no control characters, and nothing that is cut in the middle. */
static char *clean_words(struct bus_bytes words)
{
    char *text = malloc(SUBSCRIBERS_REASON_SIZE);
    size_t length = words.length < SUBSCRIBERS_REASON_SIZE - 1 ? words.length : SUBSCRIBERS_REASON_SIZE - 1;
    if (text == NULL)
        return NULL;
    while (length > 0 && length < words.length && (words.data[length] & 0xC0) == 0x80)
        length--;
    for (size_t i = 0; i < length; i++)
        text[i] = words.data[i] < ' ' || words.data[i] == 0x7F ? ' ' : (char)words.data[i];
    text[length] = '\0';
    if (bus_utf8_valid(bus_bytes_text(text)))
        return text;
    free(text);
    return NULL;
}

void subscribers_delivery_refuse_because(struct subscribers_delivery *delivery, const char *code,
                                         struct bus_bytes words)
{
    subscribers_delivery_refuse(delivery, code);
    delivery->words = clean_words(words); /* without them the code stands for itself */
}

static struct subscribers_note *new_note(struct subscribers_batch *batch)
{
    if (batch->note_count == batch->note_capacity) {
        size_t capacity = batch->note_capacity == 0 ? 32 : 2 * batch->note_capacity;
        struct subscribers_note *notes = realloc(batch->notes, capacity * sizeof *notes);
        if (notes == NULL)
            return NULL;
        batch->notes = notes;
        batch->note_capacity = capacity;
    }
    struct subscribers_note *note = &batch->notes[batch->note_count++];
    bus_buffer_init(&note->key, SUBSCRIBERS_MAX_NOTE_KEY);
    bus_buffer_init(&note->value, NOTE_MAX_SIZE);
    return note;
}

enum bus_status subscribers_batch_note(struct subscribers_batch *batch, struct bus_bytes key, struct bus_bytes value,
                                       struct bus_error *error)
{
    struct subscribers_note *note = new_note(batch);
    if (note != NULL) {
        bus_buffer_append_bytes(&note->key, key);
        bus_buffer_append_bytes(&note->value, value);
    }
    if (note == NULL || note->key.failed || note->value.failed)
        return bus_fail(error, BUS_FATAL, "no memory to note what a receiver said, or it is too long");
    return BUS_OK;
}

/* ── the books ── */

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
    size_t count = batch->pieces != NULL ? batch->settled : batch->count;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
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

void subscribers_batch_refusals(const struct subscribers_batch *batch, const struct subscribers_advance *advance,
                                struct subscribers_refusals *refusals)
{
    size_t count = batch->pieces != NULL ? batch->settled : batch->count;
    for (size_t i = 0; i < count; i++) {
        const struct subscribers_delivery *delivery = &batch->deliveries[i];
        if (delivery->partition == advance->position.partition && subscribers_delivery_is_refused(delivery))
            subscribers_refusals_add(refusals, delivery);
    }
}

/* In front of the books: those not told yet, and those of this batch. */
static void write_refusals(const struct subscribers_batch *batch, struct subscribers_advance *advance)
{
    struct subscribers_refusals refusals;
    subscribers_refusals_init(&refusals);
    if (advance->untold != NULL) {
        bus_buffer_append_bytes(&refusals.list, bus_buffer_view(&advance->untold->list));
        refusals.count = advance->untold->count;
    }
    subscribers_batch_refusals(batch, advance, &refusals);
    subscribers_refusals_write(&refusals, &advance->position.books);
    subscribers_refusals_release(&refusals);
}

enum bus_status subscribers_batch_settle(struct subscribers_batch *batch, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < batch->advance_count; i++) {
        struct subscribers_advance *advance = &batch->advances[i];
        bus_ledger_rewind(advance->ledger);
        bus_buffer_reset(&advance->position.books);
        write_refusals(batch, advance);
        status = count_partition(batch, advance, error);
        if (status == BUS_OK)
            status =
                bus_ledger_encode(advance->ledger, bus_clock_now_ms(&batch->clock), &advance->position.books, error);
    }
    return status;
}
