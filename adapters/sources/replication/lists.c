/* The lists of a snapshot, taken feed by feed as full lists: what differs from what was said before is published. */
#include "adapters/sources/replication/source.h"
#include "bus/stop.h"

/* All are through, none waits for an operator: changes may follow. */
static bool are_taken(struct replication *self)
{
    for (size_t i = 0; i < self->tables.feeds->count; i++)
        if (adapters_inbox_waits(self->inbox, i) || adapters_inbox_is_held(self->inbox, i))
            return false;
    return true;
}

enum bus_status replication_take_lists(struct replication *self, size_t *out_count, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < self->tables.feeds->count && !bus_stop_requested(); i++)
        if (!adapters_board_is_paused(self->intake->board, i))
            status = adapters_inbox_take(self->inbox, i, out_count, error);
    if (status != BUS_OK || !are_taken(self) || bus_stop_requested())
        return status;
    status = replication_commit(self, error);
    self->stage = REPLICATION_APART;
    ++*out_count;
    return status;
}
