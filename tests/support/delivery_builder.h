/* Delivery builder: deliveries for the subscriber "court", as the gateway would make them, without Kafka. */
#ifndef TEST_SUPPORT_DELIVERY_BUILDER_H
#define TEST_SUPPORT_DELIVERY_BUILDER_H

#include "subscribers/engine/batch.h"
#include "subscribers/engine/catalogues.h"

struct test_deliveries {
    struct subscribers_catalogues *catalogues; /* the court's */
    const struct bus_catalogue *catalogue;
    const struct bus_view *view; /* of tax.arrears */
};

/* The repository's catalogue, or the one at `path`. Aborts when it does not load. */
void test_deliveries_open(struct test_deliveries *deliveries);
void test_deliveries_open_at(struct test_deliveries *deliveries, const char *path);
void test_deliveries_close(struct test_deliveries *deliveries);
/* The court's view of another item. Aborts when there is none. */
const struct bus_view *test_deliveries_view(const struct test_deliveries *deliveries, const char *department,
                                            const char *item);

/* What is asked of one delivery; a record is named by its department, item and number. */
struct test_delivery {
    const struct bus_view *view; /* NULL: tax.arrears; there the amount owed is `version` yuan */
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
    uint32_t flags;
    int number;
    int64_t version;
    int32_t partition;
    uint64_t leaf;
};
/* Builds and reads one; its bytes in memory of its own, freed by test_deliveries_free. delivered_at is 1790000000123. */
struct subscribers_delivery test_delivery_of(const struct test_deliveries *deliveries,
                                             const struct test_delivery *wanted);
/* The same of tax.arrears in partition 0, flagged NAME_MISMATCH, with the reason NONE, WITHDRAWN or DISPUTED. */
struct subscribers_delivery test_delivery(const struct test_deliveries *deliveries,
                                          enum bus_delivery_operation operation, int number, int64_t version,
                                          uint64_t leaf);
void test_deliveries_free(struct subscribers_delivery *list, size_t count);

/* The framed value alone. */
void test_delivery_value(const struct test_deliveries *deliveries, enum bus_delivery_operation operation, int number,
                         int64_t version, struct bus_buffer *buffer);
/* Identity of record `number` of tax.arrears; static, valid until the next call for another 64 records. */
const uint8_t *test_delivery_record(int number);

#endif
