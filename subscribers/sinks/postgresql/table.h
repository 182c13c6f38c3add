/* PostgreSQL table: the shape of the tables that hold a subscriber's items, and how they come to be.
 *
 * Table = the item's name with '_' for '.' and '-'; when departments have items of one name and different schemas, the department
 * stands in front (traffic_violation_decision). Columns: those of xq_…, then the fields of all views of the item, in order. A column whose
 * field is granted no more stays, and every PUT empties it. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_TABLE_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_TABLE_H

#include "subscribers/engine/catalogues.h"
#include "subscribers/sinks/postgresql/client.h"
#include "subscribers/sinks/postgresql/row.h"

enum { POSTGRESQL_NAME_SIZE = 64 }; /* an identifier of PostgreSQL and its terminator */

/* The columns that every item's table begins with, in this order. */
enum postgresql_fixed_column {
    POSTGRESQL_RECORD, /* primary key */
    POSTGRESQL_VERSION,
    POSTGRESQL_STATUS, /* reason of the last PUT, WITHDRAW or STATUS */
    POSTGRESQL_WITHDRAWN,
    POSTGRESQL_FLAGS,
    POSTGRESQL_GRANT,
    POSTGRESQL_PURPOSE,
    POSTGRESQL_LEGAL_BASIS,
    POSTGRESQL_CATALOGUE,
    POSTGRESQL_DEPARTMENT,
    POSTGRESQL_PARTITION,
    POSTGRESQL_LEAF,
    POSTGRESQL_DELIVERED_AT,
    POSTGRESQL_FIXED_COLUMNS,
};

struct postgresql_fixed {
    const char *name, *type;
    const char *constraint; /* "": may be null, and may be added to a table that was made without it */
    const char *doc;
};
extern const struct postgresql_fixed postgresql_fixed_columns[POSTGRESQL_FIXED_COLUMNS];

struct postgresql_column {
    const char *name; /* of the field */
    const char *doc;
    char type[POSTGRESQL_TYPE_SIZE];
    const struct bus_schema_type *value_type;
};

/* Texts; made by postgresql_statements_make. */
struct postgresql_statements {
    char *stage;    /* makes the staging table */
    char *clear;    /* empties it */
    char *copy;     /* rows into it */
    char *upsert;   /* from there into the table */
    char *withdraw; /* deletes or marks; from xq_change where target = 2 * number */
    char *status;   /* from xq_change where target = 2 * number + 1 */
    char *sweep;    /* deletes or marks what a resync did not name; takes parameters */
};

struct postgresql_table {
    size_t number; /* its place among the tables */
    char name[POSTGRESQL_NAME_SIZE];
    const struct bus_item *item;
    struct postgresql_column *columns; /* of fields, without the fixed ones */
    size_t column_count;
    const char **formers; /* columns that the database has for fields of the item that no view has any more */
    size_t former_count;
    struct postgresql_statements sql;
    uint64_t staged_generation; /* of the connection on which the staging table was made */
};

/* Where the fields of one view stand in its table. */
struct postgresql_view {
    const struct bus_view *view;
    struct postgresql_table *table;
    int *field_of_column; /* index among the view's fields, or -1: null */
};

struct postgresql_tables;

/* All tables of the subscriber in `schema`, for the views of all its catalogues; they stay good as long as those. `marks`: what goes is
 * marked, not deleted. FATAL: two views disagree about a column, a name is too long, out of memory. */
BUS_MUST_CHECK enum bus_status postgresql_tables_create(const struct subscribers_catalogues *catalogues,
                                                        const char *schema, bool marks,
                                                        struct postgresql_tables **out_tables, struct bus_error *error);
void postgresql_tables_destroy(struct postgresql_tables *tables);
size_t postgresql_tables_count(const struct postgresql_tables *tables);
struct postgresql_table *postgresql_tables_at(struct postgresql_tables *tables, size_t index);
/* NULL when the view is not the subscriber's. */
const struct postgresql_view *postgresql_tables_find(const struct postgresql_tables *tables,
                                                     const struct bus_view *view);

/* Makes what is missing in the database: schema, tables, columns, comments; xinqiao_position, xinqiao_resync and xinqiao_refused; and
 * finds the former columns. To be called before anything is written. FATAL: a table of that name has a column of another type. */
BUS_MUST_CHECK enum bus_status postgresql_tables_prepare(struct postgresql_tables *tables,
                                                         struct postgresql_client *client, struct bus_error *error);

#endif
