/* A slot and the snapshot it begins with: what the tables held then, as lists in the spool; all later changes come by the slot. */
#include <stdio.h>

#include "adapters/sources/replication/source.h"
#include "bus/log.h"

enum { SQL_LIMIT = 256 * 1024, SNAPSHOT_NAME_SIZE = 80 };

static enum bus_status run(struct replication_client *client, const struct bus_buffer *sql,
                           struct replication_rows **out_rows, struct bus_error *error)
{
    if (sql->failed)
        return bus_fail(error, BUS_FATAL, "a statement for PostgreSQL is too long");
    return replication_client_ask(client, (const char *)sql->data, NULL, 0, out_rows, error);
}

/* Makes the slot; the snapshot it exports lives until the walsender is given another command. */
static enum bus_status make_slot(struct replication *self, uint64_t *out_lsn, char out_name[SNAPSHOT_NAME_SIZE],
                                 struct bus_error *error)
{
    struct bus_buffer sql;
    struct replication_rows *rows = NULL;
    bus_buffer_init(&sql, SQL_LIMIT);
    bus_buffer_printf(&sql, "CREATE_REPLICATION_SLOT ");
    replication_append_identifier(&sql, self->settings.slot);
    bus_buffer_append(&sql, " LOGICAL pgoutput EXPORT_SNAPSHOT", sizeof " LOGICAL pgoutput EXPORT_SNAPSHOT");
    enum bus_status status = run(self->walsender, &sql, &rows, error);
    bus_buffer_release(&sql);
    if (status == BUS_FATAL && strcmp(error->code, "PG_53400") == 0)
        bus_error_prefix(error, "let the database's owner raise max_replication_slots and restart it");
    if (status == BUS_OK &&
        (replication_rows_count(rows) != 1 || !replication_lsn_parse(replication_rows_text_view(rows, 0, 1), out_lsn)))
        status = bus_fail(error, BUS_FATAL, "PostgreSQL's answer to CREATE_REPLICATION_SLOT cannot be read");
    if (status == BUS_OK)
        snprintf(out_name, SNAPSHOT_NAME_SIZE, "%s", replication_rows_text_view(rows, 0, 2));
    replication_rows_destroy(rows);
    return status;
}

static enum bus_status enter_snapshot(struct replication *self, const char *name, struct bus_error *error)
{
    struct bus_buffer sql;
    enum bus_status status = replication_client_ask(
        self->database, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0, NULL, error);
    if (status != BUS_OK)
        return status;
    bus_buffer_init(&sql, SQL_LIMIT);
    bus_buffer_printf(&sql, "SET TRANSACTION SNAPSHOT ");
    replication_append_literal(&sql, name);
    bus_buffer_u8(&sql, '\0');
    status = run(self->database, &sql, NULL, error);
    bus_buffer_release(&sql);
    return status;
}

static void write_copy(const struct replication_table *table, struct bus_buffer *sql)
{
    bus_buffer_printf(sql, "COPY (");
    replication_table_append_select(table, sql);
    if (table->row_filter != NULL)
        bus_buffer_printf(sql, " WHERE %s", table->row_filter);
    bus_buffer_append(sql, ") TO STDOUT (FORMAT csv, HEADER)", sizeof ") TO STDOUT (FORMAT csv, HEADER)");
}

static enum bus_status copy_table(struct replication *self, size_t feed, uint64_t lsn, struct bus_error *error)
{
    const char *name = adapters_mapping_feed_view(self->tables.feeds->mappings[feed]);
    struct replication_list list;
    struct bus_buffer sql;
    bus_buffer_init(&sql, SQL_LIMIT);
    write_copy(&self->tables.tables[feed], &sql);
    enum bus_status status = replication_list_begin(&list, self->state, name, lsn, error);
    if (status == BUS_OK && sql.failed)
        status = bus_fail(error, BUS_FATAL, "feed %s: too many columns for one statement", name);
    if (status == BUS_OK)
        status =
            replication_client_copy_out(self->database, (const char *)sql.data, replication_list_add, &list, error);
    if (status == BUS_OK)
        status = replication_list_finish(&list, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "table copied", "feed=%s bytes=%llu", name, (unsigned long long)list.size_bytes);
    replication_list_release(&list);
    bus_buffer_release(&sql);
    return status;
}

static enum bus_status copy_tables(struct replication *self, const char *snapshot, uint64_t lsn,
                                   struct bus_error *error)
{
    enum bus_status status = enter_snapshot(self, snapshot, error);
    if (status == BUS_OK)
        status = replication_tables_inspect(&self->tables, self->database, self->settings.publication, error);
    for (size_t i = 0; status == BUS_OK && i < self->tables.feeds->count; i++)
        status = copy_table(self, i, lsn, error);
    return status == BUS_OK ? replication_client_ask(self->database, "COMMIT", NULL, 0, NULL, error) : status;
}

/* Above every version that changes after the last snapshot can have had. */
static int64_t choose_base(const struct replication *self, const struct replication_position *last)
{
    int64_t now_ms = bus_clock_now_ms(&self->intake->clock);
    uint64_t furthest = last->at > last->end ? last->at : last->end;
    int64_t next = last->base + (int64_t)(furthest - last->snapshot) + 1;
    return next > now_ms ? next : now_ms;
}

enum bus_status replication_snapshot(struct replication *self, struct bus_error *error)
{
    char name[SNAPSHOT_NAME_SIZE];
    uint64_t lsn = 0;
    bus_log(BUS_LOG_INFO, "snapshot begins: waiting for the transactions that run in the database now",
            "slot=%s tables=%zu", self->settings.slot, self->tables.feeds->count);
    enum bus_status status = make_slot(self, &lsn, name, error);
    if (status == BUS_OK)
        status = copy_tables(self, name, lsn, error);
    if (status != BUS_OK) {
        replication_client_disconnect(self->database); /* whatever transaction is open there */
        return status;
    }
    struct replication_position *position = &self->position;
    position->base = choose_base(self, position);
    position->snapshot = position->end = lsn;
    position->commit = position->at = position->nth = 0;
    status = replication_tables_digest(&self->tables, position->tables, error);
    if (status == BUS_OK)
        status = replication_manifest_write(self->state, self->settings.slot, position, &self->tables, error);
    if (status == BUS_OK)
        replication_mark_clear(self->state);
    return status;
}
