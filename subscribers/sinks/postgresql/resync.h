/* PostgreSQL resync: what RESYNC_BEGIN and RESYNC_END do, inside the caller's transaction.
 *
 * The table xinqiao_resync holds the leaf at which the resync of an item began in a partition. The end removes from the item's table what
 * came from this partition and department and has not been named since. So a resync goes on after any crash, and what the transaction
 * takes back is taken back here as well. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_RESYNC_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_RESYNC_H

#include "subscribers/engine/delivery.h"
#include "subscribers/sinks/postgresql/table.h"

struct postgresql_resync {
    struct postgresql_client *client;
    const char *topic; /* borrowed */
    bool marks;        /* as the tables */
    char *begin_sql, *end_sql;
};

/* FATAL out of memory. Release whatever the status. */
BUS_MUST_CHECK enum bus_status postgresql_resync_init(struct postgresql_resync *resync,
                                                      struct postgresql_client *client, const char *topic,
                                                      const char *schema, bool marks, struct bus_error *error);
void postgresql_resync_release(struct postgresql_resync *resync);

/* Applies a marker; `table` is its item's. What lies before it must have been written. An end without a begin (the agent was installed in
 * between) removes nothing. RETRY, REJECT, FATAL as the client. */
BUS_MUST_CHECK enum bus_status postgresql_resync_apply(const struct postgresql_resync *resync,
                                                       const struct subscribers_delivery *marker,
                                                       const struct postgresql_table *table, struct bus_error *error);

#endif
