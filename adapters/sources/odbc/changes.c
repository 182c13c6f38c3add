#include "adapters/sources/odbc/changes.h"

#include <stdio.h>

#include "adapters/sources/odbc/list.h"
#include "bus/stop.h"

enum {
    LOOK_ROWS = 256,
    ORIGINAL_LIMIT = 4 * ADAPTERS_ROW_MAX,
    SECOND_MS = 1000,
    MILLI_NANOS = 1000000,
    CHINA_MS = 8 * 3600 * 1000,
    AHEAD_MS = 24 * 3600 * 1000, /* a clock may be so wrong, or in another zone, before its marks are not believed */
};

/* One pass. */
struct pass {
    const struct odbc_changes *changes;
    struct odbc_changes_count *count;
    struct bus_buffer original;
    char source[ADAPTERS_FILE_NAME_SIZE]; /* for quarantine */
    struct odbc_mark horizon;             /* marks beyond it are not gone by */
    struct odbc_mark last;                /* of the page */
    int64_t page_count;                   /* rows of the page */
};

static enum adapters_poll_kind kind_of(const struct pass *pass)
{
    return adapters_mapping_poll(pass->changes->table->mapping)->kind;
}

static bool is_timestamp(const struct pass *pass)
{
    return kind_of(pass) == ADAPTERS_POLL_TIMESTAMP;
}

/* --- one row --- */

/* When the department says that it changed, in case the mapping does not. */
static int64_t committed_at(const struct pass *pass, const struct odbc_mark *mark)
{
    if (!is_timestamp(pass) || adapters_mapping_has_changed_at(pass->changes->table->mapping))
        return 0;
    int64_t at_ms = mark->whole * SECOND_MS + mark->nanos / MILLI_NANOS - CHINA_MS;
    return at_ms > 0 && at_ms <= bus_clock_now_ms(&pass->changes->intake->clock) ? at_ms : 0;
}

static void count_outcome(struct pass *pass, enum adapters_row_outcome outcome)
{
    struct odbc_changes_count *count = pass->count;
    count->published += outcome == ADAPTERS_ROW_PUBLISHED;
    count->unchanged += outcome == ADAPTERS_ROW_UNCHANGED;
    count->quarantined += outcome == ADAPTERS_ROW_REFUSED;
}

static enum bus_status take_row(struct pass *pass, const struct bus_bytes *fields, const struct odbc_mark *mark,
                                struct adapters_refusal *refusal, struct bus_error *error)
{
    const struct odbc_changes *changes = pass->changes;
    const struct odbc_table *table = changes->table;
    struct bus_bytes of_mapping[ADAPTERS_COLUMNS_MAX] = {{0}};
    enum adapters_row_outcome outcome = ADAPTERS_ROW_UNCHANGED;
    enum bus_status status = BUS_OK;
    bus_buffer_reset(&pass->original);
    odbc_list_append_line(fields, table->column_count, &pass->original);
    if (pass->original.failed)
        return bus_fail(error, BUS_FATAL, "take a row of table %s: out of memory", table->label);
    for (size_t i = 0; i < table->column_count; i++)
        if (table->of_mapping[i] != ODBC_NO_COLUMN)
            of_mapping[table->of_mapping[i]] = fields[i];
    size_t length = pass->original.length - 1; /* without the line's end */
    const struct adapters_row row = {
        .original = bus_bytes_of(pass->original.data, length < ADAPTERS_ROW_MAX ? length : ADAPTERS_ROW_MAX),
        .fields = of_mapping,
        .committed_at_ms = committed_at(pass, mark),
        .is_latest = true,
    };
    if (!odbc_refused_has(changes->refused, row.original)) {
        if (refusal->code[0] != '\0') {
            outcome = ADAPTERS_ROW_REFUSED;
            status = adapters_intake_refuse(changes->intake, changes->feed, pass->source, &row, refusal, error);
        } else {
            status = adapters_intake_row(changes->intake, changes->feed, pass->source, &row, &outcome, refusal, error);
        }
        if (status == BUS_OK && outcome == ADAPTERS_ROW_REFUSED)
            odbc_refused_add(changes->refused, row.original);
    }
    count_outcome(pass, outcome);
    return status;
}

static void move_on(struct pass *pass, const struct odbc_mark *mark)
{
    struct odbc_mark *place = &pass->changes->place->mark;
    pass->last = *mark;
    if (pass->horizon.is_set && odbc_mark_compare(mark, &pass->horizon) > 0)
        pass->count->is_too_late = true;
    else if (odbc_mark_compare(mark, place) > 0)
        *place = *mark;
}

