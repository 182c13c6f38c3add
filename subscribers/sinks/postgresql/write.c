#include "subscribers/sinks/postgresql/write.h"

#include <stdlib.h>

enum { FLUSH_BYTES = 256 * 1024, CHANGE_COLUMNS = 7 };

static const char make_change_sql[] =
    "CREATE TEMPORARY TABLE IF NOT EXISTS xq_change (target integer, record bytea, status text, flags text[], "
    "partition integer, leaf bigint, delivered_at timestamptz) ON COMMIT DELETE ROWS";
static const char copy_change_sql[] = "COPY pg_temp.xq_change FROM STDIN (FORMAT binary)";

static enum bus_status flush(struct postgresql_writer *writer, struct bus_error *error)
{
    if (writer->buffer.failed)
        return bus_fail(error, BUS_FATAL, "out of memory for a row");
    enum bus_status status = postgresql_client_copy_put(writer->client, bus_buffer_view(&writer->buffer), error);
    bus_buffer_reset(&writer->buffer);
    return status;
}

static void append_flags(struct bus_buffer *buffer, uint32_t flags)
{
    const char *names[BUS_FLAG_COUNT];
    size_t count = 0;
    for (int flag = 0; flag < BUS_FLAG_COUNT; flag++)
        if (flags >> flag & 1)
            names[count++] = bus_flag_name((enum bus_flag)flag);
    postgresql_row_texts(buffer, names, count);
}

static void append_fixed(struct bus_buffer *buffer, const struct subscribers_delivery *delivery)
{
    postgresql_row_bytes(buffer, bus_bytes_of(delivery->record, BUS_IDENTITY_SIZE));
    postgresql_row_bigint(buffer, delivery->version);
    postgresql_row_text(buffer, subscribers_delivery_reason(delivery));
    postgresql_row_boolean(buffer, false);
    append_flags(buffer, delivery->flags);
    postgresql_row_bytes(buffer, delivery->grant);
    postgresql_row_bytes(buffer, delivery->purpose);
    postgresql_row_bytes(buffer, delivery->legal_basis);
    postgresql_row_bytes(buffer, delivery->catalogue);
    postgresql_row_text(buffer, delivery->view->item->department->name);
    postgresql_row_integer(buffer, delivery->partition);
    postgresql_row_bigint(buffer, (int64_t)delivery->leaf);
    postgresql_row_timestamp(buffer, delivery->delivered_at_ms);
}

/* False when a value fits no column. */
static bool append_row(struct bus_buffer *buffer, const struct postgresql_view *view,
                       const struct subscribers_delivery *delivery)
{
    struct bus_span spans[SUBSCRIBERS_MAX_FIELDS];
    size_t count;
    const struct bus_field *fields = subscribers_delivery_view_fields(delivery->view, &count);
    subscribers_delivery_spans(delivery, spans);
    postgresql_row_start(buffer, POSTGRESQL_FIXED_COLUMNS + view->table->column_count);
    append_fixed(buffer, delivery);
    for (size_t c = 0; c < view->table->column_count; c++) {
        int f = view->field_of_column[c];
        if (f < 0) {
            postgresql_row_null(buffer);
            continue;
        }
        struct bus_value value = bus_datum_value(&fields[f], delivery->value, spans[f]);
        if (!postgresql_row_value(buffer, fields[f].value, &value))
            return false;
    }
    return true;
}

static void append_change(struct bus_buffer *buffer, size_t target, const struct subscribers_delivery *delivery)
{
    postgresql_row_start(buffer, CHANGE_COLUMNS);
    postgresql_row_integer(buffer, (int32_t)target);
    postgresql_row_bytes(buffer, bus_bytes_of(delivery->record, BUS_IDENTITY_SIZE));
    postgresql_row_text(buffer, subscribers_delivery_reason(delivery));
    append_flags(buffer, delivery->flags);
    postgresql_row_integer(buffer, delivery->partition);
    postgresql_row_bigint(buffer, (int64_t)delivery->leaf);
    postgresql_row_timestamp(buffer, delivery->delivered_at_ms);
}

/* What a folded batch asks of each table; the views are found once a record. */
struct plan {
    const struct postgresql_view **views; /* of folded record i */
    struct {
        size_t puts, withdrawals, statuses;
        size_t first; /* of its puts in `order` */
    } * tables;
    uint32_t *order; /* folded records with a PUT, table by table */
    size_t changes;  /* records with a withdrawal or a status */
};

