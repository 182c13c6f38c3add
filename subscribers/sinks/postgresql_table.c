#include "subscribers/sinks/postgresql_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "subscribers/engine/delivery.h"
#include "subscribers/sinks/postgresql_schema.h"

enum { MAX_SQL_BYTES = 1024 * 1024 };

struct postgresql_tables {
    char schema[POSTGRESQL_NAME_SIZE];
    struct postgresql_table *tables;
    size_t count;
    struct postgresql_view *views;
    size_t view_count;
};

const struct postgresql_fixed postgresql_fixed_columns[POSTGRESQL_FIXED_COLUMNS] = {
    {"xq_record", "bytea", "NOT NULL", "记录标识 / record identity"},
    {"xq_version", "bigint", "NOT NULL", "记录版本 / version of the record"},
    {"xq_status", "text", "NOT NULL", "状态：最近一次投递的原因 / status: reason of the last delivery"},
    {"xq_withdrawn", "boolean", "NOT NULL", "已撤回 / withdrawn"},
    {"xq_flags", "text[]", "NOT NULL", "提示标志 / warnings that travel with the record"},
    {"xq_grant", "text", "NOT NULL", "授权 / grant"},
    {"xq_purpose", "text", "NOT NULL", "使用目的 / purpose"},
    {"xq_legal_basis", "text", "NOT NULL", "法律依据 / legal basis"},
    {"xq_department", "text", "NOT NULL", "来源部门 / department it came from"},
    {"xq_partition", "integer", "NOT NULL", "分区 / partition"},
    {"xq_leaf", "bigint", "NOT NULL", "投递在签章日志中的序号 / index of the delivery in the sealed log"},
    {"xq_delivered_at", "timestamp with time zone", "NOT NULL", "投递时间 / when it was delivered"},
};

/* ── names and shapes ── */

static void fold_name(const char *text, char *to, size_t size)
{
    size_t length = 0;
    for (; *text != '\0' && length + 1 < size; text++)
        to[length++] = *text == '.' || *text == '-' ? '_' : *text;
    to[length] = '\0';
}

/* Whether another department has an item of this name with another schema. */
static bool is_ambiguous(const struct bus_catalogue *catalogue, const struct bus_item *item)
{
    const char *name = bus_schema_full_name_view(bus_item_current(item)->schema);
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *other = bus_catalogue_item(catalogue, i);
        if (strcmp(other->name, item->name) == 0 &&
            strcmp(bus_schema_full_name_view(bus_item_current(other)->schema), name) != 0)
            return true;
    }
    return false;
}

static enum bus_status name_table(const struct bus_catalogue *catalogue, const struct bus_item *item,
                                  char out_name[POSTGRESQL_NAME_SIZE], struct bus_error *error)
{
    char whole[2 * POSTGRESQL_NAME_SIZE];
    if (is_ambiguous(catalogue, item))
        snprintf(whole, sizeof whole, "%s_%s", item->department->name, item->name);
    else
        snprintf(whole, sizeof whole, "%s", item->name);
    if (strlen(whole) >= POSTGRESQL_NAME_SIZE)
        return bus_fail(error, BUS_FATAL, "the table name %s is longer than PostgreSQL allows", whole);
    fold_name(whole, out_name, POSTGRESQL_NAME_SIZE);
    return BUS_OK;
}

static struct postgresql_table *find_or_add_table(struct postgresql_tables *tables, const struct bus_item *item,
                                                  const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (strcmp(tables->tables[i].name, name) == 0)
            return &tables->tables[i];
    struct postgresql_table *table = &tables->tables[tables->count]; /* room for one a view */
    table->number = tables->count++;
    table->item = item;
    snprintf(table->name, sizeof table->name, "%s", name);
    return table;
}

