/* The replication source: a snapshot of the tables of its feeds, then every change of them, in the order of their commits. */
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/settings.h"
#include "adapters/engine/source.h"
#include "adapters/sources/replication/source.h"
#include "bus/stop.h"

enum {
    ORIGINAL_LIMIT = 2 * ADAPTERS_ROW_MAX + 64 * 1024,
    REST_WAIT_MS = 50, /* for the rest of a transaction that has begun to come */
};

/* --- open and close --- */

static void close_source(void *source)
{
    struct replication *self = source;
    adapters_inbox_close(self->inbox);
    replication_client_destroy(self->walsender);
    replication_client_destroy(self->database);
    replication_tables_release(&self->tables);
    bus_buffer_release(&self->original);
    free(self->message);
    free(self->fields);
    free(self);
}

static enum bus_status prepare(struct replication *self, struct bus_error *error)
{
    char name[ADAPTERS_FEED_NAME_SIZE];
    enum bus_status status = replication_settings_read(self->intake->settings->replication, &self->settings, error);
    if (status == BUS_OK)
        status = replication_tables_init(&self->tables, self->intake->feeds, error);
    if (status != BUS_OK)
        return status;
    snprintf(self->cursor, sizeof self->cursor, "replication/%s", self->settings.slot);
    snprintf(name, sizeof name, "xinqiao-adapter %s", self->intake->settings->name);
    self->database = replication_client_create(self->settings.connection, name, REPLICATION_CLIENT_ORDINARY);
    self->walsender = replication_client_create(self->settings.connection, name, REPLICATION_CLIENT_WALSENDER);
    self->message = calloc(1, sizeof *self->message);
    self->fields = calloc(ADAPTERS_COLUMNS_MAX, sizeof *self->fields);
    bool is_whole = self->database != NULL && self->walsender != NULL && self->message != NULL && self->fields != NULL;
    if (!is_whole)
        return bus_fail(error, BUS_FATAL, "out of memory");
    char spool[REPLICATION_PATH_SIZE];
    snprintf(spool, sizeof spool, "%.*s/spool", REPLICATION_PATH_SIZE - 8, self->state);
    const struct adapters_inbox_options options = {.folder = spool, .is_spool = true};
    return adapters_inbox_open(self->intake, &options, &self->inbox, error);
}

