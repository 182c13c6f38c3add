/* Topics: the exchange's topics, their shape, and the administration that creates and checks them. */
#ifndef BUS_TOPICS_H
#define BUS_TOPICS_H

#include "bus/catalogue.h"
#include "bus/producer.h"

/* The exchange's own topics, after the prefix. */
#define BUS_TOPIC_STATE "state"
#define BUS_TOPIC_QUARANTINE "quarantine"
#define BUS_TOPIC_AUDIT "audit"
#define BUS_TOPIC_BOOKS "books"
#define BUS_TOPIC_POSITIONS "positions"
#define BUS_TOPIC_REQUESTS "requests"
#define BUS_TOPIC_RECEIPTS "receipts"
#define BUS_TOPIC_FEEDS "feeds"
#define BUS_TOPIC_ORDERS "orders"

/* "<prefix><name>". */
void bus_topic_named(const char *prefix, const char *name, char out_topic[BUS_TOPIC_SIZE]);

struct bus_topic_plan {
    char name[BUS_TOPIC_SIZE];
    int32_t partitions;
    bool compacted;
    int64_t retention_ms; /* -1 = for ever */
    char meaning_zh[96], meaning_en[96];
};

/* All topics of design section 3 for this catalogue. The caller frees *out_plans with free(). FATAL out of memory. */
BUS_MUST_CHECK enum bus_status bus_topics_plan(const struct bus_catalogue *catalogue, const char *prefix,
                                               int32_t partitions, struct bus_topic_plan **out_plans, size_t *out_count,
                                               struct bus_error *error);

struct bus_topic_found {
    char name[BUS_TOPIC_SIZE];
    int32_t partitions;
    int32_t replication; /* of its first partition */
    bool compacted;
};
/* Topics that exist and begin with `prefix`, by name. The caller frees. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status bus_topics_list(const struct bus_kafka *kafka, const char *prefix,
                                               struct bus_topic_found **out_found, size_t *out_count,
                                               struct bus_error *error);
/* Creates what is missing; what exists is left alone. Replication factor -1 = the broker's default. */
BUS_MUST_CHECK enum bus_status bus_topics_create(const struct bus_kafka *kafka, const struct bus_topic_plan *plans,
                                                 size_t count, int replication, size_t *out_created,
                                                 struct bus_error *error);

#endif
