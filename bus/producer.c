#include "bus/producer.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/kafka_client.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    DEFAULT_TRANSACTION_MS = 60000,
    MIN_TRANSACTION_MS = 2000,
    INIT_WAIT_MS = 1000, /* one look at the stop flag between waits for the coordinator */
    FULL_WAIT_MS = 20,   /* one wait for room in the queue */
    FLUSH_WAIT_MS = 500,
    ABORT_FLUSH_MS = 5000, /* an abort must not overtake what is in flight (librdkafka issue 4849) */
    CLOSE_FLUSH_MS = 1000,
    POLL_EVERY = 512, /* records between two looks at delivery reports */
    MAX_TOPICS = 4096,
    QUEUE_MESSAGES = 500000,
    QUEUE_KILOBYTES = 256 * 1024,
};

struct bus_producer {
    struct bus_kafka_client client;
    bus_delivered *on_delivered;
    void *self;
    bool transactional;
    rd_kafka_topic_t **topics; /* handles by first use */
    size_t topic_count;
    size_t last_topic;
    unsigned since_poll;
    rd_kafka_resp_err_t failed; /* the first delivery that failed since begin or the last flush */
    bool closing;
};

/* The first AddPartitionsToTxn after a commit is refused until the markers are written: the back-off decides how many
 * transactions a second there can be. Idempotence orders what is retried. A commit or flush sends at once, so lingering costs no
 * time; it saves requests, and with them processor time here and in the broker. */
static const struct bus_kafka_setting producer_settings[] = {
    {"enable.idempotence", "true"},
    {"retry.backoff.ms", "5"},
    {"linger.ms", "50"},
    {NULL, NULL},
};

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque);

static enum bus_status set_options(rd_kafka_conf_t *conf, const struct bus_producer_options *options,
                                   struct bus_error *error)
{
    int64_t transaction_ms = options->transaction_timeout_ms;
    if (transaction_ms == 0)
        transaction_ms = DEFAULT_TRANSACTION_MS;
    if (transaction_ms < MIN_TRANSACTION_MS)
        transaction_ms = MIN_TRANSACTION_MS;
    enum bus_status status = BUS_OK;
    for (const struct bus_kafka_setting *setting = producer_settings; status == BUS_OK && setting->name != NULL;
         setting++)
        status = bus_kafka_set(conf, setting->name, setting->value, error);
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"queue.buffering.max.messages", QUEUE_MESSAGES},
        {"queue.buffering.max.kbytes", QUEUE_KILOBYTES},
        {"message.max.bytes", BUS_KAFKA_MAX_MESSAGE},
        /* A message must fail before its transaction does: an expired transaction fences its producer. */
        {"message.timeout.ms", transaction_ms / 6 * 5},
        {"transaction.timeout.ms", transaction_ms},
    };
    size_t count = sizeof numbers / sizeof numbers[0] - (options->transactional_id == NULL);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = bus_kafka_set_number(conf, numbers[i].name, numbers[i].value, error);
    if (status == BUS_OK && options->transactional_id != NULL)
        status = bus_kafka_set(conf, "transactional.id", options->transactional_id, error);
    if (status == BUS_OK && options->on_delivered == NULL)
        status = bus_kafka_set(conf, "delivery.report.only.error", "true", error);
    return status;
}

/* Waits for the coordinator. It also fences a predecessor and clears its open transaction. */
static enum bus_status init_transactions(struct bus_producer *producer, const char *id, struct bus_error *error)
{
    bool told = false;
    while (!bus_stop_requested()) {
        struct bus_error reason;
        rd_kafka_error_t *failure = rd_kafka_init_transactions(producer->client.handle, INIT_WAIT_MS);
        enum bus_kafka_verdict verdict =
            bus_kafka_settle(&producer->client, failure, "initialise transactions", &reason);
        rd_kafka_poll(producer->client.handle, 0);
        if (verdict == BUS_KAFKA_FINE) {
            bus_kafka_client_back(&producer->client);
            return BUS_OK;
        }
        if (verdict != BUS_KAFKA_AGAIN)
            return bus_fail(error, BUS_FATAL, "%s", reason.message);
        if (!told)
            bus_log(BUS_LOG_INFO, "waiting for the transaction coordinator", "transactional_id=\"%s\" reason=\"%s\"",
                    id, reason.message);
        told = true;
    }
    return bus_fail(error, BUS_RETRY, "%s: stopped while waiting for the transaction coordinator",
                    producer->client.role);
}