static void plan_release(struct plan *plan)
{
    free(plan->views);
    free(plan->tables);
    free(plan->order);
}

static const struct bus_view *view_of(const struct postgresql_folded *folded)
{
    const struct subscribers_delivery *any = folded->put != NULL          ? folded->put
                                             : folded->withdrawal != NULL ? folded->withdrawal
                                                                          : folded->status;
    return any->view;
}

static enum bus_status count_work(struct plan *plan, const struct postgresql_writer *writer,
                                  const struct postgresql_fold *fold, struct bus_error *error)
{
    const struct postgresql_view *last = NULL;
    for (size_t i = 0; i < fold->count; i++) {
        const struct postgresql_folded *folded = &fold->records[i];
        const struct bus_view *view = view_of(folded);
        if (last == NULL || last->view != view)
            last = postgresql_tables_find(writer->tables, view);
        if (last == NULL)
            return bus_fail(error, BUS_FATAL, "a delivery of grant %s has no table", view->grant->name);
        plan->views[i] = last;
        size_t t = last->table->number;
        plan->tables[t].puts += folded->put != NULL;
        plan->tables[t].withdrawals += folded->withdrawal != NULL;
        plan->tables[t].statuses += folded->status != NULL;
        plan->changes += folded->withdrawal != NULL || folded->status != NULL;
    }
    return BUS_OK;
}

static enum bus_status plan_init(struct plan *plan, const struct postgresql_writer *writer,
                                 const struct postgresql_fold *fold, struct bus_error *error)
{
    size_t table_count = postgresql_tables_count(writer->tables);
    *plan = (struct plan){
        .views = calloc(fold->count + 1, sizeof *plan->views),
        .tables = calloc(table_count + 1, sizeof *plan->tables),
        .order = calloc(fold->count + 1, sizeof *plan->order),
    };
    if (plan->views == NULL || plan->tables == NULL || plan->order == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for %zu records", fold->count);
    enum bus_status status = count_work(plan, writer, fold, error);
    if (status != BUS_OK)
        return status;
    for (size_t t = 0; t < table_count; t++)
        plan->tables[t + 1].first = plan->tables[t].first + plan->tables[t].puts;
    size_t *filled = calloc(table_count + 1, sizeof *filled);
    if (filled == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < fold->count; i++)
        if (fold->records[i].put != NULL) {
            size_t t = plan->views[i]->table->number;
            plan->order[plan->tables[t].first + filled[t]++] = (uint32_t)i;
        }
    free(filled);
    return BUS_OK;
}

static enum bus_status stage(struct postgresql_writer *writer, struct postgresql_table *table, bool again,
                             struct bus_error *error)
{
    uint64_t generation = postgresql_client_generation(writer->client);
    enum bus_status status = BUS_OK;
    if (table->staged_generation != generation)
        status = postgresql_client_run(writer->client, table->sql.stage, error);
    if (status == BUS_OK)
        table->staged_generation = generation;
    return status == BUS_OK && again ? postgresql_client_run(writer->client, table->sql.clear, error) : status;
}

void postgresql_write_forget(struct postgresql_writer *writer)
{
    for (size_t t = 0; t < postgresql_tables_count(writer->tables); t++)
        postgresql_tables_at(writer->tables, t)->staged_generation = 0;
}

static enum bus_status copy_puts(struct postgresql_writer *writer, const struct plan *plan,
                                 const struct postgresql_fold *fold, size_t table, struct bus_error *error)
{
    bool good = true;
    enum bus_status status = BUS_OK;
    bus_buffer_reset(&writer->buffer);
    postgresql_row_header(&writer->buffer);
    for (size_t i = 0; status == BUS_OK && good && i < plan->tables[table].puts; i++) {
        uint32_t record = plan->order[plan->tables[table].first + i];
        good = append_row(&writer->buffer, plan->views[record], fold->records[record].put);
        if (writer->buffer.length >= FLUSH_BYTES)
            status = flush(writer, error);
    }
    postgresql_row_trailer(&writer->buffer);
    if (status == BUS_OK && good)
        status = flush(writer, error);
    return status == BUS_OK ? postgresql_client_copy_end(writer->client, good, error) : status;
}

static enum bus_status write_puts(struct postgresql_writer *writer, const struct plan *plan,
                                  const struct postgresql_fold *fold, bool again, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t t = 0; status == BUS_OK && t < postgresql_tables_count(writer->tables); t++) {
        struct postgresql_table *table = postgresql_tables_at(writer->tables, t);
        if (plan->tables[t].puts == 0)
            continue;
        status = stage(writer, table, again, error);
        if (status == BUS_OK)
            status = postgresql_client_copy_begin(writer->client, table->sql.copy, error);
        if (status == BUS_OK)
            status = copy_puts(writer, plan, fold, t, error);
        if (status == BUS_OK)
            status = postgresql_client_run(writer->client, table->sql.upsert, error);
    }
    return status;
}

