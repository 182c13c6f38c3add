/* Worker: one process that owns some partitions and moves their events, batch by batch, each in one transaction.
 *
 * Crash-only: whatever cannot be settled ends the process, and its supervisor starts another. */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "bus/view.h"
#include "gateway/settings.h"

struct gateway_worker_options {
    const struct gateway_settings *settings;
    const struct bus_catalogue *catalogue;
    struct bus_views *views;
    int index;                    /* 0, 1, …: part of its transactional id and of its name in the group */
    volatile uint64_t *heartbeat; /* counted up while it is alive; may be NULL */
};

/* Runs until bus_stop_requested(): then finishes the running transaction and returns OK. Otherwise FATAL; the process must then
 * end, for nothing was released. */
BUS_MUST_CHECK enum bus_status gateway_worker_run(const struct gateway_worker_options *options,
                                                  struct bus_error *error);

#endif
