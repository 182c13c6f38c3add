#include "adapters/sources/odbc/table.h"

#include <stdio.h>
#include <strings.h>

enum { STATEMENT_LIMIT = 1024 * 1024 };

void odbc_table_init(struct odbc_table *table, const struct adapters_mapping *mapping)
{
    *table = (struct odbc_table){.mapping = mapping, .label = adapters_mapping_delivery(mapping)->table};
    bus_buffer_init(&table->from, STATEMENT_LIMIT);
}

void odbc_table_release(struct odbc_table *table)
{
    bus_buffer_release(&table->from);
}

/* --- finding the columns --- */

/* By its exact name, else without regard to case. */
static const struct odbc_column *find_column(const struct odbc_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(columns[i].name, name) == 0)
            return &columns[i];
    return NULL;
}

static enum bus_status fail_missing(const struct odbc_table *table, const struct odbc_column *columns, size_t count,
                                    const char *name, struct bus_error *error)
{
    const char *names[ADAPTERS_COLUMNS_MAX];
    size_t known = count < ADAPTERS_COLUMNS_MAX ? count : ADAPTERS_COLUMNS_MAX;
    for (size_t i = 0; i < known; i++)
        names[i] = columns[i].name;
    const char *nearest = bus_settings_nearest_name(names, known, name);
    return bus_fail(error, BUS_REJECT, "column %s of the mapping is not in table %s: was it renamed or dropped?%s%s",
                    name, table->label, nearest != NULL ? " The nearest is " : "", nearest != NULL ? nearest : "");
}

static enum bus_status add_column(struct odbc_table *table, const struct odbc_column *column, int of_mapping,
                                  struct bus_error *error)
{
    size_t place = table->column_count;
    if (column->type == ODBC_TYPE_BINARY || column->type == ODBC_TYPE_UNKNOWN)
        return bus_fail(
            error, BUS_REJECT,
            "column %s of table %s is %s (type %d): leave it out of the mapping, or convert it to text in a view",
            column->name, table->label, odbc_type_name(column->type), column->number);
    snprintf(table->names[place], ODBC_NAME_SIZE, "%s", column->name);
    table->columns[place] = table->names[place];
    table->of_mapping[place] = of_mapping;
    table->types[place] = (char)column->type;
    table->types[place + 1] = '\0';
    table->column_count++;
    return BUS_OK;
}

static enum bus_status find_rising(struct odbc_table *table, const struct odbc_column *columns, size_t count,
                                   struct bus_error *error)
{
    const struct adapters_poll *poll = adapters_mapping_poll(table->mapping);
    table->rising = ODBC_NO_COLUMN;
    if (poll->kind == ADAPTERS_POLL_NOTHING)
        return BUS_OK;
    const struct odbc_column *column = find_column(columns, count, poll->column);
    if (column == NULL)
        return fail_missing(table, columns, count, poll->column, error);
    bool is_time = column->type == ODBC_TYPE_TIMESTAMP || column->type == ODBC_TYPE_DATE;
    bool is_number = column->type == ODBC_TYPE_INTEGER || column->type == ODBC_TYPE_DECIMAL;
    if (poll->kind == ADAPTERS_POLL_NUMBER ? !is_number : !is_time)
        return bus_fail(error, BUS_REJECT,
                        "the rising column %s of table %s is %s, and poll.kind says %s: correct the mapping, or "
                        "give the table a view with such a column",
                        column->name, table->label, odbc_type_name(column->type),
                        poll->kind == ADAPTERS_POLL_NUMBER ? "number" : "timestamp");
    table->rising_digits = column->digits;
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->names[i], column->name) == 0)
            table->rising = (int)i;
    if (table->rising != ODBC_NO_COLUMN)
        return BUS_OK;
    table->rising = (int)table->column_count;
    return add_column(table, column, ODBC_NO_COLUMN, error);
}

static enum bus_status find_columns(struct odbc_table *table, const struct odbc_column *columns, size_t count,
                                    struct bus_error *error)
{
    const struct adapters_layout *layout = adapters_mapping_layout(table->mapping);
    enum bus_status status = BUS_OK;
    table->column_count = 0;
    for (size_t i = 0; status == BUS_OK && i < layout->column_count; i++) {
        const struct odbc_column *column = find_column(columns, count, layout->columns[i]);
        if (column != NULL)
            status = add_column(table, column, (int)i, error);
        else if (!layout->is_optional[i])
            status = fail_missing(table, columns, count, layout->columns[i], error);
    }
    return status == BUS_OK ? find_rising(table, columns, count, error) : status;
}

/* --- whether they are what they were --- */

