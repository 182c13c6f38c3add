#include "adapters/sources/odbc/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/sources/odbc/client_private.h"
#include "adapters/sources/odbc/error.h"
#include "adapters/sources/odbc/wide.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    STATEMENT_LIMIT = 1024 * 1024,
    INFORMATION_SIZE = 256,
    SECOND_MS = 1000,
    MICRO_DIGITS = 6,
    NANO_DIGITS = 9,
    WHOLE_SECONDS_SIZE = 20 /* "2026-11-24 10:00:00." */
};

static bool is_good(SQLRETURN result)
{
    return SQL_SUCCEEDED(result) || result == SQL_NO_DATA;
}

/* Called from the watch's thread. */
static void cancel(void *statement)
{
    SQLCancel(statement);
}

/* --- what goes wrong --- */

enum bus_status odbc_client_fail(struct odbc_client *client, SQLSMALLINT kind, SQLHANDLE handle, const char *what,
                                 struct bus_error *error)
{
    struct odbc_message message = {.state = "HY000"};
    SQLWCHAR state[ODBC_STATE_SIZE] = {0}, text[ODBC_MESSAGE_SIZE] = {0};
    SQLINTEGER native = 0;
    SQLSMALLINT length = 0;
    if (SQL_SUCCEEDED(SQLGetDiagRecW(kind, handle, 1, state, &native, text, ODBC_MESSAGE_SIZE, &length))) {
        struct bus_buffer narrow;
        size_t count = length < ODBC_MESSAGE_SIZE ? (size_t)(length > 0 ? length : 0) : ODBC_MESSAGE_SIZE - 1;
        bus_buffer_init(&narrow, 4 * ODBC_MESSAGE_SIZE);
        odbc_narrow_append(&(struct odbc_narrow){0}, text, count, &narrow);
        snprintf(message.text, sizeof message.text, "%.*s", (int)narrow.length, (const char *)narrow.data);
        bus_buffer_release(&narrow);
        for (size_t i = 0; i + 1 < ODBC_STATE_SIZE; i++)
            message.state[i] = (char)state[i];
        message.native = native;
    }
    enum bus_status status = odbc_error_settle(&message, what, client->settings->password, error);
    if (bus_stop_requested() && status != BUS_FATAL)
        status = bus_fail(error, BUS_RETRY, "%s: a stop was requested", what);
    if (status == BUS_RETRY)
        odbc_client_disconnect(client);
    return status;
}

/* --- the connection --- */

enum bus_status odbc_client_create(const struct odbc_settings *settings, struct odbc_client **out_client,
                                   struct bus_error *error)
{
    struct odbc_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return bus_fail(error, BUS_FATAL, "prepare ODBC: out of memory");
    client->settings = settings;
    client->dialect = odbc_dialect_find("");
    bus_buffer_init(&client->row, 2 * ADAPTERS_ROW_MAX);
    client->watch = odbc_watch_create(cancel);
    if (client->watch != NULL && SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &client->environment)) &&
        SQL_SUCCEEDED(SQLSetEnvAttr(client->environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0))) {
        *out_client = client;
        return BUS_OK;
    }
    odbc_client_destroy(client);
    return bus_fail(error, BUS_FATAL, "prepare ODBC: unixODBC cannot begin");
}

void odbc_client_destroy(struct odbc_client *client)
{
    if (client == NULL)
        return;
    odbc_client_disconnect(client);
    odbc_watch_destroy(client->watch);
    if (client->environment != SQL_NULL_HENV)
        SQLFreeHandle(SQL_HANDLE_ENV, client->environment);
    bus_buffer_release(&client->row);
    free(client);
}

void odbc_client_finish(struct odbc_client *client)
{
    if (client->statement != SQL_NULL_HSTMT)
        SQLFreeHandle(SQL_HANDLE_STMT, client->statement);
    client->statement = SQL_NULL_HSTMT;
    client->column_count = 0;
}

void odbc_client_disconnect(struct odbc_client *client)
{
    odbc_watch_begin(client->watch, NULL, client->settings->login_timeout_ms, "close the connection");
    odbc_client_finish(client);
    if (client->is_open)
        SQLDisconnect(client->connection);
    if (client->connection != SQL_NULL_HDBC)
        SQLFreeHandle(SQL_HANDLE_DBC, client->connection);
    odbc_watch_end(client->watch);
    client->connection = SQL_NULL_HDBC;
    client->is_open = false;
}

