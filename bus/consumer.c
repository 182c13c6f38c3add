#include "bus/consumer.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/kafka_client.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    DEFAULT_PREFETCH_BYTES = 32 * 1024 * 1024,
    DEFAULT_FETCH_BYTES = 1024 * 1024,
    DEFAULT_SESSION_MS = 45000,
    MAX_POLL_INTERVAL_MS = 300000,
    PREFETCH_MESSAGES = 1000000, /* the bytes are the bound */
    NAME_SIZE = 256,
};

/* Consumers without a group still need a name for one in librdkafka; nothing is ever committed to it. */
#define NO_GROUP "xq-none"

struct bus_consumer {
    struct bus_kafka_client client;
    struct bus_consumer_options options;
    struct bus_kafka kafka; /* borrowed; only to make `other` */
    bool in_group;
    char end_topic[NAME_SIZE]; /* of the last end of a partition that was told */
    /* Of a callback that failed, until the poll that ran it returns. */
    enum bus_status callback_status;
    struct bus_error callback_error;
    struct bus_kafka_client other; /* with the other isolation level, opened when watermarks are first asked */
};

/* Only range is safe in this librdkafka, and it keeps equal partition numbers of topics together. The size of a fetch stays at its
 * default of 1 MB, which lets longer messages through: at 4 MB reading and copying took nearly twice the processor time. */
static const struct bus_kafka_setting consumer_settings[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"},
    {"auto.offset.reset", "earliest"},
    {"partition.assignment.strategy", "range"},
    {"fetch.wait.max.ms", "200"},
    {NULL, NULL},
};

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *opaque);

static enum bus_status set_options(rd_kafka_conf_t *conf, const struct bus_consumer_options *options,
                                   struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (const struct bus_kafka_setting *setting = consumer_settings; status == BUS_OK && setting->name != NULL;
         setting++)
        status = bus_kafka_set(conf, setting->name, setting->value, error);
    size_t prefetch = options->prefetch_bytes != 0 ? options->prefetch_bytes : DEFAULT_PREFETCH_BYTES;
    int64_t session_ms = options->session_timeout_ms != 0 ? options->session_timeout_ms : DEFAULT_SESSION_MS;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"queued.max.messages.kbytes", (int64_t)(prefetch / 1024)},
        {"queued.min.messages", PREFETCH_MESSAGES},
        {"fetch.message.max.bytes", (int64_t)(options->fetch_bytes != 0 ? options->fetch_bytes : DEFAULT_FETCH_BYTES)},
        {"session.timeout.ms", session_ms},
        {"max.poll.interval.ms", session_ms > MAX_POLL_INTERVAL_MS ? session_ms : MAX_POLL_INTERVAL_MS},
    };
    for (size_t i = 0; status == BUS_OK && i < sizeof numbers / sizeof numbers[0]; i++)
        status = bus_kafka_set_number(conf, numbers[i].name, numbers[i].value, error);
    if (status == BUS_OK)
        status =
            bus_kafka_set(conf, "isolation.level", options->uncommitted ? "read_uncommitted" : "read_committed", error);
    if (status == BUS_OK)
        status = bus_kafka_set(conf, "group.id", options->group != NULL ? options->group : NO_GROUP, error);
    if (status == BUS_OK && options->group != NULL && options->instance != NULL)
        status = bus_kafka_set(conf, "group.instance.id", options->instance, error);
    return status;
}

static enum bus_status open_handle(struct bus_consumer *consumer, const struct bus_consumer_options *options,
                                   struct bus_kafka_client *client, struct bus_error *error)
{
    enum bus_status status;
    rd_kafka_conf_t *conf = bus_kafka_conf(&consumer->kafka, &status, error);
    if (conf == NULL)
        return status;
    status = set_options(conf, options, error);
    if (status != BUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    char role[sizeof client->role];
    snprintf(role, sizeof role, "consumer %s",
             options->instance != NULL ? options->instance
             : options->group != NULL  ? options->group
                                       : "without a group");
    return bus_kafka_client_open(client, RD_KAFKA_CONSUMER, conf, role, consumer, error);
}

enum bus_status bus_consumer_open(const struct bus_kafka *kafka, const struct bus_consumer_options *options,
                                  struct bus_consumer **out_consumer, struct bus_error *error)
{
    struct bus_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL)
        return bus_fail(error, BUS_FATAL, "create a Kafka consumer: out of memory");
    consumer->options = *options;
    consumer->kafka = *kafka;
    consumer->in_group = options->group != NULL;
    enum bus_status status = open_handle(consumer, options, &consumer->client, error);
    if (status != BUS_OK) {
        free(consumer);
        return status;
    }
    rd_kafka_poll_set_consumer(consumer->client.handle);
    *out_consumer = consumer;
    return BUS_OK;
}

