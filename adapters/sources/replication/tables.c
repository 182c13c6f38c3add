#include "adapters/sources/replication/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "bus/digest.h"

/* What every stop because of a changed table ends with. */
#define ANEW                                                                                                           \
    "let the mapping fit, then give replication.slot another name (and drop the old slot): a new snapshot publishes "  \
    "what differs"

static const struct adapters_layout *layout_of(const struct replication_tables *tables, size_t feed)
{
    return adapters_mapping_layout(tables->feeds->mappings[feed]);
}

/* --- names --- */

/* "public.penalty"; a name without a schema is one of public. */
static bool read_name(const char *text, struct replication_table *table)
{
    const char *dot = strchr(text, '.');
    size_t schema_length = dot != NULL ? (size_t)(dot - text) : strlen("public");
    const char *name = dot != NULL ? dot + 1 : text;
    if (schema_length == 0 || schema_length >= REPLICATION_NAME_SIZE || name[0] == '\0' ||
        strlen(name) >= REPLICATION_NAME_SIZE || strchr(name, '.') != NULL)
        return false;
    snprintf(table->schema, sizeof table->schema, "%.*s", (int)schema_length, dot != NULL ? text : "public");
    snprintf(table->name, sizeof table->name, "%s", name);
    return true;
}

static bool is_same_table(const struct replication_table *a, const struct replication_table *b)
{
    return strcmp(a->schema, b->schema) == 0 && strcmp(a->name, b->name) == 0;
}

static enum bus_status name_tables(struct replication_tables *tables, struct bus_error *error)
{
    for (size_t i = 0; i < tables->feeds->count; i++) {
        const char *feed = adapters_mapping_feed_view(tables->feeds->mappings[i]);
        const struct adapters_delivery *delivery = adapters_mapping_delivery(tables->feeds->mappings[i]);
        if (layout_of(tables, i)->format != ADAPTERS_FORMAT_TABLE)
            return bus_fail(error, BUS_FATAL,
                            "feed %s is no table: an adapter with replication takes mappings with format = \"table\"; "
                            "`feeds` in its configuration names those that it takes",
                            feed);
        if (!read_name(delivery->table, &tables->tables[i]))
            return bus_fail(error, BUS_FATAL, "feed %s: table: \"%s\" is no name of a table: schema.table", feed,
                            delivery->table);
        for (size_t j = 0; j < i; j++)
            if (is_same_table(&tables->tables[i], &tables->tables[j]))
                return bus_fail(error, BUS_FATAL,
                                "feed %s: table %s belongs to feed %s already: one adapter takes a table once", feed,
                                delivery->table, adapters_mapping_feed_view(tables->feeds->mappings[j]));
    }
    return BUS_OK;
}

enum bus_status replication_tables_init(struct replication_tables *tables, const struct adapters_feeds *feeds,
                                        struct bus_error *error)
{
    *tables = (struct replication_tables){.feeds = feeds};
    tables->tables = calloc(feeds->count, sizeof *tables->tables);
    if (tables->tables == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < feeds->count; i++) {
        tables->tables[i].columns = calloc(ADAPTERS_COLUMNS_MAX, sizeof *tables->tables[i].columns);
        if (tables->tables[i].columns == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory");
    }
    return name_tables(tables, error);
}

void replication_tables_release(struct replication_tables *tables)
{
    for (size_t i = 0; tables->tables != NULL && i < tables->feeds->count; i++) {
        free(tables->tables[i].row_filter);
        free(tables->tables[i].columns);
    }
    free(tables->tables);
    tables->tables = NULL;
}

void replication_table_append_select(const struct replication_table *table, struct bus_buffer *sql)
{
    bus_buffer_printf(sql, "SELECT ");
    for (size_t i = 0; i < table->column_count; i++) {
        bus_buffer_printf(sql, i > 0 ? ", " : "");
        replication_append_identifier(sql, table->columns[i].name);
    }
    bus_buffer_printf(sql, " FROM ");
    replication_append_identifier(sql, table->schema);
    bus_buffer_u8(sql, '.');
    replication_append_identifier(sql, table->name);
}

/* --- columns --- */

/* The place of a column in the mapping, by its name in any case: -1 when it is not mapped, *out_ignored when that is said. */
static int place_of(const struct adapters_layout *layout, const char *name, bool *out_ignored)
{
    *out_ignored = false;
    for (size_t i = 0; i < layout->column_count; i++)
        if (strcasecmp(layout->columns[i], name) == 0)
            return (int)i;
    for (size_t i = 0; i < layout->ignored_count; i++)
        if (strcasecmp(layout->ignored[i], name) == 0)
            *out_ignored = true;
    return -1;
}

static const struct replication_column *find_column(const struct replication_table *table, struct bus_bytes name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (bus_bytes_equal_text(name, table->columns[i].name))
            return &table->columns[i];
    return NULL;
}

/* --- signatures --- */

void replication_tables_write(const struct replication_tables *tables, size_t feed, struct bus_buffer *buffer)
{
    const struct replication_table *table = &tables->tables[feed];
    bus_buffer_printf(buffer, "%s\t%s\t%s\t%" PRIu32 "\t%c", adapters_mapping_feed_view(tables->feeds->mappings[feed]),
                      table->schema, table->name, table->relation, table->identity);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct replication_column *column = &table->columns[i];
        bus_buffer_printf(buffer, "\t%" PRIu32 ":%" PRId32 ":%d:%s", column->type, column->modifier, column->is_key,
                          column->name);
    }
    bus_buffer_u8(buffer, '\n');
}

