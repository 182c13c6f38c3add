/* Scratch: a growing array in a nameless file of the adapter's state folder, mapped: what is worked out over a whole list costs page cache and
 * disk, not the process's memory. It is gone when it is closed or the process ends. */
#ifndef ADAPTERS_ENGINE_SCRATCH_H
#define ADAPTERS_ENGINE_SCRATCH_H

#include "bus/bytes.h"

struct adapters_scratch {
    int file; /* -1: closed */
    uint8_t *data;
    size_t length, capacity;
    char folder[4096];
};

/* FATAL with the folder when no file can be made there. */
BUS_MUST_CHECK enum bus_status adapters_scratch_open(struct adapters_scratch *scratch, const char *folder,
                                                     struct bus_error *error);
/* Accepts a zeroed or closed one. */
void adapters_scratch_close(struct adapters_scratch *scratch);
/* Forgets the content, keeps the room. */
void adapters_scratch_reset(struct adapters_scratch *scratch);
/* Room for `size` more bytes at the end, not cleared; views into the data are void. RETRY when the disk is full. */
BUS_MUST_CHECK enum bus_status adapters_scratch_add(struct adapters_scratch *scratch, size_t size, void **out_room,
                                                    struct bus_error *error);

#endif
