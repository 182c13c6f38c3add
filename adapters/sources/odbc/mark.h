/* Mark: a value of the column that rises, as far as which a table was asked. */
#ifndef ADAPTERS_SOURCES_ODBC_MARK_H
#define ADAPTERS_SOURCES_ODBC_MARK_H

#include "adapters/mapping/poll.h"

enum { ODBC_MARK_TEXT_SIZE = 32 };

/* A timestamp: seconds since 1970-01-01 00:00:00 of the day as the database writes it, in whatever zone, and nanoseconds. A number: itself. */
struct odbc_mark {
    bool is_set;
    int64_t whole;
    int32_t nanos;
};

/* "2026-11-24", "2026-11-24 10:00:00.123456", "12345". False when it is neither, or not of that kind. */
bool odbc_mark_parse(enum adapters_poll_kind kind, struct bus_bytes text, struct odbc_mark *out_mark);
/* As parse reads it, a timestamp with as many decimals as it has; "" when the mark is not set. */
void odbc_mark_text(enum adapters_poll_kind kind, const struct odbc_mark *mark, char out_text[ODBC_MARK_TEXT_SIZE]);
/* Below 0, 0, above 0; one that is not set is below all others. */
int odbc_mark_compare(const struct odbc_mark *a, const struct odbc_mark *b);
/* So much before it. */
struct odbc_mark odbc_mark_before(const struct odbc_mark *mark, int64_t overlap);

#endif
