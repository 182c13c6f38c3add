/* State of receipts: the key 'A' of xq.state and of the partitions' environments, what a subscriber has signed for in this
 * partition (docs/formats-state.md). */
#ifndef BUS_STATE_RECEIPT_H
#define BUS_STATE_RECEIPT_H

#include "bus/receipt.h"
#include "bus/state_entry.h"

enum { BUS_STATE_RECEIPT_HEAD = 56, BUS_STATE_RECEIPT_SIZE = BUS_STATE_RECEIPT_HEAD + BUS_RECEIPT_MAX_SIZE };

/* Of the last accepted receipt APPLIED (zeros and nothing when there was none), and what keeps the next ones honest. */
struct bus_state_receipt {
    uint64_t size;            /* leaves applied or refused */
    int64_t offset;           /* of the seal in the out topic: a hint */
    int64_t at_ms;            /* when it was signed */
    int64_t receipt_offset;   /* in xq.receipts, same partition; -1 = none */
    int64_t last_ms;          /* time of the last accepted receipt of either kind: the next must be newer */
    int64_t refused;          /* the highest leaf that was told as refused; -1 = none */
    struct bus_bytes receipt; /* the framed record as it came */
};

/* `out_key` holds BUS_STATE_KEY_MAX bytes. REJECT: the subscriber's name is too long for a key. */
BUS_MUST_CHECK enum bus_status bus_state_receipt_key(const char *subscriber, uint8_t *out_key, size_t *out_length,
                                                     struct bus_error *error);
/* `out_value` holds BUS_STATE_RECEIPT_SIZE bytes; returns how many were written. */
size_t bus_state_receipt_write(const struct bus_state_receipt *entry, uint8_t *out_value);
/* REJECT (code STATE_ENTRY): too short, too long or another layout. `receipt` borrows from `value`. */
BUS_MUST_CHECK enum bus_status bus_state_receipt_read(struct bus_bytes value, struct bus_state_receipt *out_entry,
                                                      struct bus_error *error);

#endif
