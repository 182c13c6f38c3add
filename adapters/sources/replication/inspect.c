/* What the tables of the feeds look like at the source now, held against mappings and publication. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "adapters/sources/replication/tables.h"

/* Types whose text a mapping can read; enumerations are besides. */
static const char *const readable[] = {
    "bool",   "int2", "int4", "int8", "numeric",   "float4",      "float8", "text", "varchar",
    "bpchar", "name", "char", "date", "timestamp", "timestamptz", "time",   "uuid",
};

/* One row of the question about columns. */
enum column_answer {
    COLUMN_NAME,
    COLUMN_TYPE,
    COLUMN_MODIFIER,
    COLUMN_WORDS,
    COLUMN_BASE,
    COLUMN_KIND,
    COLUMN_KEY,
    COLUMN_MADE
};

static const char columns_sql[] =
    "SELECT a.attname, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typname, b.typtype,"
    " coalesce(c.relreplident = 'f' OR a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]), false)::int,"
    " (a.attgenerated <> '')::int"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END"
    " LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND"
    " CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END"
    " WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

struct inspection {
    struct replication_tables *tables;
    struct replication_client *client;
    const char *publication;
    size_t feed;
    struct replication_table *table;
    const struct adapters_layout *layout;
};

static enum bus_status ask(const struct inspection *inspection, const char *sql, const char *first, const char *second,
                           struct replication_rows **out_rows, struct bus_error *error)
{
    const char *parameters[] = {first, second, inspection->publication};
    int count = strstr(sql, "$3") != NULL ? 3 : strstr(sql, "$2") != NULL ? 2 : 1;
    return replication_client_ask(inspection->client, sql, parameters, count, out_rows, error);
}

static enum bus_status complain(const struct inspection *inspection, struct bus_error *error, const char *what,
                                const char *column, const char *advice)
{
    const struct replication_table *table = inspection->table;
    return bus_fail(error, BUS_FATAL, "feed %s: table %s.%s: %s%s%s; %s",
                    adapters_mapping_feed_view(inspection->tables->feeds->mappings[inspection->feed]), table->schema,
                    table->name, what, column[0] != '\0' ? " " : "", column, advice);
}

/* --- the table --- */

static enum bus_status inspect_table(struct inspection *inspection, struct bus_error *error)
{
    struct replication_table *table = inspection->table;
    struct replication_rows *rows = NULL;
    enum bus_status status =
        ask(inspection,
            "SELECT c.oid, c.relreplident, c.relkind, pg_catalog.has_table_privilege(c.oid, 'SELECT')::int,"
            " current_user FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = $1 AND c.relname = $2",
            table->schema, table->name, &rows, error);
    if (status != BUS_OK)
        return status;
    char advice[BUS_ERROR_TEXT_SIZE];
    if (replication_rows_count(rows) == 0) {
        status = complain(inspection, error, "there is no such table", "", "correct `table` in the mapping");
    } else if (strchr("rp", replication_rows_text_view(rows, 0, 2)[0]) == NULL) {
        status = complain(inspection, error, "it is no table", "",
                          "views and foreign tables are not replicated: take them by ODBC");
    } else if (strcmp(replication_rows_text_view(rows, 0, 3), "1") != 0) {
        snprintf(advice, sizeof advice, "GRANT SELECT ON \"%s\".\"%s\" TO \"%s\"", table->schema, table->name,
                 replication_rows_text_view(rows, 0, 4));
        status = complain(inspection, error, "it may not be read; let the database's owner run", "", advice);
    } else {
        table->relation = (uint32_t)strtoul(replication_rows_text_view(rows, 0, 0), NULL, 10);
        table->identity = replication_rows_text_view(rows, 0, 1)[0];
    }
    replication_rows_destroy(rows);
    return status;
}

/* --- the publication --- */

