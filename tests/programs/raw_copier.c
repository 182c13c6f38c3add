/* The limit that the gateway is measured against: librdkafka alone, copying in transactions.
 *
 * For every record read it writes records of given sizes to the same partition of the output topics, commits consumed
 * offsets and outputs in one transaction for each batch, and stops when nothing has come for a while.
 *
 *     raw_copier --bootstrap HOST:PORT --group G --id TRANSACTIONAL_ID --in TOPIC[,TOPIC…]
 *                --out TOPIC:SIZE[:RATE[:leaf]] …  RATE records for each one read, 1 by default; 0.25 = every fourth;
 *                                                  leaf = with a header of 8 bytes, as deliveries have it
 *                [--once TOPIC:SIZE …]          one more record a transaction and partition
 *                [--partitions 0,1,2]           these partitions by hand, else as a member of the group
 *                [--batch N] [--idle-ms N] [--limit N] [--linger-ms N]
 *                [--only-read]                  no transactions, and nothing is committed
 *
 * Prints one line of JSON: records in and out, bytes out, transactions, first and last commit in ms since 1970, seconds of
 * processor time, and the time spent waiting for commits. */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum {
    MAX_TOPICS = 64,
    MAX_PARTITIONS = 256,
    MAX_OUTPUTS = 16,
    MAX_BATCH = 100000,
    MAX_SIZE = 1024 * 1024,
    POLL_MS = 20
};

struct output {
    char topic[256];
    size_t size;
    double rate;
    double due;
    bool leaf_header;
    rd_kafka_topic_t *handle;
};

static struct {
    const char *bootstrap, *group, *id, *linger_ms;
    char *in[MAX_TOPICS];
    size_t in_count;
    struct output out[MAX_OUTPUTS], once[MAX_OUTPUTS];
    size_t out_count, once_count;
    int partitions[MAX_PARTITIONS];
    size_t partition_count;
    size_t batch;
    int64_t idle_ms, limit;
    bool only_read;
} settings = {.bootstrap = "127.0.0.1:9092",
              .group = "raw-copier",
              .id = "raw-copier",
              .linger_ms = "5",
              .batch = 5000,
              .idle_ms = 3000};

static struct {
    int64_t in, out, bytes, transactions, first_ms, last_ms, commit_ms;
} totals;

static rd_kafka_message_t *held[MAX_BATCH];
static size_t held_count;
static char payload[MAX_SIZE];

static void die(const char *what, const char *why)
{
    fprintf(stderr, "raw_copier: %s: %s\n", what, why);
    exit(1);
}

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL)
        die(what, rd_kafka_error_string(error));
}

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        die(name, reason);
}

static rd_kafka_t *create(rd_kafka_type_t type, const char *const *pairs)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", settings.bootstrap);
    for (; *pairs != NULL; pairs += 2)
        set(conf, pairs[0], pairs[1]);
    rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof reason);
    if (handle == NULL)
        die("rd_kafka_new", reason);
    return handle;
}

static rd_kafka_t *create_producer(void)
{
    const char *pairs[] = {"transactional.id",
                           settings.id,
                           "retry.backoff.ms",
                           "5",
                           "linger.ms",
                           settings.linger_ms,
                           "socket.nagle.disable",
                           "true",
                           "delivery.report.only.error",
                           "true",
                           "queue.buffering.max.messages",
                           "2000000",
                           "queue.buffering.max.kbytes",
                           "1000000",
                           NULL};
    rd_kafka_t *producer = create(RD_KAFKA_PRODUCER, pairs);
    check(rd_kafka_init_transactions(producer, 60000), "init_transactions");
    for (size_t i = 0; i < settings.out_count; i++)
        settings.out[i].handle = rd_kafka_topic_new(producer, settings.out[i].topic, NULL);
    for (size_t i = 0; i < settings.once_count; i++)
        settings.once[i].handle = rd_kafka_topic_new(producer, settings.once[i].topic, NULL);
    return producer;
}