void bus_consumer_close(struct bus_consumer *consumer)
{
    if (consumer == NULL)
        return;
    if (consumer->other.handle != NULL)
        rd_kafka_destroy(consumer->other.handle);
    rd_kafka_consumer_close(consumer->client.handle);
    rd_kafka_destroy(consumer->client.handle);
    free(consumer);
}

rd_kafka_consumer_group_metadata_t *bus_consumer_group_metadata(struct bus_consumer *consumer)
{
    return consumer->in_group ? rd_kafka_consumer_group_metadata(consumer->client.handle) : NULL;
}

enum bus_status bus_consumer_subscribe(struct bus_consumer *consumer, const char *const *topics, size_t count,
                                       struct bus_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->client.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return bus_kafka_code(&consumer->client, code, "subscribe", error);
}

/* Where there is no offset librdkafka takes the committed one. */
static int64_t to_library(int64_t offset)
{
    return offset == BUS_OFFSET_STORED ? RD_KAFKA_OFFSET_INVALID : offset;
}

static rd_kafka_topic_partition_list_t *list_of(const struct bus_partition *partitions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, partitions[i].topic, partitions[i].partition)->offset =
            to_library(partitions[i].offset);
    return list;
}

/* The first partition of the list that has an error of its own. */
static rd_kafka_resp_err_t list_error(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return list->elems[i].err;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

enum bus_status bus_consumer_assign(struct bus_consumer *consumer, const struct bus_partition *partitions, size_t count,
                                    struct bus_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->client.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return bus_kafka_code(&consumer->client, code, "assign partitions", error);
}

/* --- polling --- */

static void fill_message(rd_kafka_message_t *from, struct bus_message *out_message)
{
    rd_kafka_timestamp_type_t kind;
    *out_message = (struct bus_message){
        .topic = rd_kafka_topic_name(from->rkt),
        .partition = from->partition,
        .offset = from->offset,
        .timestamp_ms = rd_kafka_message_timestamp(from, &kind),
        .key = {from->key, from->key_len},
        .value = {from->payload, from->len},
        .handle = from,
    };
}

/* The message's topic dies with it, so the name is kept. */
static void fill_end(struct bus_consumer *consumer, rd_kafka_message_t *from, struct bus_message *out_message)
{
    snprintf(consumer->end_topic, sizeof consumer->end_topic, "%s", rd_kafka_topic_name(from->rkt));
    out_message->topic = consumer->end_topic;
    out_message->partition = from->partition;
    out_message->offset = from->offset;
}

static enum bus_status poll_error(struct bus_consumer *consumer, const rd_kafka_message_t *message,
                                  struct bus_error *error)
{
    if (message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED && !consumer->in_group)
        return BUS_OK; /* we want nothing of it */
    enum bus_status status = bus_kafka_code(&consumer->client, message->err, "read", error);
    if (message->rkt != NULL)
        bus_error_prefix(error, "topic %s", rd_kafka_topic_name(message->rkt));
    return status;
}

static enum bus_status nothing_came(struct bus_consumer *consumer, int timeout_ms, struct bus_error *error)
{
    if (!consumer->client.away)
        return BUS_OK;
    if (timeout_ms > 0)
        bus_kafka_client_ask(&consumer->client);
    if (!consumer->client.away)
        return BUS_OK;
    return bus_fail(error, BUS_RETRY, "%s: read: all brokers are away: %s", consumer->client.role,
                    consumer->client.reason);
}

enum bus_status bus_consumer_poll(struct bus_consumer *consumer, int timeout_ms, struct bus_message *out_message,
                                  struct bus_error *error)
{
    *out_message = (struct bus_message){.partition = -1};
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->client.handle, timeout_ms);
    enum bus_status status = BUS_OK;
    if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        bus_kafka_client_back(&consumer->client);
        fill_message(message, out_message);
        message = NULL;
    } else if (message != NULL && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        bus_kafka_client_back(&consumer->client);
        fill_end(consumer, message, out_message);
    } else if (message != NULL) {
        status = poll_error(consumer, message, error);
    } else {
        status = nothing_came(consumer, timeout_ms, error);
    }
    if (message != NULL)
        rd_kafka_message_destroy(message);
    if (consumer->callback_status != BUS_OK) {
        bus_message_release(out_message);
        status = consumer->callback_status;
        if (error != NULL)
            *error = consumer->callback_error;
        consumer->callback_status = BUS_OK;
    }
    return status;
}

