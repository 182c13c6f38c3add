/* Producer: records into Kafka, in transactions or idempotently.
 *
 * Errors are settled here by their flags in the order that librdkafka documents: fatal -> FATAL (close, start over);
 * requires abort -> RETRY (the caller aborts and does the transaction again); retriable -> the same call again, inside.
 * One producer belongs to one thread. */
#ifndef BUS_PRODUCER_H
#define BUS_PRODUCER_H

#include "bus/bytes.h"

struct bus_producer;
struct bus_consumer;

struct bus_kafka_setting {
    const char *name, *value; /* a librdkafka property */
};

/* Where Kafka is; shared by producers, consumers and administration. `settings` ends with a NULL name. */
struct bus_kafka {
    const char *bootstrap; /* host:port[,host:port] */
    const char *client_id;
    const struct bus_kafka_setting *settings; /* TLS and the like; may be NULL */
};

/* Called from bus_producer_poll, flush, commit for every record produced with a non-NULL `opaque`. */
typedef void bus_delivered(void *self, void *opaque, int32_t partition, int64_t offset);

struct bus_producer_options {
    const char *transactional_id; /* NULL = idempotent, without transactions */
    bus_delivered *on_delivered;  /* may be NULL */
    void *self;
    int64_t transaction_timeout_ms; /* 0 = 60 s */
};

/* With a transactional id this also initialises transactions: it waits (while bus_stop_requested() is false) until the
 * coordinator answers, logging what it waits for, and fences any other producer of that id. */
BUS_MUST_CHECK enum bus_status bus_producer_open(const struct bus_kafka *kafka,
                                                 const struct bus_producer_options *options,
                                                 struct bus_producer **out_producer, struct bus_error *error);
/* Purges what is queued; an open transaction is aborted by the next producer of that id. */
void bus_producer_close(struct bus_producer *producer);

struct bus_header {
    const char *name;
    struct bus_bytes value;
};

struct bus_record {
    const char *topic;
    int32_t partition;
    struct bus_bytes key, value; /* data NULL = null (a tombstone) */
    const struct bus_header *headers;
    size_t header_count;
    int64_t timestamp_ms; /* 0 = now */
    void *opaque;         /* given to on_delivered */
    bool borrowed;        /* key and value stay valid until the transaction ended or flush returned: not copied */
};

BUS_MUST_CHECK enum bus_status bus_producer_begin(struct bus_producer *producer, struct bus_error *error);
/* Queues the record; waits while the queue is full. RETRY or FATAL as above. */
BUS_MUST_CHECK enum bus_status bus_producer_produce(struct bus_producer *producer, const struct bus_record *record,
                                                    struct bus_error *error);
/* Serves delivery reports without waiting. */
void bus_producer_poll(struct bus_producer *producer);
/* Waits until every queued record was delivered. RETRY: at least one failed (inside a transaction: abort it). */
BUS_MUST_CHECK enum bus_status bus_producer_flush(struct bus_producer *producer, struct bus_error *error);

struct bus_offset {
    const char *topic;
    int32_t partition;
    int64_t next; /* the first offset not yet processed */
};
/* Adds consumed positions, with the consumer's group metadata (KIP-447), to the transaction. */
BUS_MUST_CHECK enum bus_status bus_producer_send_offsets(struct bus_producer *producer, struct bus_consumer *consumer,
                                                         const struct bus_offset *offsets, size_t count,
                                                         struct bus_error *error);
/* Flushes and commits. OK: all of it is durable. RETRY: it was not and will not be: abort. FATAL: unknown; start over. */
BUS_MUST_CHECK enum bus_status bus_producer_commit(struct bus_producer *producer, struct bus_error *error);
/* Flushes (bounded), aborts. OK or FATAL. Borrowed bytes are free afterwards. */
BUS_MUST_CHECK enum bus_status bus_producer_abort(struct bus_producer *producer, struct bus_error *error);

#endif
