#include "adapters/sources/replication/client.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/stop.h"

enum {
    MAX_PARAMETERS = 64,
    CONNECT_MS = 15000,
    LOOK_MS = 200, /* between two looks at the stop flag */
};

struct replication_client {
    char *connection, *name;
    enum replication_client_kind kind;
    PGconn *handle;
    char *message; /* the last one of the stream, libpq's */
};

struct replication_client *replication_client_create(const char *connection, const char *name,
                                                     enum replication_client_kind kind)
{
    struct replication_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->kind = kind;
    client->connection = strdup(connection);
    client->name = strdup(name);
    if (client->connection != NULL && client->name != NULL)
        return client;
    replication_client_destroy(client);
    return NULL;
}

void replication_client_destroy(struct replication_client *client)
{
    if (client == NULL)
        return;
    replication_client_disconnect(client);
    free(client->connection);
    free(client->name);
    free(client);
}

void replication_client_disconnect(struct replication_client *client)
{
    PQfreemem(client->message);
    client->message = NULL;
    PQfinish(client->handle);
    client->handle = NULL;
}

bool replication_client_is_open(const struct replication_client *client)
{
    return client->handle != NULL;
}

int replication_client_server_version(const struct replication_client *client)
{
    return client->handle != NULL ? PQserverVersion(client->handle) / 10000 : 0;
}

/* --- errors --- */

static void cut_lines(char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\n')
            *text = ' ';
}

static bool begins(const char *state, const char *class)
{
    return strncmp(state, class, strlen(class)) == 0;
}

static bool is_passing(const char *state)
{
    /* Connections, too many of them, an operator's intervention, deadlocks, a slot or object in use, the disk. */
    static const char *const classes[] = {"08",    "53300", "53100", "53200", "57P",
                                          "57014", "40",    "55006", "55P03", "58"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (begins(state, classes[i]))
            return true;
    return false;
}

/* `result` may be NULL: the connection is gone. */
static enum bus_status settle(struct replication_client *client, const PGresult *result, struct bus_error *error)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    enum bus_status status = BUS_RETRY;
    if (state == NULL) {
        bus_fail(error, BUS_RETRY, "the connection to PostgreSQL broke: %s", PQerrorMessage(client->handle));
        cut_lines(error->message);
    } else {
        const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        bool may_quote_a_value = begins(state, "22") || begins(state, "23");
        status = is_passing(state) ? BUS_RETRY : BUS_FATAL;
        bus_fail(error, status, "PostgreSQL: SQLSTATE %s%s%s", state, may_quote_a_value ? "" : ": ",
                 may_quote_a_value || primary == NULL ? "" : primary);
        snprintf(error->code, sizeof error->code, "PG_%s", state);
    }
    if (status == BUS_RETRY)
        replication_client_disconnect(client);
    return status;
}

static enum bus_status stopped(struct replication_client *client, struct bus_error *error)
{
    replication_client_disconnect(client);
    return bus_fail(error, BUS_RETRY, "a stop was requested");
}

static enum bus_status gone(struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "not connected to PostgreSQL");
}

/* --- connecting --- */

enum bus_status replication_client_check(const char *connection, struct bus_error *error)
{
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(connection, &why);
    enum bus_status status = BUS_OK;
    if (parsed == NULL) /* libpq's reason may quote the string, and the string may hold a password */
        status = bus_fail(error, BUS_FATAL, "replication.connection is no libpq connection string");
    for (const PQconninfoOption *option = parsed; option != NULL && option->keyword != NULL; option++)
        if (strcmp(option->keyword, "password") == 0 && option->val != NULL)
            status = bus_fail(error, BUS_FATAL,
                              "replication.connection holds a password: put it into a file that only the adapter's "
                              "user reads, and name that by passfile=");
    PQconninfoFree(parsed);
    PQfreemem(why);
    return status;
}

static void ignore_notice(void *self, const char *message)
{
    (void)self;
    (void)message;
}

static void wait_for(const PGconn *handle, short events, int64_t timeout_ms)
{
    struct pollfd descriptor = {.fd = PQsocket(handle), .events = events};
    if (descriptor.fd >= 0)
        (void)poll(&descriptor, 1, (int)timeout_ms);
}

/* Until it is connected or has failed; false when it takes too long or a stop was requested. */
static bool finish_connecting(PGconn *handle)
{
    int64_t deadline_ms = bus_clock_monotonic_ms() + CONNECT_MS;
    PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
    while (PQstatus(handle) != CONNECTION_BAD && !bus_stop_requested() && bus_clock_monotonic_ms() < deadline_ms) {
        wait_for(handle, polled == PGRES_POLLING_READING ? POLLIN : POLLOUT, LOOK_MS);
        polled = PQconnectPoll(handle);
        if (polled == PGRES_POLLING_OK || polled == PGRES_POLLING_FAILED)
            return true;
    }
    return PQstatus(handle) == CONNECTION_BAD;
}

