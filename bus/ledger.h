/* Ledger: one writer's books, by day.
 *
 * Counts go into the book of their day. What has been added since the last mark can be taken back, as a transaction that aborts takes
 * its counts with it. A ledger holds days, not all days: what is older than the latest `keep` may be forgotten once others have it. */
#ifndef BUS_LEDGER_H
#define BUS_LEDGER_H

#include "bus/books.h"

struct bus_ledger;

/* NULL when out of memory. */
struct bus_ledger *bus_ledger_create(const char *writer, size_t keep);
void bus_ledger_destroy(struct bus_ledger *ledger);
const char *bus_ledger_writer_view(const struct bus_ledger *ledger);

/* The day into whose book something of `day` counts: `day`, unless it is older than all of the `keep` or more days that are held. It
 * may then have been forgotten, and a new book would replace its counts: the earliest day that is held stands in for it. */
int32_t bus_ledger_day(const struct bus_ledger *ledger, int32_t day);
/* The book of that day to count in, a new one when none is held. NULL when out of memory. Books live until they are forgotten,
 * taken back or cleared. */
struct bus_book *bus_ledger_open(struct bus_ledger *ledger, int32_t day);
/* The same to look at, NULL when none is held. */
const struct bus_book *bus_ledger_find(const struct bus_ledger *ledger, int32_t day);

/* What is held, by day. */
size_t bus_ledger_count(const struct bus_ledger *ledger);
int32_t bus_ledger_day_at(const struct bus_ledger *ledger, size_t index);
struct bus_book *bus_ledger_book_at(const struct bus_ledger *ledger, size_t index);
/* Whether that book was opened since the last mark or rewind. */
bool bus_ledger_is_open(const struct bus_ledger *ledger, size_t index);
/* The earliest day opened since then; INT32_MAX = none. */
int32_t bus_ledger_open_from(const struct bus_ledger *ledger);

/* Keeps everything as it stands / goes back to it. */
void bus_ledger_mark(struct bus_ledger *ledger);
void bus_ledger_rewind(struct bus_ledger *ledger);
/* Lets all go but the latest `keep`; only behind a mark. */
void bus_ledger_forget(struct bus_ledger *ledger);
void bus_ledger_clear(struct bus_ledger *ledger);

/* All books that are held in one piece, day by day: i32 day, u32 length, both little endian, and the book as in xq.books. FATAL when
 * the buffer's limit is reached. */
BUS_MUST_CHECK enum bus_status bus_ledger_encode(const struct bus_ledger *ledger, int64_t at_ms,
                                                 struct bus_buffer *buffer, struct bus_error *error);
/* Replaces what is held, and marks it. No bytes are an empty ledger. REJECT when the bytes are no books. */
BUS_MUST_CHECK enum bus_status bus_ledger_decode(struct bus_bytes value, struct bus_ledger *ledger,
                                                 struct bus_error *error);
/* Takes one book off the front of such a piece; false at its end, or where it is broken. */
BUS_MUST_CHECK bool bus_ledger_take(struct bus_cursor *cursor, int32_t *out_day, struct bus_bytes *out_book);

#endif
