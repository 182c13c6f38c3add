/* Source: where an adapter's rows come from. An adapter has one: folders of files, a PostgreSQL replication slot, tables asked through
 * ODBC, or an HTTPS address that is pushed to. Departments that deliver in two ways have two adapters, so that one hanging
 * database stops no files. */
#ifndef ADAPTERS_ENGINE_SOURCE_H
#define ADAPTERS_ENGINE_SOURCE_H

#include "adapters/engine/intake.h"

struct adapters_source_type {
    const char *name; /* in logs and feed lists: files, replication, odbc, push */
    /* Whether every feed of it needs an image; else those do that deliver full lists. */
    bool needs_image;
    /* Settings, feeds and publisher of the intake are ready. RETRY: not reachable yet, will be tried again. FATAL: what must be
     * changed, in words that an operator can follow. */
    enum bus_status (*open)(const struct adapters_intake *intake, void **out_source, struct bus_error *error);
    void (*close)(void *source);
    /* Takes what is there, through the intake; commits when that is due and on the way as it likes. *out_count: how much was
     * done, 0 when there was nothing. What was added and not committed is committed by the engine behind it. Returns soon after a
     * stop is requested. RETRY: the transaction is given up, `aborted` is called and take again after a pause. */
    enum bus_status (*take)(void *source, size_t *out_count, struct bus_error *error);
    /* All that was added is durable: files may be moved, positions confirmed, answers sent. Never fails: what it cannot do now it
     * does at the next `take`. False: something is left to do, so rest before the next take. */
    bool (*committed)(void *source);
    /* What was added since the last commit is gone: go back to the last committed position (the journal has it). */
    void (*aborted)(void *source);
    /* Until something may be there, at most `timeout_ms`. */
    void (*wait)(void *source, int64_t timeout_ms);
};

extern const struct adapters_source_type adapters_source_files;       /* sources/files.c */
extern const struct adapters_source_type adapters_source_replication; /* sources/replication.c */
extern const struct adapters_source_type adapters_source_odbc;        /* sources/odbc.c */
extern const struct adapters_source_type adapters_source_push;        /* sources/push.c */

#endif
