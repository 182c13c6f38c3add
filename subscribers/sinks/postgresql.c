#include "subscribers/sinks/postgresql.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "subscribers/sinks/postgresql_write.h"

enum { MAX_SQL_BYTES = 4096, MAX_ROW_BYTES = 64 * 1024 * 1024 };

static const struct bus_option options[] = {
    {"connection", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "libpq connection string"},
    {"schema", BUS_OPTION_TEXT, "public", 0, 0, NULL, "schema of the tables; made when missing"},
    {"withdraw", BUS_OPTION_TEXT, "delete", 0, 0, "delete|mark", "what a withdrawal does to the row"},
    {0},
};

struct postgresql {
    char *topic;
    char schema[POSTGRESQL_NAME_SIZE];
    struct postgresql_client *client;
    struct postgresql_tables *tables;
    struct postgresql_writer writer;
    char *load_sql, *save_sql, *refuse_sql;
    bool is_prepared;
};

static void postgresql_close(void *self)
{
    struct postgresql *sink = self;
    if (sink == NULL)
        return;
    postgresql_client_destroy(sink->client);
    postgresql_tables_destroy(sink->tables);
    bus_buffer_release(&sink->writer.buffer);
    free(sink->load_sql);
    free(sink->save_sql);
    free(sink->refuse_sql);
    free(sink->topic);
    free(sink);
}

/* The two texts with the schema's quoted name and a point between them. */
static char *statement(const char *schema, const char *before, const char *after)
{
    struct bus_buffer sql;
    bus_buffer_init(&sql, MAX_SQL_BYTES);
    bus_buffer_printf(&sql, "%s", before);
    postgresql_append_identifier(&sql, schema);
    bus_buffer_printf(&sql, ".%s", after);
    bus_buffer_u8(&sql, '\0');
    char *text = sql.failed ? NULL : strdup((const char *)sql.data);
    bus_buffer_release(&sql);
    return text;
}

static bool make_statements(struct postgresql *sink)
{
    sink->load_sql = statement(sink->schema,
                               "SELECT next_offset, hash, log_size, encode(frontier, 'hex'), encode(book, 'hex') FROM ",
                               "xinqiao_position WHERE topic = $1 AND partition = $2::integer");
    /* Only from where this agent stands: a second one that moved the position meanwhile shows as no row. */
    sink->save_sql = statement(
        sink->schema, "INSERT INTO ",
        "xinqiao_position AS held (topic, partition, next_offset, hash, log_size, frontier, book) "
        "VALUES ($1, $2::integer, $3::bigint, $4, $5::bigint, $6::bytea, $7::bytea) "
        "ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset, hash = excluded.hash, "
        "log_size = excluded.log_size, frontier = excluded.frontier, book = excluded.book, changed_at = now() "
        "WHERE held.next_offset = $8::bigint");
    sink->refuse_sql =
        statement(sink->schema, "INSERT INTO ",
                  "xinqiao_refused (topic, partition, leaf, record, department, item, code, reason) "
                  "VALUES ($1, $2::integer, $3::bigint, $4::bytea, $5, $6, $7, $8) ON CONFLICT DO NOTHING");
    return sink->load_sql != NULL && sink->save_sql != NULL && sink->refuse_sql != NULL;
}

static enum bus_status postgresql_open(const struct subscribers_sink_context *context,
                                       const struct bus_settings_node *group, void **out_self, struct bus_error *error)
{
    const char *connection = bus_settings_text(group, options, "connection");
    const char *schema = bus_settings_text(group, options, "schema");
    struct postgresql *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    bus_buffer_init(&sink->writer.buffer, MAX_ROW_BYTES);
    snprintf(sink->schema, sizeof sink->schema, "%s", schema);
    sink->topic = strdup(context->topic);
    sink->client = postgresql_client_create(connection);
    enum bus_status status = postgresql_client_check(connection, error);
    if (status == BUS_OK)
        status = postgresql_tables_create(context->catalogue, context->views, context->subscriber, schema,
                                          &sink->tables, error);
    if (status == BUS_OK && (sink->topic == NULL || sink->client == NULL || !make_statements(sink)))
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status != BUS_OK) {
        postgresql_close(sink);
        return status;
    }
    sink->writer.client = sink->client;
    sink->writer.tables = sink->tables;
    sink->writer.marks_withdrawn = strcmp(bus_settings_text(group, options, "withdraw"), "mark") == 0;
    *out_self = sink;
    return BUS_OK;
}

