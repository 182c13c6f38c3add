#include "cli/shelf.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/receipt.h"
#include "bus/topics.h"
#include "cli/scan.h"

enum { MAX_BOOKS = 4 * 1024 * 1024, FIRST_CAPACITY = 256 };

#define ADAPTER "adapter/"

struct book {
    char *name, *writer;
    int32_t day;
    int32_t partition; /* of the topic; the gateway's and the agents' books lie in the partition that they count */
    uint8_t *value;    /* NULL: taken away; behind it the receipt, if it has one */
    size_t length, receipt_length;
    bool has_receipt;
    enum cli_signature signature;
};

struct cli_shelf {
    struct book *books;
    size_t count, capacity;
    uint32_t *slots; /* hash table of index + 1, 0 = free; twice `capacity` of them, a power of two */
    int32_t *days;
    size_t day_count;
    const char **adapters;
    size_t adapter_count;
    int32_t partitions;
};

void cli_shelf_destroy(struct cli_shelf *shelf)
{
    if (shelf == NULL)
        return;
    for (size_t i = 0; i < shelf->count; i++) {
        free(shelf->books[i].name);
        free(shelf->books[i].writer);
        free(shelf->books[i].value);
    }
    free(shelf->books);
    free(shelf->slots);
    free(shelf->days);
    free(shelf->adapters);
    free(shelf);
}

static enum bus_status fail_memory(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "read the books: out of memory");
}

/* --- reading --- */

/* FNV-1a. */
static size_t hash_name(struct bus_bytes name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ name.data[i]) * 16777619u;
    return hash;
}

static uint32_t *slot_of(const struct cli_shelf *shelf, struct bus_bytes name)
{
    size_t mask = 2 * shelf->capacity - 1, at = hash_name(name) & mask;
    while (shelf->slots[at] != 0 && !bus_bytes_equal_text(name, shelf->books[shelf->slots[at] - 1].name))
        at = (at + 1) & mask;
    return &shelf->slots[at];
}

static enum bus_status grow(struct cli_shelf *shelf, struct bus_error *error)
{
    if (shelf->count < shelf->capacity)
        return BUS_OK;
    size_t capacity = shelf->capacity == 0 ? FIRST_CAPACITY : 2 * shelf->capacity;
    if (capacity > MAX_BOOKS)
        return bus_fail(error, BUS_FATAL, "read the books: more than %d of them", MAX_BOOKS);
    struct book *books = realloc(shelf->books, capacity * sizeof *books);
    if (books == NULL)
        return fail_memory(error);
    shelf->books = books;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (slots == NULL)
        return fail_memory(error);
    free(shelf->slots);
    shelf->slots = slots;
    shelf->capacity = capacity;
    for (size_t i = 0; i < shelf->count; i++)
        *slot_of(shelf, bus_bytes_text(shelf->books[i].name)) = (uint32_t)i + 1;
    return BUS_OK;
}

/* NULL when it is not an adapter's. */
static const char *adapter_of(const struct book *book)
{
    return strncmp(book->writer, ADAPTER, strlen(ADAPTER)) == 0 ? book->writer + strlen(ADAPTER) : NULL;
}

static char *copy_text(struct bus_bytes text)
{
    char *copy = malloc(text.length + 1);
    if (copy != NULL) {
        memcpy(copy, text.data, text.length);
        copy[text.length] = '\0';
    }
    return copy;
}

static enum bus_status add_book(struct cli_shelf *shelf, struct bus_bytes name, int32_t partition,
                                struct bus_error *error)
{
    struct bus_bytes writer;
    struct book book = {.partition = partition};
    if (name.length >= BUS_BOOK_NAME_SIZE || !bus_book_name_read(name, &writer, &book.day))
        return bus_fail(error, BUS_REJECT, "read the books: a key of xq.books is no book's name: %.*s",
                        name.length < BUS_BOOK_NAME_SIZE ? (int)name.length : BUS_BOOK_NAME_SIZE,
                        (const char *)name.data);
    enum bus_status status = grow(shelf, error);
    if (status != BUS_OK)
        return status;
    book.name = copy_text(name);
    book.writer = copy_text(writer);
    if (book.name == NULL || book.writer == NULL) {
        free(book.name);
        free(book.writer);
        return fail_memory(error);
    }
    shelf->books[shelf->count] = book;
    *slot_of(shelf, name) = (uint32_t)++shelf->count;
    return BUS_OK;
}

static enum bus_status keep_value(struct book *book, const struct bus_message *message, struct bus_error *error)
{
    struct bus_bytes receipt = bus_message_header(message, BUS_BOOK_RECEIPT_HEADER);
    uint8_t *value = NULL;
    if (message->value.data != NULL) {
        value = malloc(message->value.length + receipt.length + 1);
        if (value == NULL)
            return fail_memory(error);
        memcpy(value, message->value.data, message->value.length);
        if (receipt.length > 0)
            memcpy(value + message->value.length, receipt.data, receipt.length);
    }
    free(book->value);
    book->value = value;
    book->length = message->value.length;
    book->has_receipt = receipt.data != NULL;
    book->receipt_length = receipt.length;
    return BUS_OK;
}

/* The last record of a key wins, and a null value takes the book away. */
static enum bus_status take_record(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct cli_shelf *shelf = self;
    uint32_t number = shelf->capacity > 0 ? *slot_of(shelf, message->key) : 0;
    if (number == 0) {
        enum bus_status status = add_book(shelf, message->key, message->partition, error);
        if (status != BUS_OK)
            return status;
        number = (uint32_t)shelf->count;
    }
    return keep_value(&shelf->books[number - 1], message, error);
}

