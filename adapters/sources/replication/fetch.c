/* A changed row that did not come whole is asked for as it is now. */
#include <stdio.h>

#include "adapters/sources/replication/source.h"
#include "bus/stop.h"

enum { SQL_LIMIT = 256 * 1024, VISIBLE_WAIT_MS = 20000, LOOK_MS = 2 };

/* Whether the transaction at hand is over for other connections too: it holds a lock on its own number to its very end. */
static enum bus_status look(struct replication *self, const char *transaction, struct bus_error *error)
{
    struct replication_rows *rows = NULL;
    enum bus_status status = replication_client_ask(self->database,
                                                    "SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'transactionid'"
                                                    " AND transactionid = $1::pg_catalog.xid AND granted",
                                                    &transaction, 1, &rows, error);
    self->is_visible = status == BUS_OK && replication_rows_count(rows) == 0;
    replication_rows_destroy(rows);
    return status;
}

/* A transaction comes by the log a moment before other connections see what it did: until then the row would be asked for as it was. */
static enum bus_status await_visible(struct replication *self, struct bus_error *error)
{
    char transaction[16];
    int64_t deadline_ms = bus_clock_monotonic_ms() + VISIBLE_WAIT_MS;
    snprintf(transaction, sizeof transaction, "%u", self->transaction);
    while (!self->is_visible) {
        enum bus_status status = look(self, transaction, error);
        if (status != BUS_OK || self->is_visible)
            return status;
        if (bus_stop_requested() || bus_clock_monotonic_ms() > deadline_ms)
            return bus_fail(error, BUS_RETRY,
                            "transaction %s of the database committed, and others do not see it yet: does it wait for "
                            "a synchronous standby?",
                            transaction);
        bus_clock_sleep_ms(LOOK_MS);
    }
    return BUS_OK;
}

/* `"name" = $1 AND …`, and the key's values; false when a value of the key is not there. */
static bool write_condition(const struct replication *self, const struct replication_table *table,
                            struct bus_buffer *sql, const char *parameters[REPLICATION_KEYS_MAX])
{
    const struct adapters_pgoutput_message *message = self->message;
    for (size_t i = 0; i < table->key_count; i++) {
        size_t index = table->keys[i].index;
        const struct adapters_pgoutput_value *value = &message->new_row.values[index];
        if (value->state == ADAPTERS_PGOUTPUT_UNCHANGED && index < message->old_row.count)
            value = &message->old_row.values[index];
        char *text = bus_arena_allocate(self->intake->arena, value->text.length + 1);
        if (value->state != ADAPTERS_PGOUTPUT_TEXT || text == NULL)
            return false;
        if (value->text.length > 0)
            memcpy(text, value->text.data, value->text.length);
        text[value->text.length] = '\0';
        parameters[i] = text;
        bus_buffer_printf(sql, i > 0 ? " AND " : " WHERE ");
        replication_append_identifier(sql, table->keys[i].name);
        bus_buffer_printf(sql, " = $%zu", i + 1);
    }
    return table->key_count > 0;
}

enum bus_status replication_fetch(struct replication *self, const struct replication_table *table,
                                  struct replication_rows **out_rows, struct bus_error *error)
{
    const char *parameters[REPLICATION_KEYS_MAX];
    struct bus_buffer sql;
    bus_buffer_init(&sql, SQL_LIMIT);
    bus_arena_reset(self->intake->arena);
    replication_table_append_select(table, &sql);
    bool is_whole = write_condition(self, table, &sql, parameters);
    bus_buffer_u8(&sql, '\0');
    *out_rows = NULL;
    enum bus_status status = BUS_OK;
    if (!is_whole || sql.failed)
        status = bus_fail(error, BUS_FATAL, "table %s.%s: a changed row did not come whole, and cannot be asked for",
                          table->schema, table->name);
    if (status == BUS_OK)
        status = replication_client_open(self->database, error);
    if (status == BUS_OK)
        status = await_visible(self, error);
    if (status == BUS_OK)
        status = replication_client_ask(self->database, (const char *)sql.data, parameters, (int)table->key_count,
                                        out_rows, error);
    bus_buffer_release(&sql);
    if (status == BUS_OK && replication_rows_count(*out_rows) == 0) {
        replication_rows_destroy(*out_rows);
        *out_rows = NULL;
    }
    return status;
}
