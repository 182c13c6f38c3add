#include "gateway/outlet.h"

static enum bus_status kafka_begin(void *self, struct bus_error *error)
{
    struct gateway_kafka_outlet *kafka = self;
    return bus_producer_begin(kafka->producer, error);
}

static enum bus_status kafka_produce(void *self, const struct bus_record *record, struct bus_error *error)
{
    struct gateway_kafka_outlet *kafka = self;
    return bus_producer_produce(kafka->producer, record, error);
}

static void kafka_poll(void *self)
{
    struct gateway_kafka_outlet *kafka = self;
    bus_producer_poll(kafka->producer);
}

static enum bus_status kafka_flush(void *self, struct bus_error *error)
{
    struct gateway_kafka_outlet *kafka = self;
    return bus_producer_flush(kafka->producer, error);
}

static enum bus_status kafka_send_offsets(void *self, const struct bus_offset *offsets, size_t count,
                                          struct bus_error *error)
{
    struct gateway_kafka_outlet *kafka = self;
    return bus_producer_send_offsets(kafka->producer, kafka->consumer, offsets, count, error);
}

static enum bus_status kafka_commit(void *self, struct bus_error *error)
{
    struct gateway_kafka_outlet *kafka = self;
    return bus_producer_commit(kafka->producer, error);
}

static enum bus_status kafka_abort(void *self, struct bus_error *error)
{
    struct gateway_kafka_outlet *kafka = self;
    enum bus_status status = bus_producer_abort(kafka->producer, error);
    bus_producer_poll(kafka->producer); /* no report of the aborted batch may come later: its memory is used again */
    return status;
}

struct gateway_outlet gateway_outlet_kafka(struct gateway_kafka_outlet *kafka)
{
    return (struct gateway_outlet){
        .begin = kafka_begin,
        .produce = kafka_produce,
        .poll = kafka_poll,
        .flush = kafka_flush,
        .send_offsets = kafka_send_offsets,
        .commit = kafka_commit,
        .abort = kafka_abort,
        .self = kafka,
    };
}

void gateway_outlet_delivered(void *self, void *opaque, int32_t partition, int64_t offset)
{
    (void)self;
    (void)partition;
    *(int64_t *)opaque = offset;
}
