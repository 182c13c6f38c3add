/* Delivery builder: sealed deliveries of tax.arrears for one subscriber, as the gateway would make them, without Kafka. */
#ifndef TEST_SUPPORT_DELIVERY_BUILDER_H
#define TEST_SUPPORT_DELIVERY_BUILDER_H

#include "bus/view.h"
#include "subscribers/engine/batch.h"

struct test_deliveries {
    struct bus_catalogue *catalogue;
    struct bus_views *views;
    const struct bus_view *view; /* tax.arrears for court */
};

/* The repository's catalogue. Aborts when it does not load. */
void test_deliveries_open(struct test_deliveries *deliveries);
void test_deliveries_close(struct test_deliveries *deliveries);

/* The framed delivery of `operation` on record `number` in `version`; the amount owed is `version` yuan. */
void test_delivery_value(const struct test_deliveries *deliveries, enum bus_delivery_operation operation, int number,
                         int64_t version, struct bus_buffer *buffer);
/* Identity of record `number`; static, valid until the next call for another 64 records. */
const uint8_t *test_delivery_record(int number);
/* Builds and reads one; `value` in memory of its own, freed by test_deliveries_free. */
struct subscribers_delivery test_delivery(const struct test_deliveries *deliveries,
                                          enum bus_delivery_operation operation, int number, int64_t version,
                                          uint64_t leaf);
void test_deliveries_free(struct subscribers_delivery *list, size_t count);

#endif
