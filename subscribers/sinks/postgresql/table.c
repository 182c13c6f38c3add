#include "subscribers/sinks/postgresql/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "subscribers/engine/delivery.h"
#include "subscribers/sinks/postgresql/schema.h"
#include "subscribers/sinks/postgresql/statement.h"

struct postgresql_tables {
    char schema[POSTGRESQL_NAME_SIZE];
    bool marks;
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
    {"xq_catalogue", "text", "", "目录版本 / version of the catalogue in force"},
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

static bool has_type(const struct postgresql_column *column, const struct bus_field *field)
{
    char type[POSTGRESQL_TYPE_SIZE];
    postgresql_row_type(field->value, type);
    return strcmp(column->type, type) == 0;
}

/* The catalogue in force comes first and says the type. What a former one delivers in another type has no column: the gateway delivers
 * those records again. */
static enum bus_status add_column(struct postgresql_table *table, const struct bus_field *field, bool in_force,
                                  struct bus_error *error)
{
    char type[POSTGRESQL_TYPE_SIZE];
    postgresql_row_type(field->value, type);
    int found = find_column(table, field->name);
    if (found >= 0 && (!in_force || has_type(&table->columns[found], field)))
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

static enum bus_status add_view(struct postgresql_tables *tables, const struct bus_catalogue *catalogue, bool in_force,
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
        status = add_column(table, &fields[i], in_force, error);
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
    for (size_t f = 0; f < count; f++) {
        int column = find_column(view->table, fields[f].name);
        if (has_type(&view->table->columns[column], &fields[f]))
            view->field_of_column[column] = (int)f;
    }
    return true;
}

static enum bus_status add_views(struct postgresql_tables *tables, const struct subscribers_catalogues *catalogues,
                                 size_t generation, struct bus_error *error)
{
    const struct bus_views *views = subscribers_catalogues_views_at(catalogues, generation);
    const struct bus_catalogue *catalogue = subscribers_catalogues_at(catalogues, generation);
    const char *subscriber = subscribers_catalogues_subscriber_view(catalogues);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < bus_views_count(views); i++)
        if (strcmp(bus_views_at(views, i)->grant->subscriber->name, subscriber) == 0)
            status = add_view(tables, catalogue, generation == 0, bus_views_at(views, i), error);
    return status;
}

static bool make_room(struct postgresql_tables *tables, const struct subscribers_catalogues *catalogues)
{
    size_t count = 1;
    for (size_t i = 0; i < subscribers_catalogues_count(catalogues); i++)
        count += bus_views_count(subscribers_catalogues_views_at(catalogues, i));
    tables->tables = calloc(count, sizeof *tables->tables);
    tables->views = calloc(count, sizeof *tables->views);
    return tables->tables != NULL && tables->views != NULL;
}

static bool finish_tables(struct postgresql_tables *tables)
{
    bool good = true;
    for (size_t i = 0; good && i < tables->view_count; i++)
        good = map_columns(&tables->views[i]);
    for (size_t i = 0; good && i < tables->count; i++)
        good = postgresql_statements_make(&tables->tables[i], tables->schema, tables->marks);
    return good;
}

enum bus_status postgresql_tables_create(const struct subscribers_catalogues *catalogues, const char *schema,
                                         bool marks, struct postgresql_tables **out_tables, struct bus_error *error)
{
    if (strlen(schema) >= POSTGRESQL_NAME_SIZE)
        return bus_fail(error, BUS_FATAL, "the schema name is longer than PostgreSQL allows");
    struct postgresql_tables *tables = calloc(1, sizeof *tables);
    enum bus_status status = BUS_OK;
    if (tables == NULL || !make_room(tables, catalogues)) {
        status = bus_fail(error, BUS_FATAL, "out of memory for the tables");
        goto out;
    }
    snprintf(tables->schema, sizeof tables->schema, "%s", schema);
    tables->marks = marks;
    for (size_t i = 0; status == BUS_OK && i < subscribers_catalogues_count(catalogues); i++)
        status = add_views(tables, catalogues, i, error);
    if (status == BUS_OK && !finish_tables(tables))
        status = bus_fail(error, BUS_FATAL, "out of memory for the statements");
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
    free(table->formers);
    postgresql_statements_release(&table->sql);
}

void postgresql_tables_destroy(struct postgresql_tables *tables)
{
    if (tables == NULL)
        return;
    for (size_t i = 0; tables->tables != NULL && i < tables->count; i++)
        release_table(&tables->tables[i]);
    for (size_t i = 0; tables->views != NULL && i < tables->view_count; i++)
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
    enum bus_status status = postgresql_schema_prepare(client, tables->schema, tables->tables, tables->count, error);
    for (size_t i = 0; status == BUS_OK && i < tables->count; i++)
        if (!postgresql_statements_make(&tables->tables[i], tables->schema, tables->marks))
            status = bus_fail(error, BUS_FATAL, "out of memory for the statements");
    return status;
}
