#include "gateway/state/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/state_entry.h"

enum { KEEP = 4, BOOK_LIMIT = 900 * 1024, WRITER_SIZE = 32 };

struct gateway_ledger {
    int32_t partition;
    struct gateway_recent *recent;
    struct bus_ledger *books;
    struct bus_buffer bytes; /* the book at hand */
};

static void write_writer(int32_t partition, char out_writer[WRITER_SIZE])
{
    snprintf(out_writer, WRITER_SIZE, "gateway/%d", partition);
}

static struct bus_bytes write_key(int32_t day, uint8_t out_key[GATEWAY_LEDGER_KEY_SIZE])
{
    char text[BUS_BOOK_DAY_SIZE];
    bus_book_day_text(day, text);
    out_key[0] = BUS_STATE_BOOK;
    memcpy(out_key + 1, text, BUS_BOOK_DAY_SIZE - 1);
    return bus_bytes_of(out_key, GATEWAY_LEDGER_KEY_SIZE);
}

struct gateway_ledger *gateway_ledger_create(int32_t partition, struct gateway_recent *recent)
{
    struct gateway_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    char writer[WRITER_SIZE];
    write_writer(partition, writer);
    ledger->partition = partition;
    ledger->recent = recent;
    bus_buffer_init(&ledger->bytes, BOOK_LIMIT);
    ledger->books = bus_ledger_create(writer, KEEP);
    if (ledger->books != NULL)
        return ledger;
    free(ledger);
    return NULL;
}

void gateway_ledger_destroy(struct gateway_ledger *ledger)
{
    if (ledger == NULL)
        return;
    bus_ledger_destroy(ledger->books);
    bus_buffer_release(&ledger->bytes);
    free(ledger);
}

/* What the store holds cannot be this event's fault. */
static enum bus_status read_book(const struct gateway_ledger *ledger, struct bus_bytes value, struct bus_book *book,
                                 struct bus_error *error)
{
    int64_t at_ms;
    if (value.data == NULL || bus_book_decode(value, book, &at_ms, error) == BUS_OK)
        return BUS_OK;
    bus_error_prefix(error, "state of partition %d, book %s", ledger->partition, bus_book_name_view(book));
    return BUS_FATAL;
}

enum bus_status gateway_ledger_book(struct gateway_ledger *ledger, int32_t day, struct bus_book **out_book,
                                    struct bus_error *error)
{
    bool held = bus_ledger_find(ledger->books, day) != NULL;
    *out_book = bus_ledger_open(ledger->books, day);
    if (*out_book == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for the books");
    if (held)
        return BUS_OK;
    uint8_t key[GATEWAY_LEDGER_KEY_SIZE];
    struct bus_bytes value;
    enum bus_status status = gateway_recent_get(ledger->recent, write_key(day, key), &value, error);
    return status == BUS_OK ? read_book(ledger, value, *out_book, error) : status;
}

static enum bus_status change(struct gateway_ledger *ledger, size_t index, int64_t now_ms, struct bus_overlay *overlay,
                              struct bus_error *error)
{
    uint8_t key[GATEWAY_LEDGER_KEY_SIZE];
    bus_buffer_reset(&ledger->bytes);
    enum bus_status status = bus_book_encode(bus_ledger_book_at(ledger->books, index), now_ms, &ledger->bytes, error);
    if (status != BUS_OK)
        return status;
    struct bus_slot *slot = bus_overlay_slot(overlay, write_key(bus_ledger_day_at(ledger->books, index), key));
    if (slot != NULL && bus_overlay_change(overlay, slot, bus_buffer_view(&ledger->bytes)))
        return BUS_OK;
    return bus_fail(error, BUS_FATAL, "the batch's memory for state is used up; lower batch_records");
}

enum bus_status gateway_ledger_changes(struct gateway_ledger *ledger, int64_t now_ms, struct bus_overlay *overlay,
                                       struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_ledger_count(ledger->books); i++)
        if (bus_ledger_is_open(ledger->books, i))
            status = change(ledger, i, now_ms, overlay, error);
    return status;
}

void gateway_ledger_commit(struct gateway_ledger *ledger)
{
    bus_ledger_mark(ledger->books);
    bus_ledger_forget(ledger->books);
}

void gateway_ledger_discard(struct gateway_ledger *ledger)
{
    bus_ledger_rewind(ledger->books);
}

void gateway_ledger_clear(struct gateway_ledger *ledger)
{
    bus_ledger_clear(ledger->books);
}

void gateway_ledger_name(int32_t partition, struct bus_bytes key, char out_name[BUS_BOOK_NAME_SIZE])
{
    char writer[WRITER_SIZE];
    write_writer(partition, writer);
    snprintf(out_name, BUS_BOOK_NAME_SIZE, "%s/%.*s", writer, (int)key.length - 1, (const char *)key.data + 1);
}