static enum bus_status copy_changes(struct postgresql_writer *writer, const struct plan *plan,
                                    const struct postgresql_fold *fold, struct bus_error *error)
{
    enum bus_status status = postgresql_client_run(writer->client, make_change_sql, error);
    if (status == BUS_OK)
        status = postgresql_client_run(writer->client, "DELETE FROM pg_temp.xq_change", error);
    if (status == BUS_OK)
        status = postgresql_client_copy_begin(writer->client, copy_change_sql, error);
    bus_buffer_reset(&writer->buffer);
    postgresql_row_header(&writer->buffer);
    for (size_t i = 0; status == BUS_OK && i < fold->count; i++) {
        const struct postgresql_folded *folded = &fold->records[i];
        size_t table = plan->views[i]->table->number;
        if (folded->withdrawal != NULL)
            append_change(&writer->buffer, 2 * table, folded->withdrawal);
        if (folded->status != NULL)
            append_change(&writer->buffer, 2 * table + 1, folded->status);
        if (writer->buffer.length >= FLUSH_BYTES)
            status = flush(writer, error);
    }
    postgresql_row_trailer(&writer->buffer);
    if (status == BUS_OK)
        status = flush(writer, error);
    return status == BUS_OK ? postgresql_client_copy_end(writer->client, true, error) : status;
}

static enum bus_status write_changes(struct postgresql_writer *writer, const struct plan *plan,
                                     const struct postgresql_fold *fold, struct bus_error *error)
{
    enum bus_status status = copy_changes(writer, plan, fold, error);
    for (size_t t = 0; status == BUS_OK && t < postgresql_tables_count(writer->tables); t++) {
        const struct postgresql_table *table = postgresql_tables_at(writer->tables, t);
        if (plan->tables[t].withdrawals > 0)
            status = postgresql_client_run(writer->client, table->sql.withdraw, error);
        if (status == BUS_OK && plan->tables[t].statuses > 0)
            status = postgresql_client_run(writer->client, table->sql.status, error);
    }
    return status;
}

static enum bus_status write_folded(struct postgresql_writer *writer, const struct postgresql_fold *fold, bool again,
                                    struct bus_error *error)
{
    struct plan plan = {0};
    enum bus_status status = plan_init(&plan, writer, fold, error);
    if (status == BUS_OK)
        status = write_puts(writer, &plan, fold, again, error);
    if (status == BUS_OK && plan.changes > 0)
        status = write_changes(writer, &plan, fold, error);
    plan_release(&plan);
    return status;
}

static enum bus_status write_marker(struct postgresql_writer *writer, const struct subscribers_delivery *marker,
                                    struct bus_error *error)
{
    const struct postgresql_view *view = postgresql_tables_find(writer->tables, marker->view);
    if (view == NULL)
        return bus_fail(error, BUS_FATAL, "a marker of grant %s has no table", marker->view->grant->name);
    return postgresql_resync_apply(&writer->resync, marker, view->table, error);
}

enum bus_status postgresql_write(struct postgresql_writer *writer, const struct subscribers_delivery *deliveries,
                                 size_t count, bool again, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t at = 0; status == BUS_OK && at < count;) {
        struct postgresql_fold fold;
        status = postgresql_fold_init(&fold, deliveries + at, count - at, error);
        if (status == BUS_OK && fold.count > 0)
            status = write_folded(writer, &fold, again || at > 0, error);
        if (status == BUS_OK && fold.taken == 0)
            status = write_marker(writer, &deliveries[at], error);
        at += fold.taken > 0 ? fold.taken : 1;
        postgresql_fold_release(&fold);
    }
    return status;
}
