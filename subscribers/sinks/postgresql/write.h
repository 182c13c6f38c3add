/* PostgreSQL write: folded deliveries into the tables, inside the caller's transaction. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_WRITE_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_WRITE_H

#include "subscribers/sinks/postgresql/fold.h"
#include "subscribers/sinks/postgresql/resync.h"

struct postgresql_writer {
    struct postgresql_client *client;
    struct postgresql_tables *tables;
    struct postgresql_resync resync;
    struct bus_buffer buffer;
};

/* Writes deliveries [0, count), without those refused. `again`: the staging tables may hold rows of an earlier write of this
 * transaction. REJECT: the database refuses one of the rows. RETRY, FATAL as the client. */
BUS_MUST_CHECK enum bus_status postgresql_write(struct postgresql_writer *writer,
                                                const struct subscribers_delivery *deliveries, size_t count, bool again,
                                                struct bus_error *error);
/* To be called after every rollback, also to a savepoint: staging tables made since are gone. */
void postgresql_write_forget(struct postgresql_writer *writer);

#endif
