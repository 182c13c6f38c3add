/* List: a whole table written as a CSV file into the spool, from where it is taken as a full list. */
#ifndef ADAPTERS_SOURCES_ODBC_LIST_H
#define ADAPTERS_SOURCES_ODBC_LIST_H

#include "adapters/sources/odbc/table.h"

/* What a list's name says, `<at_ms>_<mark>.csv`, so that it is known after a restart. */
struct odbc_list {
    int64_t at_ms;         /* when its writing began; 0: there is no list */
    struct odbc_mark mark; /* the highest in it */
};
/* False when it is no such name. */
bool odbc_list_read_name(enum adapters_poll_kind kind, const char *name, struct odbc_list *out_list);

/* The newest list that lies in a feed's folder, also one that is held there. */
void odbc_list_find(enum adapters_poll_kind kind, const char *folder, struct odbc_list *out_list);

/* Appends a line of CSV: a field that is NULL is empty, every other one stands in quotes. */
void odbc_list_append_line(const struct bus_bytes *fields, size_t count, struct bus_buffer *buffer);

/* Writes the table, which was looked at, into `folder`, whole or not at all. RETRY, REJECT, FATAL: the client's, or the disk refuses
 * (RETRY), or a stop was requested (RETRY). */
BUS_MUST_CHECK enum bus_status odbc_list_write(const struct odbc_table *table, struct odbc_client *client,
                                               const char *folder, int64_t now_ms, struct odbc_list *out_list,
                                               struct bus_error *error);

#endif
