#include "adapters/sources/odbc/sql.h"

#include <strings.h>

#define POSTGRESQL_SESSION                                                                                             \
    {                                                                                                                  \
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET TIME ZONE 'Asia/Shanghai'"                        \
    }
#define MYSQL_SESSION                                                                                                  \
    {                                                                                                                  \
        "SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+08:00'"                                                \
    }

static const struct odbc_dialect dialects[] = {
    {"PostgreSQL", ODBC_PAGING_LIMIT, POSTGRESQL_SESSION},
    {"Kingbase", ODBC_PAGING_LIMIT, POSTGRESQL_SESSION},
    {"openGauss", ODBC_PAGING_LIMIT, POSTGRESQL_SESSION},
    {"MariaDB", ODBC_PAGING_LIMIT, MYSQL_SESSION},
    {"MySQL", ODBC_PAGING_LIMIT, MYSQL_SESSION},
    {"DM", ODBC_PAGING_LIMIT, {NULL}},
    {"Oracle", ODBC_PAGING_FETCH_FIRST, {"ALTER SESSION SET TIME_ZONE = '+08:00'"}},
    {"Microsoft SQL Server", ODBC_PAGING_TOP, {NULL}},
    {"", ODBC_PAGING_NONE, {NULL}},
};

/* MariaDB Connector/ODBC 3.1 takes U+62DB and all whose low byte is D8 to DF for halves of characters when it counts. */
static const struct odbc_driver drivers[] = {
    {"psqlodbc", "UseDeclareFetch=1;Fetch=1000", false},
    {"libmaodbc", "FORWARDONLY=1;NO_CACHE=1;CHARSET=utf8mb4", true},
    {"libmyodbc", "FORWARD_CURSOR=1;NO_CACHE=1", false},
    {"", NULL, false},
};

const struct odbc_dialect *odbc_dialect_find(const char *database)
{
    const struct odbc_dialect *dialect = dialects;
    while (strncasecmp(database, dialect->name, strlen(dialect->name)) != 0)
        dialect++;
    return dialect;
}

const struct odbc_driver *odbc_driver_find(const char *library)
{
    const char *slash = strrchr(library, '/'), *name = slash != NULL ? slash + 1 : library;
    const struct odbc_driver *driver = drivers;
    while (strncasecmp(name, driver->name, strlen(driver->name)) != 0)
        driver++;
    return driver;
}

enum odbc_paging odbc_paging_of(const char *word)
{
    return strcmp(word, "limit") == 0         ? ODBC_PAGING_LIMIT
           : strcmp(word, "top") == 0         ? ODBC_PAGING_TOP
           : strcmp(word, "fetch_first") == 0 ? ODBC_PAGING_FETCH_FIRST
                                              : ODBC_PAGING_NONE;
}

/* --- names --- */

static void append_quoted(const struct odbc_naming *naming, const char *name, size_t length, struct bus_buffer *sql)
{
    size_t quote_length = strlen(naming->quote);
    bus_buffer_append(sql, naming->quote, quote_length);
    for (size_t i = 0; i < length; i++) {
        if (quote_length == 1 && name[i] == naming->quote[0])
            bus_buffer_append(sql, naming->quote, 1);
        bus_buffer_u8(sql, (uint8_t)name[i]);
    }
    bus_buffer_append(sql, naming->quote, quote_length);
}

void odbc_sql_name(const struct odbc_naming *naming, const char *name, struct bus_buffer *sql)
{
    append_quoted(naming, name, strlen(name), sql);
}

/* A plain name as the database keeps it. */
static void append_folded(const struct odbc_naming *naming, const char *name, size_t length, struct bus_buffer *sql)
{
    char folded[256];
    if (length >= sizeof folded)
        length = sizeof folded - 1;
    for (size_t i = 0; i < length; i++) {
        bool is_upper = name[i] >= 'A' && name[i] <= 'Z', is_lower = name[i] >= 'a' && name[i] <= 'z';
        folded[i] = naming->folding == ODBC_NAMES_UPPER && is_lower   ? (char)(name[i] - 'a' + 'A')
                    : naming->folding == ODBC_NAMES_LOWER && is_upper ? (char)(name[i] - 'A' + 'a')
                                                                      : name[i];
    }
    append_quoted(naming, folded, length, sql);
}

void odbc_sql_table(const struct odbc_naming *naming, const char *table, struct bus_buffer *sql)
{
    for (const char *at = table;; at++) {
        bool is_quoted = *at == '"';
        const char *name = at + is_quoted;
        size_t length = strcspn(name, is_quoted ? "\"" : ".");
        if (is_quoted)
            append_quoted(naming, name, length, sql);
        else
            append_folded(naming, name, length, sql);
        at = name + length;
        at += is_quoted && *at == '"';
        if (*at != '.')
            return;
        bus_buffer_u8(sql, '.');
    }
}

/* --- questions --- */

static void append_range(const struct odbc_question *question, struct bus_buffer *sql)
{
    static const char *const operators[] = {
        [ODBC_MARKED] = " IS NOT NULL", [ODBC_FROM] = " >= ", [ODBC_AT] = " = ", [ODBC_AFTER] = " > "};
    bool has_where = question->where[0] != '\0';
    if (has_where)
        bus_buffer_printf(sql, " WHERE (%s)", question->where);
    if (question->range == ODBC_ALL)
        return;
    bus_buffer_printf(sql, has_where ? " AND " : " WHERE ");
    odbc_sql_name(question->naming, question->rising, sql);
    bus_buffer_printf(sql, "%s%s", operators[question->range], question->range == ODBC_MARKED ? "" : question->mark);
    if (question->range == ODBC_AT)
        return;
    bus_buffer_printf(sql, " ORDER BY ");
    odbc_sql_name(question->naming, question->rising, sql);
}

void odbc_sql_select(const struct odbc_question *question, struct bus_buffer *sql)
{
    bool has_page = question->page_rows > 0;
    bus_buffer_printf(sql, "SELECT ");
    if (has_page && question->paging == ODBC_PAGING_TOP)
        bus_buffer_printf(sql, "TOP (%lld) ", (long long)question->page_rows);
    for (size_t i = 0; i < question->column_count; i++) {
        bus_buffer_printf(sql, i > 0 ? ", " : "");
        odbc_sql_name(question->naming, question->columns[i], sql);
    }
    bus_buffer_printf(sql, " FROM %s", question->from);
    append_range(question, sql);
    if (has_page && question->paging == ODBC_PAGING_LIMIT)
        bus_buffer_printf(sql, " LIMIT %lld", (long long)question->page_rows);
    if (has_page && question->paging == ODBC_PAGING_FETCH_FIRST)
        bus_buffer_printf(sql, " FETCH FIRST %lld ROWS ONLY", (long long)question->page_rows);
}

void odbc_sql_look(const char *from, struct bus_buffer *sql)
{
    bus_buffer_printf(sql, "SELECT * FROM %s WHERE 1 = 0", from);
}
