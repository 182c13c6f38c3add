/* Ledger: the books of one partition, as its state has them: one a day, under the keys of bus/state_entry.h.
 *
 * A book is read from the store when its day is first counted in. Nearly always that is one day, or two around midnight; catching up
 * may touch many, of which the latest few stay in memory between batches. */
#ifndef GATEWAY_STATE_LEDGER_H
#define GATEWAY_STATE_LEDGER_H

#include "bus/ledger.h"
#include "gateway/state/recent.h"

enum { GATEWAY_LEDGER_KEY_SIZE = BUS_BOOK_DAY_SIZE }; /* a letter, and the day without the final zero */

struct gateway_ledger;

/* `recent` is borrowed. NULL when out of memory. */
struct gateway_ledger *gateway_ledger_create(int32_t partition, struct gateway_recent *recent);
void gateway_ledger_destroy(struct gateway_ledger *ledger);

/* The book of a day to count in, "gateway/<partition>/<day>"; until commit, discard or clear. FATAL: the store, or what it holds. */
BUS_MUST_CHECK enum bus_status gateway_ledger_book(struct gateway_ledger *ledger, int32_t day,
                                                   struct bus_book **out_book, struct bus_error *error);
/* The books that were counted in since the last commit, encoded into the batch's overlay. */
BUS_MUST_CHECK enum bus_status gateway_ledger_changes(struct gateway_ledger *ledger, int64_t now_ms,
                                                      struct bus_overlay *overlay, struct bus_error *error);
void gateway_ledger_commit(struct gateway_ledger *ledger);
void gateway_ledger_discard(struct gateway_ledger *ledger);
/* Forgets what is in memory: the store has changed behind it. */
void gateway_ledger_clear(struct gateway_ledger *ledger);

/* The name in xq.books of the book under this key of the state. */
void gateway_ledger_name(int32_t partition, struct bus_bytes key, char out_name[BUS_BOOK_NAME_SIZE]);

#endif