void bus_message_release(struct bus_message *message)
{
    if (message->handle != NULL)
        rd_kafka_message_destroy(message->handle);
    message->handle = NULL;
}

struct bus_bytes bus_message_header(const struct bus_message *message, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(message->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return (struct bus_bytes){NULL, 0};
    return (struct bus_bytes){value, length};
}

/* --- group changes --- */

static struct bus_partition *partitions_of(const rd_kafka_topic_partition_list_t *list)
{
    struct bus_partition *partitions = calloc((size_t)list->cnt + 1, sizeof *partitions);
    for (int i = 0; partitions != NULL && i < list->cnt; i++)
        partitions[i] = (struct bus_partition){list->elems[i].topic, list->elems[i].partition, BUS_OFFSET_STORED};
    return partitions;
}

static enum bus_status tell_assigned(struct bus_consumer *consumer, rd_kafka_topic_partition_list_t *list,
                                     struct bus_error *error)
{
    if (consumer->options.on_assigned == NULL)
        return BUS_OK;
    struct bus_partition *partitions = partitions_of(list);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "take partitions: out of memory");
    enum bus_status status =
        consumer->options.on_assigned(consumer->options.self, partitions, (size_t)list->cnt, error);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = to_library(partitions[i].offset);
    free(partitions);
    return status;
}

static enum bus_status tell_revoked(struct bus_consumer *consumer, const rd_kafka_topic_partition_list_t *list,
                                    struct bus_error *error)
{
    if (consumer->options.on_revoked == NULL)
        return BUS_OK;
    struct bus_partition *partitions = partitions_of(list);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "give partitions back: out of memory");
    bool lost = rd_kafka_assignment_lost(consumer->client.handle) != 0;
    enum bus_status status =
        consumer->options.on_revoked(consumer->options.self, partitions, (size_t)list->cnt, lost, error);
    free(partitions);
    return status;
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct bus_kafka_client *client = opaque;
    struct bus_consumer *consumer = client->owner;
    struct bus_error error;
    bool assigned = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    enum bus_status status = assigned ? tell_assigned(consumer, list, &error) : tell_revoked(consumer, list, &error);
    /* Whatever the callback said, librdkafka waits for this answer. */
    rd_kafka_assign(handle, assigned ? list : NULL);
    if (status != BUS_OK && consumer->callback_status == BUS_OK) {
        consumer->callback_status = status;
        consumer->callback_error = error;
    }
}

/* --- positions --- */

static enum bus_status seek_once(struct bus_consumer *consumer, rd_kafka_topic_partition_list_t *list,
                                 rd_kafka_resp_err_t *out_code, struct bus_error *error)
{
    /* No finite timeout: librdkafka 2.0.2 takes it for a thousandth. */
    rd_kafka_error_t *failure = rd_kafka_seek_partitions(consumer->client.handle, list, -1);
    *out_code = failure != NULL ? rd_kafka_error_code(failure) : list_error(list);
    if (failure != NULL)
        rd_kafka_error_destroy(failure);
    return bus_kafka_code(&consumer->client, *out_code, "seek", error);
}

