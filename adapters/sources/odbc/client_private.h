/* The inside of the ODBC client that its files share. */
#ifndef ADAPTERS_SOURCES_ODBC_CLIENT_PRIVATE_H
#define ADAPTERS_SOURCES_ODBC_CLIENT_PRIVATE_H

#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>

#include "adapters/sources/odbc/client.h"
#include "adapters/sources/odbc/watch.h"

enum { ODBC_TABLE_COLUMNS_MAX = 1024 }; /* of a table that is looked at; a mapping names some of them */

struct odbc_client {
    const struct odbc_settings *settings;
    struct odbc_watch *watch;
    SQLHENV environment;
    SQLHDBC connection;
    SQLHSTMT statement;
    bool is_open;
    const struct odbc_driver *driver; /* NULL until the first connection has told which it is */
    struct odbc_naming naming;
    const struct odbc_dialect *dialect;

    struct odbc_column columns[ODBC_TABLE_COLUMNS_MAX];
    size_t column_count;
    struct bus_buffer row; /* the texts of the row at hand */
};

/* What went wrong with a handle, settled; RETRY also closes the connection. */
enum bus_status odbc_client_fail(struct odbc_client *client, SQLSMALLINT kind, SQLHANDLE handle, const char *what,
                                 struct bus_error *error);
/* Reads the columns of the answer at hand. */
BUS_MUST_CHECK enum bus_status odbc_client_describe(struct odbc_client *client, struct bus_error *error);

#endif
