/* Expiry: what falls due by the calendar. Once a day, on the owner's clock, each partition's entries are walked in key order, in slices
 * between batches; where publicity or retention has ended the record is marked and its holders are told, where a department is
 * to be reminded it gets a notice.
 *
 * The walk's position is part of the state, so it goes on after a crash or a move where it was. It needs no index: an entry that is written
 * while a walk is under way is held against the same day when it is written (gateway_expiry_mark). The day never goes back, whatever the
 * clock does: while it stands before the day of the last walk nothing falls due, and the log says so. */
#ifndef GATEWAY_EXPIRY_H
#define GATEWAY_EXPIRY_H

#include "gateway/batch.h"
#include "gateway/state/state.h"

struct gateway_expiry;

/* Borrows both. NULL when out of memory. */
struct gateway_expiry *gateway_expiry_create(const struct bus_catalogue *catalogue,
                                             const struct gateway_states *states);
void gateway_expiry_destroy(struct gateway_expiry *expiry);
/* Another catalogue from now on. */
void gateway_expiry_set_catalogue(struct gateway_expiry *expiry, const struct bus_catalogue *catalogue);

/* Adds to the batch, for the partitions held, an exchange (cause EXPIRY: item, record, subject key, record_slot filled) for each of at
 * most `limit` entries in which something is due, and writes how far the walk has come into the state. *out_more: the walk of this day
 * is not done. FATAL: the store, or memory. */
BUS_MUST_CHECK enum bus_status gateway_expiry_gather(struct gateway_expiry *expiry, struct gateway_batch *batch,
                                                     int64_t now_ms, size_t limit, bool *out_more,
                                                     struct bus_error *error);

/* The day against which terms are held in this partition: today in Beijing, or the day up to which a walk has settled them when the
 * clock stands before it. FATAL: the store, or memory. */
BUS_MUST_CHECK enum bus_status gateway_expiry_today(struct gateway_state *state, int64_t now_ms, int32_t *out_today,
                                                    struct bus_error *error);

/* Of a record, not of a case of rights: sets BUS_MARK_PUBLICITY_ENDED and BUS_MARK_RETENTION_ENDED as of `today`, clears
 * them when the entry's days lie ahead (a record whose term
 * was extended). True when a mark changed. */
bool gateway_expiry_mark(struct bus_state_entry *entry, int32_t today);

/* Stage 3 of an exchange of cause EXPIRY: reads the entry and marks it; where something came due, writes and tells holders (EXPIRED); adds
 * the notice LIST_TERM_ENDED or RIGHTS_OVERDUE and clears watch_days when a reminder is due. FATAL: the store. */
BUS_MUST_CHECK enum bus_status gateway_expiry_apply(const struct gateway_states *states,
                                                    struct gateway_exchange *exchange, struct bus_error *error);

#endif
