#include "tests/support/counted.h"

#include <stdlib.h>

enum { MAX_BOOKS = 1024 };

struct test_counted {
    struct bus_book *books[MAX_BOOKS];
    size_t count;
};

struct test_counted *test_counted_create(void)
{
    struct test_counted *counted = calloc(1, sizeof *counted);
    if (counted == NULL)
        abort();
    return counted;
}

void test_counted_destroy(struct test_counted *counted)
{
    if (counted == NULL)
        return;
    while (counted->count > 0)
        bus_book_destroy(counted->books[--counted->count]);
    free(counted);
}

static struct bus_book *book_named(struct test_counted *counted, struct bus_bytes key)
{
    char name[BUS_BOOK_NAME_SIZE];
    for (size_t i = 0; i < counted->count; i++)
        if (bus_bytes_equal_text(key, bus_book_name_view(counted->books[i])))
            return counted->books[i];
    if (counted->count == MAX_BOOKS || key.length >= sizeof name)
        abort();
    memcpy(name, key.data, key.length);
    name[key.length] = '\0';
    struct bus_book *book = counted->books[counted->count++] = bus_book_create(name);
    if (book == NULL)
        abort();
    return book;
}

void test_counted_take(struct test_counted *counted, const struct test_world *world)
{
    for (size_t i = 0; i < test_world_count(world, "xq.books"); i++) {
        const struct test_record *record = test_world_record(world, "xq.books", i);
        int64_t at_ms;
        struct bus_error error;
        if (bus_book_decode(record->value, book_named(counted, record->key), &at_ms, &error) != BUS_OK)
            abort();
    }
}

int64_t test_counted_sum(const struct test_counted *counted, const char *department, const char *item,
                         const char *subscriber, enum bus_measure measure)
{
    int64_t sum = 0;
    for (size_t i = 0; i < counted->count; i++)
        sum += bus_book_count(counted->books[i], department, item, subscriber, measure);
    return sum;
}

int64_t test_counted_in(const struct test_counted *counted, const char *name, const char *department, const char *item,
                        const char *subscriber, enum bus_measure measure)
{
    for (size_t i = 0; i < counted->count; i++)
        if (strcmp(bus_book_name_view(counted->books[i]), name) == 0)
            return bus_book_count(counted->books[i], department, item, subscriber, measure);
    return 0;
}