enum bus_status bus_producer_open(const struct bus_kafka *kafka, const struct bus_producer_options *options,
                                  struct bus_producer **out_producer, struct bus_error *error)
{
    char role[sizeof((struct bus_kafka_client *)NULL)->role];
    enum bus_status status;
    struct bus_producer *producer = NULL;
    rd_kafka_conf_t *conf = bus_kafka_conf(kafka, &status, error);
    if (conf == NULL)
        goto out;
    status = set_options(conf, options, error);
    if (status != BUS_OK)
        goto out;
    producer = calloc(1, sizeof *producer);
    if (producer == NULL) {
        status = bus_fail(error, BUS_FATAL, "create a Kafka producer: out of memory");
        goto out;
    }
    producer->on_delivered = options->on_delivered;
    producer->self = options->self;
    producer->transactional = options->transactional_id != NULL;
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    snprintf(role, sizeof role, "producer %s",
             producer->transactional ? options->transactional_id : "without transactions");
    status = bus_kafka_client_open(&producer->client, RD_KAFKA_PRODUCER, conf, role, producer, error);
    conf = NULL;
    if (status == BUS_OK && producer->transactional)
        status = init_transactions(producer, options->transactional_id, error);
    if (status == BUS_OK) {
        *out_producer = producer;
        producer = NULL;
    }
out:
    if (conf != NULL)
        rd_kafka_conf_destroy(conf);
    bus_producer_close(producer);
    return status;
}

void bus_producer_close(struct bus_producer *producer)
{
    if (producer == NULL)
        return;
    producer->closing = true;
    if (producer->client.handle != NULL) {
        rd_kafka_purge(producer->client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(producer->client.handle, CLOSE_FLUSH_MS);
    }
    for (size_t i = 0; i < producer->topic_count; i++)
        rd_kafka_topic_destroy(producer->topics[i]);
    free(producer->topics);
    if (producer->client.handle != NULL)
        rd_kafka_destroy(producer->client.handle);
    free(producer);
}

enum bus_status bus_producer_begin(struct bus_producer *producer, struct bus_error *error)
{
    producer->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_error_t *failure = rd_kafka_begin_transaction(producer->client.handle);
    enum bus_kafka_verdict verdict = bus_kafka_settle(&producer->client, failure, "begin a transaction", error);
    return verdict == BUS_KAFKA_FINE ? BUS_OK : verdict == BUS_KAFKA_FATAL ? BUS_FATAL : BUS_RETRY;
}

/* The handle of a topic; NULL when librdkafka refuses the name, too many topics or no memory. */
static rd_kafka_topic_t *topic_of(struct bus_producer *producer, const char *name)
{
    if (producer->last_topic < producer->topic_count &&
        strcmp(rd_kafka_topic_name(producer->topics[producer->last_topic]), name) == 0)
        return producer->topics[producer->last_topic];
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(rd_kafka_topic_name(producer->topics[i]), name) == 0) {
            producer->last_topic = i;
            return producer->topics[i];
        }
    }
    if (producer->topic_count == MAX_TOPICS)
        return NULL;
    rd_kafka_topic_t **topics = realloc(producer->topics, (producer->topic_count + 1) * sizeof *topics);
    if (topics == NULL)
        return NULL;
    producer->topics = topics;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer->client.handle, name, NULL);
    if (topic != NULL) {
        producer->last_topic = producer->topic_count;
        topics[producer->topic_count++] = topic;
    }
    return topic;
}

/* NULL without headers or without memory. */
static rd_kafka_headers_t *headers_of(const struct bus_record *record)
{
    if (record->header_count == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct bus_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value.data, (ssize_t)header->value.length);
    }
    return headers;
}

