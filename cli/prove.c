/* xinqiao prove: writes the proof of one delivery, found by its place in its log or as the last delivery of a record. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/consumer.h"
#include "cli/command.h"
#include "cli/life.h"
#include "cli/prove.h"

enum {
    POLL_MS = 500,
    QUIET_MS = 15000,
    LEAF_SIZE = 8,
    WINDOW = 20000,                  /* records between two places worth a jump */
    LEAVES_LIMIT = 64 * 1024 * 1024, /* bytes of leaf hashes under one seal */
    ARENA_LIMIT = 256 * 1024 * 1024
};

static const char usage[] = "prove TOPIC PARTITION LEAF [--out FILE]\n"
                            "prove --record IDENTITY --subscriber NAME [--out FILE]";

/* Which delivery, and the reading of its partition. */
struct search {
    const char *topic;
    int32_t partition;
    uint64_t leaf;
    struct bus_consumer *consumer;
    bool assigned;
    int64_t first_offset, end_offset;

    /* What has been read since the last seal: known only from a seal (or the log's beginning) on. */
    bool bounded;
    struct bus_merkle before;
    struct bus_buffer leaves[2]; /* by enum bus_hash: which one counts is known at the next seal */
    struct cli_proof *proof;
    bool met;    /* the wanted record is among them, and in proof */
    bool passed; /* a record behind the wanted one was met without it: begin earlier */
    bool done;
};

/* --- reading --- */

/* The next record; OK with message->handle NULL at the end of the partition. */
static enum bus_status next_record(struct search *search, struct bus_message *message, struct bus_error *error)
{
    int64_t began_ms = bus_clock_monotonic_ms();
    for (;;) {
        enum bus_status status = bus_consumer_poll(search->consumer, POLL_MS, message, error);
        if (status != BUS_OK || message->handle != NULL || message->partition >= 0)
            return status;
        if (bus_clock_monotonic_ms() - began_ms > QUIET_MS)
            return bus_fail(error, BUS_RETRY, "read topic %s: Kafka does not answer", search->topic);
    }
}

/* Taking a partition anew costs a second, seeking in it does not. */
static enum bus_status go_to(struct search *search, int64_t offset, struct bus_error *error)
{
    struct bus_partition place = {search->topic, search->partition, offset};
    enum bus_status status = search->assigned ? bus_consumer_seek(search->consumer, &place, 1, error)
                                              : bus_consumer_assign(search->consumer, &place, 1, error);
    search->assigned = true;
    return status;
}

static enum bus_status leaf_of(const struct search *search, const struct bus_message *message, uint64_t *out_leaf,
                               struct bus_error *error)
{
    struct bus_bytes header = bus_message_header(message, BUS_LEAF_HEADER);
    if (header.length != LEAF_SIZE)
        return bus_fail(error, BUS_REJECT, "topic %s, offset %lld: no header %s; is this an output topic?",
                        search->topic, (long long)message->offset, BUS_LEAF_HEADER);
    *out_leaf = bus_get_u64be(header.data);
    return BUS_OK;
}

/* An offset close before the wanted leaf. Leaves rise with offsets, and a leaf's offset is never below its index. */
static enum bus_status approach(struct search *search, int64_t *out_offset, struct bus_error *error)
{
    int64_t low = search->first_offset, high = search->end_offset;
    while (high - low > WINDOW) {
        int64_t middle = low + (high - low) / 2;
        struct bus_message message;
        uint64_t leaf = UINT64_MAX;
        enum bus_status status = go_to(search, middle, error);
        if (status == BUS_OK)
            status = next_record(search, &message, error);
        if (status == BUS_OK && message.handle != NULL) {
            status = leaf_of(search, &message, &leaf, error);
            bus_message_release(&message);
        }
        if (status != BUS_OK)
            return status;
        if (leaf <= search->leaf)
            low = middle;
        else
            high = middle;
    }
    *out_offset = low;
    return BUS_OK;
}

/* --- collecting the leaves between two seals --- */

static void forget(struct search *search, const struct bus_merkle *before)
{
    search->before = *before;
    bus_buffer_reset(&search->leaves[BUS_HASH_SM3]);
    bus_buffer_reset(&search->leaves[BUS_HASH_SHA256]);
    search->met = false;
}

static enum bus_status keep(struct search *search, const struct bus_message *message, uint64_t leaf,
                            struct bus_error *error)
{
    uint64_t expected = search->before.size + search->leaves[0].length / BUS_DIGEST_SIZE;
    if (leaf != expected)
        return bus_fail(error, BUS_REJECT,
                        "topic %s, offset %lld: leaf %llu where %llu is expected; the log is damaged", search->topic,
                        (long long)message->offset, (unsigned long long)leaf, (unsigned long long)expected);
    uint8_t head[5] = {0};
    bus_put_u32be(head + 1, (uint32_t)message->key.length);
    const struct bus_bytes parts[] = {bus_bytes_of(head, sizeof head), message->key, message->value};
    for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
        bus_digest_bytes digest;
        bus_digest_parts((enum bus_hash)hash, parts, 3, digest);
        bus_buffer_append(&search->leaves[hash], digest, sizeof digest);
        if (search->leaves[hash].failed)
            return bus_fail(error, BUS_FATAL, "more records under one seal than fit in memory");
    }
    if (leaf != search->leaf)
        return BUS_OK;
    search->met = true;
    search->proof->leaf = leaf;
    search->proof->offset = message->offset;
    bus_buffer_reset(&search->proof->key);
    bus_buffer_reset(&search->proof->value);
    bus_buffer_append_bytes(&search->proof->key, message->key);
    bus_buffer_append_bytes(&search->proof->value, message->value);
    return BUS_OK;
}

