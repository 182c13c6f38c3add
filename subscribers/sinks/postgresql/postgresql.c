#include "subscribers/sinks/postgresql/postgresql.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "subscribers/sinks/postgresql/position.h"
#include "subscribers/sinks/postgresql/write.h"

enum { MAX_ROW_BYTES = 64 * 1024 * 1024 };

static const struct bus_option options[] = {
    {"connection", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "libpq connection string"},
    {"schema", BUS_OPTION_TEXT, "public", 0, 0, NULL, "schema of the tables; made when missing"},
    {"withdraw", BUS_OPTION_TEXT, "delete", 0, 0, "delete|mark", "what a withdrawal does to the row"},
    {0},
};

struct postgresql {
    char *topic;
    char schema[POSTGRESQL_NAME_SIZE];
    bool marks;
    struct postgresql_client *client;
    struct postgresql_tables *tables;
    struct postgresql_positions positions;
    struct postgresql_writer writer;
    char *refuse_sql;
    bool is_prepared;
};

static void postgresql_close(void *self)
{
    struct postgresql *sink = self;
    if (sink == NULL)
        return;
    postgresql_client_destroy(sink->client);
    postgresql_tables_destroy(sink->tables);
    postgresql_positions_release(&sink->positions);
    postgresql_resync_release(&sink->writer.resync);
    bus_buffer_release(&sink->writer.buffer);
    free(sink->refuse_sql);
    free(sink->topic);
    free(sink);
}

static enum bus_status make_parts(struct postgresql *sink, const char *connection, struct bus_error *error)
{
    sink->client = postgresql_client_create(connection);
    sink->refuse_sql =
        postgresql_statement("INSERT INTO ", sink->schema,
                             "xinqiao_refused (topic, partition, leaf, record, department, item, code, reason) "
                             "VALUES ($1, $2::integer, $3::bigint, $4::bytea, $5, $6, $7, $8) ON CONFLICT DO NOTHING");
    if (sink->topic == NULL || sink->client == NULL || sink->refuse_sql == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = postgresql_client_check(connection, error);
    if (status == BUS_OK)
        status = postgresql_positions_init(&sink->positions, sink->client, sink->topic, sink->schema, error);
    if (status == BUS_OK)
        status =
            postgresql_resync_init(&sink->writer.resync, sink->client, sink->topic, sink->schema, sink->marks, error);
    return status;
}

static enum bus_status postgresql_open(const struct subscribers_sink_context *context,
                                       const struct bus_settings_node *group, void **out_self, struct bus_error *error)
{
    struct postgresql *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    bus_buffer_init(&sink->writer.buffer, MAX_ROW_BYTES);
    snprintf(sink->schema, sizeof sink->schema, "%s", bus_settings_text(group, options, "schema"));
    sink->marks = strcmp(bus_settings_text(group, options, "withdraw"), "mark") == 0;
    sink->topic = strdup(context->topic);
    enum bus_status status = make_parts(sink, bus_settings_text(group, options, "connection"), error);
    if (status == BUS_OK)
        status = postgresql_tables_create(context->catalogues, bus_settings_text(group, options, "schema"), sink->marks,
                                          &sink->tables, error);
    if (status != BUS_OK) {
        postgresql_close(sink);
        return status;
    }
    sink->writer.client = sink->client;
    sink->writer.tables = sink->tables;
    *out_self = sink;
    return BUS_OK;
}

static void postgresql_bounds(const void *self, struct subscribers_sink_bounds *out_bounds)
{
    (void)self;
    *out_bounds = (struct subscribers_sink_bounds){0}; /* the engine's sizes; at once when idle */
}

static enum bus_status connect(struct postgresql *sink, struct bus_error *error)
{
    enum bus_status status = postgresql_client_open(sink->client, error);
    if (status == BUS_OK && !sink->is_prepared) {
        status = postgresql_tables_prepare(sink->tables, sink->client, error);
        sink->is_prepared = status == BUS_OK;
    }
    return status == BUS_REJECT ? BUS_FATAL : status;
}

static enum bus_status postgresql_prepare(void *self, struct bus_error *error)
{
    return connect(self, error);
}

static enum bus_status postgresql_load(void *self, struct subscribers_position *position, struct bus_error *error)
{
    struct postgresql *sink = self;
    enum bus_status status = connect(sink, error);
    return status == BUS_OK ? postgresql_positions_load(&sink->positions, position, error) : status;
}

static enum bus_status postgresql_renew(void *self, const struct subscribers_sink_context *context,
                                        struct bus_error *error)
{
    struct postgresql *sink = self;
    struct postgresql_tables *tables = NULL;
    enum bus_status status = postgresql_tables_create(context->catalogues, sink->schema, sink->marks, &tables, error);
    if (status == BUS_OK)
        status = connect(sink, error);
    if (status == BUS_OK)
        status = postgresql_tables_prepare(tables, sink->client, error);
    if (status != BUS_OK) {
        postgresql_tables_destroy(tables);
        return status == BUS_REJECT ? BUS_FATAL : status;
    }
    postgresql_client_disconnect(sink->client); /* its staging tables have the old shape */
    postgresql_tables_destroy(sink->tables);
    sink->tables = sink->writer.tables = tables;
    return BUS_OK;
}

/* ── applying ── */

static enum bus_status keep_refused(struct postgresql *sink, const struct subscribers_delivery *delivery,
                                    const char *reason, struct bus_error *error)
{
    char partition[16], leaf[24];
    snprintf(partition, sizeof partition, "%d", (int)delivery->partition);
    snprintf(leaf, sizeof leaf, "%llu", (unsigned long long)delivery->leaf);
    const struct postgresql_parameter parameters[] = {
        {bus_bytes_text(sink->topic), false},
        {bus_bytes_text(partition), false},
        {bus_bytes_text(leaf), false},
        {bus_bytes_of(delivery->record, BUS_IDENTITY_SIZE), true},
        {bus_bytes_text(delivery->view->item->department->name), false},
        {bus_bytes_text(delivery->view->item->name), false},
        {bus_bytes_text(delivery->refusal), false},
        {bus_bytes_text(reason), false},
    };
    bus_log(BUS_LOG_WARN, "接收端拒绝一条投递 / receiver refused a delivery",
            "item=%s.%s partition=%d leaf=%s code=%s reason=\"%s\"", delivery->view->item->department->name,
            delivery->view->item->name, (int)delivery->partition, leaf, delivery->refusal, reason);
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(sink->client, sink->refuse_sql, parameters, 8, &rows, error);
    if (status == BUS_OK)
        postgresql_rows_destroy(rows);
    return status;
}

static enum bus_status savepoint(struct postgresql *sink, const char *word, struct bus_error *error)
{
    char sql[64];
    snprintf(sql, sizeof sql, "%s xq", word);
    return postgresql_client_run(sink->client, sql, error);
}

/* Writes what can be written of [0, count) and narrows down to each delivery that cannot. As deep as log2(count). */
static enum bus_status write_narrowing(struct postgresql *sink, struct subscribers_delivery *deliveries, size_t count,
                                       struct bus_error *error)
{
    enum bus_status status = savepoint(sink, "SAVEPOINT", error);
    if (status == BUS_OK)
        status = postgresql_write(&sink->writer, deliveries, count, true, error);
    if (status == BUS_OK)
        return savepoint(sink, "RELEASE SAVEPOINT", error);
    if (status != BUS_REJECT)
        return status;
    struct bus_error why = *error;
    status = savepoint(sink, "ROLLBACK TO SAVEPOINT", error);
    postgresql_write_forget(&sink->writer);
    if (status == BUS_OK)
        status = savepoint(sink, "RELEASE SAVEPOINT", error);
    if (status != BUS_OK)
        return status;
    if (count == 1) {
        subscribers_delivery_refuse_because(deliveries, why.code, bus_bytes_text(why.message));
        return keep_refused(sink, deliveries, why.message, error);
    }
    size_t half = count / 2;
    status = write_narrowing(sink, deliveries, half, error);
    return status == BUS_OK ? write_narrowing(sink, deliveries + half, count - half, error) : status;
}

/* Deliveries that the engine could not decode. */
static enum bus_status keep_undecoded(struct postgresql *sink, const struct subscribers_batch *batch,
                                      struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < batch->count; i++)
        if (subscribers_delivery_is_refused(&batch->deliveries[i]))
            status = keep_refused(sink, &batch->deliveries[i],
                                  batch->deliveries[i].words != NULL ? batch->deliveries[i].words
                                                                     : "the delivery cannot be decoded",
                                  error);
    return status;
}

