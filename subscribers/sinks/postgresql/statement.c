#include "subscribers/sinks/postgresql/statement.h"

#include <stdlib.h>

enum { MAX_SQL_BYTES = 1024 * 1024 };

/* A text under way, and what it is about. */
struct draft {
    struct bus_buffer sql;
    const struct postgresql_table *table;
    const char *schema;
};

static void append_table(struct draft *draft, const char *name)
{
    postgresql_append_identifier(&draft->sql, draft->schema);
    bus_buffer_u8(&draft->sql, '.');
    postgresql_append_identifier(&draft->sql, name);
}

static const char *column_name(const struct postgresql_table *table, size_t index)
{
    return index < POSTGRESQL_FIXED_COLUMNS ? postgresql_fixed_columns[index].name
                                            : table->columns[index - POSTGRESQL_FIXED_COLUMNS].name;
}

static void append_columns(struct draft *draft)
{
    for (size_t i = 0; i < POSTGRESQL_FIXED_COLUMNS + draft->table->column_count; i++) {
        bus_buffer_printf(&draft->sql, "%s", i == 0 ? "" : ", ");
        postgresql_append_identifier(&draft->sql, column_name(draft->table, i));
    }
}

static char *take_text(struct draft *draft)
{
    bus_buffer_u8(&draft->sql, '\0');
    char *text = draft->sql.failed ? NULL : strdup((const char *)draft->sql.data);
    bus_buffer_reset(&draft->sql);
    return text;
}

static char *make_stage(struct draft *draft)
{
    bus_buffer_printf(&draft->sql, "CREATE TEMPORARY TABLE IF NOT EXISTS xq_stage_%zu ON COMMIT DELETE ROWS AS SELECT ",
                      draft->table->number);
    append_columns(draft);
    bus_buffer_printf(&draft->sql, " FROM ");
    append_table(draft, draft->table->name);
    bus_buffer_printf(&draft->sql, " WITH NO DATA");
    return take_text(draft);
}

static char *make_clear(struct draft *draft)
{
    bus_buffer_printf(&draft->sql, "DELETE FROM pg_temp.xq_stage_%zu", draft->table->number);
    return take_text(draft);
}

static char *make_copy(struct draft *draft)
{
    bus_buffer_printf(&draft->sql, "COPY pg_temp.xq_stage_%zu (", draft->table->number);
    append_columns(draft);
    bus_buffer_printf(&draft->sql, ") FROM STDIN (FORMAT binary)");
    return take_text(draft);
}

static void append_change(struct draft *draft, const char *name, bool is_former)
{
    postgresql_append_identifier(&draft->sql, name);
    bus_buffer_printf(&draft->sql, is_former ? " = NULL" : " = excluded.");
    if (!is_former)
        postgresql_append_identifier(&draft->sql, name);
}

/* A record whose subject has changed comes from two partitions, whose order nobody knows: there the version decides. */
static char *make_upsert(struct draft *draft)
{
    const struct postgresql_table *table = draft->table;
    bus_buffer_printf(&draft->sql, "INSERT INTO ");
    append_table(draft, table->name);
    bus_buffer_printf(&draft->sql, " AS held (");
    append_columns(draft);
    bus_buffer_printf(&draft->sql, ") SELECT ");
    append_columns(draft);
    bus_buffer_printf(&draft->sql, " FROM pg_temp.xq_stage_%zu ON CONFLICT (xq_record) DO UPDATE SET ", table->number);
    for (size_t i = 1; i < POSTGRESQL_FIXED_COLUMNS + table->column_count; i++) {
        bus_buffer_printf(&draft->sql, "%s", i == 1 ? "" : ", ");
        append_change(draft, column_name(table, i), false);
    }
    for (size_t i = 0; i < table->former_count; i++) {
        bus_buffer_printf(&draft->sql, ", ");
        append_change(draft, table->formers[i], true);
    }
    bus_buffer_printf(&draft->sql,
                      " WHERE held.xq_partition = excluded.xq_partition OR held.xq_version < excluded.xq_version");
    return take_text(draft);
}

