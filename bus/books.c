#include "bus/books.h"

#include <stdlib.h>

#include "bus/datum.h"

/* Of schemas/internal/books.avsc; a unit test compares. */
static const uint64_t books_fingerprint = UINT64_C(0x1b01611b18a96612);

enum { MAX_ENTRIES = 100000, MAX_NAME = 255 };

static const char *const measure_names[] = {
    [BUS_MEASURE_READ] = "read",
    [BUS_MEASURE_PUBLISHED] = "published",
    [BUS_MEASURE_CONSUMED] = "consumed",
    [BUS_MEASURE_REPLAYED] = "replayed",
    [BUS_MEASURE_ACCEPTED] = "accepted",
    [BUS_MEASURE_DUPLICATE] = "duplicate",
    [BUS_MEASURE_STALE] = "stale",
    [BUS_MEASURE_QUARANTINED] = "quarantined",
    [BUS_MEASURE_GAP] = "gap",
    [BUS_MEASURE_NOTICE] = "notice",
    [BUS_MEASURE_DELIVERED] = "delivered",
    [BUS_MEASURE_APPLIED] = "applied",
    [BUS_MEASURE_REFUSED] = "refused",
};

const char *bus_measure_name(enum bus_measure measure)
{
    return measure_names[measure];
}

struct entry {
    char *department, *item, *subscriber;
    enum bus_measure measure;
    int64_t count;
    int64_t marked;
};

struct bus_book {
    char *name;
    struct entry *entries;
    size_t count, capacity;
    size_t last; /* counts come in runs */
};

struct bus_book *bus_book_create(const char *name)
{
    struct bus_book *book = calloc(1, sizeof *book);
    if (book != NULL && (book->name = strdup(name)) == NULL) {
        free(book);
        book = NULL;
    }
    return book;
}

static void release_entry(struct entry *entry)
{
    free(entry->department);
    free(entry->item);
    free(entry->subscriber);
}

static void clear(struct bus_book *book)
{
    for (size_t i = 0; i < book->count; i++)
        release_entry(&book->entries[i]);
    book->count = 0;
    book->last = 0;
}

void bus_book_destroy(struct bus_book *book)
{
    if (book == NULL)
        return;
    clear(book);
    free(book->entries);
    free(book->name);
    free(book);
}

const char *bus_book_name_view(const struct bus_book *book)
{
    return book->name;
}

static bool entry_is(const struct entry *entry, const char *department, const char *item, const char *subscriber,
                     enum bus_measure measure)
{
    return entry->measure == measure && strcmp(entry->item, item) == 0 && strcmp(entry->department, department) == 0 &&
           strcmp(entry->subscriber, subscriber) == 0;
}

static struct entry *find(const struct bus_book *book, const char *department, const char *item, const char *subscriber,
                          enum bus_measure measure)
{
    for (size_t i = 0; i < book->count; i++) {
        size_t at = (book->last + i) % book->count;
        if (entry_is(&book->entries[at], department, item, subscriber, measure))
            return &book->entries[at];
    }
    return NULL;
}

