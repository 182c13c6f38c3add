/* Orders: what officers have told this subscriber's agents (bus/agent_order.h), read from the last partition of xq.agent.<subscriber>. */
#ifndef SUBSCRIBERS_ENGINE_ORDERS_H
#define SUBSCRIBERS_ENGINE_ORDERS_H

#include "bus/agent_order.h"
#include "bus/consumer.h"
#include "subscribers/engine/settings.h"

enum { SUBSCRIBERS_MAX_SKIPS = 10000, SUBSCRIBERS_SKIP_REASON_SIZE = 200 };

struct subscribers_skip {
    int32_t partition;
    uint64_t leaf;
    char reason[SUBSCRIBERS_SKIP_REASON_SIZE];
};

struct subscribers_orders {
    struct bus_consumer *consumer;
    const struct subscribers_settings *settings;
    bool is_caught_up; /* the past has been read: what comes now is new */
    bool is_paused;
    int64_t paused_since_ms;
    char pause_reason[SUBSCRIBERS_SKIP_REASON_SIZE];
    struct subscribers_skip *skips;
    size_t skip_count, skip_capacity;
    /* Whom RESEND is for; NULL: told in the log and left. */
    enum bus_status (*on_resend)(void *self, struct bus_bytes subject, struct bus_error *error);
    void *self;
};

/* Reads all that was ordered so far; waits for the broker and the topic. `settings` is borrowed. RETRY: we were stopped. FATAL. Close
 * whatever the status. */
BUS_MUST_CHECK enum bus_status subscribers_orders_open(struct subscribers_orders *orders,
                                                       const struct subscribers_settings *settings,
                                                       struct bus_error *error);
void subscribers_orders_close(struct subscribers_orders *orders);
/* Reads what came since, without waiting. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_orders_poll(struct subscribers_orders *orders, struct bus_error *error);
/* Why that delivery is to be skipped; NULL when it is not. */
const char *subscribers_orders_skip_reason(const struct subscribers_orders *orders, int32_t partition, uint64_t leaf);

#endif
