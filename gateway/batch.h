/* Batch: the exchanges of one transaction, where they came from, and what they make for each output log. */
#ifndef GATEWAY_BATCH_H
#define GATEWAY_BATCH_H

#include "bus/books.h"
#include "bus/quarantine.h"
#include "gateway/exchange.h"

enum { GATEWAY_MAX_SOURCES = 4096, GATEWAY_ADAPTER_NAME_MAX = 64 };

/* One in topic and partition of a batch. One that only the gateway's own exchanges stand for has nothing to commit: next < 0. */
struct gateway_source {
    char topic[BUS_TOPIC_SIZE];
    int32_t partition;
    const struct bus_item *item;       /* NULL: no in topic; only its offsets count */
    struct bus_bytes sequence_adapter; /* whose place sequence_slot is */
    struct bus_slot *sequence_slot;
    int32_t today;       /* by reconcile: gateway_expiry_today of the partition; 0 = not asked yet */
    int64_t first, next; /* offsets: of the batch's first record, and the one after its last */
    /* What the batch counts for this item and partition: of events by the day on which they were published, all else by its own. */
    int32_t day; /* of `counts` */
    int64_t counts[BUS_MEASURE_COUNT];
    int64_t missing, notices;
    int64_t delivered[BUS_CATALOGUE_MAX_SUBSCRIBERS];
};

/* What is told to a department and is about no exchange of the batch. */
struct gateway_told {
    const struct gateway_told *next;
    int32_t partition;
    struct bus_quarantined quarantined;
};

/* What the batch appends to one output log, in order. */
struct gateway_output {
    const struct bus_subscriber *subscriber;
    const char *topic, *log; /* log = "<topic>/<partition>" */
    int32_t partition;
    size_t count;
    const struct gateway_exchange **exchanges;
    struct gateway_delivery **deliveries;
    struct bus_bytes *keys, *values; /* of the records: record identity, framed delivery */
};

struct gateway_batch_options {
    const struct bus_catalogue *catalogue;
    const char *prefix;
    int32_t partitions;
    size_t max_records, max_bytes; /* of input */
};

/* A record as the worker has it. Everything is borrowed until the batch is reset. */
struct gateway_input {
    const char *topic;
    int32_t partition;
    int64_t offset;
    struct bus_bytes key, value;
    struct bus_bytes adapter; /* header, data NULL = none */
    bool replay;
};

struct gateway_batch;

struct gateway_batch *gateway_batch_create(const struct gateway_batch_options *options);
void gateway_batch_destroy(struct gateway_batch *batch);
void gateway_batch_reset(struct gateway_batch *batch);
/* Another catalogue from now on; the batch is empty. */
void gateway_batch_set_catalogue(struct gateway_batch *batch, const struct bus_catalogue *catalogue);
const struct bus_catalogue *gateway_batch_catalogue(const struct gateway_batch *batch);

/* FATAL: topic outside the catalogue, partition out of range, more than max_records. */
BUS_MUST_CHECK enum bus_status gateway_batch_add(struct gateway_batch *batch, const struct gateway_input *input,
                                                 struct bus_error *error);
/* A record of another topic (xq.requests) that has been dealt with: its offset is committed with the batch. Its source has no item. */
BUS_MUST_CHECK enum bus_status gateway_batch_pass(struct gateway_batch *batch, const char *topic, int32_t partition,
                                                  int64_t offset, struct bus_error *error);
bool gateway_batch_is_full(const struct gateway_batch *batch);
/* Adds an exchange that came from no in topic. `value` (may be empty) is borrowed until the batch is reset. Meant for as long as the
 * batch is not full. FATAL: memory. */
BUS_MUST_CHECK enum bus_status gateway_batch_append(struct gateway_batch *batch, enum gateway_cause cause,
                                                    const struct bus_item *item, int32_t partition,
                                                    struct bus_bytes value, struct gateway_exchange **out_exchange,
                                                    struct bus_error *error);
/* The same, right behind the exchange at `index`, whose consequence it is. */
BUS_MUST_CHECK enum bus_status gateway_batch_insert_after(struct gateway_batch *batch, size_t index,
                                                          enum gateway_cause cause, const struct bus_item *item,
                                                          struct gateway_exchange **out_exchange,
                                                          struct bus_error *error);
/* Something of this partition's state changes in the batch, even if no exchange is about it. */
void gateway_batch_touch(struct gateway_batch *batch, int32_t partition);
/* Whether the batch has an exchange of the partition, or touches it. */
bool gateway_batch_touches(const struct gateway_batch *batch, int32_t partition);
/* Tells a department something with the batch; all is copied. FATAL: memory. */
BUS_MUST_CHECK enum bus_status gateway_batch_tell(struct gateway_batch *batch, int32_t partition,
                                                  const struct bus_quarantined *quarantined, struct bus_error *error);
/* The first of what is told, in order; NULL when nothing is. */
const struct gateway_told *gateway_batch_told_view(const struct gateway_batch *batch);
/* Nothing is in it, nor touched. */
bool gateway_batch_is_empty(const struct gateway_batch *batch);
/* Exchanges in the order in which what they deliver goes out. */
size_t gateway_batch_count(const struct gateway_batch *batch);
struct gateway_exchange *gateway_batch_exchange(struct gateway_batch *batch, size_t index);
size_t gateway_batch_source_count(const struct gateway_batch *batch);
struct gateway_source *gateway_batch_source(struct gateway_batch *batch, size_t index);
struct bus_arena *gateway_batch_arena(struct gateway_batch *batch);

/* The logs that grow, in the order of their first delivery; in the batch's arena. FATAL when that is full. */
BUS_MUST_CHECK enum bus_status gateway_batch_outputs(struct gateway_batch *batch, struct gateway_output **out_outputs,
                                                     size_t *out_count, struct bus_error *error);

#endif
