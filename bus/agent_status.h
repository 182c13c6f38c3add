/* Agent status: how a subscriber's agent stands, as it says itself, in the last partition of xq.agent.<subscriber>, key 'S' and the agent's instance
 * (schemas/internal/agent_status.avsc). Written when it changes, and every half minute while the agent lives. */
#ifndef BUS_AGENT_STATUS_H
#define BUS_AGENT_STATUS_H

#include "bus/bytes.h"

#define BUS_AGENT_STATUS_FINGERPRINT UINT64_C(0x72e84bbb17e8a70b) /* of the schema; a test computes it again */

enum {
    BUS_AGENT_TEXT_SIZE = 600,
    BUS_AGENT_SINK_SIZE = 32,
    BUS_AGENT_MAX_PARTITIONS = 4096,
    BUS_AGENT_TELL_EVERY_MS = 30000
};

/* In the order of the schema's enum. */
enum bus_agent_state {
    BUS_AGENT_WORKING,
    BUS_AGENT_WAITING, /* for the receiver, or for a catalogue: reason says which */
    BUS_AGENT_PAUSED,  /* by an order */
    BUS_AGENT_STOPPED, /* it ended orderly */
    BUS_AGENT_STATE_COUNT
};

/* A partition that the agent holds. */
struct bus_agent_lane {
    int32_t partition;
    int64_t next;                     /* offset up to which it has applied; -1 = nothing yet */
    uint64_t size;                    /* leaves applied */
    int64_t waits_since_ms;           /* 0 = it does not wait for the receiver */
    uint64_t waits_leaf;              /* the delivery at which it waits, when it does */
    char reason[BUS_AGENT_TEXT_SIZE]; /* why, in the receiver's words; "" when it does not */
};

struct bus_agent_status {
    char subscriber[BUS_AGENT_TEXT_SIZE], instance[BUS_AGENT_TEXT_SIZE];
    char sink[BUS_AGENT_SINK_SIZE]; /* postgresql, ndjson, https, province */
    enum bus_agent_state state;
    int64_t since_ms;                                                    /* of this state */
    char reason_zh[BUS_AGENT_TEXT_SIZE], reason_en[BUS_AGENT_TEXT_SIZE]; /* "" = all is well */
    int64_t applied, refused;                                            /* since this process began */
    int64_t last_applied_at_ms;                                          /* 0 = nothing yet */
    int64_t seal_at_ms; /* sealed_at of the newest seal that was verified, 0 = none yet */
    int64_t started_at_ms, at_ms;
    struct bus_agent_lane *lanes; /* the caller's; decode allocates, release frees */
    size_t lane_count;
};

const char *bus_agent_state_name(enum bus_agent_state state);
/* Appends the framed record; a text ends at a whole character, and the reasons of more than a thousand lanes are cut shorter, so that any status fits
 * a record. FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_agent_status_encode(const struct bus_agent_status *status, struct bus_buffer *buffer,
                                                       struct bus_error *error);
/* REJECT (AGENT_STATUS_MALFORMED). FATAL out of memory. Nothing needs to be released then. */
BUS_MUST_CHECK enum bus_status bus_agent_status_decode(struct bus_bytes value, struct bus_agent_status *out_status,
                                                       struct bus_error *error);
void bus_agent_status_release(struct bus_agent_status *status);

#endif