/* Connects with the first take, so that a database that is away is waited for there. */
static enum bus_status open_source(const struct adapters_intake *intake, void **out_source, struct bus_error *error)
{
    struct replication *self = calloc(1, sizeof *self);
    if (self == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    self->intake = intake;
    self->state = intake->settings->state;
    bus_buffer_init(&self->original, ORIGINAL_LIMIT);
    enum bus_status status = prepare(self, error);
    if (status == BUS_OK)
        *out_source = self;
    else
        close_source(self);
    return status;
}

/* --- the position --- */

/* What operators see of each feed. */
static void tell_delivered(struct replication *self)
{
    char end[REPLICATION_LSN_TEXT_SIZE];
    replication_lsn_text(self->position.at > self->position.end ? self->position.at : self->position.end, end);
    for (size_t i = 0; i < self->tables.feeds->count; i++) {
        struct adapters_delivered *delivered = &self->delivered[i];
        if (delivered->rows == 0)
            continue;
        delivered->name = end;
        adapters_board_delivered(self->intake->board, i, delivered);
        *delivered = (struct adapters_delivered){0};
    }
}

enum bus_status replication_note(struct replication *self, struct bus_error *error)
{
    char text[REPLICATION_POSITION_TEXT_SIZE];
    replication_position_write(&self->position, text);
    self->noted_end = self->position.end;
    self->moved_at_ms = bus_clock_monotonic_ms();
    self->has_news = false;
    tell_delivered(self);
    return adapters_journal_set_cursor(adapters_publisher_journal(self->intake->publisher), self->cursor, text, error);
}

enum bus_status replication_commit(struct replication *self, struct bus_error *error)
{
    enum bus_status status = replication_note(self, error);
    return status == BUS_OK ? adapters_intake_commit(self->intake, error) : status;
}

/* Between transactions: what the server has passed over holds nothing for us. */
static void pass_on(struct replication *self)
{
    if (!self->is_inside && self->stream.passed > self->position.end)
        self->position.end = self->stream.passed;
}

/* Notes the position when rows stand behind it, or when it is time to let the database free its log. */
static enum bus_status settle_position(struct replication *self, struct bus_error *error)
{
    if (self->has_news)
        return replication_note(self, error);
    pass_on(self);
    bool is_due = bus_clock_monotonic_ms() - self->moved_at_ms >= self->settings.heartbeat_ms;
    return is_due && self->position.end > self->noted_end ? replication_note(self, error) : BUS_OK;
}

/* --- taking --- */

/* A stop that spares what came before: that is right, and would else be published anew at each start. */
static enum bus_status stop_here(struct replication *self, struct bus_error *error)
{
    struct bus_error ignored;
    if (replication_commit(self, &ignored) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "transaction given up, will be done again", BUS_RETRY, &ignored);
    bus_error_prefix(error, "replication stops");
    return BUS_FATAL;
}

static enum bus_status take_one(struct replication *self, uint64_t lsn, struct bus_bytes bytes, struct bus_error *error)
{
    enum bus_status status = adapters_pgoutput_read(bytes, self->message, error);
    if (status == BUS_OK)
        status = replication_take_message(self, lsn, error);
    if (status == BUS_FATAL && self->message->kind == ADAPTERS_PGOUTPUT_RELATION)
        return stop_here(self, error);
    return status;
}

/* Whether the rest is near: a transaction is not cut in two because its next row is a moment late, and the end of the log as it stood at the
 * beginning is still to come. */
static bool expects_more(const struct replication *self)
{
    return self->is_inside || (self->position.end < self->target && self->stream.passed < self->target);
}

static enum bus_status take_stream(struct replication *self, size_t *out_count, struct bus_error *error)
{
    bool has_waited = false;
    while (!bus_stop_requested() && !adapters_intake_is_due(self->intake)) {
        uint64_t lsn;
        struct bus_bytes bytes;
        enum bus_status status = replication_stream_next(&self->stream, &lsn, &bytes, error);
        if (status != BUS_OK)
            return status;
        if (bytes.length == 0) {
            if (has_waited || !expects_more(self))
                break;
            replication_client_wait(self->walsender, REST_WAIT_MS);
            has_waited = true;
            continue;
        }
        has_waited = false;
        ++*out_count;
        status = take_one(self, lsn, bytes, error);
        if (status != BUS_OK)
            return status;
    }
    if (*out_count == 0 && expects_more(self))
        *out_count = 1;
    return settle_position(self, error);
}

/* One feed that an operator paused holds all of them: changes come in one order. */
static bool is_paused(const struct replication *self)
{
    for (size_t i = 0; i < self->tables.feeds->count; i++)
        if (adapters_board_is_paused(self->intake->board, i))
            return true;
    return false;
}

static enum bus_status take(void *source, size_t *out_count, struct bus_error *error)
{
    struct replication *self = source;
    enum bus_status status = BUS_OK;
    *out_count = 0;
    if (self->stage == REPLICATION_APART)
        status = replication_connect(self, error);
    if (status == BUS_OK && self->stage == REPLICATION_LISTS)
        return replication_take_lists(self, out_count, error);
    if (status == BUS_OK && is_paused(self))
        return replication_stream_rest(&self->stream, error);
    return status == BUS_OK ? take_stream(self, out_count, error) : status;
}

static bool committed(void *source)
{
    struct replication *self = source;
    struct bus_error error;
    bool is_done = adapters_inbox_committed(self->inbox);
    if (self->stage != REPLICATION_STREAM || self->has_news)
        return is_done;
    if (replication_stream_confirm(&self->stream, self->noted_end, &error) != BUS_OK)
        self->stage = REPLICATION_APART; /* the next take connects anew, and confirms by that */
    return is_done;
}

static void aborted(void *source)
{
    struct replication *self = source;
    adapters_inbox_aborted(self->inbox);
    replication_client_disconnect(self->walsender);
    memset(self->delivered, 0, sizeof self->delivered);
    self->stage = REPLICATION_APART;
    self->has_news = false;
}

static void wait_for_more(void *source, int64_t timeout_ms)
{
    struct replication *self = source;
    if (self->stage == REPLICATION_STREAM)
        replication_client_wait(self->walsender, timeout_ms);
    else
        adapters_inbox_wait(self->inbox, timeout_ms);
}

const struct adapters_source_type adapters_source_replication = {
    .name = "replication",
    .needs_image = true,
    .open = open_source,
    .close = close_source,
    .take = take,
    .committed = committed,
    .aborted = aborted,
    .wait = wait_for_more,
};
