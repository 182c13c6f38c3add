/* Store: an LMDB environment that is a view of topics (a gateway's state of one partition, an adapter's image), and the marks that
 * say whether it can be trusted.
 *
 * Kafka holds the durable copy, so the environment runs without syncing (MDB_WRITEMAP | MDB_NOSYNC): a killed process loses
 * nothing. `<folder>/mark` holds "clean" after an orderly close, else "open <boot id>"; an environment that was open when the
 * machine went down, or that has no mark, is thrown away and built again from the topics. `<folder>/owner` is locked while the
 * store is open: never two processes in one environment, never twice in one process. */
#ifndef BUS_STORE_H
#define BUS_STORE_H

#include "bus/overlay.h"

struct bus_store;

/* Makes the folder where missing. RETRY: another process holds it. FATAL: the folder, the disk or the environment, with what to
 * do. */
BUS_MUST_CHECK enum bus_status bus_store_open(const char *folder, size_t map_bytes, struct bus_store **out_store,
                                              struct bus_error *error);
/* `clean`: write everything to disk and say so in the mark, so that the environment survives a reboot. */
void bus_store_close(struct bus_store *store, bool clean);

/* data NULL when absent; valid until the next write or close. Keys in ascending order are found faster. */
BUS_MUST_CHECK enum bus_status bus_store_get(struct bus_store *store, struct bus_bytes key, struct bus_bytes *out_value,
                                             struct bus_error *error);
/* Gives the entries from key `from` on to `take`, in ascending order, until it answers false or there are no more (*out_end). It may not
 * touch the store; key and value are valid during the call. */
BUS_MUST_CHECK enum bus_status bus_store_walk(struct bus_store *store, struct bus_bytes from,
                                              bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value),
                                              void *self, bool *out_end, struct bus_error *error);
/* One transaction that writes the slots' values (absent = deleted), given in ascending order of keys. FATAL: disk or map full
 * (nothing was written), or the environment is broken. */
BUS_MUST_CHECK enum bus_status bus_store_write(struct bus_store *store, struct bus_slot *const *slots, size_t count,
                                               struct bus_error *error);
/* The same for keys above all that the store holds, and absent ones left out: each page is written once. FATAL also when they are not. */
BUS_MUST_CHECK enum bus_status bus_store_append(struct bus_store *store, struct bus_slot *const *slots, size_t count,
                                                struct bus_error *error);
/* Throws the content away. */
BUS_MUST_CHECK enum bus_status bus_store_clear(struct bus_store *store, struct bus_error *error);

#endif
