/* Replication client: one connection to a source database, ordinary or for replication, with errors settled by SQLSTATE.
 *
 * RETRY: away, overloaded, shutting down, or a stop was requested: the connection is closed and the next open makes another. FATAL:
 * anything else, with code PG_<SQLSTATE>. Values of both kinds of connection are written alike: ISO dates in China's time, UTF-8,
 * every digit of floating numbers. No message holds a value of a row or a password. */
#ifndef ADAPTERS_SOURCES_REPLICATION_CLIENT_H
#define ADAPTERS_SOURCES_REPLICATION_CLIENT_H

#include "bus/bytes.h"

enum replication_client_kind { REPLICATION_CLIENT_ORDINARY, REPLICATION_CLIENT_WALSENDER };

struct replication_client;

/* FATAL when libpq cannot parse the string, or when it holds a password. */
BUS_MUST_CHECK enum bus_status replication_client_check(const char *connection, struct bus_error *error);
/* `connection` and `name` (the application's) are copied. NULL when out of memory. Does not connect. */
struct replication_client *replication_client_create(const char *connection, const char *name,
                                                     enum replication_client_kind kind);
void replication_client_destroy(struct replication_client *client);

/* Connects unless connected. */
BUS_MUST_CHECK enum bus_status replication_client_open(struct replication_client *client, struct bus_error *error);
void replication_client_disconnect(struct replication_client *client);
bool replication_client_is_open(const struct replication_client *client);
/* Major version of the server, such as 15; 0 when not connected. */
int replication_client_server_version(const struct replication_client *client);

struct replication_rows;
/* One statement, with texts for $1… (none on a walsender). Every value of the answer is text. The caller destroys *out_rows; NULL: the
 * answer is of no use. */
BUS_MUST_CHECK enum bus_status replication_client_ask(struct replication_client *client, const char *sql,
                                                      const char *const *parameters, int count,
                                                      struct replication_rows **out_rows, struct bus_error *error);
size_t replication_rows_count(const struct replication_rows *rows);
/* "" for null; lives as long as the rows. */
const char *replication_rows_text_view(const struct replication_rows *rows, size_t row, int column);
bool replication_rows_is_null(const struct replication_rows *rows, size_t row, int column);
void replication_rows_destroy(struct replication_rows *rows);

/* COPY … TO STDOUT: hands over each piece; a status of `take` other than OK ends it. */
BUS_MUST_CHECK enum bus_status replication_client_copy_out(struct replication_client *client, const char *sql,
                                                           enum bus_status (*take)(void *self, struct bus_bytes piece,
                                                                                   struct bus_error *error),
                                                           void *self, struct bus_error *error);

/* START_REPLICATION: from then on only these three. */
BUS_MUST_CHECK enum bus_status replication_client_stream(struct replication_client *client, const char *sql,
                                                         struct bus_error *error);
/* The next message, valid until the next call; length 0 when none is here yet. Never waits. */
BUS_MUST_CHECK enum bus_status replication_client_next(struct replication_client *client, struct bus_bytes *out_message,
                                                       struct bus_error *error);
BUS_MUST_CHECK enum bus_status replication_client_reply(struct replication_client *client, struct bus_bytes message,
                                                        struct bus_error *error);
/* Until something may have come, at most `timeout_ms`. */
void replication_client_wait(struct replication_client *client, int64_t timeout_ms);

/* Appends an identifier or a literal, quoted. */
void replication_append_identifier(struct bus_buffer *sql, const char *name);
void replication_append_literal(struct bus_buffer *sql, const char *text);

#endif
