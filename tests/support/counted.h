/* Counted: all books that a test world has written, over all days and restarts. */
#ifndef TEST_SUPPORT_COUNTED_H
#define TEST_SUPPORT_COUNTED_H

#include "bus/books.h"
#include "tests/support/world.h"

struct test_counted;

/* Aborts when out of memory. */
struct test_counted *test_counted_create(void);
void test_counted_destroy(struct test_counted *counted);
/* Takes what stands in xq.books now; the last record of a book counts. */
void test_counted_take(struct test_counted *counted, const struct test_world *world);
/* The sum over all books. */
int64_t test_counted_sum(const struct test_counted *counted, const char *department, const char *item,
                         const char *subscriber, enum bus_measure measure);
/* The same of one book by its name; 0 when there is none. */
int64_t test_counted_in(const struct test_counted *counted, const char *name, const char *department, const char *item,
                        const char *subscriber, enum bus_measure measure);

#endif
