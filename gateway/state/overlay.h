/* Overlay: what a batch has read and changed of a partition's state, before its transaction commits.
 *
 * A hash table of slots, one a key. A slot is wanted (its value is not known yet), then loaded (from the store, perhaps absent),
 * then perhaps changed. Slots, keys and values live until reset. */
#ifndef GATEWAY_STATE_OVERLAY_H
#define GATEWAY_STATE_OVERLAY_H

#include "bus/arena.h"

struct gateway_slot {
    struct bus_bytes key;
    uint8_t *value; /* NULL: absent, or not loaded */
    size_t value_length, value_capacity;
    struct bus_bytes payload; /* follows the value in xq.state; borrowed by the caller's promise until the batch ends */
    int64_t offset;           /* of its xq.state record in this transaction, -1 until it is known */
    uint64_t hash;
    bool loaded, changed;
    bool status_only; /* in xq.state under the status key: nothing but the entry of a record has changed */
};

struct gateway_overlay;

/* `limit_bytes` bounds keys and values between two resets. NULL when out of memory. */
struct gateway_overlay *gateway_overlay_create(size_t limit_bytes);
void gateway_overlay_destroy(struct gateway_overlay *overlay);
void gateway_overlay_reset(struct gateway_overlay *overlay);

/* The slot of `key`, or NULL. */
struct gateway_slot *gateway_overlay_find(struct gateway_overlay *overlay, struct bus_bytes key);
/* The slot of `key`, made (wanted) when there is none. NULL when the limit is reached. */
struct gateway_slot *gateway_overlay_slot(struct gateway_overlay *overlay, struct bus_bytes key);
/* Copies `value` (data NULL = absent). False when the limit is reached; the slot is then as before. */
BUS_MUST_CHECK bool gateway_overlay_load(struct gateway_overlay *overlay, struct gateway_slot *slot,
                                         struct bus_bytes value);
BUS_MUST_CHECK bool gateway_overlay_change(struct gateway_overlay *overlay, struct gateway_slot *slot,
                                           struct bus_bytes value);

/* All that was changed, in the order of first use; valid until the next call of any of these. */
struct gateway_slot **gateway_overlay_changed(struct gateway_overlay *overlay, size_t *out_count);
/* The same in ascending order of keys. */
struct gateway_slot **gateway_overlay_changed_sorted(struct gateway_overlay *overlay, size_t *out_count);
/* What is not loaded yet, each given once, in ascending order of keys. */
struct gateway_slot **gateway_overlay_wanted(struct gateway_overlay *overlay, size_t *out_count);

#endif
