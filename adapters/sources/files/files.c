/* Files: the source that is an inbox of folders, one a feed. */
#include <stdlib.h>

#include "adapters/engine/settings.h"
#include "adapters/engine/source.h"
#include "adapters/sources/files/inbox.h"
#include "bus/stop.h"

struct files {
    const struct adapters_intake *intake;
    struct adapters_inbox *inbox;
};

static void close_files(void *self)
{
    struct files *files = self;
    adapters_inbox_close(files->inbox);
    free(files);
}

static enum bus_status open_files(const struct adapters_intake *intake, void **out_source, struct bus_error *error)
{
    const struct adapters_inbox_options options = {.folder = intake->settings->inbox};
    struct files *files = calloc(1, sizeof *files);
    if (files == NULL)
        return bus_fail(error, BUS_FATAL, "cannot prepare the inbox: out of memory");
    files->intake = intake;
    enum bus_status status = adapters_inbox_open(intake, &options, &files->inbox, error);
    if (status == BUS_OK)
        *out_source = files;
    else
        free(files);
    return status;
}

/* Everything that waits in the inbox now. */
static enum bus_status take(void *self, size_t *out_count, struct bus_error *error)
{
    struct files *files = self;
    enum bus_status status = BUS_OK;
    *out_count = 0;
    for (size_t feed = 0; status == BUS_OK && feed < files->intake->feeds->count && !bus_stop_requested(); feed++)
        if (!adapters_board_is_paused(files->intake->board, feed))
            status = adapters_inbox_take(files->inbox, feed, out_count, error);
    return status;
}

static bool committed(void *self)
{
    struct files *files = self;
    return adapters_inbox_committed(files->inbox);
}

static void aborted(void *self)
{
    struct files *files = self;
    adapters_inbox_aborted(files->inbox);
}

static void wait_for_files(void *self, int64_t timeout_ms)
{
    const struct files *files = self;
    int64_t scan_ms = files->intake->settings->scan_ms;
    adapters_inbox_wait(files->inbox, scan_ms < timeout_ms ? scan_ms : timeout_ms);
}

const struct adapters_source_type adapters_source_files = {
    .name = "files",
    .open = open_files,
    .close = close_files,
    .take = take,
    .committed = committed,
    .aborted = aborted,
    .wait = wait_for_files,
};