static int find_column(const struct postgresql_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static enum bus_status add_column(struct postgresql_table *table, const struct bus_field *field,
                                  struct bus_error *error)
{
    char type[POSTGRESQL_TYPE_SIZE];
    postgresql_row_type(field->value, type);
    int found = find_column(table, field->name);
    if (found >= 0 && strcmp(table->columns[found].type, type) == 0)
        return BUS_OK;
    if (found >= 0)
        return bus_fail(error, BUS_FATAL, "table %s: column %s would be %s in one view and %s in another", table->name,
                        field->name, table->columns[found].type, type);
    if (strlen(field->name) >= POSTGRESQL_NAME_SIZE)
        return bus_fail(error, BUS_FATAL, "the column name %s is longer than PostgreSQL allows", field->name);
    struct postgresql_column *columns = realloc(table->columns, (table->column_count + 1) * sizeof *columns);
    if (columns == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    table->columns = columns;
    struct postgresql_column *column = &columns[table->column_count++];
    *column = (struct postgresql_column){.name = field->name, .doc = field->doc, .value_type = field->value};
    memcpy(column->type, type, sizeof type);
    return BUS_OK;
}

static enum bus_status add_view(struct postgresql_tables *tables, const struct bus_catalogue *catalogue,
                                const struct bus_view *view, struct bus_error *error)
{
    char name[POSTGRESQL_NAME_SIZE];
    enum bus_status status = name_table(catalogue, view->item, name, error);
    if (status != BUS_OK)
        return status;
    struct postgresql_table *table = find_or_add_table(tables, view->item, name);
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(view, &count);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = add_column(table, &fields[i], error);
    tables->views[tables->view_count++] = (struct postgresql_view){.view = view, .table = table};
    return status;
}

/* Once all columns of all tables are known. */
static bool map_columns(struct postgresql_view *view)
{
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(view->view, &count);
    view->field_of_column = malloc((view->table->column_count + 1) * sizeof *view->field_of_column);
    if (view->field_of_column == NULL)
        return false;
    for (size_t c = 0; c < view->table->column_count; c++)
        view->field_of_column[c] = -1;
    for (size_t f = 0; f < count; f++)
        view->field_of_column[find_column(view->table, fields[f].name)] = (int)f;
    return true;
}

/* ── statements ── */

static const char *column_name(const struct postgresql_table *table, size_t index)
{
    return index < POSTGRESQL_FIXED_COLUMNS ? postgresql_fixed_columns[index].name
                                            : table->columns[index - POSTGRESQL_FIXED_COLUMNS].name;
}

static void append_columns(struct bus_buffer *sql, const struct postgresql_table *table)
{
    for (size_t i = 0; i < POSTGRESQL_FIXED_COLUMNS + table->column_count; i++) {
        bus_buffer_printf(sql, "%s", i == 0 ? "" : ", ");
        postgresql_append_identifier(sql, column_name(table, i));
    }
}

static void append_table(struct bus_buffer *sql, const struct postgresql_tables *tables,
                         const struct postgresql_table *table)
{
    postgresql_append_identifier(sql, tables->schema);
    bus_buffer_u8(sql, '.');
    postgresql_append_identifier(sql, table->name);
}

static char *take_text(struct bus_buffer *sql)
{
    bus_buffer_u8(sql, '\0');
    char *text = sql->failed ? NULL : strdup((const char *)sql->data);
    bus_buffer_reset(sql);
    return text;
}

static char *make_stage(struct bus_buffer *sql, const struct postgresql_tables *tables,
                        const struct postgresql_table *table)
{
    bus_buffer_printf(sql, "CREATE TEMPORARY TABLE IF NOT EXISTS xq_stage_%zu ON COMMIT DELETE ROWS AS SELECT ",
                      table->number);
    append_columns(sql, table);
    bus_buffer_printf(sql, " FROM ");
    append_table(sql, tables, table);
    bus_buffer_printf(sql, " WITH NO DATA");
    return take_text(sql);
}

static char *make_copy(struct bus_buffer *sql, const struct postgresql_table *table)
{
    bus_buffer_printf(sql, "COPY pg_temp.xq_stage_%zu (", table->number);
    append_columns(sql, table);
    bus_buffer_printf(sql, ") FROM STDIN (FORMAT binary)");
    return take_text(sql);
}

static char *make_upsert(struct bus_buffer *sql, const struct postgresql_tables *tables,
                         const struct postgresql_table *table)
{
    bus_buffer_printf(sql, "INSERT INTO ");
    append_table(sql, tables, table);
    bus_buffer_printf(sql, " AS held (");
    append_columns(sql, table);
    bus_buffer_printf(sql, ") SELECT ");
    append_columns(sql, table);
    bus_buffer_printf(sql, " FROM pg_temp.xq_stage_%zu ON CONFLICT (xq_record) DO UPDATE SET ", table->number);
    for (size_t i = 1; i < POSTGRESQL_FIXED_COLUMNS + table->column_count; i++) {
        bus_buffer_printf(sql, "%s", i == 1 ? "" : ", ");
        postgresql_append_identifier(sql, column_name(table, i));
        bus_buffer_printf(sql, " = excluded.");
        postgresql_append_identifier(sql, column_name(table, i));
    }
    bus_buffer_printf(sql, " WHERE held.xq_version <= excluded.xq_version");
    return take_text(sql);
}

static char *make_delete(struct bus_buffer *sql, const struct postgresql_tables *tables,
                         const struct postgresql_table *table)
{
    bus_buffer_printf(sql, "DELETE FROM ");
    append_table(sql, tables, table);
    bus_buffer_printf(sql,
                      " AS held USING pg_temp.xq_change AS change WHERE change.target = %zu "
                      "AND held.xq_record = change.record AND held.xq_version <= change.version",
                      2 * table->number);
    return take_text(sql);
}

static char *make_change(struct bus_buffer *sql, const struct postgresql_tables *tables,
                         const struct postgresql_table *table, bool is_withdrawal)
{
    bus_buffer_printf(sql, "UPDATE ");
    append_table(sql, tables, table);
    bus_buffer_printf(sql,
                      " AS held SET xq_version = change.version, xq_status = change.status, %sxq_flags = change.flags, "
                      "xq_partition = change.partition, xq_leaf = change.leaf, xq_delivered_at = change.delivered_at "
                      "FROM pg_temp.xq_change AS change WHERE change.target = %zu "
                      "AND held.xq_record = change.record AND held.xq_version <= change.version",
                      is_withdrawal ? "xq_withdrawn = true, " : "", 2 * table->number + !is_withdrawal);
    return take_text(sql);
}

static bool make_statements(struct postgresql_tables *tables, struct postgresql_table *table, struct bus_buffer *sql)
{
    table->stage_sql = make_stage(sql, tables, table);
    table->copy_sql = make_copy(sql, table);
    table->upsert_sql = make_upsert(sql, tables, table);
    table->delete_sql = make_delete(sql, tables, table);
    table->mark_sql = make_change(sql, tables, table, true);
    table->status_sql = make_change(sql, tables, table, false);
    bus_buffer_printf(sql, "DELETE FROM pg_temp.xq_stage_%zu", table->number);
    table->clear_sql = take_text(sql);
    return table->stage_sql != NULL && table->copy_sql != NULL && table->upsert_sql != NULL &&
           table->delete_sql != NULL && table->mark_sql != NULL && table->status_sql != NULL &&
           table->clear_sql != NULL;
}

static enum bus_status finish_tables(struct postgresql_tables *tables, struct bus_error *error)
{
    struct bus_buffer sql;
    bus_buffer_init(&sql, MAX_SQL_BYTES);
    bool good = true;
    for (size_t i = 0; good && i < tables->view_count; i++)
        good = map_columns(&tables->views[i]);
    for (size_t i = 0; good && i < tables->count; i++)
        good = make_statements(tables, &tables->tables[i], &sql);
    bus_buffer_release(&sql);
    return good ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory for the statements");
}

enum bus_status postgresql_tables_create(const struct bus_catalogue *catalogue, const struct bus_views *views,
                                         const char *subscriber, const char *schema,
                                         struct postgresql_tables **out_tables, struct bus_error *error)
{
    if (strlen(schema) >= POSTGRESQL_NAME_SIZE)
        return bus_fail(error, BUS_FATAL, "the schema name is longer than PostgreSQL allows");
    struct postgresql_tables *tables = calloc(1, sizeof *tables);
    size_t count = bus_views_count(views);
    if (tables != NULL) {
        tables->tables = calloc(count + 1, sizeof *tables->tables);
        tables->views = calloc(count + 1, sizeof *tables->views);
    }
    enum bus_status status = BUS_OK;
    if (tables == NULL || tables->tables == NULL || tables->views == NULL) {
        status = bus_fail(error, BUS_FATAL, "out of memory for the tables");
        goto out;
    }
    snprintf(tables->schema, sizeof tables->schema, "%s", schema);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        if (strcmp(bus_views_at(views, i)->grant->subscriber->name, subscriber) == 0)
            status = add_view(tables, catalogue, bus_views_at(views, i), error);
    if (status == BUS_OK)
        status = finish_tables(tables, error);
out:
    if (status == BUS_OK)
        *out_tables = tables;
    else
        postgresql_tables_destroy(tables);
    return status;
}

static void release_table(struct postgresql_table *table)
{
    free(table->columns);
    free(table->copy_sql);
    free(table->upsert_sql);
    free(table->delete_sql);
    free(table->mark_sql);
    free(table->status_sql);
    free(table->stage_sql);
    free(table->clear_sql);
}

void postgresql_tables_destroy(struct postgresql_tables *tables)
{
    if (tables == NULL)
        return;
    for (size_t i = 0; i < tables->count; i++)
        release_table(&tables->tables[i]);
    for (size_t i = 0; i < tables->view_count; i++)
        free(tables->views[i].field_of_column);
    free(tables->tables);
    free(tables->views);
    free(tables);
}

size_t postgresql_tables_count(const struct postgresql_tables *tables)
{
    return tables->count;
}

struct postgresql_table *postgresql_tables_at(struct postgresql_tables *tables, size_t index)
{
    return &tables->tables[index];
}

const struct postgresql_view *postgresql_tables_find(const struct postgresql_tables *tables,
                                                     const struct bus_view *view)
{
    for (size_t i = 0; i < tables->view_count; i++)
        if (tables->views[i].view == view)
            return &tables->views[i];
    return NULL;
}

enum bus_status postgresql_tables_prepare(struct postgresql_tables *tables, struct postgresql_client *client,
                                          struct bus_error *error)
{
    return postgresql_schema_prepare(client, tables->schema, tables->tables, tables->count, error);
}
