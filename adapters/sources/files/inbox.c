#include "adapters/sources/files/inbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/settings.h"
#include "adapters/formats/rows.h"
#include "adapters/sources/files/taking.h"
#include "bus/log.h"
#include "bus/stop.h"

enum { MAX_TAKEN = 256 }; /* files in one transaction: each is kept open until it is committed */

struct adapters_inbox {
    const struct adapters_intake *intake;
    bool is_spool;
    struct adapters_drop *drop;
    struct adapters_rows *rows;
    struct adapters_list *list; /* NULL: no full lists */
    struct adapters_memo *memos[ADAPTERS_MAX_FEEDS];
    struct adapters_taken taken[MAX_TAKEN]; /* finished in the transaction at hand */
    size_t taken_count;
};

static const struct adapters_mapping *mapping_of(const struct adapters_inbox *inbox, size_t feed)
{
    return inbox->intake->feeds->mappings[feed];
}

static bool is_list(const struct adapters_inbox *inbox, size_t feed)
{
    return inbox->is_spool || adapters_mapping_delivery(mapping_of(inbox, feed))->is_full_list;
}

/* --- opening --- */

static enum bus_status open_drop(struct adapters_inbox *inbox, const char *folder, struct bus_error *error)
{
    const struct adapters_feeds *feeds = inbox->intake->feeds;
    struct adapters_drop_options options = {
        .inbox = folder,
        .feed_count = feeds->count,
        .stable_ms = inbox->intake->settings->stable_ms,
        .removes_done = inbox->is_spool,
        .clock = inbox->intake->clock,
    };
    for (size_t i = 0; i < feeds->count; i++) {
        options.feeds[i].name = adapters_mapping_feed_view(feeds->mappings[i]);
        options.feeds[i].completion =
            inbox->is_spool ? ADAPTERS_COMPLETE_RENAME : adapters_mapping_completion(feeds->mappings[i]);
    }
    return adapters_drop_open(&options, &inbox->drop, error);
}

static enum bus_status open_list(struct adapters_inbox *inbox, struct bus_error *error)
{
    const char *state = inbox->intake->settings->state;
    enum bus_status status = BUS_OK;
    for (size_t feed = 0; status == BUS_OK && feed < inbox->intake->feeds->count; feed++) {
        if (!is_list(inbox, feed))
            continue;
        status = adapters_memo_create(state, &inbox->memos[feed], error);
        if (status == BUS_OK && inbox->list == NULL)
            status = adapters_list_create(state, &inbox->list, error);
    }
    return status;
}

enum bus_status adapters_inbox_open(const struct adapters_intake *intake, const struct adapters_inbox_options *options,
                                    struct adapters_inbox **out_inbox, struct bus_error *error)
{
    struct adapters_inbox *inbox = calloc(1, sizeof *inbox);
    if (inbox == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the inbox: out of memory");
    inbox->intake = intake;
    inbox->is_spool = options->is_spool;
    inbox->rows = adapters_rows_create(intake->decoder);
    enum bus_status status =
        inbox->rows != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "cannot prepare the inbox: out of memory");
    if (status == BUS_OK)
        status = open_drop(inbox, options->folder, error);
    if (status == BUS_OK)
        status = open_list(inbox, error);
    if (status == BUS_OK)
        *out_inbox = inbox;
    else
        adapters_inbox_close(inbox);
    return status;
}

void adapters_inbox_aborted(struct adapters_inbox *inbox)
{
    for (size_t i = 0; i < inbox->taken_count; i++)
        adapters_taken_release(&inbox->taken[i]);
    inbox->taken_count = 0;
}

void adapters_inbox_close(struct adapters_inbox *inbox)
{
    if (inbox == NULL)
        return;
    adapters_inbox_aborted(inbox);
    adapters_drop_close(inbox->drop);
    adapters_rows_destroy(inbox->rows);
    adapters_list_destroy(inbox->list);
    for (size_t feed = 0; feed < ADAPTERS_MAX_FEEDS; feed++)
        adapters_memo_destroy(inbox->memos[feed]);
    free(inbox);
}

/* --- taking --- */

static bool is_taken_now(void *self, const uint8_t *digest)
{
    const struct adapters_inbox *inbox = self;
    for (size_t i = 0; i < inbox->taken_count; i++)
        if (memcmp(inbox->taken[i].digest, digest, BUS_DIGEST_SIZE) == 0)
            return true;
    return false;
}

/* The layout of a spool's files, of the mapping's columns. */
static struct adapters_layout spool_layout(const struct adapters_layout *layout)
{
    struct adapters_layout spool = *layout;
    spool.format = ADAPTERS_FORMAT_CSV;
    spool.separator = ',';
    spool.quote = '"';
    spool.has_header = true;
    return spool;
}

static enum bus_status take_file(struct adapters_inbox *inbox, size_t feed, const char *path, bool *out_taken,
                                 struct bus_error *error)
{
    const struct adapters_layout *layout = adapters_mapping_layout(mapping_of(inbox, feed));
    const struct adapters_layout spool = spool_layout(layout);
    const struct adapters_taking_tools tools = {
        .intake = inbox->intake,
        .drop = inbox->drop,
        .rows = inbox->rows,
        .list = inbox->list,
        .memo = inbox->memos[feed],
        .layout = inbox->is_spool ? &spool : layout,
        .encoding = inbox->is_spool ? ADAPTERS_ENCODING_UTF8 : adapters_mapping_encoding(mapping_of(inbox, feed)),
        .is_list = is_list(inbox, feed),
        .is_taken_now = is_taken_now,
        .self = inbox,
    };
    enum adapters_taking_result result;
    struct adapters_taken taken;
    enum bus_status status = adapters_take_file(&tools, feed, path, &result, &taken, error);
    *out_taken = status == BUS_OK && result == ADAPTERS_TAKEN;
    if (!*out_taken)
        return status;
    inbox->taken[inbox->taken_count++] = taken;
    return inbox->taken_count == MAX_TAKEN || adapters_intake_is_due(inbox->intake)
               ? adapters_intake_commit(inbox->intake, error)
               : BUS_OK;
}