/* The connection string with password, in UTF-16; the caller wipes it. */
static void append_connection(const struct odbc_client *client, struct bus_buffer *wide)
{
    struct bus_buffer text;
    const struct odbc_settings *settings = client->settings;
    bus_buffer_init(&text, STATEMENT_LIMIT);
    bus_buffer_printf(&text, "%s", settings->connection);
    if (client->driver != NULL && client->driver->keywords != NULL)
        bus_buffer_printf(&text, ";%s", client->driver->keywords);
    if (settings->password[0] != '\0') {
        bus_buffer_printf(&text, ";%s={", settings->password_keyword);
        for (const char *at = settings->password; *at != '\0'; at++) {
            bus_buffer_u8(&text, (uint8_t)*at);
            if (*at == '}')
                bus_buffer_u8(&text, '}');
        }
        bus_buffer_u8(&text, '}');
    }
    bus_buffer_u8(&text, '\0');
    if (!text.failed)
        odbc_wide_append((const char *)text.data, wide);
    if (text.data != NULL)
        explicit_bzero(text.data, text.length);
    bus_buffer_release(&text);
}

static enum bus_status connect(struct odbc_client *client, struct bus_error *error)
{
    struct bus_buffer wide;
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, client->environment, &client->connection)))
        return bus_fail(error, BUS_FATAL, "prepare ODBC: out of memory");
    /* Drivers may refuse these; the watch and the session's statements do the same. */
    SQLSetConnectAttrW(client->connection, SQL_ATTR_LOGIN_TIMEOUT,
                       (SQLPOINTER)(client->settings->login_timeout_ms / SECOND_MS), SQL_IS_UINTEGER);
    SQLSetConnectAttrW(client->connection, SQL_ATTR_ACCESS_MODE, (SQLPOINTER)SQL_MODE_READ_ONLY, SQL_IS_UINTEGER);
    bus_buffer_init(&wide, 2 * STATEMENT_LIMIT);
    append_connection(client, &wide);
    odbc_watch_begin(client->watch, NULL, client->settings->login_timeout_ms * 2, "connect");
    SQLRETURN result =
        SQLDriverConnectW(client->connection, NULL, (SQLWCHAR *)wide.data, SQL_NTS, NULL, 0, NULL, SQL_DRIVER_NOPROMPT);
    odbc_watch_end(client->watch);
    if (wide.data != NULL)
        explicit_bzero(wide.data, wide.length);
    bus_buffer_release(&wide);
    client->is_open = SQL_SUCCEEDED(result);
    if (client->is_open)
        return BUS_OK;
    enum bus_status status = odbc_client_fail(client, SQL_HANDLE_DBC, client->connection, "connect", error);
    odbc_client_disconnect(client);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

static void read_text(const struct odbc_client *client, SQLUSMALLINT what, char out_text[INFORMATION_SIZE])
{
    SQLWCHAR wide[INFORMATION_SIZE] = {0};
    SQLSMALLINT length = 0;
    struct bus_buffer text;
    out_text[0] = '\0';
    if (!SQL_SUCCEEDED(SQLGetInfoW(client->connection, what, wide, sizeof wide, &length)))
        return;
    size_t count = 0;
    while (count < INFORMATION_SIZE - 1 && wide[count] != 0)
        count++;
    bus_buffer_init(&text, 4 * INFORMATION_SIZE);
    odbc_narrow_append(&(struct odbc_narrow){0}, wide, count, &text);
    snprintf(out_text, INFORMATION_SIZE, "%.*s", (int)text.length, (const char *)text.data);
    bus_buffer_release(&text);
}

/* Learns with whom it speaks. */
static void inquire(struct odbc_client *client)
{
    char text[INFORMATION_SIZE];
    SQLUSMALLINT folding = SQL_IC_SENSITIVE;
    read_text(client, SQL_IDENTIFIER_QUOTE_CHAR, text);
    snprintf(client->naming.quote, sizeof client->naming.quote, "%.7s", text[0] != ' ' ? text : "");
    SQLGetInfoW(client->connection, SQL_IDENTIFIER_CASE, &folding, sizeof folding, NULL);
    client->naming.folding = folding == SQL_IC_UPPER   ? ODBC_NAMES_UPPER
                             : folding == SQL_IC_LOWER ? ODBC_NAMES_LOWER
                                                       : ODBC_NAMES_STAY;
    read_text(client, SQL_DBMS_NAME, text);
    client->dialect = odbc_dialect_find(text);
}

/* Which driver it is, and so what it must be told, the first connection tells. */
static enum bus_status connect_as_driver_needs(struct odbc_client *client, struct bus_error *error)
{
    char driver[INFORMATION_SIZE];
    enum bus_status status = connect(client, error);
    if (status != BUS_OK || client->driver != NULL)
        return status;
    read_text(client, SQL_DRIVER_NAME, driver);
    client->driver = odbc_driver_find(driver);
    if (client->driver->keywords == NULL)
        return BUS_OK;
    odbc_client_disconnect(client);
    return connect(client, error);
}

