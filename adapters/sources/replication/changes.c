/* What becomes of each message of the stream: a row for the intake, a withdrawal, a step of the position. */
#include <stdio.h>

#include "adapters/sources/replication/source.h"
#include "bus/stop.h"
#include "bus/utf8.h"

enum { TRUNCATED_AT_ONCE = 1024 };

/* --- rows --- */

/* A tuple as a row of its mapping. `old_row` lends what the new one leaves out because it was not changed. */
static void fill_fields(struct replication *self, const struct replication_table *table, size_t feed,
                        const struct adapters_pgoutput_tuple *tuple, const struct adapters_pgoutput_tuple *old_row)
{
    size_t count = adapters_mapping_layout(self->tables.feeds->mappings[feed])->column_count;
    memset(self->fields, 0, count * sizeof *self->fields);
    for (size_t i = 0; i < tuple->count; i++) {
        const struct adapters_pgoutput_value *value = &tuple->values[i];
        if (table->bound[i] < 0)
            continue;
        if (value->state == ADAPTERS_PGOUTPUT_UNCHANGED && old_row != NULL && i < old_row->count)
            value = &old_row->values[i];
        if (value->state == ADAPTERS_PGOUTPUT_TEXT)
            self->fields[table->columns[table->bound[i]].place] = value->text;
    }
}

/* Whether a mapped value is neither in the new row nor in the old one. */
static bool lacks_values(const struct replication *self, const struct replication_table *table)
{
    const struct adapters_pgoutput_message *message = self->message;
    if (message->old_kind == ADAPTERS_PGOUTPUT_OLD_ROW)
        return false;
    for (size_t i = 0; i < message->new_row.count; i++)
        if (message->new_row.values[i].state == ADAPTERS_PGOUTPUT_UNCHANGED && table->bound[i] >= 0)
            return true;
    return false;
}

/* The row as a line of CSV, in the order of the mapping: what quarantine keeps of it. */
static void write_original(struct replication *self, size_t column_count)
{
    struct bus_buffer *line = &self->original;
    bus_buffer_reset(line);
    for (size_t i = 0; i < column_count; i++) {
        struct bus_bytes text = self->fields[i];
        if (i > 0)
            bus_buffer_u8(line, ',');
        bool is_plain = true;
        for (size_t j = 0; j < text.length && is_plain; j++)
            is_plain = text.data[j] != ',' && text.data[j] != '"' && text.data[j] != '\n' && text.data[j] != '\r';
        if (is_plain) {
            bus_buffer_append_bytes(line, text);
            continue;
        }
        bus_buffer_u8(line, '"');
        for (size_t j = 0; j < text.length; j++) {
            if (text.data[j] == '"')
                bus_buffer_u8(line, '"');
            bus_buffer_u8(line, text.data[j]);
        }
        bus_buffer_u8(line, '"');
    }
}

/* The limits of a row and of its fields hold for every source. */
static enum bus_status check_row(const struct replication *self, size_t column_count, struct adapters_refusal *refusal)
{
    size_t length = 0;
    for (size_t i = 0; i < column_count; i++) {
        length += self->fields[i].length;
        if (self->fields[i].length > ADAPTERS_FIELD_MAX)
            return adapters_refuse(refusal, "FIELD_TOO_LONG", "该行有字段超过 1 MiB",
                                   "a field of the row is longer than 1 MiB");
        if (!bus_utf8_valid(self->fields[i]))
            return adapters_refuse(refusal, "ROW_ENCODING", "该行不是有效的 UTF-8 文本",
                                   "the row is no valid UTF-8 text");
    }
    return length <= ADAPTERS_ROW_MAX
               ? BUS_OK
               : adapters_refuse(refusal, "ROW_TOO_LONG", "该行超过 2 MiB", "the row is longer than 2 MiB");
}

static void name_source(const struct replication_table *table, uint64_t lsn,
                        char out_name[REPLICATION_SOURCE_NAME_SIZE])
{
    char text[REPLICATION_LSN_TEXT_SIZE];
    replication_lsn_text(lsn, text);
    snprintf(out_name, REPLICATION_SOURCE_NAME_SIZE, "%s.%s@%s", table->schema, table->name, text);
}

