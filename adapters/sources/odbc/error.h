/* Error: what a driver's message means, what the operator can do, and the message without what nobody may read. */
#ifndef ADAPTERS_SOURCES_ODBC_ERROR_H
#define ADAPTERS_SOURCES_ODBC_ERROR_H

#include "bus/bytes.h"

enum { ODBC_STATE_SIZE = 6, ODBC_MESSAGE_SIZE = 512 };

/* One diagnostic record of a driver. */
struct odbc_message {
    char state[ODBC_STATE_SIZE];  /* SQLSTATE */
    int native;                   /* the database's own number */
    char text[ODBC_MESSAGE_SIZE]; /* UTF-8 */
};

/* Fills `error` with code ODBC_<state>, "<what>: <advice> (<message>)", and returns RETRY: away, overloaded, hanging, cancelled: ask
 * again; REJECT: this question only: a table, a column, a right, a value; FATAL: driver, login, configuration. `secret` (may be NULL or
 * "") and values of rows are taken out of the message. */
enum bus_status odbc_error_settle(const struct odbc_message *message, const char *what, const char *secret,
                                  struct bus_error *error);
/* Takes the secret, whatever stands behind a password's keyword, and long digits out of a text, in place. */
void odbc_error_clean(char *text, const char *secret);

#endif
