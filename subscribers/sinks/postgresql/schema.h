/* PostgreSQL schema: brings the database to what the tables need, and never further: it adds, it does not change or drop. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_SCHEMA_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_SCHEMA_H

#include "subscribers/sinks/postgresql/table.h"

/* In one transaction, under a lock that other agents of the same database respect. As postgresql_tables_prepare. */
BUS_MUST_CHECK enum bus_status postgresql_schema_prepare(struct postgresql_client *client, const char *schema,
                                                         struct postgresql_table *tables, size_t count,
                                                         struct bus_error *error);

#endif
