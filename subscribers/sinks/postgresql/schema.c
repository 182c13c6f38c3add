#include "subscribers/sinks/postgresql/schema.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_SQL_BYTES = 1024 * 1024 };

static enum bus_status run(struct postgresql_client *client, struct bus_buffer *sql, struct bus_error *error)
{
    bus_buffer_u8(sql, '\0');
    enum bus_status status = sql->failed ? bus_fail(error, BUS_FATAL, "out of memory for a statement")
                                         : postgresql_client_run(client, (const char *)sql->data, error);
    bus_buffer_reset(sql);
    return status;
}

static void append_name(struct bus_buffer *sql, const char *schema, const char *table)
{
    postgresql_append_identifier(sql, schema);
    bus_buffer_u8(sql, '.');
    postgresql_append_identifier(sql, table);
}

static void append_comment(struct bus_buffer *sql, const char *schema, const char *table, const char *column,
                           const char *doc)
{
    bus_buffer_printf(sql, "COMMENT ON COLUMN ");
    append_name(sql, schema, table);
    bus_buffer_u8(sql, '.');
    postgresql_append_identifier(sql, column);
    bus_buffer_printf(sql, " IS ");
    postgresql_append_literal(sql, doc);
    bus_buffer_printf(sql, ";\n");
}

static void append_create(struct bus_buffer *sql, const char *schema, const struct postgresql_table *table)
{
    bus_buffer_printf(sql, "CREATE TABLE ");
    append_name(sql, schema, table->name);
    bus_buffer_printf(sql, " (");
    for (size_t i = 0; i < POSTGRESQL_FIXED_COLUMNS; i++) {
        const struct postgresql_fixed *fixed = &postgresql_fixed_columns[i];
        bus_buffer_printf(sql, "%s %s %s, ", fixed->name, fixed->type, fixed->constraint);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        postgresql_append_identifier(sql, table->columns[i].name);
        bus_buffer_printf(sql, " %s, ", table->columns[i].type);
    }
    bus_buffer_printf(sql, "PRIMARY KEY (xq_record));\nCOMMENT ON TABLE ");
    append_name(sql, schema, table->name);
    bus_buffer_printf(sql, " IS ");
    char doc[512];
    snprintf(doc, sizeof doc, "%s / %s", table->item->name_zh, table->item->name_en);
    postgresql_append_literal(sql, doc);
    bus_buffer_printf(sql, ";\n");
    for (size_t i = 0; i < POSTGRESQL_FIXED_COLUMNS; i++)
        append_comment(sql, schema, table->name, postgresql_fixed_columns[i].name, postgresql_fixed_columns[i].doc);
    for (size_t i = 0; i < table->column_count; i++)
        append_comment(sql, schema, table->name, table->columns[i].name, table->columns[i].doc);
}

/* Type of the table's column in the database, or NULL when it has none of that name. */
static const char *existing_type(const struct postgresql_rows *rows, const char *name)
{
    for (size_t i = 0; i < postgresql_rows_count(rows); i++)
        if (strcmp(postgresql_rows_text_view(rows, i, 0), name) == 0)
            return postgresql_rows_text_view(rows, i, 1);
    return NULL;
}

static enum bus_status check_column(const struct postgresql_table *table, const char *name, const char *wanted,
                                    const char *found, struct bus_error *error)
{
    if (strcmp(wanted, found) == 0)
        return BUS_OK;
    return bus_fail(
        error, BUS_FATAL,
        "table %s has a column %s of type %s where %s is needed: rename the table or the column, or give the sink a "
        "schema of its own",
        table->name, name, found, wanted);
}

static void append_column(struct bus_buffer *sql, const char *schema, const struct postgresql_table *table,
                          const char *name, const char *type, const char *doc)
{
    bus_buffer_printf(sql, "ALTER TABLE ");
    append_name(sql, schema, table->name);
    bus_buffer_printf(sql, " ADD COLUMN ");
    postgresql_append_identifier(sql, name);
    bus_buffer_printf(sql, " %s;\n", type);
    append_comment(sql, schema, table->name, name, doc);
}

static enum bus_status append_missing(struct bus_buffer *sql, const char *schema, const struct postgresql_table *table,
                                      const struct postgresql_rows *rows, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < POSTGRESQL_FIXED_COLUMNS; i++) {
        const struct postgresql_fixed *fixed = &postgresql_fixed_columns[i];
        const char *found = existing_type(rows, fixed->name);
        if (found == NULL && fixed->constraint[0] == '\0')
            append_column(sql, schema, table, fixed->name, fixed->type, fixed->doc);
        else
            status = check_column(table, fixed->name, fixed->type, found != NULL ? found : "(missing)", error);
    }
    for (size_t i = 0; status == BUS_OK && i < table->column_count; i++) {
        const struct postgresql_column *column = &table->columns[i];
        const char *found = existing_type(rows, column->name);
        if (found == NULL)
            append_column(sql, schema, table, column->name, column->type, column->doc);
        else
            status = check_column(table, column->name, column->type, found, error);
    }
    return status;
}

/* The item's own name of a field that some version has, NULL when none has it. */
static const char *field_of_item(const struct bus_item *item, const char *name)
{
    for (size_t v = 0; v < item->version_count; v++) {
        const struct bus_schema *schema = item->versions[v].schema;
        int found = bus_schema_find(schema, name);
        if (found >= 0)
            return bus_schema_field(schema, (size_t)found)->name;
    }
    return NULL;
}

static bool is_granted(const struct postgresql_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return true;
    return false;
}