static struct entry *append(struct bus_book *book, const char *department, const char *item, const char *subscriber,
                            enum bus_measure measure)
{
    if (book->count == book->capacity) {
        size_t capacity = book->capacity == 0 ? 64 : 2 * book->capacity;
        struct entry *entries = realloc(book->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return NULL;
        book->entries = entries;
        book->capacity = capacity;
    }
    struct entry entry = {strdup(department), strdup(item), strdup(subscriber), measure, 0, 0};
    if (entry.department == NULL || entry.item == NULL || entry.subscriber == NULL) {
        release_entry(&entry);
        return NULL;
    }
    book->entries[book->count] = entry;
    return &book->entries[book->count++];
}

bool bus_book_add(struct bus_book *book, const char *department, const char *item, const char *subscriber,
                  enum bus_measure measure, int64_t count)
{
    struct entry *entry = find(book, department, item, subscriber, measure);
    if (entry == NULL)
        entry = append(book, department, item, subscriber, measure);
    if (entry == NULL)
        return false;
    entry->count += count;
    book->last = (size_t)(entry - book->entries);
    return true;
}

int64_t bus_book_count(const struct bus_book *book, const char *department, const char *item, const char *subscriber,
                       enum bus_measure measure)
{
    const struct entry *entry = find(book, department, item, subscriber, measure);
    return entry == NULL ? 0 : entry->count;
}

size_t bus_book_entry_count(const struct bus_book *book)
{
    return book->count;
}

struct bus_book_entry bus_book_entry(const struct bus_book *book, size_t index)
{
    const struct entry *entry = &book->entries[index];
    return (struct bus_book_entry){entry->department, entry->item, entry->subscriber, entry->measure, entry->count};
}

void bus_book_mark(struct bus_book *book)
{
    for (size_t i = 0; i < book->count; i++)
        book->entries[i].marked = book->entries[i].count;
}

void bus_book_rewind(struct bus_book *book)
{
    for (size_t i = 0; i < book->count; i++)
        book->entries[i].count = book->entries[i].marked; /* an entry added since the mark goes back to nothing */
}

enum bus_status bus_book_encode(const struct bus_book *book, int64_t at_ms, struct bus_buffer *buffer,
                                struct bus_error *error)
{
    bus_frame_append(buffer, books_fingerprint);
    bus_datum_append_bytes(buffer, bus_bytes_text(book->name));
    bus_buffer_varint(buffer, at_ms);
    if (book->count > 0)
        bus_buffer_varint(buffer, (int64_t)book->count);
    for (size_t i = 0; i < book->count; i++) {
        const struct entry *entry = &book->entries[i];
        bus_datum_append_bytes(buffer, bus_bytes_text(entry->department));
        bus_datum_append_bytes(buffer, bus_bytes_text(entry->item));
        bus_datum_append_bytes(buffer, bus_bytes_text(entry->subscriber));
        bus_datum_append_bytes(buffer, bus_bytes_text(measure_names[entry->measure]));
        bus_buffer_varint(buffer, entry->count);
    }
    bus_buffer_varint(buffer, 0);
    return buffer->failed ? bus_fail(error, BUS_FATAL, "book %s does not fit its buffer", book->name) : BUS_OK;
}

static bool take_name(struct bus_cursor *cursor, char out_name[MAX_NAME + 1])
{
    struct bus_bytes name = bus_datum_take_bytes(cursor, MAX_NAME);
    if (name.length > 0)
        memcpy(out_name, name.data, name.length);
    out_name[name.length] = '\0';
    return !cursor->failed;
}

static bool take_measure(struct bus_cursor *cursor, enum bus_measure *out_measure)
{
    struct bus_bytes name = bus_datum_take_bytes(cursor, MAX_NAME);
    for (int i = 0; i < BUS_MEASURE_COUNT; i++)
        if (bus_bytes_equal_text(name, measure_names[i])) {
            *out_measure = (enum bus_measure)i;
            return true;
        }
    return false;
}

static bool take_entry(struct bus_cursor *cursor, struct bus_book *book)
{
    char department[MAX_NAME + 1], item[MAX_NAME + 1], subscriber[MAX_NAME + 1];
    enum bus_measure measure;
    if (!take_name(cursor, department) || !take_name(cursor, item) || !take_name(cursor, subscriber) ||
        !take_measure(cursor, &measure))
        return false;
    int64_t count = bus_cursor_varint(cursor);
    return !cursor->failed && bus_book_add(book, department, item, subscriber, measure, count);
}

enum bus_status bus_book_decode(struct bus_bytes value, struct bus_book *book, int64_t *out_at_ms,
                                struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(value, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    if (fingerprint != books_fingerprint)
        return bus_fail(error, BUS_REJECT, "the record is no book: its schema is another");
    clear(book);
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    char name[MAX_NAME + 1];
    bool good = take_name(&cursor, name);
    *out_at_ms = bus_cursor_varint(&cursor);
    size_t count;
    while (good && (count = bus_datum_take_block(&cursor, MAX_ENTRIES)) > 0)
        for (size_t i = 0; good && i < count; i++)
            good = book->count < MAX_ENTRIES && take_entry(&cursor, book);
    if (!good || cursor.failed || cursor.at != cursor.end)
        return bus_fail(error, BUS_REJECT, "the record is no book: its bytes do not fit the schema");
    bus_book_mark(book);
    return BUS_OK;
}
