/* The limit that an adapter is measured against: librdkafka alone, writing in transactions the records that the adapter wrote.
 *
 *     bench_replay --bootstrap HOST:PORT --from TOPIC --to TOPIC --partitions N --records N [--sample N] [--batch N]
 *
 * Loads the first records of a topic into memory, key, value, header and partition, then writes them over and over until as
 * many as wanted were written. Prints one line of JSON: records, bytes, ms from the first record to the last commit, processor
 * time of the writing. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

static struct {
    const char *bootstrap, *from, *to;
    int partitions;
    size_t records, sample, batch;
} settings = {.sample = 50000, .batch = 20000};

static rd_kafka_message_t **held;
static size_t held_count;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_replay: %s: %s\n", what, why);
    exit(1);
}

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL)
        die(what, rd_kafka_error_string(error));
}

static rd_kafka_t *create(rd_kafka_type_t type, const char *const *pairs)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (; *pairs != NULL; pairs += 2)
        if (rd_kafka_conf_set(conf, pairs[0], pairs[1], reason, sizeof reason) != RD_KAFKA_CONF_OK)
            die(pairs[0], reason);
    rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof reason);
    if (handle == NULL)
        die("rd_kafka_new", reason);
    return handle;
}

static void load(void)
{
    const char *pairs[] = {"bootstrap.servers",
                           settings.bootstrap,
                           "group.id",
                           "bench-replay",
                           "enable.auto.commit",
                           "false",
                           "isolation.level",
                           "read_committed",
                           "enable.partition.eof",
                           "true",
                           NULL};
    rd_kafka_t *consumer = create(RD_KAFKA_CONSUMER, pairs);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(settings.partitions);
    for (int i = 0; i < settings.partitions; i++)
        rd_kafka_topic_partition_list_add(list, settings.from, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    for (int ended = 0; held_count < settings.sample && ended < settings.partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 1000);
        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            held[held_count++] = message;
            continue;
        }
        ended += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(message);
    }
    if (held_count == 0)
        die(settings.from, "holds nothing");
    /* The consumer stays: the messages are its memory. */
    rd_kafka_assign(consumer, NULL);
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t write_one(rd_kafka_t *producer, rd_kafka_topic_t *topic, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *found = NULL, *headers = NULL;
    if (rd_kafka_message_headers(message, &found) == RD_KAFKA_RESP_ERR_NO_ERROR)
        headers = rd_kafka_headers_copy(found);
    else
        headers = rd_kafka_headers_new(0);
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_producev(producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(message->partition),
                                     RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                     RD_KAFKA_V_KEY(message->key, message->key_len),
                                     RD_KAFKA_V_VALUE(message->payload, message->len), RD_KAFKA_V_HEADERS(headers),
                                     RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(producer, 10);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("produce", rd_kafka_err2str(code));
    return message->len + message->key_len;
}

static void write_all(rd_kafka_t *producer)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, settings.to, NULL);
    size_t written = 0, bytes = 0;
    double started = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    while (written < settings.records) {
        check(rd_kafka_begin_transaction(producer), "begin");
        for (size_t end = written + settings.batch; written < end && written < settings.records; written++)
            bytes += write_one(producer, topic, held[written % held_count]);
        check(rd_kafka_commit_transaction(producer, -1), "commit");
    }
    printf("{\"records\": %zu, \"bytes\": %zu, \"ms\": %.0f, \"cpu_s\": %.3f}\n", written, bytes,
           (seconds(CLOCK_MONOTONIC) - started) * 1e3, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    rd_kafka_topic_destroy(topic);
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"bootstrap", 1, NULL, 'b'}, {"from", 1, NULL, 'f'},   {"to", 1, NULL, 't'},    {"partitions", 1, NULL, 'p'},
        {"records", 1, NULL, 'r'},   {"sample", 1, NULL, 's'}, {"batch", 1, NULL, 'n'}, {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'b': settings.bootstrap = optarg; break;
        case 'f': settings.from = optarg; break;
        case 't': settings.to = optarg; break;
        case 'p': settings.partitions = atoi(optarg); break;
        case 'r': settings.records = strtoul(optarg, NULL, 10); break;
        case 's': settings.sample = strtoul(optarg, NULL, 10); break;
        case 'n': settings.batch = strtoul(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (settings.bootstrap == NULL || settings.from == NULL || settings.to == NULL || settings.partitions <= 0 ||
        settings.records == 0 || settings.sample == 0 || settings.batch == 0)
        die("arguments", "--bootstrap, --from, --to, --partitions and --records are needed");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    held = calloc(settings.sample, sizeof *held);
    if (held == NULL)
        die("memory", "none");
    load();
    /* As the product's own producer is set. */
    const char *pairs[] = {"bootstrap.servers",
                           settings.bootstrap,
                           "transactional.id",
                           "bench-replay",
                           "retry.backoff.ms",
                           "5",
                           "linger.ms",
                           "50",
                           "socket.nagle.disable",
                           "true",
                           "delivery.report.only.error",
                           "true",
                           "queue.buffering.max.messages",
                           "500000",
                           "queue.buffering.max.kbytes",
                           "262144",
                           NULL};
    rd_kafka_t *producer = create(RD_KAFKA_PRODUCER, pairs);
    check(rd_kafka_init_transactions(producer, 60000), "init_transactions");
    write_all(producer);
    /* The consumer's messages are left to the kernel. */
    rd_kafka_destroy(producer);
    fflush(stdout);
    _exit(0);
}