static enum bus_status commit(const struct odbc_changes *changes, struct bus_error *error)
{
    enum bus_status status = changes->note(changes->self, error);
    return status == BUS_OK ? adapters_intake_commit(changes->intake, error) : status;
}

/* --- one answer --- */

static enum bus_status take_answer(struct pass *pass, struct bus_error *error)
{
    const struct odbc_changes *changes = pass->changes;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX + 1];
    pass->page_count = 0;
    for (;;) {
        struct adapters_refusal refusal;
        struct odbc_mark mark;
        bool is_end;
        enum bus_status status = odbc_client_next(changes->client, fields, &is_end, &refusal, error);
        if (status != BUS_OK || is_end)
            return status;
        if (!odbc_mark_parse(kind_of(pass), fields[changes->table->rising], &mark))
            return bus_fail(error, BUS_REJECT, "the rising column of table %s holds a value that is no %s",
                            changes->table->label, is_timestamp(pass) ? "time" : "whole number of 64 bits");
        status = take_row(pass, fields, &mark, &refusal, error);
        if (status != BUS_OK)
            return status;
        move_on(pass, &mark);
        pass->count->rows++;
        pass->page_count++;
        if (adapters_intake_is_due(changes->intake))
            status = commit(changes, error);
        if (status != BUS_OK || (pass->page_count % LOOK_ROWS == 0 && bus_stop_requested()))
            return status;
    }
}

/* What was added is committed first: nothing may lie in a transaction while a database thinks. */
static enum bus_status ask(struct pass *pass, enum odbc_range range, const struct odbc_mark *mark, int64_t page_rows,
                           struct bus_error *error)
{
    const struct odbc_changes *changes = pass->changes;
    enum bus_status status = commit(changes, error);
    if (status == BUS_OK)
        status = odbc_table_ask(changes->table, changes->client, range, mark, page_rows, error);
    if (status == BUS_OK)
        status = take_answer(pass, error);
    odbc_client_finish(changes->client);
    return status;
}

/* --- all of them --- */

/* A page that is full may end among rows of one mark: the next begins with that mark again. When a page holds nothing else, all rows of
 * that mark are read at once, and the next page begins behind them. */
static enum bus_status take_pages(struct pass *pass, enum odbc_range range, struct odbc_mark from,
                                  struct bus_error *error)
{
    int64_t page_rows = pass->changes->page_rows;
    struct odbc_mark passed = {0};
    for (;;) {
        enum bus_status status = ask(pass, range, &from, page_rows, error);
        if (status != BUS_OK || bus_stop_requested() || pass->page_count < page_rows)
            return status;
        bool is_stuck = range == ODBC_FROM && odbc_mark_compare(&pass->last, &from) == 0;
        if (is_stuck && odbc_mark_compare(&pass->last, &passed) == 0)
            return bus_fail(
                error, BUS_REJECT,
                "table %s has more rows of one value in the rising column than a page, and the database does not tell "
                "them apart from others: raise odbc.page_rows",
                pass->changes->table->label);
        from = pass->last;
        range = ODBC_FROM;
        if (!is_stuck)
            continue;
        status = ask(pass, ODBC_AT, &from, 0, error);
        if (status != BUS_OK || bus_stop_requested())
            return status;
        range = ODBC_AFTER;
        passed = from;
    }
}

enum bus_status odbc_changes_take(const struct odbc_changes *changes, struct odbc_changes_count *out_count,
                                  struct bus_error *error)
{
    const struct adapters_poll *poll = adapters_mapping_poll(changes->table->mapping);
    struct pass pass = {.changes = changes, .count = out_count};
    struct odbc_mark before = changes->place->mark;
    *out_count = (struct odbc_changes_count){0};
    snprintf(pass.source, sizeof pass.source, "%.200s", changes->table->label);
    bus_buffer_init(&pass.original, ORIGINAL_LIMIT);
    if (is_timestamp(&pass))
        pass.horizon = (struct odbc_mark){
            .is_set = true, .whole = (bus_clock_now_ms(&changes->intake->clock) + CHINA_MS + AHEAD_MS) / SECOND_MS};
    enum bus_status status = before.is_set
                                 ? take_pages(&pass, ODBC_FROM, odbc_mark_before(&before, poll->overlap), error)
                                 : take_pages(&pass, ODBC_MARKED, before, error);
    bus_buffer_release(&pass.original);
    out_count->went_back = status == BUS_OK && !bus_stop_requested() && before.is_set && out_count->rows == 0;
    return status == BUS_OK ? changes->note(changes->self, error) : status;
}