/* What an operator said about the list that is held. */
static enum bus_status take_held(struct adapters_inbox *inbox, size_t feed, size_t *count, struct bus_error *error)
{
    struct adapters_board *board = inbox->intake->board;
    const struct bus_feed_held *held = &adapters_board_status(board, feed)->held;
    const struct adapters_taking_tools tools = {.intake = inbox->intake, .drop = inbox->drop};
    char path[ADAPTERS_FILE_NAME_SIZE + 8];
    struct adapters_refusal reason;
    bool is_taken = false;
    enum adapters_decision decision =
        held->is_held ? adapters_board_decision(board, feed, held->digest) : ADAPTERS_UNDECIDED;
    if (decision == ADAPTERS_UNDECIDED)
        return BUS_OK;
    ++*count;
    snprintf(path, sizeof path, "held/%s", held->name);
    if (decision == ADAPTERS_APPROVED) {
        enum bus_status status = take_file(inbox, feed, path, &is_taken, error);
        if (status != BUS_OK || is_taken || bus_stop_requested())
            return status;
        adapters_refuse(&reason, "LIST_GONE", "", "");
        bus_log(BUS_LOG_WARN, "approved list is not there any more", "feed=%s file=\"%s\"",
                adapters_mapping_feed_view(mapping_of(inbox, feed)), held->name);
    } else {
        adapters_refuse(&reason, "LIST_REJECTED", "清单未获批准，未处理；请核对后重新导出报送",
                        "the list was not approved and nothing was done with it; check it and export it again");
    }
    adapters_board_trouble(board, feed, "", "");
    return adapters_settle_held(&tools, feed, &reason, error);
}

/* Once all that waits was taken, a file taken in part that is not there any more will not be finished; had it come under another name, its
 * content would have told. */
static void drop_vanished(struct adapters_inbox *inbox, size_t feed)
{
    struct adapters_journal *journal = adapters_publisher_journal(inbox->intake->publisher);
    const char *name = adapters_mapping_feed_view(mapping_of(inbox, feed));
    const struct adapters_position position = adapters_journal_position(journal, 0);
    for (size_t i = position.file_count; i-- > 0;) {
        const struct adapters_file_position *file = &position.files[i];
        if (strcmp(file->feed, name) != 0 || adapters_drop_has(inbox->drop, feed, file->name))
            continue;
        bus_log(BUS_LOG_WARN, "file taken in part is gone: the rest of it is not taken",
                "feed=%s file=\"%s\" rows=%lld", name, file->name, (long long)file->rows);
        adapters_journal_drop_file(journal, file->digest);
    }
}

enum bus_status adapters_inbox_take(struct adapters_inbox *inbox, size_t feed, size_t *out_count,
                                    struct bus_error *error)
{
    const char *const *names;
    size_t name_count;
    bool is_whole = true;
    enum bus_status status = take_held(inbox, feed, out_count, error);
    if (status == BUS_OK)
        status = adapters_drop_list(inbox->drop, feed, &names, &name_count, error);
    for (size_t i = 0; status == BUS_OK && i < name_count && !bus_stop_requested(); i++) {
        bool is_taken;
        status = take_file(inbox, feed, names[i], &is_taken, error);
        *out_count += is_taken;
        is_whole = is_whole && is_taken;
    }
    if (status == BUS_OK && is_whole && name_count < ADAPTERS_DROP_MAX_LISTED && !bus_stop_requested())
        drop_vanished(inbox, feed);
    return status;
}

/* --- the ends --- */

/* A file that cannot be moved is found again in the inbox, known as taken, and moved then. */
bool adapters_inbox_committed(struct adapters_inbox *inbox)
{
    bool is_moved = true;
    for (size_t i = 0; i < inbox->taken_count; i++) {
        struct bus_error error;
        const struct adapters_taken *taken = &inbox->taken[i];
        enum bus_status status = adapters_drop_finish(inbox->drop, taken->feed, taken->path, taken->file,
                                                      taken->outcome, bus_buffer_view(&taken->report), &error);
        if (status == BUS_OK)
            continue;
        is_moved = false;
        bus_log_failure(BUS_LOG_ERROR, "file cannot be moved out of the inbox, will be tried again", status, &error);
    }
    adapters_inbox_aborted(inbox);
    return is_moved;
}

void adapters_inbox_wait(struct adapters_inbox *inbox, int64_t timeout_ms)
{
    adapters_drop_wait(inbox->drop, timeout_ms);
}

bool adapters_inbox_waits(struct adapters_inbox *inbox, size_t feed)
{
    const char *const *names;
    size_t count;
    struct bus_error error;
    return adapters_drop_list(inbox->drop, feed, &names, &count, &error) != BUS_OK || count > 0;
}

bool adapters_inbox_is_held(const struct adapters_inbox *inbox, size_t feed)
{
    return adapters_board_status(inbox->intake->board, feed)->held.is_held;
}
