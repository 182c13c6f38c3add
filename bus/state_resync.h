/* State of resyncs: the keys 'G' and 'J' of xq.state and of the partitions' environments (docs/formats-state.md). */
#ifndef BUS_STATE_RESYNC_H
#define BUS_STATE_RESYNC_H

#include "bus/state_entry.h"

enum {
    BUS_STATE_RESYNC_MAX_ITEMS = 1024,
    BUS_STATE_RESYNC_HEAD = 24,
    BUS_STATE_RESYNC_ITEM = 16,
    BUS_STATE_RESYNC_SIZE = BUS_STATE_RESYNC_HEAD + BUS_STATE_RESYNC_MAX_ITEMS * BUS_STATE_RESYNC_ITEM,
    BUS_STATE_GRANTS_SIZE = 8,
};

enum bus_resync_phase {
    BUS_RESYNC_DUE,       /* nothing has been delivered yet */
    BUS_RESYNC_UNDER_WAY, /* the begin of every item has been delivered */
};

struct bus_state_resync_item {
    uint16_t item;   /* bus_item.number */
    uint64_t digest; /* of the grants by which it is served (bus_entitlement_digest); set at the begin */
};

/* The resync of one subscriber in one partition. */
struct bus_state_resync {
    enum bus_resync_phase phase;
    int64_t next; /* the first offset of xq.state that has not been looked at */
    int64_t end;  /* where it ends; -1 = not known yet */
    size_t item_count;
    struct bus_state_resync_item items[BUS_STATE_RESYNC_MAX_ITEMS];
};

/* `out_key` holds BUS_STATE_KEY_MAX bytes. REJECT: the subscriber's name is too long for a key. */
BUS_MUST_CHECK enum bus_status bus_state_resync_key(const char *subscriber, uint8_t *out_key, size_t *out_length,
                                                    struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_state_grants_key(const char *subscriber, uint16_t item, uint8_t *out_key,
                                                    size_t *out_length, struct bus_error *error);

/* Whether the job serves the item of this number. */
bool bus_state_resync_has(const struct bus_state_resync *resync, uint16_t item);
/* `out_value` holds BUS_STATE_RESYNC_SIZE bytes; returns how many were written. */
size_t bus_state_resync_write(const struct bus_state_resync *resync, uint8_t *out_value);
/* REJECT (code STATE_ENTRY): too short, too long or another layout. */
BUS_MUST_CHECK enum bus_status bus_state_resync_read(struct bus_bytes value, struct bus_state_resync *out_resync,
                                                     struct bus_error *error);
void bus_state_grants_write(uint64_t digest, uint8_t out_value[BUS_STATE_GRANTS_SIZE]);
BUS_MUST_CHECK enum bus_status bus_state_grants_read(struct bus_bytes value, uint64_t *out_digest,
                                                     struct bus_error *error);

#endif
