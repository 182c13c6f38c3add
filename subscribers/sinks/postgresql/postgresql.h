/* PostgreSQL sink: one table an item, rows and position in one database transaction.
 *
 * Tables, columns and comments come from the views of the subscriber's grants (docs/formats.md); a view that gains fields adds
 * nullable columns. A row is what its record is now: PUT writes it, STATUS changes its status and flags, WITHDRAW deletes or marks
 * it; an older version changes nothing. The table xinqiao_position holds offsets, log states and books; xinqiao_refused what the
 * database would not take. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_H

#include "subscribers/sinks/sink.h"

extern const struct subscribers_sink subscribers_postgresql;

#endif