/* xq_change holds withdrawals as target 2n and changes of status as 2n + 1, n the table's number. They are about what their own
 * partition has delivered; a row that another one has taken over is not theirs. */
static char *make_delete(struct draft *draft)
{
    bus_buffer_printf(&draft->sql, "DELETE FROM ");
    append_table(draft, draft->table->name);
    bus_buffer_printf(&draft->sql,
                      " AS held USING pg_temp.xq_change AS change WHERE change.target = %zu "
                      "AND held.xq_record = change.record AND held.xq_partition = change.partition",
                      2 * draft->table->number);
    return take_text(draft);
}

static char *make_update(struct draft *draft, bool is_withdrawal)
{
    bus_buffer_printf(&draft->sql, "UPDATE ");
    append_table(draft, draft->table->name);
    bus_buffer_printf(&draft->sql,
                      " AS held SET xq_status = change.status, %sxq_flags = change.flags, xq_leaf = change.leaf, "
                      "xq_delivered_at = change.delivered_at "
                      "FROM pg_temp.xq_change AS change WHERE change.target = %zu "
                      "AND held.xq_record = change.record AND held.xq_partition = change.partition",
                      is_withdrawal ? "xq_withdrawn = true, " : "", 2 * draft->table->number + !is_withdrawal);
    return take_text(draft);
}

/* $1 topic, $2 partition, $3 department, $4 leaf of the begin, and for marks $5 leaf and $6 time (ms) of the end. What the database
 * would not take has been named all the same. */
static char *make_sweep(struct draft *draft, bool marks)
{
    bus_buffer_printf(&draft->sql, marks ? "UPDATE " : "DELETE FROM ");
    append_table(draft, draft->table->name);
    bus_buffer_printf(&draft->sql, " AS held ");
    if (marks)
        bus_buffer_printf(&draft->sql,
                          "SET xq_withdrawn = true, xq_status = 'RESYNC_END', xq_leaf = $5::bigint, "
                          "xq_delivered_at = timestamptz 'epoch' + $6::bigint * interval '1 millisecond' ");
    bus_buffer_printf(&draft->sql,
                      "WHERE xq_partition = $2::integer AND xq_department = $3 AND xq_leaf < $4::bigint %s"
                      "AND NOT EXISTS (SELECT FROM ",
                      marks ? "AND NOT xq_withdrawn " : "");
    append_table(draft, "xinqiao_refused");
    bus_buffer_printf(&draft->sql, " AS refused WHERE refused.topic = $1 AND refused.partition = held.xq_partition "
                                   "AND refused.record = held.xq_record AND refused.leaf > $4::bigint)");
    return take_text(draft);
}

bool postgresql_statements_make(struct postgresql_table *table, const char *schema, bool marks)
{
    struct draft draft = {.table = table, .schema = schema};
    bus_buffer_init(&draft.sql, MAX_SQL_BYTES);
    postgresql_statements_release(&table->sql);
    struct postgresql_statements made = {
        .stage = make_stage(&draft),
        .clear = make_clear(&draft),
        .copy = make_copy(&draft),
        .upsert = make_upsert(&draft),
        .withdraw = marks ? make_update(&draft, true) : make_delete(&draft),
        .status = make_update(&draft, false),
        .sweep = make_sweep(&draft, marks),
    };
    bus_buffer_release(&draft.sql);
    table->sql = made;
    return made.stage != NULL && made.clear != NULL && made.copy != NULL && made.upsert != NULL &&
           made.withdraw != NULL && made.status != NULL && made.sweep != NULL;
}

void postgresql_statements_release(struct postgresql_statements *statements)
{
    free(statements->stage);
    free(statements->clear);
    free(statements->copy);
    free(statements->upsert);
    free(statements->withdraw);
    free(statements->status);
    free(statements->sweep);
    *statements = (struct postgresql_statements){0};
}
