/* PostgreSQL client: one connection, with errors settled by SQLSTATE.
 *
 * RETRY: away, overloaded or shutting down: the connection is closed, and the next open makes another. REJECT (code PG_<SQLSTATE>):
 * the database refuses the data (classes 22 and 23); the message names table, column and constraint and never a value. FATAL:
 * anything else. After an error the transaction is to be rolled back. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_CLIENT_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_CLIENT_H

#include "bus/bytes.h"

struct postgresql_client;

/* `connection` is a libpq connection string, copied. NULL when out of memory. Does not connect. */
struct postgresql_client *postgresql_client_create(const char *connection);
void postgresql_client_destroy(struct postgresql_client *client);
/* FATAL when libpq cannot parse the string. */
BUS_MUST_CHECK enum bus_status postgresql_client_check(const char *connection, struct bus_error *error);

/* Connects unless connected. RETRY when that fails. */
BUS_MUST_CHECK enum bus_status postgresql_client_open(struct postgresql_client *client, struct bus_error *error);
/* The next open makes another connection. */
void postgresql_client_disconnect(struct postgresql_client *client);
/* Rises with every new connection, so that temporary tables are made again. */
uint64_t postgresql_client_generation(const struct postgresql_client *client);
/* Ends what is open, whatever its state. */
void postgresql_client_rollback(struct postgresql_client *client);

/* A statement, or several, without parameters. */
BUS_MUST_CHECK enum bus_status postgresql_client_run(struct postgresql_client *client, const char *sql,
                                                     struct bus_error *error);

struct postgresql_parameter {
    struct bus_bytes value; /* text ends with a terminator that is not counted; data NULL = null */
    bool is_binary;
};
struct postgresql_rows;
/* One statement with parameters $1…; every value of the answer as text. The caller destroys *out_rows. */
BUS_MUST_CHECK enum bus_status postgresql_client_ask(struct postgresql_client *client, const char *sql,
                                                     const struct postgresql_parameter *parameters, int count,
                                                     struct postgresql_rows **out_rows, struct bus_error *error);
size_t postgresql_rows_count(const struct postgresql_rows *rows);
/* Rows that an INSERT, UPDATE or DELETE touched. */
long postgresql_rows_affected(const struct postgresql_rows *rows);
/* "" for null; lives as long as the rows. */
const char *postgresql_rows_text_view(const struct postgresql_rows *rows, size_t row, int column);
bool postgresql_rows_is_null(const struct postgresql_rows *rows, size_t row, int column);
void postgresql_rows_destroy(struct postgresql_rows *rows);

/* COPY … FROM STDIN: begin, any number of puts, then end; `good` false makes the server throw away what it got (REJECT). */
BUS_MUST_CHECK enum bus_status postgresql_client_copy_begin(struct postgresql_client *client, const char *sql,
                                                            struct bus_error *error);
BUS_MUST_CHECK enum bus_status postgresql_client_copy_put(struct postgresql_client *client, struct bus_bytes data,
                                                          struct bus_error *error);
BUS_MUST_CHECK enum bus_status postgresql_client_copy_end(struct postgresql_client *client, bool good,
                                                          struct bus_error *error);

/* "<before>"<schema>".<after>", the caller's to free; NULL when out of memory. */
char *postgresql_statement(const char *before, const char *schema, const char *after);
/* Appends an identifier or a literal, quoted. Need no connection for identifiers; literals are standard strings. */
void postgresql_append_identifier(struct bus_buffer *buffer, const char *name);
void postgresql_append_literal(struct bus_buffer *buffer, const char *text);

#endif
