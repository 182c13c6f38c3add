#include "bus/books.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/datum.h"
#include "bus/identifier.h"

enum { MAX_BOOK_ENTRIES = 65536, MAX_NAME_SIZE = 256, FIRST_CAPACITY = 64 };

/* CRC-64-AVRO of schemas/internal/books.avsc; held against the file by a test. */
static const uint64_t BOOKS_FINGERPRINT = 0x1b01611b18a96612u;

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
    size_t marked_count;
    uint32_t *slots; /* hash table of entry index + 1, 0 = free; twice `capacity` of them, a power of two */
};

const char *bus_measure_name(enum bus_measure measure)
{
    static const char *const names[] = {"read",      "published", "consumed",    "replayed", "accepted",
                                        "duplicate", "stale",     "quarantined", "gap",      "notice",
                                        "delivered", "applied",   "refused"};
    _Static_assert(sizeof names / sizeof *names == BUS_MEASURE_COUNT, "every measure has a name");
    return names[measure];
}

/* --- names --- */

void bus_book_day_text(int32_t day, char out_text[BUS_BOOK_DAY_SIZE])
{
    int year, month, of_month;
    bus_date_civil(day, &year, &month, &of_month);
    if (year < 1)
        year = month = of_month = 1;
    if (year > 9999)
        year = 9999, month = 12, of_month = 31;
    char text[3 * 12];
    snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, of_month);
    memcpy(out_text, text, BUS_BOOK_DAY_SIZE);
}

bool bus_book_day_read(struct bus_bytes text, int32_t *out_day)
{
    int parts[3] = {0}, part = 0;
    if (text.length != BUS_BOOK_DAY_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        bool is_dash = i == 4 || i == 7;
        uint8_t byte = text.data[i];
        if (is_dash ? byte != '-' : byte < '0' || byte > '9')
            return false;
        if (is_dash)
            part++;
        else
            parts[part] = parts[part] * 10 + byte - '0';
    }
    return bus_date_days(parts[0], parts[1], parts[2], out_day);
}

void bus_book_name(const char *writer, int32_t day, char out_name[BUS_BOOK_NAME_SIZE])
{
    char text[BUS_BOOK_DAY_SIZE];
    bus_book_day_text(day, text);
    snprintf(out_name, BUS_BOOK_NAME_SIZE, "%.*s/%s", BUS_BOOK_NAME_SIZE - BUS_BOOK_DAY_SIZE - 1, writer, text);
}

bool bus_book_name_read(struct bus_bytes name, struct bus_bytes *out_writer, int32_t *out_day)
{
    if (name.length <= BUS_BOOK_DAY_SIZE || name.data[name.length - BUS_BOOK_DAY_SIZE] != '/')
        return false;
    *out_writer = bus_bytes_of(name.data, name.length - BUS_BOOK_DAY_SIZE);
    return bus_book_day_read(bus_bytes_of(name.data + name.length - BUS_BOOK_DAY_SIZE + 1, BUS_BOOK_DAY_SIZE - 1),
                             out_day);
}

/* --- a book --- */

struct bus_book *bus_book_create(const char *name)
{
    struct bus_book *book = calloc(1, sizeof *book);
    if (book == NULL)
        return NULL;
    book->name = strdup(name);
    if (book->name != NULL)
        return book;
    free(book);
    return NULL;
}

static void release_entry(struct entry *entry)
{
    free(entry->department);
    free(entry->item);
    free(entry->subscriber);
}

