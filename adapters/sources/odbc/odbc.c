/* ODBC: the source that is tables of a database, asked again and again for what changed, and compared as a whole from time to time. */
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/board.h"
#include "adapters/engine/settings.h"
#include "adapters/engine/source.h"
#include "adapters/sources/files/inbox.h"
#include "adapters/sources/odbc/changes.h"
#include "adapters/sources/odbc/list.h"
#include "adapters/sources/odbc/schedule.h"
#include "bus/stop.h"

enum {
    PATH_SIZE = ADAPTERS_PATH_SIZE + ADAPTERS_FEED_NAME_SIZE + 16,
    FIRST_BACKOFF_MS = 1000,
    LAST_BACKOFF_MS = 60000, /* also: until a table that cannot be taken is looked at again */
    SECOND_MS = 1000,
    TELL_MS = 3600 * 1000, /* between two words about what does not change */
};

struct feed {
    size_t number;
    const char *name;
    const struct adapters_poll *poll;
    struct odbc_table table;
    struct odbc_place place; /* as of the next commit */
    struct odbc_refused refused;
    char folder[PATH_SIZE]; /* of its lists */
    struct odbc_list list;  /* written and not yet done with */
    bool was_held;
    bool wants_list;
    int64_t next_ms, backoff_ms; /* by the clock that never jumps: it is not asked before */
    int64_t told_ms, warned_ms;
};

struct odbc {
    const struct adapters_intake *intake;
    struct odbc_settings settings;
    struct odbc_client *client;
    struct adapters_inbox *inbox;
    struct feed feeds[ADAPTERS_MAX_FEEDS];
    size_t feed_count;
};

/* What a pass over one feed works with; for the callback of odbc_changes. */
struct round {
    struct odbc *odbc;
    struct feed *feed;
};

static struct adapters_journal *journal_of(const struct odbc *odbc)
{
    return adapters_publisher_journal(odbc->intake->publisher);
}

/* --- the cursors --- */

static void name_cursor(const struct feed *feed, const char *what, char out_name[ADAPTERS_CURSOR_NAME_SIZE])
{
    snprintf(out_name, ADAPTERS_CURSOR_NAME_SIZE, "odbc/%s/%s", feed->name, what);
}

/* As it was committed last. */
static void load_feed(const struct odbc *odbc, struct feed *feed)
{
    char name[ADAPTERS_CURSOR_NAME_SIZE];
    name_cursor(feed, "refused", name);
    odbc_refused_read(&feed->refused, adapters_journal_cursor(journal_of(odbc), name));
    name_cursor(feed, "place", name);
    if (odbc_place_read(feed->poll->kind, adapters_journal_cursor(journal_of(odbc), name), &feed->place))
        return;
    bus_log(BUS_LOG_WARN, "rising column is of another kind than before: the whole table is compared", "feed=%s",
            feed->name);
    feed->place = (struct odbc_place){0};
}

/* A list that lies there and is not done with; one that was rejected stays in its folder. */
static void find_list(struct feed *feed)
{
    odbc_list_find(feed->poll->kind, feed->folder, &feed->list);
    if (feed->list.at_ms <= feed->place.listed_at_ms)
        feed->list = (struct odbc_list){0};
}

static enum bus_status note_cursor(const struct odbc *odbc, const struct feed *feed, const char *what, const char *text,
                                   struct bus_error *error)
{
    char name[ADAPTERS_CURSOR_NAME_SIZE];
    name_cursor(feed, what, name);
    if (strcmp(adapters_journal_cursor(journal_of(odbc), name), text) == 0)
        return BUS_OK;
    return adapters_journal_set_cursor(journal_of(odbc), name, text, error);
}

static enum bus_status note_feed(void *self, struct bus_error *error)
{
    const struct round *round = self;
    char text[ADAPTERS_CURSOR_TEXT_SIZE];
    odbc_place_write(round->feed->poll->kind, &round->feed->place, text);
    enum bus_status status = note_cursor(round->odbc, round->feed, "place", text, error);
    if (status != BUS_OK)
        return status;
    odbc_refused_write(&round->feed->refused, text);
    return note_cursor(round->odbc, round->feed, "refused", text, error);
}

