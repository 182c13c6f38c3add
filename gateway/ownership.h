/* Ownership: the partitions that a worker holds, each as a whole, and their states.
 *
 * A partition of the exchange is that partition of every in topic: they come and go together, because all that concerns a subject
 * must meet in one worker. */
#ifndef GATEWAY_OWNERSHIP_H
#define GATEWAY_OWNERSHIP_H

#include "bus/consumer.h"
#include "gateway/settings.h"
#include "gateway/state/state.h"

struct gateway_ownership_options {
    const struct gateway_settings *settings;
    const struct bus_kafka *kafka;
    size_t topic_count; /* in topics, every one of which must be assigned for each partition */
    void (*alive)(void *self);
    void *self;
};

struct gateway_ownership;

struct gateway_ownership *gateway_ownership_create(const struct gateway_ownership_options *options);
void gateway_ownership_destroy(struct gateway_ownership *ownership);
const struct gateway_states *gateway_ownership_states(const struct gateway_ownership *ownership);

/* What the group assigned: opens and recovers the states and writes into `partitions` where to go on. The committed positions are
 * asked for first: the answer waits for an earlier owner's transaction to end. RETRY: stopped, or what an earlier owner holds is
 * not let go. FATAL: a partition is not whole, or the store. */
BUS_MUST_CHECK enum bus_status gateway_ownership_take(struct gateway_ownership *ownership,
                                                      struct bus_consumer *consumer, struct bus_partition *partitions,
                                                      size_t count, struct bus_error *error);
/* Closes all states; `clean` when the process is about to end in order. */
void gateway_ownership_give_up(struct gateway_ownership *ownership, bool clean);

#endif