static void postgresql_bounds(const void *self, struct subscribers_sink_bounds *out_bounds)
{
    (void)self;
    *out_bounds = (struct subscribers_sink_bounds){0}; /* the engine's sizes; at once when idle */
}

/* ── positions ── */

static bool unhex_buffer(const char *text, struct bus_buffer *buffer)
{
    size_t length = strlen(text) / 2;
    uint8_t *bytes = malloc(length + 1);
    bool good = bytes != NULL && bus_unhex(text, bytes, length);
    bus_buffer_reset(buffer);
    if (good)
        bus_buffer_append(buffer, bytes, length);
    free(bytes);
    return good && !buffer->failed;
}

static bool read_position(const struct postgresql_rows *rows, struct subscribers_position *position)
{
    const char *frontier = postgresql_rows_text_view(rows, 0, 3);
    position->next = strtoll(postgresql_rows_text_view(rows, 0, 0), NULL, 10);
    position->hash = strcmp(postgresql_rows_text_view(rows, 0, 1), "sm3") == 0 ? BUS_HASH_SM3 : BUS_HASH_SHA256;
    position->log.size = strtoull(postgresql_rows_text_view(rows, 0, 2), NULL, 10);
    size_t bytes = bus_merkle_peak_count(position->log.size) * BUS_DIGEST_SIZE;
    return bus_unhex(frontier, (uint8_t *)position->log.peaks, bytes) &&
           unhex_buffer(postgresql_rows_text_view(rows, 0, 4), &position->books);
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

static enum bus_status postgresql_load(void *self, struct subscribers_position *position, struct bus_error *error)
{
    struct postgresql *sink = self;
    enum bus_status status = connect(sink, error);
    if (status != BUS_OK)
        return status;
    char partition[16];
    snprintf(partition, sizeof partition, "%d", (int)position->partition);
    const struct postgresql_parameter parameters[] = {{bus_bytes_text(sink->topic), false},
                                                      {bus_bytes_text(partition), false}};
    struct postgresql_rows *rows;
    status = postgresql_client_ask(sink->client, sink->load_sql, parameters, 2, &rows, error);
    if (status != BUS_OK)
        return status;
    if (postgresql_rows_count(rows) > 0 && !read_position(rows, position))
        status = bus_fail(error, BUS_FATAL, "xinqiao_position of partition %d is damaged; restore it from a backup",
                          (int)position->partition);
    postgresql_rows_destroy(rows);
    return status;
}

static enum bus_status save_position(struct postgresql *sink, const struct subscribers_advance *advance,
                                     struct bus_error *error)
{
    const struct subscribers_position *position = &advance->position;
    char partition[16], next[24], size[24], from[24];
    snprintf(partition, sizeof partition, "%d", (int)position->partition);
    snprintf(next, sizeof next, "%lld", (long long)position->next);
    snprintf(size, sizeof size, "%llu", (unsigned long long)position->log.size);
    snprintf(from, sizeof from, "%lld", (long long)advance->from);
    const struct postgresql_parameter parameters[] = {
        {bus_bytes_text(sink->topic), false},
        {bus_bytes_text(partition), false},
        {bus_bytes_text(next), false},
        {bus_bytes_text(position->hash == BUS_HASH_SM3 ? "sm3" : "sha256"), false},
        {bus_bytes_text(size), false},
        {bus_bytes_of(position->log.peaks, bus_merkle_peak_count(position->log.size) * BUS_DIGEST_SIZE), true},
        {bus_buffer_view(&position->books), true},
        {bus_bytes_text(from), false},
    };
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(sink->client, sink->save_sql, parameters, 8, &rows, error);
    if (status != BUS_OK)
        return status;
    if (postgresql_rows_affected(rows) != 1)
        status = bus_fail(
            error, BUS_FATAL,
            "the stored position of partition %d is not %s: another agent writes into the same schema; stop one",
            (int)position->partition, from);
    postgresql_rows_destroy(rows);
    return status;
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
        subscribers_delivery_refuse(deliveries, why.code);
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
            status = keep_refused(sink, &batch->deliveries[i], "the delivery cannot be decoded", error);
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
        status = save_position(sink, &batch->advances[i], error);
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
    .load = postgresql_load,
    .apply = postgresql_apply,
    .close = postgresql_close,
};
