/* PostgreSQL statement: the SQL texts that a table is written with. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_STATEMENT_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_STATEMENT_H

#include "subscribers/sinks/postgresql/table.h"

/* Makes table->sql anew, for what the table's columns are now. `marks`: what goes is marked, not deleted. False when out of memory. */
BUS_MUST_CHECK bool postgresql_statements_make(struct postgresql_table *table, const char *schema, bool marks);
void postgresql_statements_release(struct postgresql_statements *statements);

#endif