enum bus_status replication_tables_digest(const struct replication_tables *tables,
                                          uint8_t out_digest[REPLICATION_TABLES_DIGEST], struct bus_error *error)
{
    struct bus_buffer buffer;
    uint8_t digest[BUS_DIGEST_SIZE];
    bus_buffer_init(&buffer, REPLICATION_TABLES_LIMIT);
    for (size_t i = 0; i < tables->feeds->count; i++)
        replication_tables_write(tables, i, &buffer);
    bus_digest(BUS_HASH_SM3, bus_buffer_view(&buffer), digest);
    memcpy(out_digest, digest, REPLICATION_TABLES_DIGEST);
    bool failed = buffer.failed;
    bus_buffer_release(&buffer);
    return failed ? bus_fail(error, BUS_FATAL, "out of memory") : BUS_OK;
}

static enum bus_status differs(const struct replication_table *table, const char *what, struct bus_bytes column,
                               struct bus_error *error)
{
    char name[REPLICATION_NAME_SIZE] = "";
    if (column.length > 0)
        snprintf(name, sizeof name, " %.*s", (int)column.length, (const char *)column.data);
    return bus_fail(error, BUS_FATAL, "table %s.%s: %s%s; nothing of it was published: " ANEW, table->schema,
                    table->name, what, name);
}

static enum bus_status added(const struct replication_table *table, const char *column, struct bus_error *error)
{
    return bus_fail(
        error, BUS_FATAL,
        "table %s.%s: column %s was added, or renamed; nothing of it was published: name it in `ignored` of the "
        "mapping and start again, or use it and give replication.slot another name (and drop the old "
        "slot): a new snapshot publishes what differs",
        table->schema, table->name, column);
}

/* Up to the next `end`, which is passed over. */
static struct bus_bytes take_until(struct bus_cursor *cursor, char end)
{
    const uint8_t *found = bus_cursor_left(cursor) > 0 ? memchr(cursor->at, end, bus_cursor_left(cursor)) : NULL;
    struct bus_bytes text =
        bus_cursor_take(cursor, found != NULL ? (size_t)(found - cursor->at) : bus_cursor_left(cursor));
    if (found != NULL)
        (void)bus_cursor_u8(cursor);
    return text;
}

static bool is_number(struct bus_bytes text, int64_t number)
{
    char wanted[24];
    snprintf(wanted, sizeof wanted, "%" PRId64, number);
    return bus_bytes_equal_text(text, wanted);
}

/* Each column of the snapshot must be there as it was. */
static enum bus_status compare_columns(const struct replication_table *table, struct bus_bytes columns,
                                       struct bus_error *error)
{
    struct bus_cursor cursor = bus_cursor_of(columns);
    size_t count = 0;
    for (; bus_cursor_left(&cursor) > 0; count++) {
        struct bus_bytes text = take_until(&cursor, '\t');
        struct bus_cursor parts = bus_cursor_of(text);
        struct bus_bytes type = take_until(&parts, ':'), modifier = take_until(&parts, ':'),
                         is_key = take_until(&parts, ':'), name = bus_bytes_of(parts.at, bus_cursor_left(&parts));
        const struct replication_column *column = find_column(table, name);
        if (column == NULL)
            return differs(table, "a column was dropped or renamed, or is not mapped any more:", name, error);
        if (!is_number(type, column->type) || !is_number(modifier, column->modifier))
            return differs(table, "the type was changed of column", name, error);
        if (!is_number(is_key, column->is_key))
            return differs(table, "the replica identity was changed of column", name, error);
    }
    return count == table->column_count
               ? BUS_OK
               : differs(table, "a column was added that the mapping knows", bus_bytes_of(NULL, 0), error);
}

static enum bus_status compare_table(const struct replication_table *table, struct bus_cursor *line,
                                     struct bus_error *error)
{
    struct bus_bytes schema = take_until(line, '\t'), name = take_until(line, '\t'), relation = take_until(line, '\t'),
                     identity = take_until(line, '\t');
    if (!bus_bytes_equal_text(schema, table->schema) || !bus_bytes_equal_text(name, table->name))
        return differs(table, "the feed took another table before:", name, error);
    if (!is_number(relation, table->relation))
        return differs(table, "it was dropped and made again, or renamed", bus_bytes_of(NULL, 0), error);
    if (identity.length != 1 || identity.data[0] != (uint8_t)table->identity)
        return differs(table, "its replica identity was changed", bus_bytes_of(NULL, 0), error);
    return compare_columns(table, bus_bytes_of(line->at, bus_cursor_left(line)), error);
}