/* The names of the columns that are published, in braces as PostgreSQL writes an array; NULL: all. */
static enum bus_status inspect_publication(struct inspection *inspection, struct replication_rows **out_columns,
                                           struct bus_error *error)
{
    struct replication_table *table = inspection->table;
    struct replication_rows *rows = NULL;
    bool tells_columns = replication_client_server_version(inspection->client) >= 15;
    const char *sql =
        tells_columns
            ? "SELECT rowfilter FROM pg_catalog.pg_publication_tables WHERE schemaname = $1 AND tablename = $2 AND "
              "pubname = $3"
            : "SELECT NULL FROM pg_catalog.pg_publication_tables WHERE schemaname = $1 AND tablename = $2 AND "
              "pubname = $3";
    enum bus_status status = ask(inspection, sql, table->schema, table->name, &rows, error);
    if (status != BUS_OK)
        return status;
    free(table->row_filter);
    table->row_filter = NULL;
    char advice[BUS_ERROR_TEXT_SIZE];
    snprintf(advice, sizeof advice, "ALTER PUBLICATION \"%s\" ADD TABLE \"%s\".\"%s\"", inspection->publication,
             table->schema, table->name);
    if (replication_rows_count(rows) == 0)
        status = complain(inspection, error, "it is not published; let the database's owner run", "", advice);
    else if (!replication_rows_is_null(rows, 0, 0) &&
             (table->row_filter = strdup(replication_rows_text_view(rows, 0, 0))) == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    replication_rows_destroy(rows);
    if (status == BUS_OK && tells_columns)
        status = ask(inspection,
                     "SELECT unnest(attnames) FROM pg_catalog.pg_publication_tables WHERE schemaname = $1 AND "
                     "tablename = $2 AND pubname = $3",
                     table->schema, table->name, out_columns, error);
    return status;
}

static bool is_published(const struct replication_rows *published, const char *name)
{
    for (size_t i = 0; published != NULL && i < replication_rows_count(published); i++)
        if (strcmp(replication_rows_text_view(published, i, 0), name) == 0)
            return true;
    return published == NULL;
}

/* --- the columns --- */

static bool is_readable(const struct replication_rows *rows, size_t row)
{
    const char *base = replication_rows_text_view(rows, row, COLUMN_BASE);
    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
        if (strcmp(base, readable[i]) == 0)
            return true;
    return replication_rows_text_view(rows, row, COLUMN_KIND)[0] == 'e';
}

static int find_place(const struct inspection *inspection, const char *name)
{
    for (size_t i = 0; i < inspection->layout->column_count; i++)
        if (strcasecmp(inspection->layout->columns[i], name) == 0)
            return (int)i;
    return -1;
}

static bool is_ignored(const struct inspection *inspection, const char *name)
{
    for (size_t i = 0; i < inspection->layout->ignored_count; i++)
        if (strcasecmp(inspection->layout->ignored[i], name) == 0)
            return true;
    return false;
}

static enum bus_status take_column(struct inspection *inspection, const struct replication_rows *rows, size_t row,
                                   const struct replication_rows *published, struct bus_error *error)
{
    const char *name = replication_rows_text_view(rows, row, COLUMN_NAME);
    struct replication_table *table = inspection->table;
    int place = find_place(inspection, name);
    bool is_made = strcmp(replication_rows_text_view(rows, row, COLUMN_MADE), "1") == 0;
    bool is_sent = is_published(published, name) && !is_made;
    char what[BUS_ERROR_TEXT_SIZE];
    if (place < 0 && is_sent && !is_ignored(inspection, name))
        return complain(inspection, error, "the mapping does not know column", name,
                        "name it in `columns` and use it, or in `ignored`, or leave it out of the publication");
    if (place < 0)
        return BUS_OK;
    if (!is_sent)
        return complain(inspection, error,
                        is_made ? "a generated column is never published:" : "not published is column", name,
                        "add it to the publication, or take it out of the mapping");
    snprintf(what, sizeof what, "no mapping can read type %s of column",
             replication_rows_text_view(rows, row, COLUMN_WORDS));
    if (!is_readable(rows, row))
        return complain(inspection, error, what, name, "name it in `ignored` instead of `columns`");
    struct replication_column *column = &table->columns[table->column_count++];
    *column = (struct replication_column){
        .type = (uint32_t)strtoul(replication_rows_text_view(rows, row, COLUMN_TYPE), NULL, 10),
        .modifier = (int32_t)strtol(replication_rows_text_view(rows, row, COLUMN_MODIFIER), NULL, 10),
        .is_key = strcmp(replication_rows_text_view(rows, row, COLUMN_KEY), "1") == 0,
        .place = (size_t)place,
    };
    snprintf(column->name, sizeof column->name, "%s", name);
    return BUS_OK;
}

static const struct replication_column *column_at(const struct replication_table *table, size_t place)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].place == place)
            return &table->columns[i];
    return NULL;
}

/* Every column that must be there is, and those that make the record key come with every deletion. */
static enum bus_status check_columns(const struct inspection *inspection, struct bus_error *error)
{
    const struct replication_table *table = inspection->table;
    bool needed[ADAPTERS_COLUMNS_MAX];
    char advice[BUS_ERROR_TEXT_SIZE];
    adapters_mapping_key_columns(inspection->tables->feeds->mappings[inspection->feed], needed);
    snprintf(advice, sizeof advice,
             "a deletion would not tell its record: let the database's owner run ALTER TABLE \"%s\".\"%s\" REPLICA "
             "IDENTITY FULL, or USING INDEX a unique one that has this column",
             table->schema, table->name);
    for (size_t i = 0; i < inspection->layout->column_count; i++) {
        const struct replication_column *column = column_at(table, i);
        if (column == NULL && !inspection->layout->is_optional[i])
            return complain(inspection, error, "there is no column", inspection->layout->columns[i],
                            "correct `columns` in the mapping, or name it in `optional`");
        if (column != NULL && needed[i] && !column->is_key)
            return complain(inspection, error, "its replica identity lacks column", column->name, advice);
    }
    return BUS_OK;
}

static enum bus_status inspect_columns(struct inspection *inspection, const struct replication_rows *published,
                                       struct bus_error *error)
{
    char relation[16];
    struct replication_rows *rows = NULL;
    snprintf(relation, sizeof relation, "%u", inspection->table->relation);
    enum bus_status status = ask(inspection, columns_sql, relation, NULL, &rows, error);
    if (status != BUS_OK)
        return status;
    inspection->table->column_count = 0;
    for (size_t i = 0; status == BUS_OK && i < replication_rows_count(rows); i++) {
        if (inspection->table->column_count == ADAPTERS_COLUMNS_MAX)
            status = complain(inspection, error, "it has too many columns", "", "publish fewer of them");
        else
            status = take_column(inspection, rows, i, published, error);
    }
    replication_rows_destroy(rows);
    return status == BUS_OK ? check_columns(inspection, error) : status;
}

enum bus_status replication_tables_inspect(struct replication_tables *tables, struct replication_client *client,
                                           const char *publication, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < tables->feeds->count; i++) {
        struct inspection inspection = {
            .tables = tables,
            .client = client,
            .publication = publication,
            .feed = i,
            .table = &tables->tables[i],
            .layout = adapters_mapping_layout(tables->feeds->mappings[i]),
        };
        struct replication_rows *published = NULL;
        inspection.table->is_bound = false;
        status = inspect_table(&inspection, error);
        if (status == BUS_OK)
            status = inspect_publication(&inspection, &published, error);
        if (status == BUS_OK)
            status = inspect_columns(&inspection, published, error);
        replication_rows_destroy(published);
    }
    return status;
}
