/* Schedule: when a whole table is compared. */
#ifndef ADAPTERS_SOURCES_ODBC_SCHEDULE_H
#define ADAPTERS_SOURCES_ODBC_SCHEDULE_H

#include "adapters/mapping/poll.h"

/* Whether it is time, the last list having been written at `listed_at_ms` (0: never). */
bool odbc_schedule_is_list_due(const struct adapters_poll *poll, int64_t listed_at_ms, int64_t now_ms);

#endif