static enum bus_status fail_retyped(const struct odbc_table *table, const struct odbc_place *place, size_t column,
                                    const char *accept, struct bus_error *error)
{
    return bus_fail(
        error, BUS_REJECT,
        "column %s of table %s was %s and is %s now: nothing is taken until somebody has looked at the mapping; "
        "then write accept_columns = '%s' into its group poll and start again",
        table->names[column], table->label, odbc_type_name((enum odbc_type)place->types[column]),
        odbc_type_name((enum odbc_type)table->types[column]), accept);
}

/* Columns of another name are another question: their types are new. */
static enum bus_status hold_against(const struct odbc_table *table, struct odbc_place *place, struct bus_error *error)
{
    char accept[ODBC_COLUMNS_DIGEST_SIZE];
    const char *const texts[] = {table->digest, table->types};
    odbc_place_digest(texts, sizeof texts / sizeof texts[0], accept);
    bool is_new = place->types[0] == '\0' || strcmp(place->names, table->digest) != 0 ||
                  strcmp(adapters_mapping_poll(table->mapping)->accept_columns, accept) == 0;
    for (size_t i = 0; !is_new && i < table->column_count; i++)
        if (place->types[i] != table->types[i])
            return fail_retyped(table, place, i, accept, error);
    memcpy(place->names, table->digest, sizeof place->names);
    memcpy(place->types, table->types, sizeof place->types);
    return BUS_OK;
}

static void write_from(struct odbc_table *table, const struct odbc_client *client)
{
    const struct adapters_poll *poll = adapters_mapping_poll(table->mapping);
    bus_buffer_reset(&table->from);
    if (poll->query[0] != '\0')
        bus_buffer_printf(&table->from, "(%s) xinqiao_rows", poll->query);
    else
        odbc_sql_table(odbc_client_naming(client), table->label, &table->from);
    bus_buffer_u8(&table->from, '\0');
}

enum bus_status odbc_table_look(struct odbc_table *table, struct odbc_client *client, struct odbc_place *place,
                                struct bus_error *error)
{
    struct bus_buffer sql;
    const struct odbc_column *columns;
    size_t count;
    write_from(table, client);
    bus_buffer_init(&sql, 2 * STATEMENT_LIMIT);
    odbc_sql_look((const char *)table->from.data, &sql);
    bus_buffer_u8(&sql, '\0');
    enum bus_status status = odbc_client_ask(client, (const char *)sql.data, NULL, error);
    bus_buffer_release(&sql);
    if (status == BUS_OK) {
        odbc_client_columns(client, &columns, &count);
        status = find_columns(table, columns, count, error);
        odbc_client_finish(client);
    } else {
        bus_error_prefix(error, "table %s", table->label);
    }
    if (status != BUS_OK)
        return status;
    odbc_place_digest(table->columns, table->column_count, table->digest);
    return hold_against(table, place, error);
}

/* --- asking for rows --- */

static enum bus_status check_answer(const struct odbc_table *table, const struct odbc_client *client,
                                    struct bus_error *error)
{
    const struct odbc_column *columns;
    size_t count;
    odbc_client_columns(client, &columns, &count);
    bool is_same = count == table->column_count;
    for (size_t i = 0; is_same && i < count; i++)
        is_same = (char)columns[i].type == table->types[i];
    return is_same ? BUS_OK
                   : bus_fail(error, BUS_REJECT, "the columns of table %s changed just now: they are looked at again",
                              table->label);
}

enum bus_status odbc_table_ask(const struct odbc_table *table, struct odbc_client *client, enum odbc_range range,
                               const struct odbc_mark *mark, int64_t page_rows, struct bus_error *error)
{
    const struct adapters_poll *poll = adapters_mapping_poll(table->mapping);
    char number[ODBC_MARK_TEXT_SIZE] = "";
    struct bus_buffer sql;
    bool has_mark = range == ODBC_FROM || range == ODBC_AT || range == ODBC_AFTER;
    if (has_mark && poll->kind == ADAPTERS_POLL_NUMBER)
        odbc_mark_text(poll->kind, mark, number);
    const struct odbc_question question = {
        .naming = odbc_client_naming(client),
        .from = (const char *)table->from.data,
        .columns = table->columns,
        .column_count = table->column_count,
        .where = poll->where,
        .rising = table->rising != ODBC_NO_COLUMN ? table->names[table->rising] : NULL,
        .range = range,
        .mark = number[0] != '\0' ? number : "?",
        .paging = odbc_client_paging(client),
        .page_rows = page_rows,
    };
    const struct odbc_parameter parameter = {mark, table->rising_digits};
    bus_buffer_init(&sql, 2 * STATEMENT_LIMIT);
    odbc_sql_select(&question, &sql);
    bus_buffer_u8(&sql, '\0');
    enum bus_status status =
        odbc_client_ask(client, (const char *)sql.data, has_mark && number[0] == '\0' ? &parameter : NULL, error);
    bus_buffer_release(&sql);
    if (status != BUS_OK) {
        bus_error_prefix(error, "table %s", table->label);
        return status;
    }
    return check_answer(table, client, error);
}
