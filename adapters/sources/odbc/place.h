/* Place: how far a table was taken, and what its columns were: the text of the feed's cursor. */
#ifndef ADAPTERS_SOURCES_ODBC_PLACE_H
#define ADAPTERS_SOURCES_ODBC_PLACE_H

#include "adapters/engine/journal.h"
#include "adapters/engine/row.h"
#include "adapters/sources/odbc/mark.h"

enum { ODBC_COLUMNS_DIGEST_SIZE = 9 }; /* eight hex digits and a terminator */

struct odbc_place {
    struct odbc_mark mark;                /* the highest that was taken */
    int64_t listed_at_ms;                 /* when the last list of the whole table was written; 0: never */
    char names[ODBC_COLUMNS_DIGEST_SIZE]; /* digest of the columns that were asked for */
    char types[ADAPTERS_COLUMNS_MAX + 2]; /* a letter for each of them; "" before the first */
};

/* Of any texts, in their order. */
void odbc_place_digest(const char *const *texts, size_t count, char out_digest[ODBC_COLUMNS_DIGEST_SIZE]);

/* "" is the beginning. False when the text was not written by odbc_place_write. */
bool odbc_place_read(enum adapters_poll_kind kind, const char *text, struct odbc_place *out_place);
void odbc_place_write(enum adapters_poll_kind kind, const struct odbc_place *place,
                      char out_text[ADAPTERS_CURSOR_TEXT_SIZE]);

#endif
