#include "adapters/sources/odbc/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { LONG_DIGITS = 6 };

static const char *const refused_login =
    "the database refuses the account or its password: correct odbc.connection or odbc.password_file; the process ends so that "
    "the account is not locked";

/* What a driver says with a general state at login, so that only its words tell. */
static const struct {
    const char *words;
    const char *state; /* stands for it */
} told_by_words[] = {
    {"password authentication failed", "28P01"},
    {"认证失败", "28P01"}, /* the same in Chinese */
    {"pg_hba.conf", "28000"},
    {"Access denied", "28000"},
};

/* What a state means. The first that fits counts; `native` 0 is any. */
static const struct meaning {
    const char *state; /* its beginning */
    int native;
    enum bus_status status;
    const char *advice;
} meanings[] = {
    /* The driver manager. */
    {"IM002", 0, BUS_FATAL,
     "neither the data source nor the driver of odbc.connection is known here: `odbcinst -q -d` lists the drivers; install "
     "the database's own (odbc-postgresql, odbc-mariadb, or the vendor's), or correct the name"},
    {"IM003", 0, BUS_FATAL, "the driver's library cannot be loaded: is it installed, for this processor?"},
    {"IM004", 0, BUS_FATAL, "the driver cannot start: run ldd on its library"},
    {"01000", 0, BUS_FATAL,
     "the driver's library cannot be opened: install the database's own driver, or name an installed one (`odbcinst -q -d`)"},
    {"HY024", 0, BUS_FATAL, "the driver does not take a setting of odbc.connection"},
    {"01S00", 0, BUS_FATAL, "the driver does not understand odbc.connection"},
    /* Login. */
    {"28", 0, BUS_FATAL, NULL}, /* refused_login */
    {"", 1045, BUS_FATAL, NULL},
    {"3D", 0, BUS_FATAL, "there is no such database: correct odbc.connection"},
    {"", 1049, BUS_FATAL, "there is no such database: correct odbc.connection"},
    {"", 1044, BUS_FATAL, "the account may not use this database: GRANT it"},
    /* Time. */
    {"HYT", 0, BUS_RETRY, "it took too long: is the rising column indexed? Else a larger odbc.query_timeout"},
    {"57014", 0, BUS_RETRY,
     "it took too long or was cancelled: is the rising column indexed? Else a larger query_timeout"},
    {"70100", 0, BUS_RETRY,
     "it took too long or was cancelled: is the rising column indexed? Else a larger query_timeout"},
    {"", 1317, BUS_RETRY,
     "it took too long or was cancelled: is the rising column indexed? Else a larger query_timeout"},
    {"", 1969, BUS_RETRY,
     "it took too long or was cancelled: is the rising column indexed? Else a larger query_timeout"},
    {"HY008", 0, BUS_RETRY, "it was cancelled"},
    /* The world. */
    {"08", 0, BUS_RETRY, "the database does not answer: is it up, is the network open?"},
    {"", 2002, BUS_RETRY, "the database does not answer: is it up, is the network open?"},
    {"", 2003, BUS_RETRY, "the database does not answer: is it up, is the network open?"},
    {"", 2006, BUS_RETRY, "the connection was lost"},
    {"", 2013, BUS_RETRY, "the connection was lost"},
    {"", 2026, BUS_RETRY, "the connection was lost, or its encryption failed"},
    {"", 1040, BUS_RETRY, "the database has no connection to spare"},
    {"53", 0, BUS_RETRY, "the database is short of resources"},
    {"57P", 0, BUS_RETRY, "the database is stopping or starting"},
    {"40", 0, BUS_RETRY, "the database gave the question up, such as for a deadlock"},
    {"55", 0, BUS_RETRY, "the table is locked"},
    /* This question. */
    {"42S02", 0, BUS_REJECT,
     "the table is not there, or the account may not see it: correct `table` of the mapping, or GRANT"},
    {"42P01", 0, BUS_REJECT,
     "the table is not there, or the account may not see it: correct `table` of the mapping, or GRANT"},
    {"", 1146, BUS_REJECT,
     "the table is not there, or the account may not see it: correct `table` of the mapping, or GRANT"},
    {"42S22", 0, BUS_REJECT, "a column is not there: was it renamed or dropped?"},
    {"42703", 0, BUS_REJECT, "a column is not there: was it renamed or dropped?"},
    {"42501", 0, BUS_REJECT, "the account may not read this: GRANT SELECT on it"},
    {"", 1142, BUS_REJECT, "the account may not read this: GRANT SELECT on it"},
    {"", 1143, BUS_REJECT, "the account may not read this: GRANT SELECT on it"},
    {"25006", 0, BUS_REJECT, "something in `where`, `query` or the view would write"},
    {"22", 0, BUS_REJECT, "a value of the table does not fit the question: look at `where`, `query` and the view"},
    {"42", 0, BUS_REJECT, "the database does not understand the question: look at `table`, `where` and `query`"},
    {"HYC00", 0, BUS_REJECT, "the driver cannot do this"},
    {"", 0, BUS_REJECT, "the database refuses the question"},
};

