/* State reader: a look into a partition's LMDB environment from another process, while the worker that owns it has it open.
 *
 * Read only, in one short snapshot, so that the worker is never held up. What the environment does not contain yet stands in
 * xq.state from an offset on that comes with the answer. The environment is the worker's: it may be thrown away and made anew at any
 * time, and then this look fails cleanly. */
#ifndef BUS_STATE_READER_H
#define BUS_STATE_READER_H

#include "bus/bytes.h"

/* Gives every entry of partition `partition` below `folder` whose key begins with `prefix` to `take`, in ascending order; key and value
 * are valid during the call. *out_next: the first offset of xq.state that the environment does not contain. A status of `take` other
 * than OK ends the look with it. RETRY: there is no environment, it cannot be trusted (the machine went down under it), it was made
 * anew meanwhile, or it may not be read; the topic tells the same, slower. */
BUS_MUST_CHECK enum bus_status bus_state_reader_look(const char *folder, int32_t partition, struct bus_bytes prefix,
                                                     enum bus_status (*take)(void *self, struct bus_bytes key,
                                                                             struct bus_bytes value,
                                                                             struct bus_error *error),
                                                     void *self, int64_t *out_next, struct bus_error *error);

#endif
