/* Books: counts of what was read, published, accepted, refused, delivered and applied, by day; they must balance.
 *
 * A book is one writer's ("adapter/<name>", "gateway/<partition>", "agent/<subscriber>/<partition>") of one day in Beijing. Its name,
 * "<writer>/<YYYY-MM-DD>", is the key of its record in xq.books, of which the last one wins; totals are the sum over all days
 * (docs/formats-events.md, schemas/internal/books.avsc). */
#ifndef BUS_BOOKS_H
#define BUS_BOOKS_H

#include "bus/bytes.h"

/* Names as written in the record; bus_measure_name. */
enum bus_measure {
    BUS_MEASURE_READ,        /* adapter: source rows */
    BUS_MEASURE_PUBLISHED,   /* adapter: events */
    BUS_MEASURE_CONSUMED,    /* gateway: events */
    BUS_MEASURE_REPLAYED,    /* gateway: of these, replayed from quarantine */
    BUS_MEASURE_ACCEPTED,    /* gateway */
    BUS_MEASURE_DUPLICATE,   /* gateway: same version, same digest */
    BUS_MEASURE_STALE,       /* gateway: older version */
    BUS_MEASURE_QUARANTINED, /* adapter: rows; gateway: events */
    BUS_MEASURE_GAP,         /* gateway: sequence jumps */
    BUS_MEASURE_NOTICE,      /* gateway: notices to departments */
    BUS_MEASURE_DELIVERED,   /* gateway, by subscriber */
    BUS_MEASURE_APPLIED,     /* agent, by subscriber */
    BUS_MEASURE_REFUSED,     /* agent, by subscriber */
    BUS_MEASURE_COUNT
};
const char *bus_measure_name(enum bus_measure measure);

/* A day as days since 1970-01-01, and as text YYYY-MM-DD: those beyond the years 0001 to 9999 become the first or last of them. */
enum { BUS_BOOK_DAY_SIZE = 11, BUS_BOOK_NAME_SIZE = 300 };
void bus_book_day_text(int32_t day, char out_text[BUS_BOOK_DAY_SIZE]);
/* False when the text is no such day. */
BUS_MUST_CHECK bool bus_book_day_read(struct bus_bytes text, int32_t *out_day);
/* The name of a writer's book. A writer that is too long is cut. */
void bus_book_name(const char *writer, int32_t day, char out_name[BUS_BOOK_NAME_SIZE]);
/* Takes a name apart; `out_writer` borrows. False when it is no book's. */
BUS_MUST_CHECK bool bus_book_name_read(struct bus_bytes name, struct bus_bytes *out_writer, int32_t *out_day);

struct bus_book; /* a table of counts under a name */

struct bus_book *bus_book_create(const char *name);
void bus_book_destroy(struct bus_book *book);
const char *bus_book_name_view(const struct bus_book *book);
/* `subscriber` "" when none. Names are copied once, the first time. Counts end at the bounds of 64 bits. False when out of memory. */
BUS_MUST_CHECK bool bus_book_add(struct bus_book *book, const char *department, const char *item,
                                 const char *subscriber, enum bus_measure measure, int64_t count);
int64_t bus_book_count(const struct bus_book *book, const char *department, const char *item, const char *subscriber,
                       enum bus_measure measure);
/* Every entry, in order of first use. */
struct bus_book_entry {
    const char *department, *item, *subscriber;
    enum bus_measure measure;
    int64_t count;
};
size_t bus_book_entry_count(const struct bus_book *book);
struct bus_book_entry bus_book_entry(const struct bus_book *book, size_t index);

/* Keeps what is in the book as it stands / goes back to it: a transaction that aborts takes its counts with it. */
void bus_book_mark(struct bus_book *book);
void bus_book_rewind(struct bus_book *book);

/* The record's value (framed). FATAL when the buffer's limit is reached. */
BUS_MUST_CHECK enum bus_status bus_book_encode(const struct bus_book *book, int64_t at_ms, struct bus_buffer *buffer,
                                               struct bus_error *error);
/* Replaces the counts. REJECT when the bytes are no book. */
BUS_MUST_CHECK enum bus_status bus_book_decode(struct bus_bytes value, struct bus_book *book, int64_t *out_at_ms,
                                               struct bus_error *error);

#endif