enum bus_status replication_client_open(struct replication_client *client, struct bus_error *error)
{
    if (client->handle != NULL && PQstatus(client->handle) == CONNECTION_OK)
        return BUS_OK;
    replication_client_disconnect(client);
    /* What stands before dbname are defaults that the connection string may replace; what stands behind it holds. */
    const char *const keywords[] = {"keepalives_idle",  "keepalives_interval",
                                    "keepalives_count", "tcp_user_timeout",
                                    "dbname",           "client_encoding",
                                    "options",          "application_name",
                                    "replication",      NULL};
    const char *const values[] = {
        "20",
        "5",
        "3",
        "30000",
        client->connection,
        "UTF8",
        "-c datestyle=ISO -c timezone=Asia/Shanghai -c intervalstyle=postgres -c extra_float_digits=3",
        client->name,
        client->kind == REPLICATION_CLIENT_WALSENDER ? "database" : "false",
        NULL};
    client->handle = PQconnectStartParams(keywords, values, 1);
    if (client->handle == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    PQsetNoticeProcessor(client->handle, ignore_notice, NULL);
    bool is_finished = finish_connecting(client->handle);
    if (PQstatus(client->handle) == CONNECTION_OK)
        return BUS_OK;
    bus_fail(error, BUS_RETRY, "cannot connect to PostgreSQL as replication.connection says: %s",
             is_finished ? PQerrorMessage(client->handle) : "no answer in time");
    cut_lines(error->message);
    replication_client_disconnect(client);
    return BUS_RETRY;
}

/* --- statements --- */

/* The next result of what was sent; NULL behind the last. REJECT-free: RETRY when it broke or a stop was requested. */
static enum bus_status next_result(struct replication_client *client, PGresult **out_result, struct bus_error *error)
{
    while (PQisBusy(client->handle)) {
        if (bus_stop_requested())
            return stopped(client, error);
        wait_for(client->handle, POLLIN, LOOK_MS);
        if (PQconsumeInput(client->handle) != 1)
            return settle(client, NULL, error);
    }
    *out_result = PQgetResult(client->handle);
    return BUS_OK;
}

struct replication_rows {
    PGresult *result;
};

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_OUT ||
           status == PGRES_COPY_BOTH;
}

/* Sends a statement and gives its first result, which is good; the caller clears it. */
static enum bus_status send(struct replication_client *client, const char *sql, const char *const *parameters,
                            int count, PGresult **out_result, struct bus_error *error)
{
    PGresult *result = NULL;
    if (client->handle == NULL)
        return gone(error);
    if (count > MAX_PARAMETERS)
        return bus_fail(error, BUS_FATAL, "too many parameters");
    bool is_sent = client->kind == REPLICATION_CLIENT_WALSENDER
                       ? PQsendQuery(client->handle, sql)
                       : PQsendQueryParams(client->handle, sql, count, NULL, parameters, NULL, NULL, 0);
    if (!is_sent)
        return settle(client, NULL, error);
    enum bus_status status = next_result(client, &result, error);
    if (status == BUS_OK && (result == NULL || !is_good(result)))
        status = settle(client, result, error);
    if (status == BUS_OK)
        *out_result = result;
    else
        PQclear(result);
    return status;
}

/* Reads what follows the first result, up to the end of the statement. */
static enum bus_status finish(struct replication_client *client, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    while (client->handle != NULL) {
        PGresult *result = NULL;
        enum bus_status read = next_result(client, &result, error);
        if (read != BUS_OK)
            return read;
        if (result == NULL)
            return status;
        if (status == BUS_OK && !is_good(result))
            status = settle(client, result, error);
        PQclear(result);
    }
    return status;
}

/* After an error the statement is over too. */
static void drain(struct replication_client *client)
{
    struct bus_error ignored;
    if (client->handle != NULL && finish(client, &ignored) != BUS_OK)
        replication_client_disconnect(client);
}

enum bus_status replication_client_ask(struct replication_client *client, const char *sql,
                                       const char *const *parameters, int count, struct replication_rows **out_rows,
                                       struct bus_error *error)
{
    PGresult *result = NULL;
    enum bus_status status = send(client, sql, parameters, count, &result, error);
    if (status != BUS_OK) {
        drain(client);
        return status;
    }
    status = finish(client, error);
    struct replication_rows *rows = out_rows != NULL && status == BUS_OK ? calloc(1, sizeof *rows) : NULL;
    if (rows == NULL) {
        PQclear(result);
        return status == BUS_OK && out_rows != NULL ? bus_fail(error, BUS_FATAL, "out of memory") : status;
    }
    rows->result = result;
    *out_rows = rows;
    return BUS_OK;
}