static enum bus_status prepare_session(struct odbc_client *client, struct bus_error *error)
{
    const struct bus_settings_node *session = client->settings->session;
    size_t own = sizeof client->dialect->session / sizeof client->dialect->session[0];
    size_t count = session != NULL ? bus_settings_count(session) : 0;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < own && client->dialect->session[i] != NULL; i++)
        status = odbc_client_ask(client, client->dialect->session[i], NULL, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = odbc_client_ask(client, bus_settings_as_text(bus_settings_at(session, i)), NULL, error);
    odbc_client_finish(client);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

enum bus_status odbc_client_open(struct odbc_client *client, struct bus_error *error)
{
    char database[INFORMATION_SIZE], driver[INFORMATION_SIZE], version[INFORMATION_SIZE];
    if (client->is_open)
        return BUS_OK;
    enum bus_status status = connect_as_driver_needs(client, error);
    if (status != BUS_OK)
        return status;
    inquire(client);
    status = prepare_session(client, error);
    if (status != BUS_OK) {
        odbc_client_disconnect(client);
        return status;
    }
    read_text(client, SQL_DBMS_NAME, database);
    read_text(client, SQL_DBMS_VER, version);
    read_text(client, SQL_DRIVER_NAME, driver);
    bus_log(BUS_LOG_INFO, "database connected", "database=\"%s %.40s\" driver=\"%s\"", database, version, driver);
    return BUS_OK;
}

const struct odbc_naming *odbc_client_naming(const struct odbc_client *client)
{
    return &client->naming;
}

enum odbc_paging odbc_client_paging(const struct odbc_client *client)
{
    const char *paging = client->settings->paging;
    return strcmp(paging, "auto") == 0 ? client->dialect->paging : odbc_paging_of(paging);
}

/* --- questions --- */

static void bind(SQLHSTMT statement, const struct odbc_parameter *parameter, SQL_TIMESTAMP_STRUCT *value)
{
    char text[ODBC_MARK_TEXT_SIZE];
    unsigned year, month, day, hour, minute, second;
    int digits = parameter->digits < MICRO_DIGITS ? MICRO_DIGITS : parameter->digits;
    int32_t unit = digits >= NANO_DIGITS ? 1 : digits == 8 ? 10 : digits == 7 ? 100 : 1000;
    odbc_mark_text(ADAPTERS_POLL_TIMESTAMP, parameter->mark, text);
    if (sscanf(text, "%u-%u-%u %u:%u:%u", &year, &month, &day, &hour, &minute, &second) != 6)
        return;
    *value = (SQL_TIMESTAMP_STRUCT){(SQLSMALLINT)year,
                                    (SQLUSMALLINT)month,
                                    (SQLUSMALLINT)day,
                                    (SQLUSMALLINT)hour,
                                    (SQLUSMALLINT)minute,
                                    (SQLUSMALLINT)second,
                                    (SQLUINTEGER)(parameter->mark->nanos / unit * unit)};
    SQLBindParameter(statement, 1, SQL_PARAM_INPUT, SQL_C_TYPE_TIMESTAMP, SQL_TYPE_TIMESTAMP,
                     (SQLULEN)(WHOLE_SECONDS_SIZE + digits), (SQLSMALLINT)digits, value, sizeof *value, NULL);
}

enum bus_status odbc_client_ask(struct odbc_client *client, const char *sql, const struct odbc_parameter *parameter,
                                struct bus_error *error)
{
    SQL_TIMESTAMP_STRUCT value;
    struct bus_buffer wide;
    odbc_client_finish(client);
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, client->connection, &client->statement)))
        return odbc_client_fail(client, SQL_HANDLE_DBC, client->connection, "ask the database", error);
    SQLSetStmtAttrW(client->statement, SQL_ATTR_QUERY_TIMEOUT,
                    (SQLPOINTER)(client->settings->query_timeout_ms / SECOND_MS), SQL_IS_UINTEGER);
    if (parameter != NULL)
        bind(client->statement, parameter, &value);
    bus_buffer_init(&wide, 2 * STATEMENT_LIMIT);
    odbc_wide_append(sql, &wide);
    odbc_watch_begin(client->watch, client->statement, client->settings->query_timeout_ms + SECOND_MS, "ask");
    SQLRETURN result = wide.failed ? SQL_ERROR : SQLExecDirectW(client->statement, (SQLWCHAR *)wide.data, SQL_NTS);
    odbc_watch_end(client->watch);
    bus_buffer_release(&wide);
    enum bus_status status =
        is_good(result) ? odbc_client_describe(client, error)
                        : odbc_client_fail(client, SQL_HANDLE_STMT, client->statement, "ask the database", error);
    if (status != BUS_OK && client->is_open)
        odbc_client_finish(client);
    return status;
}

void odbc_client_columns(const struct odbc_client *client, const struct odbc_column **out_columns, size_t *out_count)
{
    *out_columns = client->columns;
    *out_count = client->column_count;
}
