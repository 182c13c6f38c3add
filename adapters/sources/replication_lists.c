/* The lists of a snapshot, taken feed by feed. */
#include <fcntl.h>
#include <unistd.h>

#include "adapters/sources/replication_source.h"
#include "bus/stop.h"

static enum bus_status take_list(struct replication *self, size_t feed, struct adapters_rows *rows, int file,
                                 size_t *out_count, struct bus_error *error)
{
    struct adapters_refusal refusal;
    enum bus_status status = adapters_rows_start(rows, adapters_mapping_layout(self->tables.feeds->mappings[feed]),
                                                 file, ADAPTERS_ENCODING_UTF8, &refusal, error);
    while (status == BUS_OK && !bus_stop_requested()) {
        struct adapters_row row;
        bool is_end;
        enum adapters_row_outcome outcome;
        status = adapters_rows_next(rows, &row, &is_end, &refusal, error);
        if (status == BUS_OK && is_end)
            return BUS_OK;
        row.is_latest = true;
        if (status == BUS_OK)
            status = adapters_intake_row(self->intake, feed, "snapshot", &row, &outcome, &refusal, error);
        else if (status == BUS_REJECT)
            status = adapters_intake_refuse(self->intake, feed, "snapshot", &row, &refusal, error);
        ++*out_count;
        if (status == BUS_OK && adapters_intake_is_due(self->intake))
            status = adapters_intake_commit(self->intake, error);
    }
    return status == BUS_OK ? bus_fail(error, BUS_RETRY, "a stop was requested") : status;
}

enum bus_status replication_take_lists(struct replication *self, size_t *out_count, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (; status == BUS_OK && self->list < self->tables.feeds->count; self->list++) {
        char path[REPLICATION_PATH_SIZE];
        replication_spool_path(self->state, adapters_mapping_feed_view(self->tables.feeds->mappings[self->list]), path);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        struct adapters_rows *rows = adapters_rows_create(self->intake->decoder);
        if (file >= 0)
            status = take_list(self, self->list, rows, file, out_count, error);
        adapters_rows_destroy(rows);
        if (file >= 0)
            close(file);
        if (status == BUS_OK)
            status = replication_commit(self, error);
    }
    if (status == BUS_OK)
        self->stage = REPLICATION_APART;
    return status;
}
