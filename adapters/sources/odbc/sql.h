/* SQL: the questions that are put to a database, in its dialect. None of them writes. */
#ifndef ADAPTERS_SOURCES_ODBC_SQL_H
#define ADAPTERS_SOURCES_ODBC_SQL_H

#include "adapters/sources/odbc/mark.h"

/* How a database limits the rows of an answer. */
enum odbc_paging {
    ODBC_PAGING_NONE, /* not at all: the driver must hand over rows as they come */
    ODBC_PAGING_LIMIT,
    ODBC_PAGING_TOP,
    ODBC_PAGING_FETCH_FIRST,
};

/* What is particular to a database; found by the name that its driver gives it. */
struct odbc_dialect {
    const char *name;
    enum odbc_paging paging;
    const char *session[2]; /* statements for each new connection: read-only, China's time; NULL: there is none */
};
/* Never NULL: an unknown database is asked in plain SQL. */
const struct odbc_dialect *odbc_dialect_find(const char *database);
/* What is particular to a driver, by the name of its library. */
struct odbc_driver {
    const char *name;
    const char *
        keywords; /* added to the connection string, so that it keeps no whole answer in memory; NULL: none are known */
    bool is_narrow; /* texts are read as UTF-8: it miscounts the characters of UTF-16 */
};
/* Never NULL. */
const struct odbc_driver *odbc_driver_find(const char *library);
/* ODBC_PAGING_NONE for a word that is none of limit, top, fetch_first. */
enum odbc_paging odbc_paging_of(const char *word);

/* How names are written: the quote, and what becomes of a plain name that is not quoted. */
struct odbc_naming {
    char quote[8]; /* "" when the database has none */
    enum { ODBC_NAMES_STAY, ODBC_NAMES_UPPER, ODBC_NAMES_LOWER } folding;
};

void odbc_sql_name(const struct odbc_naming *naming, const char *name, struct bus_buffer *sql);
/* A table as a mapping writes it, `schema.table`: plain parts as the database keeps them, parts in double quotes as they stand. */
void odbc_sql_table(const struct odbc_naming *naming, const char *table, struct bus_buffer *sql);

/* Which rows: all; those that have a mark; from a mark on; at it; after it. */
enum odbc_range { ODBC_ALL, ODBC_MARKED, ODBC_FROM, ODBC_AT, ODBC_AFTER };

struct odbc_question {
    const struct odbc_naming *naming;
    const char *from;           /* SQL: a quoted table, or a query in parentheses with a name */
    const char *const *columns; /* as the database names them */
    size_t column_count;
    const char *where;  /* SQL, "" for none */
    const char *rising; /* column; NULL with ODBC_ALL */
    enum odbc_range range;
    const char *mark; /* SQL of the mark: digits or "?" */
    enum odbc_paging paging;
    int64_t page_rows; /* 0: all of them */
};

void odbc_sql_select(const struct odbc_question *question, struct bus_buffer *sql);
/* The columns of a table and none of its rows. */
void odbc_sql_look(const char *from, struct bus_buffer *sql);

#endif
