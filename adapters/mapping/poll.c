#include "adapters/mapping/poll.h"

#include <stdio.h>
#include <strings.h>

const struct bus_option adapters_poll_options[] = {
    {"column", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "column that rises with every change of a row; without it the whole table is compared at each list only"},
    {"kind", BUS_OPTION_TEXT, "timestamp", 0, 0, "timestamp|number", "what that column holds"},
    {"overlap_seconds", BUS_OPTION_INTEGER, "300", 0, 604800, NULL,
     "of a timestamp: how long a transaction of the department may take until it commits; so much is read again each time"},
    {"overlap", BUS_OPTION_INTEGER, "1000", 0, 1000000000, NULL,
     "of a number: so much below the last is read again each time"},
    {"every_seconds", BUS_OPTION_INTEGER, "10", 1, 86400, NULL, "seconds between two questions for changes"},
    {"list_every_hours", BUS_OPTION_INTEGER, "24", 0, 8784, NULL,
     "hours between two comparisons of the whole table, which find deleted rows; 0: only the first"},
    {"list_at", BUS_OPTION_TEXT, "", 0, 0, NULL, "HH:MM in China, instead: once a day at this time"},
    {"where", BUS_OPTION_TEXT, "", 0, 0, NULL, "SQL condition: only these rows"},
    {"query", BUS_OPTION_TEXT, "", 0, 0, NULL, "SELECT statement that stands for the table"},
    {"accept_columns", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "after a column was given another type: the eight digits that the adapter named, once the mapping was looked at"},
    {0},
};

static enum bus_status read_list_at(const struct bus_settings_node *group, struct adapters_poll *poll,
                                    struct bus_error *error)
{
    const char *text = bus_settings_text(group, adapters_poll_options, "list_at");
    unsigned hour, minute;
    int length = 0;
    poll->list_at_minute = -1;
    if (text[0] == '\0')
        return BUS_OK;
    if (sscanf(text, "%2u:%2u%n", &hour, &minute, &length) != 2 || length != 5 || text[length] != '\0' || hour > 23 ||
        minute > 59)
        return bus_settings_fail(bus_settings_child(group, "list_at"), error,
                                 "list_at is a time of day, such as 02:00");
    poll->list_at_minute = (int)(hour * 60 + minute);
    return BUS_OK;
}

/* What is asked is a question: nothing else may be written into a mapping. */
static enum bus_status check_query(const struct bus_settings_node *group, const struct adapters_poll *poll,
                                   struct bus_error *error)
{
    const char *query = poll->query;
    bool is_question = strncasecmp(query, "SELECT", 6) == 0 || strncasecmp(query, "WITH", 4) == 0;
    if (query[0] != '\0' && !is_question)
        return bus_settings_fail(bus_settings_child(group, "query"), error, "query is one SELECT statement");
    if (strchr(query, ';') != NULL || strchr(poll->where, ';') != NULL)
        return bus_settings_fail(group, error, "where and query hold no semicolon: they are part of one statement");
    return BUS_OK;
}

enum bus_status adapters_poll_read(const struct bus_settings_node *root, struct adapters_poll *out_poll,
                                   struct bus_error *error)
{
    const struct bus_option *options = adapters_poll_options;
    const struct bus_settings_node *group = bus_settings_child(root, "poll");
    *out_poll = (struct adapters_poll){.column = "",
                                       .where = "",
                                       .query = "",
                                       .accept_columns = "",
                                       .list_every_hours = 24,
                                       .list_at_minute = -1,
                                       .every_seconds = 10};
    if (group == NULL)
        return BUS_OK;
    enum bus_status status = bus_settings_check(group, options, error);
    if (status != BUS_OK)
        return status;
    struct adapters_poll *poll = out_poll;
    bool is_number = bus_settings_text(group, options, "kind")[0] == 'n';
    poll->column = bus_settings_text(group, options, "column");
    if (poll->column[0] != '\0')
        poll->kind = is_number ? ADAPTERS_POLL_NUMBER : ADAPTERS_POLL_TIMESTAMP;
    poll->overlap = bus_settings_integer(group, options, is_number ? "overlap" : "overlap_seconds");
    poll->every_seconds = bus_settings_integer(group, options, "every_seconds");
    poll->list_every_hours = bus_settings_integer(group, options, "list_every_hours");
    poll->where = bus_settings_text(group, options, "where");
    poll->query = bus_settings_text(group, options, "query");
    poll->accept_columns = bus_settings_text(group, options, "accept_columns");
    status = read_list_at(group, poll, error);
    return status == BUS_OK ? check_query(group, poll, error) : status;
}
