/* ODBC client: one connection through unixODBC, and one question at a time whose answer is read row by row.
 *
 * RETRY: the database is away, hangs, or a stop was requested: the connection is closed, the next open makes another. REJECT: this
 * question only. FATAL: driver, login, configuration (odbc_error.h). Names and texts are UTF-8. No message holds the password or a
 * value of a row. */
#ifndef ADAPTERS_SOURCES_ODBC_CLIENT_H
#define ADAPTERS_SOURCES_ODBC_CLIENT_H

#include "adapters/engine/row.h"
#include "adapters/sources/odbc/settings.h"
#include "adapters/sources/odbc/sql.h"

struct odbc_client;

/* Settings are borrowed. FATAL when out of memory or threads. Does not connect. */
BUS_MUST_CHECK enum bus_status odbc_client_create(const struct odbc_settings *settings, struct odbc_client **out_client,
                                                  struct bus_error *error);
void odbc_client_destroy(struct odbc_client *client);

/* Connects unless connected; the session is read-only where the database can do that. */
BUS_MUST_CHECK enum bus_status odbc_client_open(struct odbc_client *client, struct bus_error *error);
void odbc_client_disconnect(struct odbc_client *client);

/* Of the database connected to. */
const struct odbc_naming *odbc_client_naming(const struct odbc_client *client);
enum odbc_paging odbc_client_paging(const struct odbc_client *client);

enum { ODBC_NAME_SIZE = ADAPTERS_COLUMN_NAME_SIZE * 2 };

/* The letter of a type is what a feed's cursor keeps. */
enum odbc_type {
    ODBC_TYPE_TEXT = 's',
    ODBC_TYPE_INTEGER = 'i',
    ODBC_TYPE_DECIMAL = 'd',
    ODBC_TYPE_FLOAT = 'f',
    ODBC_TYPE_BOOLEAN = 'b',
    ODBC_TYPE_DATE = 'D',
    ODBC_TYPE_TIME = 'T',
    ODBC_TYPE_TIMESTAMP = 't',
    ODBC_TYPE_BINARY = 'x',
    ODBC_TYPE_UNKNOWN = '?',
};
/* "text", "a whole number", … */
const char *odbc_type_name(enum odbc_type type);

struct odbc_column {
    char name[ODBC_NAME_SIZE];
    enum odbc_type type;
    int number; /* of the type, in ODBC's count */
    int digits; /* decimals of a timestamp */
};

/* Stands for the "?" of a question: a timestamp, cut to so many decimals. */
struct odbc_parameter {
    const struct odbc_mark *mark;
    int digits;
};

/* Puts the question; the one before is forgotten. `parameter` NULL: it has no "?". */
BUS_MUST_CHECK enum bus_status odbc_client_ask(struct odbc_client *client, const char *sql,
                                               const struct odbc_parameter *parameter, struct bus_error *error);
/* The columns of the answer; valid until the next question. More than ADAPTERS_COLUMNS_MAX + 1 are left out unless all are wanted. */
void odbc_client_columns(const struct odbc_client *client, const struct odbc_column **out_columns, size_t *out_count);
/* The next row: `fields` gets one view for each column, data NULL where it is NULL, valid until the next call. OK with refusal->code "":
 * it is whole. OK with a code (FIELD_TOO_LONG, ROW_TOO_LONG, ROW_NUL, ROW_ENCODING, VALUE_UNREADABLE): this row cannot be taken, its fields
 * are cut. */
BUS_MUST_CHECK enum bus_status odbc_client_next(struct odbc_client *client, struct bus_bytes *fields, bool *out_end,
                                                struct adapters_refusal *refusal, struct bus_error *error);
/* Forgets the answer. */
void odbc_client_finish(struct odbc_client *client);

#endif