/* FNV-1a over the names and the measure: an event costs several look-ups. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash * 16777619u;
}

static uint32_t hash_entry(const char *department, const char *item, const char *subscriber, enum bus_measure measure)
{
    return hash_text(hash_text(hash_text(2166136261u ^ (uint32_t)measure, department), item), subscriber);
}

static void index_entry(struct bus_book *book, size_t number)
{
    const struct entry *entry = &book->entries[number];
    size_t mask = 2 * book->capacity - 1;
    size_t slot = hash_entry(entry->department, entry->item, entry->subscriber, entry->measure) & mask;
    while (book->slots[slot] != 0)
        slot = (slot + 1) & mask;
    book->slots[slot] = (uint32_t)number + 1;
}

static void index_all(struct bus_book *book)
{
    if (book->capacity == 0)
        return;
    memset(book->slots, 0, 2 * book->capacity * sizeof *book->slots);
    for (size_t i = 0; i < book->count; i++)
        index_entry(book, i);
}

static void clear(struct bus_book *book)
{
    for (size_t i = 0; i < book->count; i++)
        release_entry(&book->entries[i]);
    book->count = book->marked_count = 0;
    index_all(book);
}

void bus_book_destroy(struct bus_book *book)
{
    if (book == NULL)
        return;
    clear(book);
    free(book->entries);
    free(book->slots);
    free(book->name);
    free(book);
}

const char *bus_book_name_view(const struct bus_book *book)
{
    return book->name;
}

static bool is_entry(const struct entry *entry, const char *department, const char *item, const char *subscriber,
                     enum bus_measure measure)
{
    return entry->measure == measure && strcmp(entry->item, item) == 0 && strcmp(entry->department, department) == 0 &&
           strcmp(entry->subscriber, subscriber) == 0;
}

static struct entry *find(const struct bus_book *book, const char *department, const char *item, const char *subscriber,
                          enum bus_measure measure)
{
    if (book->capacity == 0)
        return NULL;
    size_t mask = 2 * book->capacity - 1;
    size_t slot = hash_entry(department, item, subscriber, measure) & mask;
    for (; book->slots[slot] != 0; slot = (slot + 1) & mask) {
        struct entry *entry = &book->entries[book->slots[slot] - 1];
        if (is_entry(entry, department, item, subscriber, measure))
            return entry;
    }
    return NULL;
}

/* Room for one more entry, with the table twice as large. */
static bool grow(struct bus_book *book)
{
    if (book->count < book->capacity)
        return true;
    size_t capacity = book->capacity == 0 ? FIRST_CAPACITY : 2 * book->capacity;
    struct entry *entries = realloc(book->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    book->entries = entries;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    free(book->slots);
    book->slots = slots;
    book->capacity = capacity;
    index_all(book);
    return true;
}

static struct entry *append(struct bus_book *book, const char *department, const char *item, const char *subscriber,
                            enum bus_measure measure)
{
    if (book->count == MAX_BOOK_ENTRIES || !grow(book))
        return NULL;
    struct entry entry = {strdup(department), strdup(item), strdup(subscriber), measure, 0, 0};
    if (entry.department == NULL || entry.item == NULL || entry.subscriber == NULL) {
        release_entry(&entry);
        return NULL;
    }
    book->entries[book->count] = entry;
    index_entry(book, book->count);
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
    if (__builtin_add_overflow(entry->count, count, &entry->count))
        entry->count = count < 0 ? INT64_MIN : INT64_MAX;
    return true;
}

int64_t bus_book_count(const struct bus_book *book, const char *department, const char *item, const char *subscriber,
                       enum bus_measure measure)
{
    const struct entry *entry = find(book, department, item, subscriber, measure);
    return entry != NULL ? entry->count : 0;
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
    book->marked_count = book->count;
}

void bus_book_rewind(struct bus_book *book)
{
    bool shrinks = book->count > book->marked_count;
    while (book->count > book->marked_count)
        release_entry(&book->entries[--book->count]);
    for (size_t i = 0; i < book->count; i++)
        book->entries[i].count = book->entries[i].marked;
    if (shrinks)
        index_all(book);
}

enum bus_status bus_book_encode(const struct bus_book *book, int64_t at_ms, struct bus_buffer *buffer,
                                struct bus_error *error)
{
    bus_frame_append(buffer, BOOKS_FINGERPRINT);
    bus_datum_append_bytes(buffer, bus_bytes_text(book->name));
    bus_buffer_varint(buffer, at_ms);
    if (book->count > 0)
        bus_buffer_varint(buffer, (int64_t)book->count);
    for (size_t i = 0; i < book->count; i++) {
        const struct entry *entry = &book->entries[i];
        bus_datum_append_bytes(buffer, bus_bytes_text(entry->department));
        bus_datum_append_bytes(buffer, bus_bytes_text(entry->item));
        bus_datum_append_bytes(buffer, bus_bytes_text(entry->subscriber));
        bus_datum_append_bytes(buffer, bus_bytes_text(bus_measure_name(entry->measure)));
        bus_buffer_varint(buffer, entry->count);
    }
    bus_buffer_varint(buffer, 0);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode the book %s: more than %zu bytes", book->name, buffer->limit);
    return BUS_OK;
}

static bool find_measure(struct bus_bytes name, enum bus_measure *out_measure)
{
    for (enum bus_measure measure = 0; measure < BUS_MEASURE_COUNT; measure++) {
        if (bus_bytes_equal_text(name, bus_measure_name(measure))) {
            *out_measure = measure;
            return true;
        }
    }
    return false;
}

/* A name as a C string; the cursor fails when it is too long or holds a zero byte. */
static void take_name(struct bus_cursor *cursor, char out_name[MAX_NAME_SIZE])
{
    struct bus_bytes name = bus_datum_take_bytes(cursor, MAX_NAME_SIZE - 1);
    if (name.length > 0 && memchr(name.data, 0, name.length) != NULL)
        cursor->failed = true;
    if (name.length > 0)
        memcpy(out_name, name.data, name.length);
    out_name[name.length] = '\0';
}

static enum bus_status decode_entry(struct bus_cursor *cursor, struct bus_book *book, struct bus_error *error)
{
    char department[MAX_NAME_SIZE], item[MAX_NAME_SIZE], subscriber[MAX_NAME_SIZE], name[MAX_NAME_SIZE];
    enum bus_measure measure;
    take_name(cursor, department);
    take_name(cursor, item);
    take_name(cursor, subscriber);
    take_name(cursor, name);
    int64_t count = bus_cursor_varint(cursor);
    if (cursor->failed)
        return BUS_OK; /* the caller looks */
    if (!find_measure(bus_bytes_text(name), &measure))
        return bus_fail(error, BUS_REJECT, "a book with the unknown measure '%s'; written by a newer version?", name);
    if (!bus_book_add(book, department, item, subscriber, measure, count))
        return bus_fail(error, BUS_FATAL, "cannot read a book: out of memory, or more than %d entries",
                        MAX_BOOK_ENTRIES);
    return BUS_OK;
}

static enum bus_status decode_entries(struct bus_cursor *cursor, struct bus_book *book, struct bus_error *error)
{
    for (size_t count = bus_datum_take_block(cursor, MAX_BOOK_ENTRIES); count > 0;
         count = bus_datum_take_block(cursor, MAX_BOOK_ENTRIES)) {
        for (size_t i = 0; i < count; i++) {
            enum bus_status status = decode_entry(cursor, book, error);
            if (status != BUS_OK || cursor->failed)
                return status;
        }
    }
    return BUS_OK;
}

enum bus_status bus_book_decode(struct bus_bytes value, struct bus_book *book, int64_t *out_at_ms,
                                struct bus_error *error)
{
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(value, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    if (fingerprint != BOOKS_FINGERPRINT)
        return bus_fail(error, BUS_REJECT, "not a book: another schema's fingerprint");
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    char name[MAX_NAME_SIZE];
    take_name(&cursor, name);
    *out_at_ms = bus_cursor_varint(&cursor);
    clear(book);
    status = decode_entries(&cursor, book, error);
    if (status == BUS_OK && (cursor.failed || bus_cursor_left(&cursor) > 0))
        status = bus_fail(error, BUS_REJECT, "not a book: cut short, or with bytes behind it");
    bus_book_mark(book);
    return status;
}