/* librdkafka wants writable memory because it may free it; with these flags it never writes or frees. */
static void *writable(struct bus_bytes bytes)
{
    union {
        const void *constant;
        void *writable;
    } cast = {.constant = bytes.data};
    return cast.writable;
}

static rd_kafka_resp_err_t enqueue(struct bus_producer *producer, rd_kafka_topic_t *topic,
                                   const struct bus_record *record, rd_kafka_headers_t *headers)
{
    struct bus_bytes key = record->key, value = record->value;
    int flags = record->borrowed ? 0 : RD_KAFKA_MSG_F_COPY;
    if (headers == NULL)
        return rd_kafka_producev(producer->client.handle, RD_KAFKA_V_RKT(topic),
                                 RD_KAFKA_V_PARTITION(record->partition), RD_KAFKA_V_MSGFLAGS(flags),
                                 RD_KAFKA_V_KEY(key.data, key.length), RD_KAFKA_V_VALUE(writable(value), value.length),
                                 RD_KAFKA_V_OPAQUE(record->opaque), RD_KAFKA_V_TIMESTAMP(record->timestamp_ms),
                                 RD_KAFKA_V_END);
    return rd_kafka_producev(producer->client.handle, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(record->partition),
                             RD_KAFKA_V_MSGFLAGS(flags), RD_KAFKA_V_KEY(key.data, key.length),
                             RD_KAFKA_V_VALUE(writable(value), value.length), RD_KAFKA_V_OPAQUE(record->opaque),
                             RD_KAFKA_V_TIMESTAMP(record->timestamp_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
}

/* _STATE without a fatal error: the transaction has failed already and waits for its abort. */
static enum bus_status refused(struct bus_producer *producer, const struct bus_record *record, rd_kafka_resp_err_t code,
                               struct bus_error *error)
{
    if (code == RD_KAFKA_RESP_ERR__STATE && producer->failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        code = producer->failed;
    enum bus_status status = bus_kafka_code(&producer->client, code, "produce", error);
    bus_error_prefix(error, "%s/%d", record->topic, (int)record->partition);
    return status;
}

enum bus_status bus_producer_produce(struct bus_producer *producer, const struct bus_record *record,
                                     struct bus_error *error)
{
    rd_kafka_topic_t *topic = topic_of(producer, record->topic);
    if (topic == NULL)
        return bus_fail(error, BUS_FATAL, "%s: topic %s: name not accepted, too many topics or out of memory",
                        producer->client.role, record->topic);
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_resp_err_t code = enqueue(producer, topic, record, headers);
    /* Ends at the latest when the oldest queued message's time is over. */
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(producer->client.handle, FULL_WAIT_MS);
        code = enqueue(producer, topic, record, headers);
    }
    if (++producer->since_poll >= POLL_EVERY)
        bus_producer_poll(producer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return BUS_OK;
    if (headers != NULL)
        rd_kafka_headers_destroy(headers); /* librdkafka takes them only when it takes the record */
    return refused(producer, record, code, error);
}

void bus_producer_poll(struct bus_producer *producer)
{
    producer->since_poll = 0;
    rd_kafka_poll(producer->client.handle, 0);
}

enum bus_status bus_producer_flush(struct bus_producer *producer, struct bus_error *error)
{
    /* Every message is delivered or fails within message.timeout.ms, so this ends. */
    while (rd_kafka_flush(producer->client.handle, FLUSH_WAIT_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        ;
    rd_kafka_resp_err_t failed = producer->failed;
    if (!producer->transactional)
        producer->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        bus_kafka_client_back(&producer->client);
    return bus_kafka_code(&producer->client, failed, "deliver records", error);
}

/* Repeats `call` while librdkafka says so. */
typedef rd_kafka_error_t *transactional_call(struct bus_producer *producer, void *argument);

static enum bus_kafka_verdict repeat(struct bus_producer *producer, transactional_call *call, void *argument,
                                     const char *tried, struct bus_error *error)
{
    enum bus_kafka_verdict verdict = BUS_KAFKA_AGAIN;
    for (int i = 0; verdict == BUS_KAFKA_AGAIN && i < BUS_KAFKA_MAX_RETRIES; i++) {
        if (i > 0)
            rd_kafka_poll(producer->client.handle, BUS_KAFKA_RETRY_PAUSE_MS);
        verdict = bus_kafka_settle(&producer->client, call(producer, argument), tried, error);
    }
    if (verdict == BUS_KAFKA_FINE)
        bus_kafka_client_back(&producer->client);
    return verdict;
}

struct sent_offsets {
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_consumer_group_metadata_t *group;
};

static rd_kafka_error_t *call_send_offsets(struct bus_producer *producer, void *argument)
{
    struct sent_offsets *sent = argument;
    return rd_kafka_send_offsets_to_transaction(producer->client.handle, sent->list, sent->group, -1);
}

enum bus_status bus_producer_send_offsets(struct bus_producer *producer, struct bus_consumer *consumer,
                                          const struct bus_offset *offsets, size_t count, struct bus_error *error)
{
    if (count == 0)
        return BUS_OK;
    struct sent_offsets sent = {
        .list = rd_kafka_topic_partition_list_new((int)count),
        .group = bus_consumer_group_metadata(consumer),
    };
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(sent.list, offsets[i].topic, offsets[i].partition)->offset = offsets[i].next;
    enum bus_kafka_verdict verdict = BUS_KAFKA_FATAL;
    if (sent.group == NULL)
        bus_fail(error, BUS_FATAL, "%s: send offsets: the consumer is not in a group", producer->client.role);
    else
        verdict = repeat(producer, call_send_offsets, &sent, "send offsets to the transaction", error);
    rd_kafka_topic_partition_list_destroy(sent.list);
    if (sent.group != NULL)
        rd_kafka_consumer_group_metadata_destroy(sent.group);
    return verdict == BUS_KAFKA_FINE ? BUS_OK : verdict == BUS_KAFKA_ABORT ? BUS_RETRY : BUS_FATAL;
}

/* -1: as long as the transaction may live. */
static rd_kafka_error_t *call_commit(struct bus_producer *producer, void *argument)
{
    (void)argument;
    return rd_kafka_commit_transaction(producer->client.handle, -1);
}

static rd_kafka_error_t *call_abort(struct bus_producer *producer, void *argument)
{
    (void)argument;
    return rd_kafka_abort_transaction(producer->client.handle, -1);
}

enum bus_status bus_producer_commit(struct bus_producer *producer, struct bus_error *error)
{
    enum bus_kafka_verdict verdict = repeat(producer, call_commit, NULL, "commit", error);
    if (verdict == BUS_KAFKA_FINE)
        return BUS_OK;
    if (verdict != BUS_KAFKA_ABORT)
        return BUS_FATAL;
    /* What can never be delivered would be aborted and repeated for ever. */
    if (bus_kafka_is_permanent(producer->failed))
        return bus_kafka_code(&producer->client, producer->failed, "deliver records", error);
    return BUS_RETRY;
}

enum bus_status bus_producer_abort(struct bus_producer *producer, struct bus_error *error)
{
    rd_kafka_flush(producer->client.handle, ABORT_FLUSH_MS);
    enum bus_kafka_verdict verdict = repeat(producer, call_abort, NULL, "abort", error);
    producer->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    return verdict == BUS_KAFKA_FINE ? BUS_OK : BUS_FATAL;
}

/* Never rd_kafka_message_errstr: it can return the payload. */
static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    struct bus_kafka_client *client = opaque;
    struct bus_producer *producer = client->owner;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (producer->on_delivered != NULL && message->_private != NULL)
            producer->on_delivered(producer->self, message->_private, message->partition, message->offset);
        return;
    }
    bool purged = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (producer->closing || producer->failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    producer->failed = message->err;
    if (!purged)
        bus_log(BUS_LOG_WARN, "record not delivered", "client=\"%s\" topic=%s partition=%d reason=\"%s\"", client->role,
                rd_kafka_topic_name(message->rkt), (int)message->partition, rd_kafka_err2str(message->err));
}
