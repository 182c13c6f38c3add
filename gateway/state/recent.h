/* Recent: a store behind what was committed last.
 *
 * Committed changes are kept in memory and written to the store many at a time, because one page of the store then takes several
 * of them: several times cheaper than a write for each transaction. They are written in pieces, in the order of their keys, one with each
 * transaction that follows, so that none waits for all of them; the offset that the store is complete up to is written with the last. The
 * store so lies some changes behind Kafka, never ahead; what a killed process had not written is replayed from xq.state, and is bounded: to
 * replay what a piece has brought already does no harm. */
#ifndef GATEWAY_STATE_RECENT_H
#define GATEWAY_STATE_RECENT_H

#include "bus/overlay.h"

struct gateway_recent;

/* Statuses and messages of bus_store_open. */
BUS_MUST_CHECK enum bus_status gateway_recent_open(const char *folder, size_t map_bytes,
                                                   struct gateway_recent **out_recent, struct bus_error *error);
/* Writes what is not written yet; `clean` as bus_store_close. */
void gateway_recent_close(struct gateway_recent *recent, bool clean);

/* The first changelog offset that is not contained; 0 when nothing is. */
int64_t gateway_recent_next(const struct gateway_recent *recent);

/* data NULL when absent; valid until the next add, write or close. FATAL: the store. */
BUS_MUST_CHECK enum bus_status gateway_recent_get(struct gateway_recent *recent, struct bus_bytes key,
                                                  struct bus_bytes *out_value, struct bus_error *error);
/* bus_store_walk over what is written, and over what was replayed; gateway_recent_write before it makes that everything. */
BUS_MUST_CHECK enum bus_status gateway_recent_walk(struct gateway_recent *recent, struct bus_bytes from,
                                                   bool (*take)(void *self, struct bus_bytes key,
                                                                struct bus_bytes value),
                                                   void *self, bool *out_end, struct bus_error *error);
/* Takes copies of committed changes that end before changelog offset `next`; writes a piece when enough has come together. FATAL: the
 * store, which is then complete up to where it was. */
BUS_MUST_CHECK enum bus_status gateway_recent_add(struct gateway_recent *recent, struct bus_slot *const *slots,
                                                  size_t count, int64_t next, struct bus_error *error);
/* All that is not written yet. */
/* A change that the changelog holds before offset `next`, while a state is recovered and before anything else is added. Far more are kept
 * than otherwise before they are written in the order of keys: several then share a page of the store. FATAL: memory, or the store. */
BUS_MUST_CHECK enum bus_status gateway_recent_replay(struct gateway_recent *recent, struct bus_bytes key,
                                                     struct bus_bytes value, int64_t next, struct bus_error *error);
/* The changelog is contained up to `next`. */
BUS_MUST_CHECK enum bus_status gateway_recent_replayed(struct gateway_recent *recent, int64_t next,
                                                       struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_recent_write(struct gateway_recent *recent, struct bus_error *error);
/* Forgets everything. */
BUS_MUST_CHECK enum bus_status gateway_recent_clear(struct gateway_recent *recent, struct bus_error *error);

#endif