static void by_hand(rd_kafka_t *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < settings.in_count; i++)
        for (size_t j = 0; j < settings.partition_count; j++)
            rd_kafka_topic_partition_list_add(list, settings.in[i], settings.partitions[j])->offset =
                RD_KAFKA_OFFSET_INVALID;
    if (rd_kafka_assign(consumer, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("assign", "refused");
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *create_consumer(void)
{
    const char *pairs[] = {"group.id",
                           settings.group,
                           "group.instance.id",
                           settings.id,
                           "enable.auto.commit",
                           "false",
                           "auto.offset.reset",
                           "earliest",
                           "isolation.level",
                           "read_committed",
                           "socket.nagle.disable",
                           "true",
                           "partition.assignment.strategy",
                           "range",
                           "queued.max.messages.kbytes",
                           "65536",
                           NULL};
    rd_kafka_t *consumer = create(RD_KAFKA_CONSUMER, pairs);
    rd_kafka_poll_set_consumer(consumer);
    if (settings.partition_count > 0) {
        by_hand(consumer);
        return consumer;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < settings.in_count; i++)
        rd_kafka_topic_partition_list_add(list, settings.in[i], RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(consumer, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("subscribe", "refused");
    rd_kafka_topic_partition_list_destroy(list);
    return consumer;
}

/* As many records as a batch may have; fewer when none comes for a moment. */
static void read_batch(rd_kafka_t *consumer)
{
    while (held_count < settings.batch) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);
        if (message == NULL)
            return;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "raw_copier: read: %s\n", rd_kafka_err2str(message->err));
            rd_kafka_message_destroy(message);
            continue;
        }
        held[held_count++] = message;
    }
}