size_t replication_rows_count(const struct replication_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

const char *replication_rows_text_view(const struct replication_rows *rows, size_t row, int column)
{
    return PQgetvalue(rows->result, (int)row, column);
}

bool replication_rows_is_null(const struct replication_rows *rows, size_t row, int column)
{
    return PQgetisnull(rows->result, (int)row, column) != 0;
}

void replication_rows_destroy(struct replication_rows *rows)
{
    if (rows == NULL)
        return;
    PQclear(rows->result);
    free(rows);
}

enum bus_status replication_client_copy_out(struct replication_client *client, const char *sql,
                                            enum bus_status (*take)(void *self, struct bus_bytes piece,
                                                                    struct bus_error *error),
                                            void *self, struct bus_error *error)
{
    PGresult *result = NULL;
    enum bus_status status = send(client, sql, NULL, 0, &result, error);
    PQclear(result);
    while (status == BUS_OK) {
        struct bus_bytes piece;
        status = replication_client_next(client, &piece, error);
        if (status != BUS_OK || (piece.length == 0 && piece.data != NULL))
            break;
        if (piece.length > 0)
            status = take(self, piece, error);
        else if (bus_stop_requested())
            return stopped(client, error);
        else
            wait_for(client->handle, POLLIN, LOOK_MS);
    }
    if (status == BUS_OK)
        return finish(client, error);
    replication_client_disconnect(client); /* in the middle of a copy */
    return status;
}

/* --- the stream --- */

enum bus_status replication_client_stream(struct replication_client *client, const char *sql, struct bus_error *error)
{
    PGresult *result = NULL;
    enum bus_status status = send(client, sql, NULL, 0, &result, error);
    bool is_stream = status == BUS_OK && PQresultStatus(result) == PGRES_COPY_BOTH;
    PQclear(result);
    if (status == BUS_OK && !is_stream)
        return bus_fail(error, BUS_FATAL, "PostgreSQL does not begin to stream");
    if (status != BUS_OK)
        drain(client);
    return status;
}

/* The server ended what it sends: a table is through, or a stream cannot go on, for a reason that follows. */
static enum bus_status take_end(struct replication_client *client, struct bus_bytes *out_message,
                                struct bus_error *error)
{
    static const uint8_t end;
    *out_message = bus_bytes_of(&end, 0);
    if (client->kind == REPLICATION_CLIENT_ORDINARY)
        return BUS_OK;
    PGresult *result = NULL;
    enum bus_status status = next_result(client, &result, error);
    if (status == BUS_OK && result != NULL && !is_good(result))
        status = settle(client, result, error);
    else if (status == BUS_OK)
        status = bus_fail(error, BUS_RETRY, "PostgreSQL ended the stream");
    PQclear(result);
    replication_client_disconnect(client);
    return status;
}

enum bus_status replication_client_next(struct replication_client *client, struct bus_bytes *out_message,
                                        struct bus_error *error)
{
    *out_message = bus_bytes_of(NULL, 0);
    if (client->handle == NULL)
        return gone(error);
    PQfreemem(client->message);
    client->message = NULL;
    int length = PQgetCopyData(client->handle, &client->message, 1);
    if (length == 0) { /* nothing whole is here: read what has come, and look again */
        if (PQconsumeInput(client->handle) != 1)
            return settle(client, NULL, error);
        length = PQgetCopyData(client->handle, &client->message, 1);
    }
    if (length > 0)
        *out_message = bus_bytes_of(client->message, (size_t)length);
    else if (length == -1)
        return take_end(client, out_message, error);
    else if (length < 0)
        return settle(client, NULL, error);
    return BUS_OK;
}

enum bus_status replication_client_reply(struct replication_client *client, struct bus_bytes message,
                                         struct bus_error *error)
{
    if (client->handle == NULL)
        return gone(error);
    if (PQputCopyData(client->handle, (const char *)message.data, (int)message.length) != 1 ||
        PQflush(client->handle) < 0)
        return settle(client, NULL, error);
    return BUS_OK;
}

void replication_client_wait(struct replication_client *client, int64_t timeout_ms)
{
    if (client->handle != NULL)
        wait_for(client->handle, POLLIN, timeout_ms);
}

/* --- quoting --- */

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

void replication_append_identifier(struct bus_buffer *sql, const char *name)
{
    append_quoted(sql, name, '"');
}

void replication_append_literal(struct bus_buffer *sql, const char *text)
{
    append_quoted(sql, text, '\'');
}
