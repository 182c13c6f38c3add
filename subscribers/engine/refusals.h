/* Refusals: deliveries that a receiver refused and whose receipts the exchange may not have yet.
 *
 * They are kept in front of the books that a position holds, so that they are stored in the same step in which they were refused, and none is
 * left untold by a crash; they go once they are told. */
#ifndef SUBSCRIBERS_ENGINE_REFUSALS_H
#define SUBSCRIBERS_ENGINE_REFUSALS_H

#include "subscribers/engine/delivery.h"

enum { SUBSCRIBERS_REFUSALS_MAX_SIZE = 2 * 1024 * 1024 };

struct subscribers_refusals {
    struct bus_buffer list; /* encoded, one after the other, by leaf */
    size_t count;
};

struct subscribers_refusal {
    uint64_t leaf;
    int64_t offset;
    const uint8_t *record;
    struct bus_bytes department, item, code, words;
};

void subscribers_refusals_init(struct subscribers_refusals *refusals);
void subscribers_refusals_release(struct subscribers_refusals *refusals);
void subscribers_refusals_clear(struct subscribers_refusals *refusals);

/* Appends one; at the limit without the words, and past it not at all (the books count it still). */
void subscribers_refusals_add(struct subscribers_refusals *refusals, const struct subscribers_delivery *delivery);
/* Takes the next off the cursor; false at its end, or where it is broken (cursor->failed). */
bool subscribers_refusals_next(struct bus_cursor *cursor, struct subscribers_refusal *out_refusal);

/* Puts them in front of the books in `books`, which is empty; nothing when there are none. */
void subscribers_refusals_write(const struct subscribers_refusals *refusals, struct bus_buffer *books);
/* Takes them off the front of stored books; what is left is the ledger's. REJECT when it is broken. */
BUS_MUST_CHECK enum bus_status subscribers_refusals_read(struct bus_bytes *books, struct subscribers_refusals *refusals,
                                                         struct bus_error *error);

#endif
