/* Outlet: where a transaction goes. Kafka in a worker; in scenarios a list in memory, so that they drive the real settle. */
#ifndef GATEWAY_OUTLET_H
#define GATEWAY_OUTLET_H

#include "bus/consumer.h"

/* Contracts as in bus/producer.h. A record's `opaque`, when not NULL, is an int64_t that receives its offset; those of all records
 * produced so far are known after flush. */
struct gateway_outlet {
    enum bus_status (*begin)(void *self, struct bus_error *error);
    enum bus_status (*produce)(void *self, const struct bus_record *record, struct bus_error *error);
    /* Serves delivery reports without waiting. */
    void (*poll)(void *self);
    enum bus_status (*flush)(void *self, struct bus_error *error);
    enum bus_status (*send_offsets)(void *self, const struct bus_offset *offsets, size_t count,
                                    struct bus_error *error);
    enum bus_status (*commit)(void *self, struct bus_error *error);
    enum bus_status (*abort)(void *self, struct bus_error *error);
    void *self;
};

struct gateway_kafka_outlet {
    struct bus_producer *producer;
    struct bus_consumer *consumer;
};
/* `kafka` is borrowed. */
struct gateway_outlet gateway_outlet_kafka(struct gateway_kafka_outlet *kafka);
/* on_delivered of the producer that such an outlet uses. */
void gateway_outlet_delivered(void *self, void *opaque, int32_t partition, int64_t offset);

#endif
