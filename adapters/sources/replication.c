/* The replication source: a snapshot of the tables of its feeds, then every change of them, in the order of their commits. */
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/settings.h"
#include "adapters/engine/source.h"
#include "adapters/sources/replication_source.h"
#include "bus/stop.h"

enum {
    ORIGINAL_LIMIT = 2 * ADAPTERS_ROW_MAX + 64 * 1024,
    REST_WAIT_MS = 50, /* for the rest of a transaction that has begun to come */
};

/* --- open and close --- */

static void close_source(void *source)
{
    struct replication *self = source;
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
    return is_whole ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory");
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

enum bus_status replication_note(struct replication *self, struct bus_error *error)
{
    char text[REPLICATION_POSITION_TEXT_SIZE];
    replication_position_write(&self->position, text);
    self->noted_end = self->position.end;
    self->moved_at_ms = bus_clock_monotonic_ms();
    self->has_news = false;
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
    if (status == BUS_OK && adapters_intake_is_due(self->intake))
        status = replication_commit(self, error);
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
    while (!bus_stop_requested()) {
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

static enum bus_status take(void *source, size_t *out_count, struct bus_error *error)
{
    struct replication *self = source;
    enum bus_status status = BUS_OK;
    *out_count = 0;
    if (self->stage == REPLICATION_APART)
        status = replication_connect(self, error);
    if (status == BUS_OK && self->stage == REPLICATION_LISTS)
        return replication_take_lists(self, out_count, error);
    return status == BUS_OK ? take_stream(self, out_count, error) : status;
}

static bool committed(void *source)
{
    struct replication *self = source;
    struct bus_error error;
    if (self->stage != REPLICATION_STREAM || self->has_news)
        return true;
    if (replication_stream_confirm(&self->stream, self->noted_end, &error) != BUS_OK)
        self->stage = REPLICATION_APART; /* the next take connects anew, and confirms by that */
    return true;
}

static void aborted(void *source)
{
    struct replication *self = source;
    replication_client_disconnect(self->walsender);
    self->stage = REPLICATION_APART;
    self->has_news = false;
}

static void wait_for_more(void *source, int64_t timeout_ms)
{
    struct replication *self = source;
    if (self->stage == REPLICATION_STREAM)
        replication_client_wait(self->walsender, timeout_ms);
    else
        bus_clock_sleep_ms(timeout_ms);
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