/* The wanted record and the seal over it are known: the path between them. */
static enum bus_status finish(struct search *search, const struct bus_seal *seal, struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(seal->suite);
    const struct bus_buffer *leaves = &search->leaves[hash];
    struct cli_proof *proof = search->proof;
    struct bus_arena *arena = bus_arena_create(ARENA_LIMIT);

    if (arena == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    proof->seal = *seal;
    enum bus_status status = bus_merkle_path(
        &search->before, hash, (const bus_digest_bytes *)(const void *)leaves->data, leaves->length / BUS_DIGEST_SIZE,
        (size_t)(search->leaf - search->before.size), arena, proof->path, &proof->path_length, error);
    bus_arena_destroy(arena);
    search->done = status == BUS_OK;
    return status;
}

static enum bus_status take_seal(struct search *search, struct bus_bytes bytes, struct bus_error *error)
{
    struct bus_seal seal;
    struct bus_seal_reader reader;
    enum bus_status status = bus_seal_decode(bytes, &seal, error);
    if (status != BUS_OK)
        return status;
    if (search->met)
        return finish(search, &seal, error);
    bus_seal_reader_start(&reader, &seal);
    forget(search, &reader.log);
    search->bounded = true;
    return BUS_OK;
}

static enum bus_status take_record(struct search *search, const struct bus_message *message, struct bus_error *error)
{
    static const struct bus_merkle empty;
    uint64_t leaf = 0;
    struct bus_bytes sealed = bus_message_header(message, BUS_SEAL_HEADER);

    enum bus_status status = leaf_of(search, message, &leaf, error);
    if (status != BUS_OK)
        return status;
    if (leaf == 0) {
        forget(search, &empty);
        search->bounded = true;
    }
    if (search->bounded)
        status = keep(search, message, leaf, error);
    if (status == BUS_OK && leaf >= search->leaf && !search->met) {
        search->passed = true;
        return BUS_OK;
    }
    return status == BUS_OK && sealed.data != NULL ? take_seal(search, sealed, error) : status;
}

/* Reads on from `offset` until the proof is complete, or it turns out that reading must begin earlier. */
static enum bus_status read_from(struct search *search, int64_t offset, struct bus_error *error)
{
    search->bounded = search->met = search->passed = false;
    enum bus_status status = go_to(search, offset, error);
    while (status == BUS_OK && !search->done && !search->passed) {
        struct bus_message message;
        status = next_record(search, &message, error);
        if (status == BUS_OK && message.handle == NULL)
            return bus_fail(error, BUS_REJECT, "log %s/%d has no sealed leaf %llu yet", search->topic,
                            (int)search->partition, (unsigned long long)search->leaf);
        if (status != BUS_OK)
            return status;
        status = take_record(search, &message, error);
        bus_message_release(&message);
    }
    return status;
}

static enum bus_status run_search(struct search *search, struct bus_error *error)
{
    int64_t high, near;
    enum bus_status status = bus_consumer_watermarks(search->consumer, search->topic, search->partition,
                                                     &search->first_offset, &search->end_offset, &high, error);
    if (status == BUS_OK)
        status = approach(search, &near, error);
    for (int64_t back = WINDOW; status == BUS_OK && !search->done; back *= 4) {
        int64_t from = near - back > search->first_offset ? near - back : search->first_offset;
        status = read_from(search, from, error);
        if (status == BUS_OK && search->passed && from == search->first_offset)
            return bus_fail(error, BUS_REJECT, "log %s/%d no longer holds what stands before leaf %llu (retention)",
                            search->topic, (int)search->partition, (unsigned long long)search->leaf);
    }
    return status;
}

static enum bus_status find_proof(const struct bus_kafka *kafka, struct search *search, struct bus_error *error)
{
    const struct bus_consumer_options options = {0};
    bus_buffer_init(&search->leaves[BUS_HASH_SM3], LEAVES_LIMIT);
    bus_buffer_init(&search->leaves[BUS_HASH_SHA256], LEAVES_LIMIT);
    enum bus_status status = bus_consumer_open(kafka, &options, &search->consumer, error);
    if (status == BUS_OK)
        status = run_search(search, error);
    bus_consumer_close(search->consumer);
    bus_buffer_release(&search->leaves[BUS_HASH_SM3]);
    bus_buffer_release(&search->leaves[BUS_HASH_SHA256]);
    return status == BUS_OK ? cli_proof_check_path(search->proof, error) : status;
}

enum bus_status cli_prove_leaf(const struct bus_kafka *kafka, const char *topic, int32_t partition, uint64_t leaf,
                               struct cli_proof *proof, struct bus_error *error)
{
    struct search search = {.topic = topic, .partition = partition, .leaf = leaf, .proof = proof};
    return find_proof(kafka, &search, error);
}

/* --- the answer --- */

/* A delivery may hold personal data, so others do not read it. */
enum bus_status cli_write_private(const char *path, const struct bus_buffer *text, struct bus_error *error)
{
    if (text->failed)
        return bus_fail(error, BUS_FATAL, "write %s: out of memory", path);
    int handle = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = handle >= 0 ? fdopen(handle, "w") : NULL;
    if (file == NULL)
        return bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
    bool whole = fwrite(text->data, 1, text->length, file) == text->length && fputc('\n', file) != EOF;
    if (fclose(file) == 0 && whole)
        return BUS_OK;
    bus_fail(error, BUS_FATAL, "write %s: %s", path, strerror(errno));
    unlink(path);
    return BUS_FATAL;
}

enum bus_status cli_prove_write(const struct cli_proof *proof, const char *path, struct bus_error *error)
{
    struct bus_buffer text;
    bus_buffer_init(&text, CLI_PROOF_MAX_SIZE);
    cli_proof_write(proof, &text);
    enum bus_status status = cli_write_private(path, &text, error);
    bus_buffer_release(&text);
    return status;
}

static int print_proof(const struct cli_proof *proof, const char *out_path)
{
    struct bus_error error;
    if (out_path != NULL) {
        enum bus_status status = cli_prove_write(proof, out_path, &error);
        return status != BUS_OK ? cli_fail(status, &error)
                                : cli_say(CLI_DONE, "证明已写出；用 xinqiao verify 离线核验",
                                          "proof written; check it offline with xinqiao verify");
    }
    struct bus_buffer text;
    bus_buffer_init(&text, CLI_PROOF_MAX_SIZE);
    cli_proof_write(proof, &text);
    int code = cli_print(&text);
    bus_buffer_release(&text);
    return code;
}

static int prove(struct cli_context *context, const char *topic, int32_t partition, uint64_t leaf, const char *out_path)
{
    const struct bus_kafka *kafka = cli_kafka(context);
    struct cli_proof proof;
    struct bus_error error;

    if (kafka == NULL)
        return CLI_WRONG_USE;
    cli_proof_init(&proof);
    enum bus_status status = cli_prove_leaf(kafka, topic, partition, leaf, &proof, &error);
    if (status == BUS_OK && context->keys_path != NULL)
        status = cli_proof_check(&proof, context->keys_path, &error);
    int code = status == BUS_OK ? print_proof(&proof, out_path) : cli_fail(status, &error);
    cli_proof_release(&proof);
    return code;
}

/* --- which delivery --- */

static bool read_number(const char *text, int64_t most, int64_t *out_number)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *out_number = number;
    return errno == 0 && end != text && *end == '\0' && number >= 0 && number <= most;
}

