/* Feed order: what an officer decided about a feed, the value of a record of xq.orders (schemas/internal/feed_order.avsc), key
 * "<adapter>/<feed>".
 *
 * Orders stay for ever and count in their order: the last pause or resume of a feed says whether it is paused. An approval or a
 * rejection is about one list as it was held at one time, so that it says nothing about the same list at another time. */
#ifndef BUS_FEED_ORDER_H
#define BUS_FEED_ORDER_H

#include "bus/digest.h"

#define BUS_FEED_ORDER_FINGERPRINT UINT64_C(0x96acc4c31811d362) /* of the schema; a test computes it again */

/* In the order of the schema's enum. */
enum bus_feed_order_kind { BUS_FEED_PAUSE, BUS_FEED_RESUME, BUS_FEED_APPROVE, BUS_FEED_REJECT, BUS_FEED_ORDER_COUNT };

enum { BUS_FEED_ORDER_MAX_TEXT = 4096 }; /* bytes of any one text */

/* All is borrowed. */
struct bus_feed_order {
    enum bus_feed_order_kind kind;
    struct bus_bytes adapter, feed;
    uint8_t digest[BUS_DIGEST_SIZE]; /* approve, reject: of the list; else zero */
    int64_t held_at_ms;              /* approve, reject: since when it is held, as its status says; else 0 */
    struct bus_bytes officer, reason;
    int64_t at_ms;
};

/* PAUSE, RESUME, APPROVE, REJECT. */
const char *bus_feed_order_name(enum bus_feed_order_kind kind);
/* Appends the framed record. REJECT (FEED_ORDER_TEXT): a text longer than BUS_FEED_ORDER_MAX_TEXT; FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_feed_order_encode(const struct bus_feed_order *order, struct bus_buffer *buffer,
                                                     struct bus_error *error);
/* REJECT (FEED_ORDER_MALFORMED) when the bytes are no order. Views borrow from `value`. */
BUS_MUST_CHECK enum bus_status bus_feed_order_decode(struct bus_bytes value, struct bus_feed_order *out_order,
                                                     struct bus_error *error);

#endif
