/* Overlay: what a batch has read and changed of a store, before its transaction commits.
 *
 * A hash table of slots, one a key. A slot is wanted (its value is not known yet), then loaded (from the store, perhaps absent),
 * then perhaps changed. Slots, keys and values live until reset. */
#ifndef BUS_OVERLAY_H
#define BUS_OVERLAY_H

#include "bus/arena.h"

struct bus_slot {
    struct bus_bytes key;
    uint8_t *value; /* NULL: absent, or not loaded */
    size_t value_length, value_capacity;
    struct bus_bytes payload; /* follows the value in xq.state; borrowed by the caller's promise until the batch ends */
    int64_t offset;           /* of its xq.state record in this transaction, -1 until it is known */
    uint64_t hash;
    bool loaded, changed;
    bool status_only; /* in xq.state under the status key: nothing but the entry of a record has changed */
};

struct bus_overlay;

/* `limit_bytes` bounds keys and values between two resets. NULL when out of memory. */
struct bus_overlay *bus_overlay_create(size_t limit_bytes);
void bus_overlay_destroy(struct bus_overlay *overlay);
void bus_overlay_reset(struct bus_overlay *overlay);

/* The slot of `key`, or NULL. */
struct bus_slot *bus_overlay_find(struct bus_overlay *overlay, struct bus_bytes key);
/* The slot of `key`, made (wanted) when there is none. NULL when the limit is reached. */
struct bus_slot *bus_overlay_slot(struct bus_overlay *overlay, struct bus_bytes key);
/* Copies `value` (data NULL = absent). False when the limit is reached; the slot is then as before. */
BUS_MUST_CHECK bool bus_overlay_load(struct bus_overlay *overlay, struct bus_slot *slot, struct bus_bytes value);
BUS_MUST_CHECK bool bus_overlay_change(struct bus_overlay *overlay, struct bus_slot *slot, struct bus_bytes value);

/* All that was changed, in the order of first use; valid until the next call of any of these. */
struct bus_slot **bus_overlay_changed(struct bus_overlay *overlay, size_t *out_count);
/* The same in ascending order of keys. */
struct bus_slot **bus_overlay_changed_sorted(struct bus_overlay *overlay, size_t *out_count);
/* What is not loaded yet, each given once, in ascending order of keys. */
struct bus_slot **bus_overlay_wanted(struct bus_overlay *overlay, size_t *out_count);

#endif