/* One transaction. REJECT: the database refuses some row; nothing was applied. */
static enum bus_status apply_once(struct postgresql *sink, struct subscribers_batch *batch, bool narrowing,
                                  struct bus_error *error)
{
    enum bus_status status = connect(sink, error);
    if (status == BUS_OK)
        status = postgresql_client_run(sink->client, "BEGIN", error);
    if (status == BUS_OK)
        status = keep_undecoded(sink, batch, error);
    if (status == BUS_OK)
        status = narrowing ? write_narrowing(sink, batch->deliveries, batch->count, error)
                           : postgresql_write(&sink->writer, batch->deliveries, batch->count, false, error);
    if (status == BUS_OK)
        status = subscribers_batch_settle(batch, error);
    for (size_t i = 0; status == BUS_OK && i < batch->advance_count; i++)
        status = postgresql_positions_save(&sink->positions, &batch->advances[i], error);
    if (status == BUS_OK)
        status = postgresql_client_run(sink->client, "COMMIT", error);
    if (status != BUS_OK) {
        postgresql_client_rollback(sink->client);
        postgresql_write_forget(&sink->writer);
    }
    return status;
}

static enum bus_status postgresql_apply(void *self, struct subscribers_batch *batch, struct bus_error *error)
{
    enum bus_status status = apply_once(self, batch, false, error);
    if (status == BUS_REJECT)
        status = apply_once(self, batch, true, error);
    if (status == BUS_REJECT) /* a constraint that only the commit checks, or one of our own tables */
        status = bus_fail(error, BUS_FATAL, "%s", error->message);
    return status;
}

const struct subscribers_sink subscribers_postgresql = {
    .name = "postgresql",
    .options = options,
    .open = postgresql_open,
    .bounds = postgresql_bounds,
    .prepare = postgresql_prepare,
    .load = postgresql_load,
    .renew = postgresql_renew,
    .apply = postgresql_apply,
    .close = postgresql_close,
};