static void count(struct replication *self, size_t feed, enum adapters_row_outcome outcome)
{
    struct adapters_delivered *delivered = &self->delivered[feed];
    delivered->rows++;
    delivered->published += outcome == ADAPTERS_ROW_PUBLISHED;
    delivered->unchanged += outcome == ADAPTERS_ROW_UNCHANGED;
    delivered->quarantined += outcome == ADAPTERS_ROW_REFUSED;
}

/* The fields at hand as a record that is or has changed. */
static enum bus_status put(struct replication *self, const struct replication_table *table, size_t feed, uint64_t lsn,
                           struct bus_error *error)
{
    size_t column_count = adapters_mapping_layout(self->tables.feeds->mappings[feed])->column_count;
    char source[REPLICATION_SOURCE_NAME_SIZE];
    struct adapters_refusal refusal;
    enum adapters_row_outcome outcome;
    name_source(table, lsn, source);
    enum bus_status good = check_row(self, column_count, &refusal);
    write_original(self, column_count);
    struct adapters_row row = {
        .original = bus_buffer_view(&self->original),
        .fields = self->fields,
        .version = replication_position_version(&self->position, lsn),
        .committed_at_ms = self->committed_at_ms,
        .is_latest = true,
    };
    if (row.original.length > ADAPTERS_ROW_MAX)
        row.original.length = ADAPTERS_ROW_MAX;
    enum bus_status status = good == BUS_OK
                                 ? adapters_intake_row(self->intake, feed, source, &row, &outcome, &refusal, error)
                                 : adapters_intake_refuse(self->intake, feed, source, &row, &refusal, error);
    if (status == BUS_OK)
        count(self, feed, good == BUS_OK ? outcome : ADAPTERS_ROW_REFUSED);
    return status;
}

/* --- keys --- */

/* The record of the fields at hand; false when they make none: such a row was never published. */
static bool find_record(struct replication *self, size_t feed, uint8_t out_record[ADAPTERS_IMAGE_KEY_SIZE])
{
    const struct adapters_row row = {.fields = self->fields};
    struct adapters_refusal ignored;
    struct bus_bytes key;
    bus_arena_reset(self->intake->arena);
    if (adapters_mapping_key(self->tables.feeds->mappings[feed], &row, self->intake->arena, &key, &ignored) != BUS_OK)
        return false;
    adapters_image_key(key, out_record);
    return true;
}

static enum bus_status withdraw(struct replication *self, size_t feed, const uint8_t *record, uint64_t lsn,
                                struct bus_error *error)
{
    size_t before = adapters_publisher_rows(self->intake->publisher);
    enum bus_status status = adapters_intake_withdraw(
        self->intake, feed, record, replication_position_version(&self->position, lsn), self->committed_at_ms, error);
    bool is_published = adapters_publisher_rows(self->intake->publisher) > before;
    if (status == BUS_OK)
        count(self, feed, is_published ? ADAPTERS_ROW_PUBLISHED : ADAPTERS_ROW_UNCHANGED);
    return status;
}

/* Whether a column that makes the record key may have been changed. */
static bool changes_key(const struct replication *self, const struct replication_table *table, size_t feed)
{
    const struct adapters_pgoutput_message *message = self->message;
    bool needed[ADAPTERS_COLUMNS_MAX];
    if (message->old_kind == ADAPTERS_PGOUTPUT_OLD_NONE)
        return false;
    adapters_mapping_key_columns(self->tables.feeds->mappings[feed], needed);
    for (size_t i = 0; i < message->new_row.count && i < message->old_row.count; i++) {
        const struct adapters_pgoutput_value *is = &message->new_row.values[i], *was = &message->old_row.values[i];
        if (table->bound[i] < 0 || !needed[table->columns[table->bound[i]].place] ||
            is->state == ADAPTERS_PGOUTPUT_UNCHANGED)
            continue;
        if (is->state != was->state || !bus_bytes_equal(is->text, was->text))
            return true;
    }
    return false;
}

