/* Table: the columns of a mapping as they are found in the database, and whether they are what they were. */
#ifndef ADAPTERS_SOURCES_ODBC_TABLE_H
#define ADAPTERS_SOURCES_ODBC_TABLE_H

#include "adapters/mapping/mapping.h"
#include "adapters/sources/odbc/client.h"
#include "adapters/sources/odbc/place.h"

enum { ODBC_NO_COLUMN = -1 };

struct odbc_table {
    const struct adapters_mapping *mapping;
    const char *label;      /* for messages: the table's name */
    struct bus_buffer from; /* SQL */

    /* What is asked for, in this order: the mapping's columns that are there, then the rising one unless it is among them. */
    char names[ADAPTERS_COLUMNS_MAX + 1][ODBC_NAME_SIZE];
    const char *columns[ADAPTERS_COLUMNS_MAX + 1];
    int of_mapping[ADAPTERS_COLUMNS_MAX + 1]; /* its number in the mapping, or ODBC_NO_COLUMN */
    size_t column_count;
    int rising;        /* which of them, or ODBC_NO_COLUMN */
    int rising_digits; /* decimals of a timestamp */
    char digest[ODBC_COLUMNS_DIGEST_SIZE];
    char types[ADAPTERS_COLUMNS_MAX + 2];
};

void odbc_table_init(struct odbc_table *table, const struct adapters_mapping *mapping);
void odbc_table_release(struct odbc_table *table);

/* Finds the columns in the database, and notes their types in `place` when they are new. REJECT: table or column is not there, a column
 * is binary, or another type than `place` says. */
BUS_MUST_CHECK enum bus_status odbc_table_look(struct odbc_table *table, struct odbc_client *client,
                                               struct odbc_place *place, struct bus_error *error);
/* Asks for rows of it. REJECT also when the answer has other columns than were found. */
BUS_MUST_CHECK enum bus_status odbc_table_ask(const struct odbc_table *table, struct odbc_client *client,
                                              enum odbc_range range, const struct odbc_mark *mark, int64_t page_rows,
                                              struct bus_error *error);

#endif
