/* ODBC settings: the group `odbc` of an adapter's configuration. */
#ifndef ADAPTERS_SOURCES_ODBC_SETTINGS_H
#define ADAPTERS_SOURCES_ODBC_SETTINGS_H

#include "bus/settings.h"

/* Ends with a NULL name; for docs/configuration.md. */
extern const struct bus_option adapters_odbc_options[];

enum { ODBC_PASSWORD_SIZE = 256 };

/* Texts borrow from the settings; the password is wiped by odbc_settings_release. */
struct odbc_settings {
    const char *connection, *password_keyword, *paging;
    char password[ODBC_PASSWORD_SIZE]; /* "" when the account has none */
    const struct bus_settings_node *session;
    int64_t login_timeout_ms, query_timeout_ms, page_rows;
};

/* FATAL with file and line: also a connection string with a password in it, without driver or data source, or a password file that is
 * open to others. */
BUS_MUST_CHECK enum bus_status odbc_settings_read(const struct bus_settings *file,
                                                  const struct bus_settings_node *group,
                                                  struct odbc_settings *out_settings, struct bus_error *error);
void odbc_settings_release(struct odbc_settings *settings);

#endif
