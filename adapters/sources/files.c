/* Files: the source that is an inbox of folders, one a feed. */
#include <stdlib.h>

#include "adapters/engine/settings.h"
#include "adapters/engine/source.h"
#include "adapters/sources/taking.h"
#include "bus/stop.h"

enum { MAX_TAKEN = 256 }; /* files in one transaction: each is kept open until it is committed */

struct files {
    const struct adapters_intake *intake;
    struct adapters_drop *drop;
    struct adapters_rows *rows;
    struct adapters_taken taken[MAX_TAKEN]; /* finished in the transaction at hand */
    size_t taken_count;
};

static void forget_taken(void *self)
{
    struct files *files = self;
    for (size_t i = 0; i < files->taken_count; i++)
        adapters_taken_release(&files->taken[i]);
    files->taken_count = 0;
}

static void close_files(void *self)
{
    struct files *files = self;
    forget_taken(files);
    adapters_drop_close(files->drop);
    adapters_rows_destroy(files->rows);
    free(files);
}

static enum bus_status open_drop(struct files *files, struct bus_error *error)
{
    const struct adapters_intake *intake = files->intake;
    struct adapters_drop_options options = {
        .inbox = intake->settings->inbox,
        .feed_count = intake->feeds->count,
        .stable_ms = intake->settings->stable_ms,
        .clock = intake->clock,
    };
    for (size_t i = 0; i < intake->feeds->count; i++) {
        options.feeds[i].name = adapters_mapping_feed_view(intake->feeds->mappings[i]);
        options.feeds[i].completion = adapters_mapping_completion(intake->feeds->mappings[i]);
    }
    return adapters_drop_open(&options, &files->drop, error);
}

static enum bus_status open_files(const struct adapters_intake *intake, void **out_source, struct bus_error *error)
{
    struct files *files = calloc(1, sizeof *files);
    if (files == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the inbox: out of memory");
    files->intake = intake;
    files->rows = adapters_rows_create(intake->decoder);
    enum bus_status status = files->rows != NULL
                                 ? open_drop(files, error)
                                 : bus_fail(error, BUS_FATAL, "cannot prepare the inbox: out of memory");
    if (status == BUS_OK)
        *out_source = files;
    else
        close_files(files);
    return status;
}

static bool is_taken_now(void *self, const uint8_t *digest)
{
    const struct files *files = self;
    for (size_t i = 0; i < files->taken_count; i++)
        if (memcmp(files->taken[i].digest, digest, BUS_DIGEST_SIZE) == 0)
            return true;
    return false;
}

static enum bus_status take_feed(struct files *files, const struct adapters_taking_tools *tools, size_t feed,
                                 size_t *count, struct bus_error *error)
{
    const char *const *names;
    size_t name_count;
    enum bus_status status = adapters_drop_list(files->drop, feed, &names, &name_count, error);
    for (size_t i = 0; status == BUS_OK && i < name_count && !bus_stop_requested(); i++) {
        enum adapters_taking_result result;
        struct adapters_taken taken;
        status = adapters_take_file(tools, feed, names[i], &result, &taken, error);
        if (status != BUS_OK || result != ADAPTERS_TAKEN)
            continue;
        files->taken[files->taken_count++] = taken;
        ++*count;
        if (files->taken_count == MAX_TAKEN || adapters_intake_is_due(files->intake))
            status = adapters_intake_commit(files->intake, error);
    }
    return status;
}

/* Everything that waits in the inbox now. */
static enum bus_status take(void *self, size_t *out_count, struct bus_error *error)
{
    struct files *files = self;
    const struct adapters_taking_tools tools = {
        .intake = files->intake,
        .drop = files->drop,
        .rows = files->rows,
        .is_taken_now = is_taken_now,
        .self = files,
    };
    *out_count = 0;
    enum bus_status status = BUS_OK;
    for (size_t feed = 0; status == BUS_OK && feed < files->intake->feeds->count && !bus_stop_requested(); feed++)
        if (!adapters_board_is_paused(files->intake->board, feed))
            status = take_feed(files, &tools, feed, out_count, error);
    return status;
}

/* A file that cannot be moved is found again in the inbox, known as taken, and moved then. */
static bool move_taken(void *self)
{
    struct files *files = self;
    bool is_moved = true;
    for (size_t i = 0; i < files->taken_count; i++) {
        struct bus_error error;
        const struct adapters_taken *taken = &files->taken[i];
        enum bus_status status = adapters_drop_finish(files->drop, taken->feed, taken->name, taken->file,
                                                      taken->outcome, bus_buffer_view(&taken->report), &error);
        if (status == BUS_OK)
            continue;
        is_moved = false;
        bus_log_failure(BUS_LOG_ERROR, "file cannot be moved out of the inbox, will be tried again", status, &error);
    }
    forget_taken(files);
    return is_moved;
}

static void wait_for_files(void *self, int64_t timeout_ms)
{
    const struct files *files = self;
    int64_t scan_ms = files->intake->settings->scan_ms;
    adapters_drop_wait(files->drop, scan_ms < timeout_ms ? scan_ms : timeout_ms);
}

const struct adapters_source_type adapters_source_files = {
    .name = "files",
    .open = open_files,
    .close = close_files,
    .take = take,
    .committed = move_taken,
    .aborted = forget_taken,
    .wait = wait_for_files,
};