static void write_one(rd_kafka_t *producer, struct output *output, int32_t partition, const void *key, size_t key_size)
{
    rd_kafka_headers_t *headers = NULL;
    if (output->leaf_header) {
        headers = rd_kafka_headers_new(1);
        rd_kafka_header_add(headers, "xq-leaf", -1, &totals.out, sizeof totals.out);
    }
    rd_kafka_resp_err_t code;
    for (;;) {
        if (headers != NULL)
            code =
                rd_kafka_producev(producer, RD_KAFKA_V_RKT(output->handle), RD_KAFKA_V_PARTITION(partition),
                                  RD_KAFKA_V_MSGFLAGS(0), RD_KAFKA_V_KEY(key, key_size),
                                  RD_KAFKA_V_VALUE(payload, output->size), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        else
            code = rd_kafka_producev(producer, RD_KAFKA_V_RKT(output->handle), RD_KAFKA_V_PARTITION(partition),
                                     RD_KAFKA_V_MSGFLAGS(0), RD_KAFKA_V_KEY(key, key_size),
                                     RD_KAFKA_V_VALUE(payload, output->size), RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        rd_kafka_poll(producer, 10);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("produce", rd_kafka_err2str(code));
    totals.out++;
    totals.bytes += (int64_t)(output->size + key_size);
}

static void write_outputs(rd_kafka_t *producer, const rd_kafka_message_t *message)
{
    for (size_t i = 0; i < settings.out_count; i++) {
        struct output *output = &settings.out[i];
        for (output->due += output->rate; output->due >= 1.0 - 1e-9; output->due -= 1.0)
            write_one(producer, output, message->partition, message->key, message->key_len);
    }
}

static rd_kafka_topic_partition_t *position_of(rd_kafka_topic_partition_list_t *list, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *position = rd_kafka_topic_partition_list_find(list, topic, message->partition);
    return position != NULL ? position : rd_kafka_topic_partition_list_add(list, topic, message->partition);
}

static void drop_batch(void)
{
    for (size_t i = 0; i < held_count; i++)
        rd_kafka_message_destroy(held[i]);
    totals.in += (int64_t)held_count;
    held_count = 0;
}

static void write_batch(rd_kafka_t *producer, rd_kafka_t *consumer)
{
    rd_kafka_topic_partition_list_t *positions = rd_kafka_topic_partition_list_new(64);
    bool seen[MAX_PARTITIONS] = {false};
    rd_kafka_topic_partition_t *position = NULL;
    check(rd_kafka_begin_transaction(producer), "begin");
    for (size_t i = 0; i < held_count; i++) {
        const rd_kafka_message_t *message = held[i];
        if (i == 0 || message->rkt != held[i - 1]->rkt || message->partition != held[i - 1]->partition)
            position = position_of(positions, message);
        position->offset = message->offset + 1;
        seen[message->partition % MAX_PARTITIONS] = true;
        write_outputs(producer, message);
    }
    for (int32_t partition = 0; partition < MAX_PARTITIONS; partition++)
        for (size_t i = 0; seen[partition] && i < settings.once_count; i++)
            write_one(producer, &settings.once[i], partition, NULL, 0);
    int64_t started = now_ms(CLOCK_MONOTONIC);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
    check(rd_kafka_send_offsets_to_transaction(producer, positions, group, -1), "send offsets");
    rd_kafka_consumer_group_metadata_destroy(group);
    check(rd_kafka_commit_transaction(producer, -1), "commit");
    totals.commit_ms += now_ms(CLOCK_MONOTONIC) - started;
    rd_kafka_topic_partition_list_destroy(positions);
    drop_batch();
    totals.transactions++;
}

static void copy(rd_kafka_t *producer, rd_kafka_t *consumer)
{
    int64_t quiet_since = 0;
    while (settings.limit == 0 || totals.in < settings.limit) {
        read_batch(consumer);
        int64_t now = now_ms(CLOCK_REALTIME);
        if (held_count > 0) {
            if (totals.first_ms == 0)
                totals.first_ms = now;
            if (settings.only_read)
                drop_batch();
            else
                write_batch(producer, consumer);
            totals.last_ms = now_ms(CLOCK_REALTIME);
            quiet_since = 0;
        } else if (quiet_since == 0) {
            quiet_since = now;
        } else if (now - quiet_since > settings.idle_ms && totals.in > 0) {
            return;
        }
    }
}

/* --- the command line --- */

static void parse_output(char *text, struct output *outputs, size_t *count)
{
    if (*count == MAX_OUTPUTS)
        die("--out", "too many");
    struct output *output = &outputs[(*count)++];
    char *topic = strtok(text, ":"), *size = strtok(NULL, ":"), *rate = strtok(NULL, ":"), *leaf = strtok(NULL, ":");
    if (topic == NULL || size == NULL || strtoul(size, NULL, 10) > MAX_SIZE)
        die("--out", "TOPIC:SIZE[:RATE[:leaf]]");
    snprintf(output->topic, sizeof output->topic, "%s", topic);
    output->size = strtoul(size, NULL, 10);
    output->rate = rate != NULL ? strtod(rate, NULL) : 1.0;
    output->leaf_header = leaf != NULL;
}

static void parse_topics(char *text)
{
    for (char *topic = strtok(text, ","); topic != NULL && settings.in_count < MAX_TOPICS; topic = strtok(NULL, ","))
        settings.in[settings.in_count++] = topic;
}

static void parse_partitions(char *text)
{
    for (char *number = strtok(text, ","); number != NULL && settings.partition_count < MAX_PARTITIONS;
         number = strtok(NULL, ","))
        settings.partitions[settings.partition_count++] = atoi(number);
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"bootstrap", 1, NULL, 'b'}, {"group", 1, NULL, 'g'}, {"id", 1, NULL, 'i'},        {"in", 1, NULL, 'I'},
        {"out", 1, NULL, 'O'},       {"once", 1, NULL, 'o'},  {"batch", 1, NULL, 'n'},     {"partitions", 1, NULL, 'p'},
        {"idle-ms", 1, NULL, 'q'},   {"limit", 1, NULL, 'l'}, {"linger-ms", 1, NULL, 'L'}, {"only-read", 0, NULL, 'R'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'b': settings.bootstrap = optarg; break;
        case 'g': settings.group = optarg; break;
        case 'i': settings.id = optarg; break;
        case 'I': parse_topics(optarg); break;
        case 'O': parse_output(optarg, settings.out, &settings.out_count); break;
        case 'o': parse_output(optarg, settings.once, &settings.once_count); break;
        case 'n': settings.batch = strtoul(optarg, NULL, 10); break;
        case 'p': parse_partitions(optarg); break;
        case 'q': settings.idle_ms = atoll(optarg); break;
        case 'L': settings.linger_ms = optarg; break;
        case 'R': settings.only_read = true; break;
        case 'l': settings.limit = atoll(optarg); break;
        default: exit(2);
        }
    }
    if (settings.in_count == 0 || settings.batch == 0 || settings.batch > MAX_BATCH)
        die("arguments", "--in is missing, or --batch is not 1..100000");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)(i * 2654435761U >> 13);
    rd_kafka_t *producer = create_producer();
    rd_kafka_t *consumer = create_consumer();
    copy(producer, consumer);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf(
        "{\"in\": %lld, \"out\": %lld, \"bytes\": %lld, \"transactions\": %lld, \"first_ms\": %lld, \"last_ms\": %lld, "
        "\"cpu_s\": %.3f, \"commit_ms\": %lld}\n",
        (long long)totals.in, (long long)totals.out, (long long)totals.bytes, (long long)totals.transactions,
        (long long)totals.first_ms, (long long)totals.last_ms, cpu, (long long)totals.commit_ms);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_flush(producer, 1000);
    for (size_t i = 0; i < settings.out_count; i++)
        rd_kafka_topic_destroy(settings.out[i].handle);
    for (size_t i = 0; i < settings.once_count; i++)
        rd_kafka_topic_destroy(settings.once[i].handle);
    rd_kafka_destroy(producer);
    return 0;
}
