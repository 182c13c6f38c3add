#include "subscribers/serve/shelf.h"

#include <stdlib.h>

enum { MAX_SQL = 64 * 1024 };

/* A time as the answer has it. */
#define TIME_FORMAT "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'"

/* How each fixed column is asked for. */
static const char *const fixed_texts[POSTGRESQL_FIXED_COLUMNS] = {
    [POSTGRESQL_RECORD] = "encode(xq_record, 'hex')",
    [POSTGRESQL_FLAGS] = "array_to_string(xq_flags, ' ')",
    [POSTGRESQL_DELIVERED_AT] = "to_char(xq_delivered_at AT TIME ZONE 'UTC', " TIME_FORMAT ")",
};

static const struct postgresql_column *find_column(const struct postgresql_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}

static void append_column(struct bus_buffer *sql, const struct postgresql_column *column)
{
    const char *before = "", *after = "::text";
    if (strcmp(column->type, "bytea") == 0) {
        before = "encode(";
        after = ", 'hex')";
    } else if (strcmp(column->type, "date") == 0) {
        before = "to_char(";
        after = ", 'YYYY-MM-DD')";
    } else if (strcmp(column->type, "timestamp with time zone") == 0) {
        before = "to_char(";
        after = " AT TIME ZONE 'UTC', " TIME_FORMAT ")";
    }
    bus_buffer_printf(sql, ", %s", before);
    postgresql_append_identifier(sql, column->name);
    bus_buffer_printf(sql, "%s", after);
}

static void append_table(struct bus_buffer *sql, const char *schema, const struct postgresql_table *table)
{
    postgresql_append_identifier(sql, schema);
    bus_buffer_u8(sql, '.');
    postgresql_append_identifier(sql, table->name);
}

/* By subject_id where it is granted: a record about a person may hold the credit code of an employer, and is not about that. */
static void append_condition(struct bus_buffer *sql, const struct postgresql_table *table)
{
    if (find_column(table, "subject_id") != NULL)
        bus_buffer_printf(sql, "subject_id = $1");
    else
        bus_buffer_printf(sql, "substr(credit_code, 9, 9) = $1");
}

static char *take_text(struct bus_buffer *sql)
{
    bus_buffer_u8(sql, '\0');
    char *text = sql->failed ? NULL : strdup((const char *)sql->data);
    bus_buffer_reset(sql);
    return text;
}

static bool make_statements(struct bus_buffer *sql, const char *schema, struct serve_table *entry)
{
    const struct postgresql_table *table = entry->table;
    bus_buffer_printf(sql, "SELECT ");
    for (int i = 0; i < POSTGRESQL_FIXED_COLUMNS; i++)
        bus_buffer_printf(sql, "%s%s", i > 0 ? ", " : "",
                          fixed_texts[i] != NULL ? fixed_texts[i] : postgresql_fixed_columns[i].name);
    for (size_t i = 0; i < table->column_count; i++)
        append_column(sql, &table->columns[i]);
    bus_buffer_printf(sql, " FROM ");
    append_table(sql, schema, table);
    bus_buffer_printf(sql, " WHERE ");
    append_condition(sql, table);
    bus_buffer_printf(sql,
                      " AND NOT xq_withdrawn ORDER BY xq_department, xq_delivered_at DESC, xq_record LIMIT $2::bigint");
    entry->sql = take_text(sql);

    bus_buffer_printf(sql, "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"xq_subject_%.50s\" ON ", table->name);
    append_table(sql, schema, table);
    bus_buffer_printf(sql, find_column(table, "subject_id") != NULL ? " (subject_id)" : " (substr(credit_code, 9, 9))");
    entry->index_sql = take_text(sql);
    return entry->sql != NULL && entry->index_sql != NULL;
}

static bool names_subject(const struct postgresql_table *table)
{
    const struct postgresql_column *subject = find_column(table, "subject_id"),
                                   *code = find_column(table, "credit_code");
    return (subject != NULL && strcmp(subject->type, "text") == 0) || (code != NULL && strcmp(code->type, "text") == 0);
}

static bool fill_entries(struct serve_shelf *shelf, const char *schema)
{
    struct bus_buffer sql;
    size_t most = postgresql_tables_count(shelf->tables);
    shelf->entries = calloc(most + 1, sizeof *shelf->entries);
    if (shelf->entries == NULL)
        return false;
    bus_buffer_init(&sql, MAX_SQL);
    bool good = true;
    for (size_t i = 0; good && i < most; i++) {
        const struct postgresql_table *table = postgresql_tables_at(shelf->tables, i);
        if (!names_subject(table))
            continue;
        struct serve_table *entry = &shelf->entries[shelf->count++];
        entry->table = table;
        good = make_statements(&sql, schema, entry);
    }
    bus_buffer_release(&sql);
    return good;
}

enum bus_status serve_shelf_create(const struct serve_settings *settings, struct serve_shelf **out_shelf,
                                   struct bus_error *error)
{
    struct serve_shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = subscribers_catalogues_open(settings->agent->catalogue_path, settings->agent->subscriber,
                                                         &shelf->catalogues, error);
    if (status == BUS_OK)
        status = postgresql_tables_create(shelf->catalogues, settings->schema, true, &shelf->tables, error);
    if (status == BUS_OK) {
        shelf->catalogue = subscribers_catalogues_at(shelf->catalogues, 0);
        if (!fill_entries(shelf, settings->schema))
            status = bus_fail(error, BUS_FATAL, "out of memory for the statements");
    }
    if (status == BUS_OK)
        *out_shelf = shelf;
    else
        serve_shelf_destroy(shelf);
    return status;
}

void serve_shelf_destroy(struct serve_shelf *shelf)
{
    if (shelf == NULL)
        return;
    for (size_t i = 0; i < shelf->count; i++) {
        free(shelf->entries[i].sql);
        free(shelf->entries[i].index_sql);
    }
    free(shelf->entries);
    postgresql_tables_destroy(shelf->tables);
    subscribers_catalogues_close(shelf->catalogues);
    free(shelf);
}
