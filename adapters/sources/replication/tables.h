/* Replication tables: what the tables of the feeds look like at the source, and whether that is what their mappings stand on.
 *
 * A table's signature is its number, its replica identity and name, type, modifier and key of every column that is mapped. What differs from
 * the signature of the snapshot stops the adapter before anything wrong is published. */
#ifndef ADAPTERS_SOURCES_REPLICATION_TABLES_H
#define ADAPTERS_SOURCES_REPLICATION_TABLES_H

#include "adapters/engine/feeds.h"
#include "adapters/sources/replication/client.h"
#include "adapters/sources/replication/pgoutput.h"
#include "adapters/sources/replication/position.h"

enum { REPLICATION_NAME_SIZE = 64, REPLICATION_KEYS_MAX = 32, REPLICATION_TABLES_LIMIT = 4 * 1024 * 1024 };

struct replication_column {
    char name[REPLICATION_NAME_SIZE]; /* as the source writes it */
    uint32_t type;
    int32_t modifier;
    bool is_key;  /* part of the replica identity */
    size_t place; /* in the mapping */
};

struct replication_table {
    char schema[REPLICATION_NAME_SIZE], name[REPLICATION_NAME_SIZE];
    uint32_t relation;
    char identity;                      /* pg_class.relreplident */
    char *row_filter;                   /* SQL of the publication's WHERE, NULL: none */
    struct replication_column *columns; /* those that are mapped and there */
    size_t column_count;

    /* Of the stream: for each column of a tuple its place in `columns`, or -1. */
    bool is_bound;
    size_t tuple_count;
    int bound[ADAPTERS_PGOUTPUT_COLUMNS_MAX];
    size_t key_count; /* columns of the replica identity, mapped or not, by which a row is found again */
    struct {
        size_t index; /* in a tuple */
        char name[REPLICATION_NAME_SIZE];
    } keys[REPLICATION_KEYS_MAX];
};

/* One for each feed, under its number. */
struct replication_tables {
    const struct adapters_feeds *feeds;
    struct replication_table *tables;
};

/* Reads the names from the mappings. FATAL: a feed of another format, two feeds of one table. */
BUS_MUST_CHECK enum bus_status replication_tables_init(struct replication_tables *tables,
                                                       const struct adapters_feeds *feeds, struct bus_error *error);
void replication_tables_release(struct replication_tables *tables);

/* Reads what the tables look like, and holds it against mappings and publication. FATAL with what to do: no such table or column, a
 * column that no mapping knows or of a type that no mapping can read, a table that the publication lacks, a key that
 * deletions do not tell, rights that are missing. */
BUS_MUST_CHECK enum bus_status replication_tables_inspect(struct replication_tables *tables,
                                                          struct replication_client *client, const char *publication,
                                                          struct bus_error *error);

/* Appends the signature of one table: one line of text, ended by a line feed. */
void replication_tables_write(const struct replication_tables *tables, size_t feed, struct bus_buffer *buffer);
/* Digest of all signatures. */
BUS_MUST_CHECK enum bus_status replication_tables_digest(const struct replication_tables *tables,
                                                         uint8_t out_digest[REPLICATION_TABLES_DIGEST],
                                                         struct bus_error *error);
/* Holds the tables against the signatures of the snapshot, as written. OK with *out_new: a feed is not in it. FATAL: which table differs,
 * in what, and what to do. */
BUS_MUST_CHECK enum bus_status replication_tables_compare(const struct replication_tables *tables,
                                                          struct bus_bytes signatures, bool *out_new,
                                                          struct bus_error *error);

/* The table of a relation number; its number in *out_feed. NULL: of no feed. */
struct replication_table *replication_tables_find(const struct replication_tables *tables, uint32_t relation,
                                                  size_t *out_feed);
/* Takes the description of a table that the stream gives. FATAL as compare, also when a table of a feed was renamed or made anew. */
BUS_MUST_CHECK enum bus_status replication_tables_bind(struct replication_tables *tables,
                                                       const struct adapters_pgoutput_message *message,
                                                       struct bus_error *error);

/* Appends SELECT of the mapped columns FROM the table. */
void replication_table_append_select(const struct replication_table *table, struct bus_buffer *sql);

#endif
