/* Sink: where deliveries end, as the engine sees it. Adding a kind of receiver means one file with one of these tables.
 *
 * The engine hands over batches in order; a sink applies a batch and stores its positions in one atomic step, so that after any
 * crash the position that it gives back tells exactly what was applied. */
#ifndef SUBSCRIBERS_SINKS_SINK_H
#define SUBSCRIBERS_SINKS_SINK_H

#include "bus/settings.h"
#include "subscribers/engine/batch.h"
#include "subscribers/engine/catalogues.h"

struct subscribers_sink_context {
    const char *subscriber;
    const char *topic; /* xq.out.<subscriber> */
    const struct subscribers_catalogues *catalogues;
    const struct bus_settings *settings; /* for paths relative to the file */
};

/* How the engine groups what it hands over: a batch goes when it holds `records` or `bytes`, or when it is `wait_ms` old; with
 * wait_ms 0 as soon as nothing more is at hand. 0 records or bytes = the engine's own limit. */
struct subscribers_sink_bounds {
    size_t records, bytes;
    int64_t wait_ms;
};

struct subscribers_sink {
    const char *name;                 /* value of `sink` in the agent's file, and name of its group there */
    const struct bus_option *options; /* of that group */
    /* Reads and checks the configuration; does not reach outside. FATAL. */
    enum bus_status (*open)(const struct subscribers_sink_context *context, const struct bus_settings_node *group,
                            void **out_self, struct bus_error *error);
    void (*bounds)(const void *self, struct subscribers_sink_bounds *out_bounds);
    /* Fills `position` (initialised, its partition set) with what is stored; next stays -1 when nothing is. Reaches outside and
     * prepares it (tables, folders). RETRY: away. FATAL: cannot be used as it is. */
    enum bus_status (*load)(void *self, struct subscribers_position *position, struct bus_error *error);
    /* Between batches: a catalogue has been added in front. RETRY: the receiver is away. FATAL: it cannot take what the catalogue says.
     * Unless OK the sink stays as it was. NULL: nothing depends on it. */
    enum bus_status (*renew)(void *self, const struct subscribers_sink_context *context, struct bus_error *error);
    /* Applies the batch atomically. What the receiver refuses is marked (subscribers_delivery_refuse) and kept by the sink, and
     * does not stop the rest. RETRY: away, or it is unknown whether it was applied: ask `load`. FATAL: also when the stored
     * position is not `from` (another agent works on the same receiver). */
    enum bus_status (*apply)(void *self, struct subscribers_batch *batch, struct bus_error *error);
    void (*close)(void *self);
};

#endif