/* --- opening --- */

static void close_odbc(void *self)
{
    struct odbc *odbc = self;
    for (size_t i = 0; i < odbc->feed_count; i++) {
        odbc_table_release(&odbc->feeds[i].table);
        odbc_refused_release(&odbc->feeds[i].refused);
    }
    adapters_inbox_close(odbc->inbox);
    odbc_client_destroy(odbc->client);
    odbc_settings_release(&odbc->settings);
    free(odbc);
}

static enum bus_status open_feed(struct odbc *odbc, size_t number, struct bus_error *error)
{
    struct feed *feed = &odbc->feeds[odbc->feed_count++];
    const struct adapters_mapping *mapping = odbc->intake->feeds->mappings[number];
    feed->number = number;
    feed->name = adapters_mapping_feed_view(mapping);
    feed->poll = adapters_mapping_poll(mapping);
    feed->backoff_ms = FIRST_BACKOFF_MS;
    odbc_table_init(&feed->table, mapping);
    if (adapters_mapping_layout(mapping)->format != ADAPTERS_FORMAT_TABLE)
        return bus_fail(error, BUS_FATAL, "feed %s: its mapping must say format = 'table', or be left out of `feeds`",
                        feed->name);
    snprintf(feed->folder, sizeof feed->folder, "%s/spool/%s", odbc->intake->settings->state, feed->name);
    load_feed(odbc, feed);
    find_list(feed);
    return BUS_OK;
}

static enum bus_status prepare(struct odbc *odbc, struct bus_error *error)
{
    char spool[PATH_SIZE];
    const struct adapters_settings *settings = odbc->intake->settings;
    enum bus_status status = odbc_settings_read(settings->file, settings->odbc, &odbc->settings, error);
    for (size_t i = 0; status == BUS_OK && i < odbc->intake->feeds->count; i++)
        status = open_feed(odbc, i, error);
    snprintf(spool, sizeof spool, "%s/spool", settings->state);
    const struct adapters_inbox_options options = {.folder = spool, .is_spool = true};
    if (status == BUS_OK)
        status = adapters_inbox_open(odbc->intake, &options, &odbc->inbox, error);
    return status == BUS_OK ? odbc_client_create(&odbc->settings, &odbc->client, error) : status;
}