/* A field that was granted once must not keep its old value. Columns that are no field of the item are the receiver's own. */
static enum bus_status find_formers(struct postgresql_table *table, const struct postgresql_rows *rows,
                                    struct bus_error *error)
{
    free(table->formers);
    table->former_count = 0;
    table->formers = calloc(postgresql_rows_count(rows) + 1, sizeof *table->formers);
    if (table->formers == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < postgresql_rows_count(rows); i++) {
        const char *name = field_of_item(table->item, postgresql_rows_text_view(rows, i, 0));
        if (name != NULL && !is_granted(table, name))
            table->formers[table->former_count++] = name;
    }
    return BUS_OK;
}

static enum bus_status prepare_table(struct postgresql_client *client, const char *schema,
                                     struct postgresql_table *table, struct bus_buffer *sql, struct bus_error *error)
{
    static const char ask[] =
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = $1 AND relname = $2 AND attnum > 0 AND NOT attisdropped";
    const struct postgresql_parameter parameters[] = {{bus_bytes_text(schema), false},
                                                      {bus_bytes_text(table->name), false}};
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(client, ask, parameters, 2, &rows, error);
    if (status != BUS_OK)
        return status;
    if (postgresql_rows_count(rows) == 0)
        append_create(sql, schema, table);
    else
        status = append_missing(sql, schema, table, rows, error);
    if (status == BUS_OK)
        status = find_formers(table, rows, error);
    postgresql_rows_destroy(rows);
    return status == BUS_OK && sql->length > 0 ? run(client, sql, error) : status;
}

/* CREATE SCHEMA IF NOT EXISTS asks for a right that is not needed when it exists. */
static enum bus_status prepare_schema(struct postgresql_client *client, const char *schema, struct bus_buffer *sql,
                                      struct bus_error *error)
{
    const struct postgresql_parameter parameter = {bus_bytes_text(schema), false};
    struct postgresql_rows *rows;
    enum bus_status status =
        postgresql_client_ask(client, "SELECT 1 FROM pg_namespace WHERE nspname = $1", &parameter, 1, &rows, error);
    if (status != BUS_OK)
        return status;
    bool exists = postgresql_rows_count(rows) > 0;
    postgresql_rows_destroy(rows);
    if (exists)
        return BUS_OK;
    bus_buffer_printf(sql, "CREATE SCHEMA ");
    postgresql_append_identifier(sql, schema);
    return run(client, sql, error);
}

static enum bus_status prepare_own(struct postgresql_client *client, const char *schema, struct bus_buffer *sql,
                                   struct bus_error *error)
{
    bus_buffer_printf(sql, "CREATE TABLE IF NOT EXISTS ");
    append_name(sql, schema, "xinqiao_position");
    bus_buffer_printf(sql, " (topic text, partition integer, next_offset bigint NOT NULL, hash text NOT NULL, "
                           "log_size bigint NOT NULL, frontier bytea NOT NULL, book bytea NOT NULL, "
                           "changed_at timestamptz NOT NULL DEFAULT now(), sealed_at timestamptz, "
                           "PRIMARY KEY (topic, partition));\n"
                           "ALTER TABLE ");
    append_name(sql, schema, "xinqiao_position");
    bus_buffer_printf(sql, " ADD COLUMN IF NOT EXISTS sealed_at timestamptz;\nCREATE TABLE IF NOT EXISTS ");
    append_name(sql, schema, "xinqiao_resync");
    bus_buffer_printf(sql, " (topic text, partition integer, department text, item text, leaf bigint NOT NULL, "
                           "PRIMARY KEY (topic, partition, department, item));\n"
                           "CREATE TABLE IF NOT EXISTS ");
    append_name(sql, schema, "xinqiao_refused");
    bus_buffer_printf(sql, " (topic text, partition integer, leaf bigint, record bytea NOT NULL, "
                           "department text NOT NULL, item text NOT NULL, code text NOT NULL, reason text NOT NULL, "
                           "refused_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (topic, partition, leaf));\n"
                           "COMMENT ON TABLE ");
    append_name(sql, schema, "xinqiao_position");
    bus_buffer_printf(sql, " IS '已写入的位置、签章日志状态与对账，请勿修改 / how far the agent is; do not change';\n"
                           "COMMENT ON TABLE ");
    append_name(sql, schema, "xinqiao_resync");
    bus_buffer_printf(sql, " IS '进行中的全量同步，请勿修改 / resyncs under way; do not change';\n"
                           "COMMENT ON TABLE ");
    append_name(sql, schema, "xinqiao_refused");
    bus_buffer_printf(sql, " IS '数据库拒绝写入的投递及原因 / deliveries that the database refused, with the reason'");
    return run(client, sql, error);
}

enum bus_status postgresql_schema_prepare(struct postgresql_client *client, const char *schema,
                                          struct postgresql_table *tables, size_t count, struct bus_error *error)
{
    struct bus_buffer sql;
    bus_buffer_init(&sql, MAX_SQL_BYTES);
    enum bus_status status =
        postgresql_client_run(client, "BEGIN; SELECT pg_advisory_xact_lock(hashtext('xinqiao-agent'))", error);
    if (status == BUS_OK)
        status = prepare_schema(client, schema, &sql, error);
    if (status == BUS_OK)
        status = prepare_own(client, schema, &sql, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = prepare_table(client, schema, &tables[i], &sql, error);
    if (status == BUS_OK)
        status = postgresql_client_run(client, "COMMIT", error);
    if (status != BUS_OK)
        postgresql_client_rollback(client);
    bus_buffer_release(&sql);
    return status;
}
