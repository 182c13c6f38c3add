/* Replication spool: what a snapshot leaves in the adapter's folder: one CSV file with a header for each feed, and the manifest.
 *
 *     <state>/spool/<feed>/snapshot-<LSN>.csv
 *     <state>/snapshot            the manifest, written last: slot, position, signatures of the tables (one line each)
 *     <state>/slot.made           the slot is being made: one that is found was made by us, for nothing yet
 *
 * Files appear whole: written beside, to the disk, then renamed. The manifest stays when the lists are taken. */
#ifndef ADAPTERS_SOURCES_REPLICATION_SPOOL_H
#define ADAPTERS_SOURCES_REPLICATION_SPOOL_H

#include "adapters/sources/replication/tables.h"

enum { REPLICATION_PATH_SIZE = 4096 };

struct replication_manifest {
    struct replication_position position;
    struct bus_buffer signatures;
};

/* OK with *out_found false: there is none, or it is of another slot. Release it in any case. FATAL: it cannot be read. */
BUS_MUST_CHECK enum bus_status replication_manifest_read(const char *state, const char *slot,
                                                         struct replication_manifest *out_manifest, bool *out_found,
                                                         struct bus_error *error);
/* RETRY when the disk refuses. */
BUS_MUST_CHECK enum bus_status replication_manifest_write(const char *state, const char *slot,
                                                          const struct replication_position *position,
                                                          const struct replication_tables *tables,
                                                          struct bus_error *error);
void replication_manifest_release(struct replication_manifest *manifest);

/* The mark that the slot is being made. RETRY when the disk refuses. */
BUS_MUST_CHECK enum bus_status replication_mark_set(const char *state, const char *slot, struct bus_error *error);
bool replication_mark_is_set(const char *state, const char *slot);
void replication_mark_clear(const char *state);

/* The path of a feed's list of the snapshot at `lsn`: no two snapshots have lists of one name, be they of the same content. */
void replication_spool_path(const char *state, const char *feed, uint64_t lsn, char out_path[REPLICATION_PATH_SIZE]);

/* A list being written. */
struct replication_list {
    char path[REPLICATION_PATH_SIZE], part[REPLICATION_PATH_SIZE];
    int file;
    struct bus_buffer waiting;
    uint64_t size_bytes;
};
/* Lists of earlier snapshots that were not taken are removed. RETRY when the disk refuses. */
BUS_MUST_CHECK enum bus_status replication_list_begin(struct replication_list *list, const char *state,
                                                      const char *feed, uint64_t lsn, struct bus_error *error);
/* `self` is the list. RETRY when the disk refuses. */
BUS_MUST_CHECK enum bus_status replication_list_add(void *self, struct bus_bytes piece, struct bus_error *error);
/* To the disk and under its name. */
BUS_MUST_CHECK enum bus_status replication_list_finish(struct replication_list *list, struct bus_error *error);
/* In any case, last. */
void replication_list_release(struct replication_list *list);

#endif
