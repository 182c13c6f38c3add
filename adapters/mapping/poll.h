/* Poll: how a feed's table is asked in a database, as the group `poll` of its mapping says. */
#ifndef ADAPTERS_MAPPING_POLL_H
#define ADAPTERS_MAPPING_POLL_H

#include "bus/settings.h"

extern const struct bus_option adapters_poll_options[];

enum adapters_poll_kind { ADAPTERS_POLL_NOTHING, ADAPTERS_POLL_TIMESTAMP, ADAPTERS_POLL_NUMBER };

/* Texts borrow from the mapping's settings. */
struct adapters_poll {
    enum adapters_poll_kind kind; /* NOTHING: no column rises, there are lists only */
    const char *column;           /* that rises with every change of a row */
    int64_t overlap;              /* seconds of a timestamp, units of a number: rows may be committed so late */
    int64_t every_seconds;
    int64_t list_every_hours; /* between two lists of the whole table; 0: only the first */
    int list_at_minute;       /* of the day in China, instead; -1: none is set */
    const char *where, *query;
    const char *accept_columns; /* digest of the columns' types that an operator has looked at */
};

/* Reads the group `poll` of a mapping; without it, lists only. FATAL with file and line. */
BUS_MUST_CHECK enum bus_status adapters_poll_read(const struct bus_settings_node *root, struct adapters_poll *out_poll,
                                                  struct bus_error *error);

#endif
