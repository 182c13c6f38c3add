/* Shelf: the tables of the subscriber that may name a subject, and the statements that find its records in them. Immutable. */
#ifndef SUBSCRIBERS_SERVE_SHELF_H
#define SUBSCRIBERS_SERVE_SHELF_H

#include "subscribers/serve/settings.h"
#include "subscribers/sinks/postgresql/table.h"

struct serve_table {
    const struct postgresql_table *table;
    /* Asks for the fixed columns, then the table's, as text, of what is not withdrawn; $1 is the subject identifier, $2 at most how many. */
    char *sql;
    /* CREATE INDEX …, so that the statement need not read the whole table. */
    char *index_sql;
};

struct serve_shelf {
    struct subscribers_catalogues *catalogues;
    const struct bus_catalogue *catalogue; /* the one in force */
    struct postgresql_tables *tables;
    struct serve_table *entries;
    size_t count;
};

/* FATAL with file and line, or out of memory. */
BUS_MUST_CHECK enum bus_status serve_shelf_create(const struct serve_settings *settings, struct serve_shelf **out_shelf,
                                                  struct bus_error *error);
void serve_shelf_destroy(struct serve_shelf *shelf);

#endif
