/* Worker: one process that owns some partitions and moves their events, round by round (gateway/round.h).
 *
 * Crash-only: whatever cannot be settled ends the process, and its supervisor starts another. On SIGHUP it takes the catalogue that its
 * supervisor has found to be good, between two rounds. */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "gateway/policy.h"
#include "gateway/settings.h"

enum { GATEWAY_APPROVED_SIZE = 32 };

struct gateway_worker_options {
    const struct gateway_settings *settings;
    struct gateway_policy take_policy;
    int index;                     /* 0, 1, …: part of its transactional id and of its name in the group */
    volatile uint64_t *heartbeat;  /* counted up while it is alive; may be NULL */
    const volatile char *approved; /* version of the catalogue that may be taken on SIGHUP; may be NULL: any */
};

/* Runs until bus_stop_requested(): then finishes the running transaction and returns OK. Otherwise FATAL; the process must then
 * end, for nothing was released. */
BUS_MUST_CHECK enum bus_status gateway_worker_run(const struct gateway_worker_options *options,
                                                  struct bus_error *error);

#endif
