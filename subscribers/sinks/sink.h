/* Sink: where deliveries end, as the engine sees it. Adding a kind of receiver means one file with one of these tables.
 *
 * There are two kinds. A sink that can keep our positions beside its data (a database, a folder) has `load` and `apply`: it applies a batch
 * and stores its positions in one atomic step, so that after any crash the position that it gives back tells exactly what was applied.
 * A receiver somewhere else cannot: for it the sink is a courier, with `send` and `collect`. Several batches, of different partitions, are under
 * way at once, and the engine keeps the positions in the agent's memory (engine/memory.h). After a crash the same deliveries are sent
 * again, in the same batches, so a courier names each request by what is in it and the receiver knows it again. */
#ifndef SUBSCRIBERS_SINKS_SINK_H
#define SUBSCRIBERS_SINKS_SINK_H

#include "bus/settings.h"
#include "subscribers/engine/batch.h"
#include "subscribers/engine/catalogues.h"
#include "subscribers/engine/memory.h"

struct subscribers_sink_context {
    const char *subscriber;
    const char *topic; /* xq.out.<subscriber> */
    const struct subscribers_catalogues *catalogues;
    const struct bus_settings *settings; /* for paths relative to the file */
    struct subscribers_memory *memory;   /* of a courier; NULL while only the configuration is checked */
    const struct bus_kafka *kafka;       /* for a courier that reads single deliveries again */
    const char *state_folder;            /* of a courier: a folder of its own, for reports and the like */
};

/* How the engine groups what it hands over: a batch goes when it holds `records` or `bytes`, or when it is `wait_ms` old; with
 * wait_ms 0 as soon as nothing more is at hand. 0 records or bytes = the engine's own limit. Of a courier only `records` counts: a batch
 * has at most so many deliveries, and none of more than one seal. */
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
    /* Reaches outside for the first time (a folder's lock), before the agent joins the others of its group. NULL: nothing to do. RETRY:
     * not now. FATAL. */
    enum bus_status (*prepare)(void *self, struct bus_error *error);
    /* Between batches: a catalogue has been added in front. RETRY: the receiver is away. FATAL: it cannot take what the catalogue says.
     * Unless OK the sink stays as it was. NULL: nothing depends on it. */
    enum bus_status (*renew)(void *self, const struct subscribers_sink_context *context, struct bus_error *error);
    void (*close)(void *self);

    /* --- a sink that keeps the positions --- */

    /* Fills `position` (initialised, its partition set) with what is stored; next stays -1 when nothing is. Reaches outside and
     * prepares it (tables, folders). RETRY: away. FATAL: cannot be used as it is. */
    enum bus_status (*load)(void *self, struct subscribers_position *position, struct bus_error *error);
    /* Applies the batch atomically. What the receiver refuses is marked (subscribers_delivery_refuse) and kept by the sink, and
     * does not stop the rest. RETRY: away, or it is unknown whether it was applied: ask `load`. FATAL: also when the stored
     * position is not `from` (another agent works on the same receiver). */
    enum bus_status (*apply)(void *self, struct subscribers_batch *batch, struct bus_error *error);

    /* --- a courier --- */

    /* Puts the batch under way and returns at once; the engine keeps it, unchanged, until it comes back from `collect`. Never two of one
     * partition. Deliveries that are refused already (they could not be decoded, or an officer skips them) are settled without being sent.
     * FATAL. */
    enum bus_status (*send)(void *self, struct subscribers_batch *batch, struct bus_error *error);
    /* Drives what is under way for at most `timeout_ms`, and gives back a batch that is done, NULL when none is (or nothing is under way).
     * OK: settled == count. RETRY: the first `settled` are known to be applied or refused (0: none), the rest must come again later; error,
     * is_away and retry_ms say why, whose fault, and when. FATAL: it will never work as it is configured. */
    enum bus_status (*collect)(void *self, int timeout_ms, struct subscribers_batch **out_batch,
                               struct bus_error *error);
    /* Forgets the batch: its partition is another agent's now, or we stop. What was sent was sent. */
    void (*abandon)(void *self, struct subscribers_batch *batch);
    /* Now and then, between batches, for what is not a delivery (a daily comparison). `partitions` are those held. Returns soon. NULL:
     * nothing. RETRY: told as a warning. FATAL. */
    enum bus_status (*idle)(void *self, const int32_t *partitions, size_t count, struct bus_error *error);
    /* An officer's word for the sink itself, such as RESEND (bus/agent_order.h), once, whatever partitions are held. NULL: there is
     * none. FATAL. */
    enum bus_status (*order)(void *self, struct bus_bytes kind, struct bus_bytes subject, struct bus_error *error);
};

static inline bool subscribers_sink_is_courier(const struct subscribers_sink *sink)
{
    return sink->send != NULL;
}

#endif
