#include "subscribers/sinks/postgresql/client.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

enum { COPY_CHUNK = 64 * 1024, MAX_PARAMETERS = 16, MAX_STATEMENT_BYTES = 4096 };

struct postgresql_client {
    char *connection;
    PGconn *handle;
    uint64_t generation;
};

struct postgresql_client *postgresql_client_create(const char *connection)
{
    struct postgresql_client *client = calloc(1, sizeof *client);
    if (client == NULL || (client->connection = strdup(connection)) == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

void postgresql_client_destroy(struct postgresql_client *client)
{
    if (client == NULL)
        return;
    PQfinish(client->handle);
    free(client->connection);
    free(client);
}

enum bus_status postgresql_client_check(const char *connection, struct bus_error *error)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(connection, &why);
    enum bus_status status = BUS_OK;
    if (parsed == NULL) /* libpq's reason may quote the string, and the string may hold a password */
        status = bus_fail(error, BUS_FATAL, "postgresql.connection is no libpq connection string");
    PQconninfoFree(parsed);
    PQfreemem(why);
    return status;
}

static void ignore_notice(void *self, const char *message)
{
    (void)self;
    (void)message;
}

void postgresql_client_disconnect(struct postgresql_client *client)
{
    PQfinish(client->handle);
    client->handle = NULL;
}

static void cut_lines(char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\n')
            *text = ' ';
}

enum bus_status postgresql_client_open(struct postgresql_client *client, struct bus_error *error)
{
    if (client->handle != NULL && PQstatus(client->handle) == CONNECTION_OK)
        return BUS_OK;
    postgresql_client_disconnect(client);
    client->handle = PQconnectdb(client->connection);
    if (client->handle == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    if (PQstatus(client->handle) != CONNECTION_OK) {
        enum bus_status status =
            bus_fail(error, BUS_RETRY, "cannot connect to PostgreSQL: %s", PQerrorMessage(client->handle));
        cut_lines(error->message);
        postgresql_client_disconnect(client);
        return status;
    }
    PQsetNoticeProcessor(client->handle, ignore_notice, NULL);
    client->generation++;
    return postgresql_client_run(client,
                                 "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; "
                                 "SET application_name = 'xinqiao-agent'",
                                 error);
}

uint64_t postgresql_client_generation(const struct postgresql_client *client)
{
    return client->generation;
}

static bool begins(const char *state, const char *class)
{
    return strncmp(state, class, strlen(class)) == 0;
}

static bool is_passing(const char *state)
{
    /* Connections, resources, an operator's intervention, deadlocks and serialisation; a lock that was not free. */
    static const char *const classes[] = {"08", "53", "57P", "57014", "40", "55P03", "58"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (begins(state, classes[i]))
            return true;
    return false;
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text != NULL ? text : "-";
}

/* `result` may be NULL: out of memory or the connection is gone. */
static enum bus_status settle(struct postgresql_client *client, const PGresult *result, struct bus_error *error)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (state == NULL || PQstatus(client->handle) != CONNECTION_OK) {
        enum bus_status status =
            bus_fail(error, BUS_RETRY, "the connection to PostgreSQL broke: %s", PQerrorMessage(client->handle));
        cut_lines(error->message);
        postgresql_client_disconnect(client);
        return status;
    }
    if (begins(state, "22") || begins(state, "23")) {
        /* The primary text of these may quote a value. */
        bus_fail(error, BUS_REJECT, "the database refuses the row: SQLSTATE %s, table %s, column %s, constraint %s",
                 state, field(result, PG_DIAG_TABLE_NAME), field(result, PG_DIAG_COLUMN_NAME),
                 field(result, PG_DIAG_CONSTRAINT_NAME));
        snprintf(error->code, sizeof error->code, "PG_%s", state);
        return BUS_REJECT;
    }
    enum bus_status status = is_passing(state) ? BUS_RETRY : BUS_FATAL;
    bus_fail(error, status, "PostgreSQL: SQLSTATE %s: %s", state, field(result, PG_DIAG_MESSAGE_PRIMARY));
    snprintf(error->code, sizeof error->code, "PG_%s", state);
    if (status == BUS_RETRY)
        postgresql_client_disconnect(client);
    return status;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

static enum bus_status gone(struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "not connected to PostgreSQL");
}

enum bus_status postgresql_client_run(struct postgresql_client *client, const char *sql, struct bus_error *error)
{
    if (client->handle == NULL)
        return gone(error);
    PGresult *result = PQexec(client->handle, sql);
    enum bus_status status = is_good(result) ? BUS_OK : settle(client, result, error);
    PQclear(result);
    return status;
}

void postgresql_client_rollback(struct postgresql_client *client)
{
    struct bus_error ignored;
    if (client->handle != NULL && PQtransactionStatus(client->handle) != PQTRANS_IDLE &&
        postgresql_client_run(client, "ROLLBACK", &ignored) != BUS_OK)
        postgresql_client_disconnect(client);
}

struct postgresql_rows {
    PGresult *result;
};

enum bus_status postgresql_client_ask(struct postgresql_client *client, const char *sql,
                                      const struct postgresql_parameter *parameters, int count,
                                      struct postgresql_rows **out_rows, struct bus_error *error)
{
    const char *values[MAX_PARAMETERS];
    int lengths[MAX_PARAMETERS], formats[MAX_PARAMETERS];
    if (count > MAX_PARAMETERS)
        return bus_fail(error, BUS_FATAL, "too many parameters");
    if (client->handle == NULL)
        return gone(error);
    for (int i = 0; i < count; i++) {
        values[i] = (const char *)parameters[i].value.data;
        lengths[i] = (int)parameters[i].value.length;
        formats[i] = parameters[i].is_binary;
    }
    struct postgresql_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    rows->result = PQexecParams(client->handle, sql, count, NULL, values, lengths, formats, 0);
    if (is_good(rows->result)) {
        *out_rows = rows;
        return BUS_OK;
    }
    enum bus_status status = settle(client, rows->result, error);
    postgresql_rows_destroy(rows);
    return status;
}

size_t postgresql_rows_count(const struct postgresql_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

long postgresql_rows_affected(const struct postgresql_rows *rows)
{
    return strtol(PQcmdTuples(rows->result), NULL, 10);
}

const char *postgresql_rows_text_view(const struct postgresql_rows *rows, size_t row, int column)
{
    return PQgetvalue(rows->result, (int)row, column);
}

bool postgresql_rows_is_null(const struct postgresql_rows *rows, size_t row, int column)
{
    return PQgetisnull(rows->result, (int)row, column) == 1;
}

void postgresql_rows_destroy(struct postgresql_rows *rows)
{
    if (rows == NULL)
        return;
    PQclear(rows->result);
    free(rows);
}

enum bus_status postgresql_client_copy_begin(struct postgresql_client *client, const char *sql, struct bus_error *error)
{
    if (client->handle == NULL)
        return gone(error);
    PGresult *result = PQexec(client->handle, sql);
    enum bus_status status = PQresultStatus(result) == PGRES_COPY_IN ? BUS_OK : settle(client, result, error);
    PQclear(result);
    return status;
}

enum bus_status postgresql_client_copy_put(struct postgresql_client *client, struct bus_bytes data,
                                           struct bus_error *error)
{
    while (data.length > 0) {
        size_t length = data.length < COPY_CHUNK ? data.length : COPY_CHUNK;
        if (PQputCopyData(client->handle, (const char *)data.data, (int)length) != 1)
            return settle(client, NULL, error);
        data.data += length;
        data.length -= length;
    }
    return BUS_OK;
}

enum bus_status postgresql_client_copy_end(struct postgresql_client *client, bool good, struct bus_error *error)
{
    if (client->handle == NULL)
        return gone(error);
    if (PQputCopyEnd(client->handle, good ? NULL : "a row cannot be written") != 1)
        return settle(client, NULL, error);
    enum bus_status status = BUS_OK;
    for (PGresult *result; client->handle != NULL && (result = PQgetResult(client->handle)) != NULL; PQclear(result))
        if (status == BUS_OK && !is_good(result))
            status = good ? settle(client, result, error)
                          : bus_reject(error, "ROW", "数据无法写入", "a value cannot be written into its column");
    return status;
}

static void append_quoted(struct bus_buffer *buffer, const char *text, char quote)
{
    bus_buffer_u8(buffer, (uint8_t)quote);
    for (; *text != '\0'; text++) {
        if (*text == quote)
            bus_buffer_u8(buffer, (uint8_t)quote);
        bus_buffer_u8(buffer, (uint8_t)*text);
    }
    bus_buffer_u8(buffer, (uint8_t)quote);
}

void postgresql_append_identifier(struct bus_buffer *buffer, const char *name)
{
    append_quoted(buffer, name, '"');
}

void postgresql_append_literal(struct bus_buffer *buffer, const char *text)
{
    append_quoted(buffer, text, '\'');
}

char *postgresql_statement(const char *before, const char *schema, const char *after)
{
    struct bus_buffer sql;
    bus_buffer_init(&sql, MAX_STATEMENT_BYTES);
    bus_buffer_printf(&sql, "%s", before);
    postgresql_append_identifier(&sql, schema);
    bus_buffer_printf(&sql, ".%s", after);
    bus_buffer_u8(&sql, '\0');
    char *text = sql.failed ? NULL : strdup((const char *)sql.data);
    bus_buffer_release(&sql);
    return text;
}