/* --- a row that did not come whole --- */

/* The row as it is now: a later change of it comes too, and then finds nothing new. When it is gone, its end comes too. */
static enum bus_status put_fetched(struct replication *self, const struct replication_table *table, size_t feed,
                                   uint64_t lsn, struct bus_error *error)
{
    struct replication_rows *rows = NULL;
    enum bus_status status = replication_fetch(self, table, &rows, error);
    if (status != BUS_OK || rows == NULL)
        return status;
    size_t count = adapters_mapping_layout(self->tables.feeds->mappings[feed])->column_count;
    memset(self->fields, 0, count * sizeof *self->fields);
    for (size_t i = 0; i < table->column_count; i++)
        if (!replication_rows_is_null(rows, 0, (int)i))
            self->fields[table->columns[i].place] = bus_bytes_text(replication_rows_text_view(rows, 0, (int)i));
    status = put(self, table, feed, lsn, error);
    replication_rows_destroy(rows);
    return status;
}

/* --- changes --- */

static enum bus_status take_update(struct replication *self, const struct replication_table *table, size_t feed,
                                   uint64_t lsn, struct bus_error *error)
{
    const struct adapters_pgoutput_message *message = self->message;
    const struct adapters_pgoutput_tuple *old_row =
        message->old_kind != ADAPTERS_PGOUTPUT_OLD_NONE ? &message->old_row : NULL;
    uint8_t was[ADAPTERS_IMAGE_KEY_SIZE], is[ADAPTERS_IMAGE_KEY_SIZE];
    if (changes_key(self, table, feed)) {
        fill_fields(self, table, feed, old_row, NULL);
        bool is_known = find_record(self, feed, was);
        fill_fields(self, table, feed, &message->new_row, old_row);
        bool is_same = find_record(self, feed, is) && is_known && memcmp(was, is, sizeof was) == 0;
        enum bus_status status = is_known && !is_same ? withdraw(self, feed, was, lsn, error) : BUS_OK;
        if (status != BUS_OK)
            return status;
    }
    if (lacks_values(self, table))
        return put_fetched(self, table, feed, lsn, error);
    fill_fields(self, table, feed, &message->new_row, old_row);
    return put(self, table, feed, lsn, error);
}

static enum bus_status take_delete(struct replication *self, const struct replication_table *table, size_t feed,
                                   uint64_t lsn, struct bus_error *error)
{
    uint8_t record[ADAPTERS_IMAGE_KEY_SIZE];
    fill_fields(self, table, feed, &self->message->old_row, NULL);
    return find_record(self, feed, record) ? withdraw(self, feed, record, lsn, error) : BUS_OK;
}

static enum bus_status take_row(struct replication *self, uint64_t lsn, struct bus_error *error)
{
    const struct adapters_pgoutput_message *message = self->message;
    size_t feed = 0;
    const struct replication_table *table = replication_tables_find(&self->tables, message->relation, &feed);
    if (table == NULL)
        return BUS_OK; /* published, and not of our feeds */
    if (!table->is_bound || (message->new_row.count != 0 && message->new_row.count != table->tuple_count) ||
        (message->old_row.count != 0 && message->old_row.count != table->tuple_count))
        return bus_fail(error, BUS_FATAL, "table %s.%s: a row came that does not fit what was told of the table",
                        table->schema, table->name);
    self->has_news = true;
    if (message->kind == ADAPTERS_PGOUTPUT_UPDATE)
        return take_update(self, table, feed, lsn, error);
    if (message->kind == ADAPTERS_PGOUTPUT_DELETE)
        return take_delete(self, table, feed, lsn, error);
    fill_fields(self, table, feed, &message->new_row, NULL);
    return put(self, table, feed, lsn, error);
}

/* --- a table that is emptied --- */

struct emptied {
    uint8_t records[TRUNCATED_AT_ONCE][ADAPTERS_IMAGE_KEY_SIZE];
    size_t count;
};