enum bus_status replication_tables_compare(const struct replication_tables *tables, struct bus_bytes signatures,
                                           bool *out_new, struct bus_error *error)
{
    bool seen[ADAPTERS_MAX_FEEDS] = {false};
    struct bus_cursor cursor = bus_cursor_of(signatures);
    while (bus_cursor_left(&cursor) > 0) {
        struct bus_cursor line = bus_cursor_of(take_until(&cursor, '\n'));
        struct bus_bytes feed = take_until(&line, '\t');
        for (size_t i = 0; i < tables->feeds->count; i++) {
            if (!bus_bytes_equal_text(feed, adapters_mapping_feed_view(tables->feeds->mappings[i])))
                continue;
            seen[i] = true;
            enum bus_status status = compare_table(&tables->tables[i], &line, error);
            if (status != BUS_OK)
                return status;
        }
    }
    *out_new = false;
    for (size_t i = 0; i < tables->feeds->count; i++)
        *out_new = *out_new || !seen[i];
    return BUS_OK;
}

/* --- the stream --- */

struct replication_table *replication_tables_find(const struct replication_tables *tables, uint32_t relation,
                                                  size_t *out_feed)
{
    for (size_t i = 0; i < tables->feeds->count; i++) {
        if (tables->tables[i].relation == relation) {
            *out_feed = i;
            return &tables->tables[i];
        }
    }
    return NULL;
}

/* Under FULL every column is of the identity, and the old row comes with each change: nothing is ever asked for. */
static void note_key(struct replication_table *table, size_t index, const char *name)
{
    if (table->identity == 'f' || table->key_count == REPLICATION_KEYS_MAX)
        return;
    table->keys[table->key_count].index = index;
    snprintf(table->keys[table->key_count++].name, REPLICATION_NAME_SIZE, "%s", name);
}

/* Of the columns of the stream, those that the mapping takes; each must be as it was. */
static enum bus_status bind_columns(struct replication_table *table, const struct adapters_layout *layout,
                                    const struct adapters_pgoutput_message *message, struct bus_error *error)
{
    bool found[ADAPTERS_COLUMNS_MAX] = {false};
    table->tuple_count = message->column_count;
    table->key_count = 0;
    for (size_t i = 0; i < message->column_count; i++) {
        const struct adapters_pgoutput_column *told = &message->columns[i];
        const struct replication_column *column = find_column(table, told->name);
        char name[REPLICATION_NAME_SIZE];
        bool is_ignored;
        snprintf(name, sizeof name, "%.*s", (int)told->name.length, (const char *)told->name.data);
        table->bound[i] = -1;
        if (told->is_key)
            note_key(table, i, name);
        if (column == NULL) {
            if (place_of(layout, name, &is_ignored) >= 0 || !is_ignored)
                return added(table, name, error);
            continue;
        }
        if (told->type != column->type || told->modifier != column->modifier)
            return differs(table, "the type was changed of column", told->name, error);
        if (told->is_key != column->is_key)
            return differs(table, "the replica identity was changed of column", told->name, error);
        table->bound[i] = (int)(column - table->columns);
        found[column - table->columns] = true;
    }
    for (size_t i = 0; i < table->column_count; i++)
        if (!found[i])
            return differs(table, "a column was dropped or renamed that the mapping takes:",
                           bus_bytes_text(table->columns[i].name), error);
    return BUS_OK;
}

static bool has_name(const struct replication_table *table, const struct adapters_pgoutput_message *message)
{
    return bus_bytes_equal_text(message->schema, table->schema) && bus_bytes_equal_text(message->name, table->name);
}

enum bus_status replication_tables_bind(struct replication_tables *tables,
                                        const struct adapters_pgoutput_message *message, struct bus_error *error)
{
    for (size_t i = 0; i < tables->feeds->count; i++) {
        struct replication_table *table = &tables->tables[i];
        bool is_named = has_name(table, message), is_known = table->relation == message->relation;
        if (!is_named && !is_known)
            continue;
        table->is_bound = false;
        if (!is_known)
            return differs(table, "it was dropped and made again, or another table took its name",
                           bus_bytes_of(NULL, 0), error);
        if (!is_named)
            return differs(table, "it was renamed to", message->name, error);
        if (message->identity != table->identity)
            return differs(table, "its replica identity was changed", bus_bytes_of(NULL, 0), error);
        enum bus_status status = bind_columns(table, layout_of(tables, i), message, error);
        table->is_bound = status == BUS_OK;
        return status;
    }
    return BUS_OK;
}
