/* Topics: whether Kafka has the exchange's topics as the configuration says; subjects meet by their number of partitions. */
#ifndef GATEWAY_TOPICS_H
#define GATEWAY_TOPICS_H

#include "bus/topics.h"

/* RETRY: the broker is away, or a topic does not exist yet. FATAL: one has another number of partitions. */
BUS_MUST_CHECK enum bus_status gateway_topics_check(const struct bus_kafka *kafka,
                                                    const struct bus_catalogue *catalogue, const char *prefix,
                                                    int32_t partitions, struct bus_error *error);

#endif