static bool collect(void *self, const uint8_t *key, const struct adapters_image_entry *entry)
{
    struct emptied *emptied = self;
    (void)entry;
    memcpy(emptied->records[emptied->count++], key, ADAPTERS_IMAGE_KEY_SIZE);
    return emptied->count < TRUNCATED_AT_ONCE;
}

/* Withdraws all that the image holds of a feed, a piece a transaction; a restart goes on with what is left. */
static enum bus_status empty_feed(struct replication *self, size_t feed, uint64_t lsn, struct bus_error *error)
{
    struct emptied emptied;
    enum bus_status status = replication_commit(self, error); /* the walk sees what is committed */
    do {
        emptied.count = 0;
        if (status == BUS_OK)
            status = adapters_image_walk(self->intake->image, feed, NULL, collect, &emptied, error);
        for (size_t i = 0; status == BUS_OK && i < emptied.count; i++)
            status = withdraw(self, feed, emptied.records[i], lsn, error);
        self->has_news = true;
        if (status == BUS_OK)
            status = replication_commit(self, error);
    } while (status == BUS_OK && emptied.count > 0 && !bus_stop_requested());
    if (status == BUS_OK && emptied.count > 0)
        return bus_fail(error, BUS_RETRY, "a stop was requested");
    return status;
}

static enum bus_status take_truncate(struct replication *self, uint64_t lsn, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < self->message->truncated_count; i++) {
        size_t feed;
        if (replication_tables_find(&self->tables, adapters_pgoutput_truncated(self->message, i), &feed) != NULL)
            status = empty_feed(self, feed, lsn, error);
    }
    return status;
}

/* --- messages --- */

/* A change is taken once: what the position has is passed over. */
static enum bus_status take_change(struct replication *self, uint64_t lsn, struct bus_error *error)
{
    if (lsn != self->change_lsn) {
        self->change_lsn = lsn;
        self->change_nth = 0;
    }
    uint64_t nth = self->change_nth++;
    if (replication_position_has(&self->position, self->commit_lsn, lsn, nth))
        return BUS_OK;
    enum bus_status status = self->message->kind == ADAPTERS_PGOUTPUT_TRUNCATE ? take_truncate(self, lsn, error)
                                                                               : take_row(self, lsn, error);
    if (status != BUS_OK)
        return status;
    self->position.commit = self->commit_lsn;
    self->position.at = lsn;
    self->position.nth = nth + 1;
    return BUS_OK;
}

static void take_begin(struct replication *self)
{
    self->is_inside = true;
    self->commit_lsn = self->message->lsn;
    self->transaction = self->message->transaction;
    self->is_visible = false;
    self->committed_at_ms = self->message->at_ms;
    self->change_lsn = self->change_nth = 0;
}

static void take_commit(struct replication *self)
{
    self->is_inside = false;
    if (self->message->end_lsn > self->position.end)
        self->position.end = self->message->end_lsn;
    self->position.commit = self->position.at = self->position.nth = 0;
}

enum bus_status replication_take_message(struct replication *self, uint64_t lsn, struct bus_error *error)
{
    switch (self->message->kind) {
    case ADAPTERS_PGOUTPUT_BEGIN: take_begin(self); return BUS_OK;
    case ADAPTERS_PGOUTPUT_COMMIT: take_commit(self); return BUS_OK;
    case ADAPTERS_PGOUTPUT_RELATION: return replication_tables_bind(&self->tables, self->message, error);
    case ADAPTERS_PGOUTPUT_INSERT:
    case ADAPTERS_PGOUTPUT_UPDATE:
    case ADAPTERS_PGOUTPUT_DELETE:
    case ADAPTERS_PGOUTPUT_TRUNCATE: return take_change(self, lsn, error);
    case ADAPTERS_PGOUTPUT_ORIGIN:
    case ADAPTERS_PGOUTPUT_TYPE:
    case ADAPTERS_PGOUTPUT_MESSAGE: return BUS_OK;
    }
    return BUS_OK;
}