static const struct meaning *meaning_of(const struct odbc_message *message)
{
    const struct meaning *meaning = meanings;
    const char *state = message->state;
    for (size_t i = 0; strncmp(state, "08", 2) == 0 && i < sizeof told_by_words / sizeof told_by_words[0]; i++)
        if (strstr(message->text, told_by_words[i].words) != NULL)
            state = told_by_words[i].state;
    while (strncmp(state, meaning->state, strlen(meaning->state)) != 0 ||
           (meaning->native != 0 && meaning->native != message->native))
        meaning++;
    return meaning;
}

/* --- what nobody may read --- */

static void blank_out(char *from, size_t length)
{
    memset(from, '*', length);
}

static void clean_secret(char *text, const char *secret)
{
    size_t length = secret != NULL ? strlen(secret) : 0;
    for (char *at = text; length > 0 && (at = strstr(at, secret)) != NULL; at += length)
        blank_out(at, length);
}

/* Behind PWD= and its like, to the end of the value. */
static void clean_keyword(char *text, const char *keyword)
{
    for (char *at = text; (at = strcasestr(at, keyword)) != NULL;) {
        at += strlen(keyword);
        at += strspn(at, " ");
        if (*at != '=')
            continue;
        at += 1 + strspn(at + 1, " ");
        size_t length = *at == '{' ? strcspn(at, "}") : strcspn(at, ";");
        blank_out(at, length);
        at += length;
    }
}

void odbc_error_clean(char *text, const char *secret)
{
    clean_secret(text, secret);
    clean_keyword(text, "pwd");
    clean_keyword(text, "password");
    for (char *at = text; *at != '\0';) {
        size_t digits = strspn(at, "0123456789");
        if (digits >= LONG_DIGITS)
            memset(at, '9', digits);
        at += digits > 0 ? digits : 1;
    }
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == '"')
            *at = *at == '"' ? '\'' : ' ';
}

enum bus_status odbc_error_settle(const struct odbc_message *message, const char *what, const char *secret,
                                  struct bus_error *error)
{
    const struct meaning *meaning = meaning_of(message);
    char text[ODBC_MESSAGE_SIZE];
    snprintf(text, sizeof text, "%s", message->text);
    odbc_error_clean(text, secret);
    if (strncmp(message->state, "22", 2) == 0) /* such messages repeat the value */
        snprintf(text, sizeof text, "its message is withheld");
    bus_fail(error, meaning->status, "%s: %s (%s %d: %.160s)", what,
             meaning->advice != NULL ? meaning->advice : refused_login, message->state, message->native, text);
    snprintf(error->code, sizeof error->code, "ODBC_%s", message->state);
    return meaning->status;
}