/* The last delivery of a record to a subscriber. */
static int prove_record(struct cli_context *context, const char *identity, const char *subscriber, const char *out_path)
{
    struct cli_life life = {0};
    const struct cli_life_delivery *last = NULL;
    char topic[BUS_TOPIC_SIZE];
    struct bus_error error;
    int code;

    if (!bus_unhex(identity, life.identity, sizeof life.identity))
        return cli_usage(usage);
    if (cli_kafka(context) == NULL || cli_catalogue(context) == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_life_read(context, &life, &error);
    for (size_t i = 0; status == BUS_OK && i < life.delivery_count; i++)
        if (strcmp(life.deliveries[i].subscriber->name, subscriber) == 0 && life.deliveries[i].leaf >= 0)
            last = &life.deliveries[i];
    bus_topic_out(context->prefix, subscriber, topic);
    if (status != BUS_OK)
        code = cli_fail(status, &error);
    else if (last == NULL)
        code = cli_say(CLI_NO, "该记录没有投递给这个订阅方", "the record was not delivered to this subscriber");
    else
        code = prove(context, topic, life.partition, (uint64_t)last->leaf, out_path);
    cli_life_release(&life);
    return code;
}

int cli_prove(struct cli_context *context, int argc, char **argv)
{
    const char *out_path = NULL, *identity = NULL, *subscriber = NULL;
    const struct cli_option options[] = {{"out", CLI_OPTION_TEXT, &out_path},
                                         {"record", CLI_OPTION_TEXT, &identity},
                                         {"subscriber", CLI_OPTION_TEXT, &subscriber},
                                         {0}};
    int64_t partition, leaf;

    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest == 0 && identity != NULL && subscriber != NULL)
        return prove_record(context, identity, subscriber, out_path);
    if (rest != 3 || identity != NULL || subscriber != NULL || !read_number(argv[2], INT32_MAX, &partition) ||
        !read_number(argv[3], INT64_MAX, &leaf))
        return cli_usage(usage);
    return prove(context, argv[1], (int32_t)partition, (uint64_t)leaf, out_path);
}
