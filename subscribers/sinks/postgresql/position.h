/* PostgreSQL position: the table xinqiao_position, how far each partition is. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_POSITION_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_POSITION_H

#include "subscribers/engine/batch.h"
#include "subscribers/sinks/postgresql/client.h"

struct postgresql_positions {
    struct postgresql_client *client;
    const char *topic; /* borrowed */
    char *load_sql, *save_sql;
};

/* FATAL out of memory. Release whatever the status. */
BUS_MUST_CHECK enum bus_status postgresql_positions_init(struct postgresql_positions *positions,
                                                         struct postgresql_client *client, const char *topic,
                                                         const char *schema, struct bus_error *error);
void postgresql_positions_release(struct postgresql_positions *positions);

/* As a sink's load. */
BUS_MUST_CHECK enum bus_status postgresql_positions_load(const struct postgresql_positions *positions,
                                                         struct subscribers_position *position,
                                                         struct bus_error *error);
/* Inside the caller's transaction. FATAL when the stored position is not advance->from. */
BUS_MUST_CHECK enum bus_status postgresql_positions_save(const struct postgresql_positions *positions,
                                                         const struct subscribers_advance *advance,
                                                         struct bus_error *error);

#endif