/* --- what there is --- */

static int compare_days(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return left < right ? -1 : left > right;
}

static bool note_days(struct cli_shelf *shelf)
{
    shelf->days = calloc(shelf->count + 1, sizeof *shelf->days);
    if (shelf->days == NULL)
        return false;
    for (size_t i = 0; i < shelf->count; i++)
        shelf->days[i] = shelf->books[i].day;
    qsort(shelf->days, shelf->count, sizeof *shelf->days, compare_days);
    for (size_t i = 0; i < shelf->count; i++)
        if (i == 0 || shelf->days[i] != shelf->days[i - 1])
            shelf->days[shelf->day_count++] = shelf->days[i];
    return true;
}

static bool note_writers(struct cli_shelf *shelf)
{
    shelf->adapters = calloc(shelf->count + 1, sizeof *shelf->adapters);
    if (shelf->adapters == NULL)
        return false;
    for (size_t i = 0; i < shelf->count; i++) {
        const struct book *book = &shelf->books[i];
        if (book->partition >= shelf->partitions)
            shelf->partitions = book->partition + 1;
        const char *adapter = adapter_of(book);
        size_t at = 0;
        while (adapter != NULL && at < shelf->adapter_count && strcmp(shelf->adapters[at], adapter) != 0)
            at++;
        if (adapter != NULL && at == shelf->adapter_count)
            shelf->adapters[shelf->adapter_count++] = adapter;
    }
    return true;
}

enum bus_status cli_shelf_read(const struct cli_context *context, struct cli_shelf **out_shelf, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct cli_shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf == NULL)
        return fail_memory(error);
    bus_topic_named(context->prefix, BUS_TOPIC_BOOKS, topic);
    enum bus_status status = cli_scan(&context->kafka, topic, CLI_ALL_PARTITIONS, take_record, shelf, error);
    if (status == BUS_OK && !(note_days(shelf) && note_writers(shelf)))
        status = fail_memory(error);
    if (status == BUS_OK)
        *out_shelf = shelf;
    else
        cli_shelf_destroy(shelf);
    return status;
}

const int32_t *cli_shelf_days(const struct cli_shelf *shelf, size_t *out_count)
{
    *out_count = shelf->day_count;
    return shelf->days;
}

const char *const *cli_shelf_adapters(const struct cli_shelf *shelf, size_t *out_count)
{
    *out_count = shelf->adapter_count;
    return shelf->adapters;
}

int32_t cli_shelf_partitions(const struct cli_shelf *shelf)
{
    return shelf->partitions;
}

size_t cli_shelf_count(const struct cli_shelf *shelf)
{
    return shelf->count;
}

bool cli_shelf_book(const struct cli_shelf *shelf, size_t index, struct cli_shelf_book *out_book)
{
    const struct book *book = &shelf->books[index];
    if (book->value == NULL)
        return false;
    *out_book = (struct cli_shelf_book){.name = book->name,
                                        .writer = book->writer,
                                        .day = book->day,
                                        .value = bus_bytes_of(book->value, book->length),
                                        .signature = book->signature};
    if (book->has_receipt)
        out_book->receipt = bus_bytes_of(book->value + book->length, book->receipt_length);
    return true;
}

void cli_shelf_mark(struct cli_shelf *shelf, size_t index, enum cli_signature signature)
{
    shelf->books[index].signature = signature;
}

/* --- folding --- */

static bool is_in(const struct book *book, const struct cli_shelf_part *part)
{
    const char *adapter = adapter_of(book);
    if (book->value == NULL || (part->of_day && book->day != part->day))
        return false;
    if (part->of_partition && (adapter != NULL || book->partition != part->partition))
        return false;
    if (part->only_signed && book->signature != CLI_SIGNED)
        return false;
    return part->adapter == NULL || (adapter != NULL && strcmp(adapter, part->adapter) == 0);
}

bool cli_shelf_is_in(const struct cli_shelf *shelf, size_t index, const struct cli_shelf_part *part)
{
    return is_in(&shelf->books[index], part);
}

static enum bus_status add_to(struct bus_balance *balance, const struct book *book, struct bus_error *error)
{
    int64_t at_ms;
    struct bus_book *counts = bus_book_create(book->name);
    if (counts == NULL)
        return fail_memory(error);
    enum bus_status status = bus_book_decode(bus_bytes_of(book->value, book->length), counts, &at_ms, error);
    if (status == BUS_OK)
        status = bus_balance_add(balance, counts, error);
    else
        bus_error_prefix(error, "book %s", book->name);
    bus_book_destroy(counts);
    return status;
}

enum bus_status cli_shelf_fold(const struct cli_shelf *shelf, const struct cli_shelf_part *part,
                               struct bus_balance **out_balance, struct bus_error *error)
{
    struct bus_balance *balance = bus_balance_create();
    enum bus_status status = balance != NULL ? BUS_OK : fail_memory(error);
    for (size_t i = 0; status == BUS_OK && i < shelf->count; i++)
        if (is_in(&shelf->books[i], part))
            status = add_to(balance, &shelf->books[i], error);
    if (status == BUS_OK)
        *out_balance = balance;
    else
        bus_balance_destroy(balance);
    return status;
}
