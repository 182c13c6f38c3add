#include "bus/ledger.h"

#include <stdlib.h>

enum { HEAD_SIZE = 8, FIRST_CAPACITY = 4, MAX_DAYS = 100000 };

struct page {
    int32_t day;
    bool open;   /* since the last mark */
    bool is_new; /* made since the last mark */
    struct bus_book *book;
};

struct bus_ledger {
    char *writer;
    size_t keep;
    struct page *pages; /* by day */
    size_t count, capacity;
};

struct bus_ledger *bus_ledger_create(const char *writer, size_t keep)
{
    struct bus_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->keep = keep;
    ledger->writer = strdup(writer);
    if (ledger->writer != NULL)
        return ledger;
    free(ledger);
    return NULL;
}

void bus_ledger_destroy(struct bus_ledger *ledger)
{
    if (ledger == NULL)
        return;
    bus_ledger_clear(ledger);
    free(ledger->pages);
    free(ledger->writer);
    free(ledger);
}

const char *bus_ledger_writer_view(const struct bus_ledger *ledger)
{
    return ledger->writer;
}

/* --- days --- */

/* Where the day stands, or would; the latest days are asked for most. */
static size_t place_of(const struct bus_ledger *ledger, int32_t day)
{
    size_t at = ledger->count;
    while (at > 0 && ledger->pages[at - 1].day >= day)
        at--;
    return at;
}

static bool is_at(const struct bus_ledger *ledger, size_t at, int32_t day)
{
    return at < ledger->count && ledger->pages[at].day == day;
}

static bool make_page(struct bus_ledger *ledger, size_t at, int32_t day)
{
    char name[BUS_BOOK_NAME_SIZE];
    if (ledger->count == ledger->capacity) {
        size_t capacity = ledger->capacity == 0 ? FIRST_CAPACITY : 2 * ledger->capacity;
        struct page *pages = capacity > MAX_DAYS ? NULL : realloc(ledger->pages, capacity * sizeof *pages);
        if (pages == NULL)
            return false;
        ledger->pages = pages;
        ledger->capacity = capacity;
    }
    bus_book_name(ledger->writer, day, name);
    struct bus_book *book = bus_book_create(name);
    if (book == NULL)
        return false;
    memmove(&ledger->pages[at + 1], &ledger->pages[at], (ledger->count - at) * sizeof ledger->pages[0]);
    ledger->pages[at] = (struct page){.day = day, .is_new = true, .book = book};
    ledger->count++;
    return true;
}

int32_t bus_ledger_day(const struct bus_ledger *ledger, int32_t day)
{
    bool may_be_forgotten = ledger->count > 0 && ledger->count >= ledger->keep && day < ledger->pages[0].day;
    return may_be_forgotten ? ledger->pages[0].day : day;
}

struct bus_book *bus_ledger_open(struct bus_ledger *ledger, int32_t day)
{
    size_t at = place_of(ledger, day);
    if (!is_at(ledger, at, day) && !make_page(ledger, at, day))
        return NULL;
    ledger->pages[at].open = true;
    return ledger->pages[at].book;
}

const struct bus_book *bus_ledger_find(const struct bus_ledger *ledger, int32_t day)
{
    size_t at = place_of(ledger, day);
    return is_at(ledger, at, day) ? ledger->pages[at].book : NULL;
}

size_t bus_ledger_count(const struct bus_ledger *ledger)
{
    return ledger->count;
}

int32_t bus_ledger_day_at(const struct bus_ledger *ledger, size_t index)
{
    return ledger->pages[index].day;
}

struct bus_book *bus_ledger_book_at(const struct bus_ledger *ledger, size_t index)
{
    return ledger->pages[index].book;
}

bool bus_ledger_is_open(const struct bus_ledger *ledger, size_t index)
{
    return ledger->pages[index].open;
}

int32_t bus_ledger_open_from(const struct bus_ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->pages[i].open)
            return ledger->pages[i].day;
    return INT32_MAX;
}

/* --- marking and forgetting --- */

void bus_ledger_mark(struct bus_ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        struct page *page = &ledger->pages[i];
        if (page->open)
            bus_book_mark(page->book);
        page->open = page->is_new = false;
    }
}

void bus_ledger_rewind(struct bus_ledger *ledger)
{
    size_t kept = 0;
    for (size_t i = 0; i < ledger->count; i++) {
        struct page page = ledger->pages[i];
        if (page.is_new) {
            bus_book_destroy(page.book);
            continue;
        }
        if (page.open)
            bus_book_rewind(page.book);
        page.open = false;
        ledger->pages[kept++] = page;
    }
    ledger->count = kept;
}

void bus_ledger_forget(struct bus_ledger *ledger)
{
    size_t gone = ledger->count > ledger->keep ? ledger->count - ledger->keep : 0;
    for (size_t i = 0; i < gone; i++)
        bus_book_destroy(ledger->pages[i].book);
    ledger->count -= gone;
    if (gone > 0)
        memmove(ledger->pages, &ledger->pages[gone], ledger->count * sizeof ledger->pages[0]);
}

void bus_ledger_clear(struct bus_ledger *ledger)
{
    while (ledger->count > 0)
        bus_book_destroy(ledger->pages[--ledger->count].book);
}

/* --- in one piece --- */

enum bus_status bus_ledger_encode(const struct bus_ledger *ledger, int64_t at_ms, struct bus_buffer *buffer,
                                  struct bus_error *error)
{
    static const uint8_t unknown[HEAD_SIZE];
    for (size_t i = 0; i < ledger->count; i++) {
        size_t head = buffer->length;
        bus_buffer_append(buffer, unknown, sizeof unknown);
        enum bus_status status = bus_book_encode(ledger->pages[i].book, at_ms, buffer, error);
        if (status != BUS_OK)
            return status;
        bus_put_u32le(buffer->data + head, (uint32_t)ledger->pages[i].day);
        bus_put_u32le(buffer->data + head + 4, (uint32_t)(buffer->length - head - HEAD_SIZE));
    }
    return BUS_OK;
}

bool bus_ledger_take(struct bus_cursor *cursor, int32_t *out_day, struct bus_bytes *out_book)
{
    if (bus_cursor_left(cursor) == 0)
        return false;
    struct bus_bytes head = bus_cursor_take(cursor, HEAD_SIZE);
    if (cursor->failed)
        return false;
    *out_day = (int32_t)bus_get_u32le(head.data);
    *out_book = bus_cursor_take(cursor, bus_get_u32le(head.data + 4));
    return !cursor->failed;
}

enum bus_status bus_ledger_decode(struct bus_bytes value, struct bus_ledger *ledger, struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(value);
    enum bus_status status = BUS_OK;
    int32_t day;
    struct bus_bytes bytes;
    bus_ledger_clear(ledger);
    while (status == BUS_OK && bus_ledger_take(&cursor, &day, &bytes)) {
        int64_t at_ms;
        struct bus_book *book = bus_ledger_open(ledger, day);
        if (book == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory for the books");
        status = bus_book_decode(bytes, book, &at_ms, error);
    }
    if (status == BUS_OK && cursor.failed)
        status = bus_fail(error, BUS_REJECT, "no books: cut short");
    bus_ledger_mark(ledger);
    return status;
}
