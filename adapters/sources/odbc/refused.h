/* Refused: rows that are in quarantine already, so that reading them again, as an overlap does, refuses them only once. */
#ifndef ADAPTERS_SOURCES_ODBC_REFUSED_H
#define ADAPTERS_SOURCES_ODBC_REFUSED_H

#include "adapters/engine/position.h"

enum { ODBC_REFUSED_KEPT = 240, ODBC_REFUSED_SLOTS = 65536 };

struct odbc_refused {
    uint64_t newest[ODBC_REFUSED_KEPT]; /* what a cursor has room for: they outlive the process */
    size_t newest_count, newest_next;
    uint64_t *slots; /* all of them; NULL before the first */
    size_t count;
};

void odbc_refused_release(struct odbc_refused *refused);
bool odbc_refused_has(const struct odbc_refused *refused, struct bus_bytes row);
/* Forgets all when it is full or out of memory: then some are refused twice. */
void odbc_refused_add(struct odbc_refused *refused, struct bus_bytes row);
/* The newest, as the text of a cursor. */
void odbc_refused_write(const struct odbc_refused *refused, char out_text[ADAPTERS_CURSOR_TEXT_SIZE]);
/* Begins anew with what such a text holds. */
void odbc_refused_read(struct odbc_refused *refused, const char *text);

#endif
