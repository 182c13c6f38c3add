/* Consumer: records from Kafka, as a member of a group or of partitions chosen by hand.
 *
 * Offsets are never committed by themselves: a transaction or a sink keeps them. Always range assignment, static membership when
 * an instance is named, prefetch bounded. One consumer belongs to one thread; callbacks run inside bus_consumer_poll. */
#ifndef BUS_CONSUMER_H
#define BUS_CONSUMER_H

#include "bus/producer.h"

struct bus_partition {
    const char *topic;
    int32_t partition;
    int64_t offset; /* where to start: BUS_OFFSET_… or a number */
};

enum { BUS_OFFSET_BEGINNING = -2, BUS_OFFSET_END = -1, BUS_OFFSET_STORED = -1000, BUS_OFFSET_BEFORE_END = -2000 };
/* BUS_OFFSET_BEFORE_END - n: n offsets before the end, control markers counted. */

struct bus_consumer_options {
    const char *group;    /* NULL: no group; use bus_consumer_assign */
    const char *instance; /* static member name, or NULL */
    bool uncommitted;     /* read_uncommitted; default read_committed */
    /* 0 = 32 MiB. librdkafka 2.0.2 rests for a second when it is full, so this is also about the most bytes a second that can
     * be read: seen with 400-byte records, 4 MiB gave 18,000/s, 16 MiB 70,000/s, 64 MiB more than 445,000/s. */
    size_t prefetch_bytes;
    size_t fetch_bytes; /* of one answer of the broker; 0 = 1 MB. Small for who seeks single records: 2 ms each, seen */
    int64_t session_timeout_ms; /* 0 = 45 s */
    /* Group changes, the whole new assignment or what is taken away; the callback may change `offset` of what is assigned.
     * `lost`: it is no longer ours, so nothing may be committed for it. Either may be NULL. A status other than OK comes out
     * of the poll that ran it. The names live until the callback returns. Closing revokes what is assigned. */
    enum bus_status (*on_assigned)(void *self, struct bus_partition *partitions, size_t count, struct bus_error *error);
    enum bus_status (*on_revoked)(void *self, const struct bus_partition *partitions, size_t count, bool lost,
                                  struct bus_error *error);
    void *self;
};

BUS_MUST_CHECK enum bus_status bus_consumer_open(const struct bus_kafka *kafka,
                                                 const struct bus_consumer_options *options,
                                                 struct bus_consumer **out_consumer, struct bus_error *error);
/* Leaves the group (a static member does not say so to the broker) and frees. */
void bus_consumer_close(struct bus_consumer *consumer);

BUS_MUST_CHECK enum bus_status bus_consumer_subscribe(struct bus_consumer *consumer, const char *const *topics,
                                                      size_t count, struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_consumer_assign(struct bus_consumer *consumer,
                                                   const struct bus_partition *partitions, size_t count,
                                                   struct bus_error *error);

/* One record; borrows from librdkafka until bus_message_release. */
struct bus_message {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct bus_bytes key, value; /* data NULL = null */
    void *handle;
};

/* Waits at most `timeout_ms` for one record. OK with message->handle NULL: nothing came, or (with partition >= 0) the end of a
 * partition was reached. RETRY: the broker is away (logged once; librdkafka reconnects by itself). FATAL: refused, fenced,
 * unknown topic, or a callback failed. */
BUS_MUST_CHECK enum bus_status bus_consumer_poll(struct bus_consumer *consumer, int timeout_ms,
                                                 struct bus_message *out_message, struct bus_error *error);
void bus_message_release(struct bus_message *message);
/* The last header of that name; data NULL when there is none. Borrows from the message. */
struct bus_bytes bus_message_header(const struct bus_message *message, const char *name);

/* Goes back (or on) to the given offsets of assigned partitions. */
BUS_MUST_CHECK enum bus_status bus_consumer_seek(struct bus_consumer *consumer, const struct bus_partition *partitions,
                                                 size_t count, struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_consumer_pause(struct bus_consumer *consumer, const struct bus_partition *partitions,
                                                  size_t count, struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_consumer_resume(struct bus_consumer *consumer,
                                                   const struct bus_partition *partitions, size_t count,
                                                   struct bus_error *error);
/* The group's committed offsets of these partitions, BUS_OFFSET_STORED where there is none; waits while a transaction that
 * holds some is pending. */
BUS_MUST_CHECK enum bus_status bus_consumer_committed(struct bus_consumer *consumer, struct bus_partition *partitions,
                                                      size_t count, struct bus_error *error);
/* Commits offsets outside transactions (an agent whose sink holds the position does it for lag figures only). */
BUS_MUST_CHECK enum bus_status bus_consumer_commit(struct bus_consumer *consumer, const struct bus_offset *offsets,
                                                   size_t count, struct bus_error *error);
/* First offset, last stable offset (as read_committed sees the end) and high watermark. They differ while a transaction is
 * open. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status bus_consumer_watermarks(struct bus_consumer *consumer, const char *topic,
                                                       int32_t partition, int64_t *out_first, int64_t *out_stable,
                                                       int64_t *out_high, struct bus_error *error);

/* Whether a topic is there for us. FATAL with the reason: it is missing, or we have no right on it. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status bus_consumer_find(struct bus_consumer *consumer, const char *topic,
                                                 struct bus_error *error);
/* The cluster's identity, which another cluster at the same address has not. RETRY when the broker is away. */
enum { BUS_CLUSTER_SIZE = 64 };
BUS_MUST_CHECK enum bus_status bus_consumer_cluster(struct bus_consumer *consumer, char out_cluster[BUS_CLUSTER_SIZE],
                                                    struct bus_error *error);

#endif
