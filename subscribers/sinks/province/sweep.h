/* Province sweep: at a resync's end, the records of its item that no delivery since its beginning has named. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_SWEEP_H
#define SUBSCRIBERS_SINKS_PROVINCE_SWEEP_H

#include "subscribers/engine/batch.h"
#include "subscribers/sinks/province/memory.h"

struct province_sweep {
    const struct subscribers_batch *batch;
    struct subscribers_memory *memory;
    size_t at; /* of the resync's end in the batch */
    /* What the batch itself has said of a record, NULL when nothing. */
    const struct province_note *(*known)(void *self, const uint8_t *record);
    /* Takes a record that is to be taken back. FATAL. */
    enum bus_status (*take)(void *self, const uint8_t *record, const struct province_note *note,
                            struct bus_error *error);
    void *self;
};

/* FATAL. */
BUS_MUST_CHECK enum bus_status province_sweep(const struct province_sweep *sweep, struct bus_error *error);
/* Notes the marker at `at`: where a resync begins, or that it has ended. FATAL. */
BUS_MUST_CHECK enum bus_status province_sweep_note(struct subscribers_batch *batch, size_t at, struct bus_error *error);

#endif
