/* Agent order: what an officer tells a subscriber's agent, in the last partition of xq.agent.<subscriber> (the one behind those of the log), key
 * 'O' and a unique text, so that none is ever compacted away (schemas/internal/agent_order.avsc, docs/formats-agents.md).
 *
 * PAUSE and RESUME: the last one counts. SKIP: the delivery at (partition, leaf) is refused with code SKIPPED. RESEND: the sink's own
 * (province: re-sends what the comparison of the day named in `subject` found missing). */
#ifndef BUS_AGENT_ORDER_H
#define BUS_AGENT_ORDER_H

#include "bus/bytes.h"

#define BUS_AGENT_ORDER_FINGERPRINT UINT64_C(0x6b311def1d8906bc) /* of the schema; a test computes it again */

/* In the order of the schema's enum. */
enum bus_agent_order_kind {
    BUS_AGENT_PAUSE,
    BUS_AGENT_RESUME,
    BUS_AGENT_SKIP,
    BUS_AGENT_RESEND,
    BUS_AGENT_ORDER_COUNT
};

enum { BUS_AGENT_ORDER_MAX_TEXT = 1024 }; /* bytes of any one text */

/* All is borrowed. */
struct bus_agent_order {
    enum bus_agent_order_kind kind;
    int32_t partition;        /* SKIP; else -1 */
    int64_t leaf;             /* SKIP; else -1 */
    struct bus_bytes subject; /* RESEND: what; else "" */
    struct bus_bytes officer, reason;
    int64_t at_ms;
};

/* PAUSE, RESUME, SKIP, RESEND. */
const char *bus_agent_order_name(enum bus_agent_order_kind kind);
/* Appends the framed record. REJECT (AGENT_ORDER_TEXT): a text too long; FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_agent_order_encode(const struct bus_agent_order *order, struct bus_buffer *buffer,
                                                      struct bus_error *error);
/* REJECT (AGENT_ORDER_MALFORMED) when the bytes are no order, or one that names a delivery where it must not, or does not where it must. Views
 * borrow from `value`. */
BUS_MUST_CHECK enum bus_status bus_agent_order_decode(struct bus_bytes value, struct bus_agent_order *out_order,
                                                      struct bus_error *error);

/* "<prefix>agent.<subscriber>": partitions 0..P-1 are the memory of the log's partitions, partition P holds status and orders. */
enum { BUS_AGENT_TOPIC_SIZE = 250 };
void bus_topic_agent(const char *prefix, const char *subscriber, char out_topic[BUS_AGENT_TOPIC_SIZE]);

#endif