static enum bus_status open_odbc(const struct adapters_intake *intake, void **out_source, struct bus_error *error)
{
    struct odbc *odbc = calloc(1, sizeof *odbc);
    if (odbc == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare ODBC: out of memory");
    odbc->intake = intake;
    enum bus_status status = prepare(odbc, error);
    if (status == BUS_OK)
        *out_source = odbc;
    else
        close_odbc(odbc);
    return status;
}

/* --- lists --- */

static int64_t now_ms(const struct odbc *odbc)
{
    return bus_clock_now_ms(&odbc->intake->clock);
}

/* The list was taken, or an operator rejected it. One that was taken at once says up to where the table is known; polling goes on from a
 * mark of its own otherwise, and from a lower one in any case, for that loses nothing. */
static enum bus_status settle_list(struct odbc *odbc, struct feed *feed, struct bus_error *error)
{
    bool is_first = !feed->place.mark.is_set && !feed->was_held;
    if (is_first || odbc_mark_compare(&feed->list.mark, &feed->place.mark) < 0)
        feed->place.mark = feed->list.mark;
    feed->place.listed_at_ms = feed->list.at_ms;
    feed->list = (struct odbc_list){0};
    feed->was_held = false;
    return note_feed(&(struct round){odbc, feed}, error);
}

static enum bus_status write_list(struct odbc *odbc, struct feed *feed, size_t *count, struct bus_error *error)
{
    enum bus_status status = adapters_intake_commit(odbc->intake, error); /* a table may take long to read */
    if (status == BUS_OK)
        status = odbc_list_write(&feed->table, odbc->client, feed->folder, now_ms(odbc), &feed->list, error);
    if (status != BUS_OK)
        return status;
    feed->wants_list = false;
    ++*count;
    return adapters_inbox_take(odbc->inbox, feed->number, count, error);
}

/* --- changes --- */

static void warn(struct feed *feed, const char *event)
{
    int64_t at_ms = bus_clock_monotonic_ms();
    if (feed->warned_ms != 0 && at_ms - feed->warned_ms < TELL_MS)
        return;
    feed->warned_ms = at_ms;
    bus_log(BUS_LOG_WARN, event, "feed=%s table=%s", feed->name, feed->table.label);
}

static void tell_changes(const struct odbc *odbc, struct feed *feed, const struct odbc_changes_count *count)
{
    int64_t at_ms = bus_clock_monotonic_ms();
    bool has_news = count->published + count->quarantined > 0;
    if (count->is_too_late)
        warn(feed, "rows are dated in the future: they are read again each time, correct the department's clock");
    if (count->went_back) {
        bus_log(BUS_LOG_WARN, "nothing is at the last value of the rising column any more: the whole table is compared",
                "feed=%s table=%s", feed->name, feed->table.label);
        feed->wants_list = true;
    }
    if (has_news)
        bus_log(BUS_LOG_INFO, "changes taken", "feed=%s rows=%lld published=%lld unchanged=%lld quarantined=%lld",
                feed->name, (long long)count->rows, (long long)count->published, (long long)count->unchanged,
                (long long)count->quarantined);
    if (!has_news && feed->told_ms != 0 && at_ms - feed->told_ms < TELL_MS)
        return;
    feed->told_ms = at_ms;
    const struct adapters_delivered delivered = {.name = feed->table.label,
                                                 .rows = count->rows,
                                                 .published = count->published,
                                                 .unchanged = count->unchanged,
                                                 .quarantined = count->quarantined};
    adapters_board_delivered(odbc->intake->board, feed->number, &delivered);
}

static enum bus_status take_changes(struct odbc *odbc, struct feed *feed, size_t *out_count, struct bus_error *error)
{
    struct round round = {odbc, feed};
    struct odbc_changes_count count;
    const struct odbc_changes changes = {
        .intake = odbc->intake,
        .feed = feed->number,
        .client = odbc->client,
        .table = &feed->table,
        .page_rows = odbc->settings.page_rows,
        .place = &feed->place,
        .refused = &feed->refused,
        .note = note_feed,
        .self = &round,
    };
    enum bus_status status = odbc_changes_take(&changes, &count, error);
    if (status != BUS_OK)
        return status;
    tell_changes(odbc, feed, &count);
    *out_count += (size_t)(count.published + count.quarantined);
    if (count.went_back) { /* the list is written now */
        feed->next_ms = 0;
        ++*out_count;
    }
    return BUS_OK;
}

/* --- one feed --- */

static void rest(struct feed *feed, int64_t duration_ms)
{
    feed->next_ms = bus_clock_monotonic_ms() + duration_ms;
}

static void back_off(struct feed *feed)
{
    rest(feed, feed->backoff_ms);
    feed->backoff_ms = feed->backoff_ms * 2 < LAST_BACKOFF_MS ? feed->backoff_ms * 2 : LAST_BACKOFF_MS;
}

/* This table cannot be taken until somebody mends it or its mapping; the others go on. */
static enum bus_status set_aside(const struct odbc *odbc, struct feed *feed, const struct bus_error *error)
{
    bus_log_failure(BUS_LOG_ERROR, "table is not taken, will be looked at again", BUS_REJECT, error);
    adapters_board_trouble(odbc->intake->board, feed->number, "数据库表无法读取，请按日志中的原因处理", error->message);
    rest(feed, LAST_BACKOFF_MS);
    return BUS_OK;
}

static enum bus_status ask(struct odbc *odbc, struct feed *feed, size_t *count, struct bus_error *error)
{
    bool is_list = odbc_schedule_is_list_due(feed->poll, feed->place.listed_at_ms, now_ms(odbc)) || feed->wants_list;
    enum bus_status status =
        is_list || feed->poll->kind != ADAPTERS_POLL_NOTHING ? odbc_client_open(odbc->client, error) : BUS_OK;
    if (status != BUS_OK)
        return status; /* all feeds wait for the database */
    rest(feed, feed->poll->every_seconds * SECOND_MS);
    if (!is_list && feed->poll->kind == ADAPTERS_POLL_NOTHING)
        return BUS_OK;
    status = odbc_table_look(&feed->table, odbc->client, &feed->place, error);
    if (status == BUS_OK)
        status = is_list ? write_list(odbc, feed, count, error) : take_changes(odbc, feed, count, error);
    if (status == BUS_REJECT)
        return set_aside(odbc, feed, error);
    if (status == BUS_RETRY) {
        bus_error_prefix(error, "feed %s", feed->name);
        back_off(feed);
    }
    if (status != BUS_OK)
        return status;
    feed->backoff_ms = FIRST_BACKOFF_MS;
    adapters_board_trouble(odbc->intake->board, feed->number, "", "");
    return BUS_OK;
}

/* A list that lies there is taken before anything is asked, for it is older than what the table says now; while one is held for an
 * operator's word, the table waits. */
static enum bus_status take_feed(struct odbc *odbc, struct feed *feed, size_t *count, struct bus_error *error)
{
    if (adapters_board_is_paused(odbc->intake->board, feed->number))
        return BUS_OK;
    enum bus_status status = adapters_inbox_take(odbc->inbox, feed->number, count, error);
    bool is_held = adapters_inbox_is_held(odbc->inbox, feed->number);
    feed->was_held = feed->was_held || is_held;
    if (status != BUS_OK || is_held || adapters_inbox_waits(odbc->inbox, feed->number))
        return status;
    if (feed->list.at_ms != 0) {
        feed->next_ms = 0;
        status = settle_list(odbc, feed, error);
    }
    return status == BUS_OK && bus_clock_monotonic_ms() >= feed->next_ms ? ask(odbc, feed, count, error) : status;
}

static enum bus_status take(void *self, size_t *out_count, struct bus_error *error)
{
    struct odbc *odbc = self;
    enum bus_status status = BUS_OK;
    *out_count = 0;
    for (size_t i = 0; status == BUS_OK && i < odbc->feed_count && !bus_stop_requested(); i++)
        status = take_feed(odbc, &odbc->feeds[i], out_count, error);
    return status;
}

/* --- behind a commit --- */

static bool committed(void *self)
{
    struct odbc *odbc = self;
    return adapters_inbox_committed(odbc->inbox);
}

static void aborted(void *self)
{
    struct odbc *odbc = self;
    adapters_inbox_aborted(odbc->inbox);
    odbc_client_finish(odbc->client);
    for (size_t i = 0; i < odbc->feed_count; i++) {
        struct feed *feed = &odbc->feeds[i];
        load_feed(odbc, feed);
        find_list(feed);
    }
}

static void wait_for_time(void *self, int64_t timeout_ms)
{
    const struct odbc *odbc = self;
    int64_t now = bus_clock_monotonic_ms(), wait_ms = timeout_ms;
    for (size_t i = 0; i < odbc->feed_count; i++)
        if (odbc->feeds[i].next_ms - now < wait_ms)
            wait_ms = odbc->feeds[i].next_ms - now;
    if (wait_ms > 0)
        bus_clock_sleep_ms(wait_ms);
}

const struct adapters_source_type adapters_source_odbc = {
    .name = "odbc",
    .needs_image = true,
    .open = open_odbc,
    .close = close_odbc,
    .take = take,
    .committed = committed,
    .aborted = aborted,
    .wait = wait_for_time,
};
