/* Runs: entries in whatever order they come, given back in the order of their keys, the last one of each key.
 *
 * A state that is made from nothing is sorted before it is written, so that each page of its store is written once. What does not fit
 * into memory goes to a file without a name beside the store, a sorted run at a time, and the runs are merged. */
#ifndef GATEWAY_STATE_RUNS_H
#define GATEWAY_STATE_RUNS_H

#include "bus/bytes.h"

struct gateway_runs;

/* `folder` exists; it is borrowed. `memory_bytes` bounds a run. NULL when out of memory. */
struct gateway_runs *gateway_runs_create(const char *folder, size_t memory_bytes);
void gateway_runs_destroy(struct gateway_runs *runs);

/* Copies key and value; value data NULL: the key is absent from now on. FATAL: the disk, too many runs, or an entry larger than a run. */
BUS_MUST_CHECK enum bus_status gateway_runs_add(struct gateway_runs *runs, struct bus_bytes key, struct bus_bytes value,
                                                struct bus_error *error);
/* Gives every key whose last value is not absent to `take`, in ascending order, until a status is not OK; nothing may be added
 * afterwards. Key and value are valid during the call. FATAL: the disk or memory; else what `take` gave. */
BUS_MUST_CHECK enum bus_status gateway_runs_merge(struct gateway_runs *runs,
                                                  enum bus_status (*take)(void *self, struct bus_bytes key,
                                                                          struct bus_bytes value,
                                                                          struct bus_error *error),
                                                  void *self, struct bus_error *error);

#endif