enum bus_status bus_consumer_seek(struct bus_consumer *consumer, const struct bus_partition *partitions, size_t count,
                                  struct bus_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    rd_kafka_resp_err_t code;
    enum bus_status status = seek_once(consumer, list, &code, error);
    /* A partition just assigned cannot be sought before librdkafka's thread has started it. */
    for (int i = 0; code == RD_KAFKA_RESP_ERR__STATE && i < BUS_KAFKA_MAX_RETRIES && !bus_stop_requested(); i++) {
        bus_clock_sleep_ms(BUS_KAFKA_RETRY_PAUSE_MS);
        status = seek_once(consumer, list, &code, error);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

typedef rd_kafka_resp_err_t partitions_call(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *list);

static enum bus_status on_partitions(struct bus_consumer *consumer, partitions_call *call, const char *tried,
                                     const struct bus_partition *partitions, size_t count, struct bus_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    rd_kafka_resp_err_t code = call(consumer->client.handle, list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list_error(list);
    rd_kafka_topic_partition_list_destroy(list);
    return bus_kafka_code(&consumer->client, code, tried, error);
}

enum bus_status bus_consumer_pause(struct bus_consumer *consumer, const struct bus_partition *partitions, size_t count,
                                   struct bus_error *error)
{
    return on_partitions(consumer, rd_kafka_pause_partitions, "pause", partitions, count, error);
}

enum bus_status bus_consumer_resume(struct bus_consumer *consumer, const struct bus_partition *partitions, size_t count,
                                    struct bus_error *error)
{
    return on_partitions(consumer, rd_kafka_resume_partitions, "resume", partitions, count, error);
}

/* Whether a question about committed offsets is worth asking again: a transaction that holds some is pending, or the
 * coordinator is on its way. */
static bool ask_again(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ||
           code == RD_KAFKA_RESP_ERR__WAIT_COORD || code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
}

enum bus_status bus_consumer_committed(struct bus_consumer *consumer, struct bus_partition *partitions, size_t count,
                                       struct bus_error *error)
{
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t deadline = bus_clock_monotonic_ms() + BUS_KAFKA_MAX_RETRIES * BUS_KAFKA_RETRY_PAUSE_MS;
    while (ask_again(code) && !bus_stop_requested() && bus_clock_monotonic_ms() < deadline) {
        code = rd_kafka_committed(consumer->client.handle, list, BUS_KAFKA_REQUEST_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = list_error(list);
        if (code == RD_KAFKA_RESP_ERR__TIMED_OUT && consumer->client.away)
            break;
        if (ask_again(code))
            bus_clock_sleep_ms(BUS_KAFKA_RETRY_PAUSE_MS);
    }
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++) {
        int64_t offset = list->elems[i].offset;
        partitions[i].offset = offset >= 0 ? offset : BUS_OFFSET_STORED;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return bus_kafka_code(&consumer->client, code, "ask for committed offsets", error);
}

enum bus_status bus_consumer_commit(struct bus_consumer *consumer, const struct bus_offset *offsets, size_t count,
                                    struct bus_error *error)
{
    if (count == 0)
        return BUS_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, offsets[i].topic, offsets[i].partition)->offset = offsets[i].next;
    rd_kafka_resp_err_t code = rd_kafka_commit(consumer->client.handle, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
    return bus_kafka_code(&consumer->client, code, "commit offsets", error);
}

/* The broker's end of a partition depends on who asks: a reader of committed records is told the last stable offset, one of
 * uncommitted records the high watermark. */
static enum bus_status end_of(struct bus_kafka_client *client, const char *topic, int32_t partition, int64_t *out_first,
                              int64_t *out_end, struct bus_error *error)
{
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(client->handle, topic, partition, out_first, out_end, BUS_KAFKA_REQUEST_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        bus_kafka_client_back(client);
    enum bus_status status = bus_kafka_code(client, code, "ask for watermarks", error);
    if (status != BUS_OK)
        bus_error_prefix(error, "%s/%d", topic, (int)partition);
    return status;
}

enum bus_status bus_consumer_watermarks(struct bus_consumer *consumer, const char *topic, int32_t partition,
                                        int64_t *out_first, int64_t *out_stable, int64_t *out_high,
                                        struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (consumer->other.handle == NULL) {
        struct bus_consumer_options options = {.uncommitted = !consumer->options.uncommitted};
        status = open_handle(consumer, &options, &consumer->other, error);
    }
    bool uncommitted = consumer->options.uncommitted;
    if (status == BUS_OK)
        status = end_of(&consumer->client, topic, partition, out_first, uncommitted ? out_high : out_stable, error);
    if (status == BUS_OK)
        status = end_of(&consumer->other, topic, partition, out_first, uncommitted ? out_stable : out_high, error);
    /* Only this handle: the main one's queue holds records, which this call would lose. */
    if (consumer->other.handle != NULL)
        rd_kafka_poll(consumer->other.handle, 0);
    return status;
}

enum bus_status bus_consumer_find(struct bus_consumer *consumer, const char *topic, struct bus_error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer->client.handle, topic, NULL);
    if (handle == NULL)
        return bus_kafka_code(&consumer->client, rd_kafka_last_error(), "look for a topic", error);
    rd_kafka_resp_err_t code = rd_kafka_metadata(consumer->client.handle, 0, handle, &metadata, BUS_KAFKA_REQUEST_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    enum bus_status status = bus_kafka_code(&consumer->client, code, "look for a topic", error);
    if (status != BUS_OK)
        bus_error_prefix(error, "topic %s", topic);
    return status;
}

enum bus_status bus_consumer_cluster(struct bus_consumer *consumer, char out_cluster[BUS_CLUSTER_SIZE],
                                     struct bus_error *error)
{
    char *cluster = rd_kafka_clusterid(consumer->client.handle, BUS_KAFKA_REQUEST_MS);
    if (cluster == NULL)
        return bus_fail(error, BUS_RETRY, "%s: ask for the cluster: Kafka does not answer", consumer->client.role);
    snprintf(out_cluster, BUS_CLUSTER_SIZE, "%s", cluster);
    rd_kafka_mem_free(consumer->client.handle, cluster);
    return BUS_OK;
}
