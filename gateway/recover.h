/* Recover: brings the states of partitions that a worker has been given up to the end of xq.state. */
#ifndef GATEWAY_RECOVER_H
#define GATEWAY_RECOVER_H

#include "bus/consumer.h"
#include "gateway/state/state.h"

struct gateway_recover_options {
    const struct bus_kafka *kafka;
    const char *topic;         /* xq.state with its prefix */
    int64_t patience_ms;       /* how long a dead owner's open transaction is waited for */
    void (*alive)(void *self); /* called now and then: this may take minutes when a state is built from nothing */
    void *self;
};

/* A state ahead of its topic (the topic was made anew) is forgotten first. RETRY: stopped, or a transaction stays open. FATAL:
 * refused by Kafka, or the store. */
BUS_MUST_CHECK enum bus_status gateway_recover(const struct gateway_recover_options *options,
                                               struct gateway_state *const *states, size_t count,
                                               struct bus_error *error);

#endif
