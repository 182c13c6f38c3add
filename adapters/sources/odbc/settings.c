#include "adapters/sources/odbc/settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "bus/file.h"

enum { PATH_SIZE = 4096, SECOND_MS = 1000 };

const struct bus_option adapters_odbc_options[] = {
    {"connection", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "ODBC connection string, Driver=…;Server=… or DSN=…, without the password; recipes/odbc.md has one for each database"},
    {"password_file", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "file with the account's password in its first line, closed to other users"},
    {"password_keyword", BUS_OPTION_TEXT, "PWD", 0, 0, NULL, "under which the driver takes the password"},
    {"session", BUS_OPTION_TEXTS, "", 0, 0, NULL, "statements for each new connection: SET … or ALTER SESSION … only"},
    {"login_timeout", BUS_OPTION_INTEGER, "15", 1, 600, NULL,
     "seconds until a connection that does not come is given up"},
    {"query_timeout", BUS_OPTION_INTEGER, "300", 1, 86400, NULL,
     "seconds until a question, or the next rows of its answer, is given up"},
    {"page_rows", BUS_OPTION_INTEGER, "10000", 1, 10000000, NULL, "rows asked for at once when changes are looked for"},
    {"paging", BUS_OPTION_TEXT, "auto", 0, 0, "auto|limit|top|fetch_first|none",
     "how the database limits an answer; auto: by its name"},
    {0},
};

static bool has_keyword(const char *connection, const char *keyword)
{
    size_t length = strlen(keyword);
    for (const char *at = connection; *at != '\0'; at += strcspn(at, ";"), at += *at == ';') {
        at += strspn(at, " ");
        if (strncasecmp(at, keyword, length) == 0 && at[length + strspn(at + length, " ")] == '=')
            return true;
    }
    return false;
}

static enum bus_status check_connection(const struct bus_settings_node *group, const struct odbc_settings *settings,
                                        struct bus_error *error)
{
    const struct bus_settings_node *node = bus_settings_child(group, "connection");
    const char *connection = settings->connection;
    if (has_keyword(connection, "PWD") || has_keyword(connection, "Password") ||
        has_keyword(connection, settings->password_keyword))
        return bus_settings_fail(node, error,
                                 "no password may stand here: put it into a file, and its path into password_file");
    if (!has_keyword(connection, "Driver") && !has_keyword(connection, "DSN"))
        return bus_settings_fail(node, error, "Driver=… or DSN=… is missing; `odbcinst -q -d` lists the drivers");
    return BUS_OK;
}

static enum bus_status check_session(const struct bus_settings_node *session, struct bus_error *error)
{
    for (size_t i = 0; session != NULL && i < bus_settings_count(session); i++) {
        const struct bus_settings_node *node = bus_settings_at(session, i);
        const char *text = bus_settings_as_text(node);
        if ((strncasecmp(text, "SET ", 4) != 0 && strncasecmp(text, "ALTER SESSION ", 14) != 0) ||
            strchr(text, ';') != NULL)
            return bus_settings_fail(node, error,
                                     "a session statement begins with SET or ALTER SESSION and holds no semicolon");
    }
    return BUS_OK;
}

static enum bus_status read_password(const struct bus_settings *file, const struct bus_settings_node *group,
                                     struct odbc_settings *settings, struct bus_error *error)
{
    char path[PATH_SIZE];
    struct stat found;
    struct bus_buffer text;
    const struct bus_settings_node *node = bus_settings_child(group, "password_file");
    if (node == NULL || bus_settings_as_text(node)[0] == '\0')
        return BUS_OK;
    enum bus_status status =
        bus_settings_resolve_existing(file, group, adapters_odbc_options, "password_file", path, sizeof path, error);
    if (status != BUS_OK)
        return status;
    if (stat(path, &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bus_settings_fail(node, error, "others may read %s: chmod 600 it", path);
    bus_buffer_init(&text, ODBC_PASSWORD_SIZE);
    status = bus_file_read(path, &text, error);
    size_t length = 0;
    while (length < text.length && text.data[length] != '\n' && text.data[length] != '\r')
        length++;
    if (status == BUS_OK && (length == 0 || length >= ODBC_PASSWORD_SIZE))
        status = bus_settings_fail(node, error, "%s holds no password in its first line", path);
    if (status == BUS_OK)
        memcpy(settings->password, text.data, length);
    if (text.data != NULL)
        explicit_bzero(text.data, text.length);
    bus_buffer_release(&text);
    return status;
}

enum bus_status odbc_settings_read(const struct bus_settings *file, const struct bus_settings_node *group,
                                   struct odbc_settings *out_settings, struct bus_error *error)
{
    const struct bus_option *options = adapters_odbc_options;
    struct odbc_settings *settings = out_settings;
    *settings = (struct odbc_settings){0};
    enum bus_status status = bus_settings_check(group, options, error);
    if (status != BUS_OK)
        return status;
    settings->connection = bus_settings_text(group, options, "connection");
    settings->password_keyword = bus_settings_text(group, options, "password_keyword");
    settings->paging = bus_settings_text(group, options, "paging");
    settings->session = bus_settings_child(group, "session");
    settings->login_timeout_ms = bus_settings_integer(group, options, "login_timeout") * SECOND_MS;
    settings->query_timeout_ms = bus_settings_integer(group, options, "query_timeout") * SECOND_MS;
    settings->page_rows = bus_settings_integer(group, options, "page_rows");
    status = check_connection(group, settings, error);
    if (status == BUS_OK)
        status = check_session(settings->session, error);
    return status == BUS_OK ? read_password(file, group, settings, error) : status;
}

void odbc_settings_release(struct odbc_settings *settings)
{
    explicit_bzero(settings->password, sizeof settings->password);
}
