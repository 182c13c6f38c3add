#include "bus/prove.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue.h"
#include "bus/clock.h"
#include "bus/consumer.h"

enum {
    POLL_MS = 500,
    QUIET_MS = 15000,
    LEAF_SIZE = 8,
    WINDOW = 20000,                  /* records between two places worth a jump */
    LEAVES_LIMIT = 64 * 1024 * 1024, /* bytes of leaf hashes under one seal */
    ARENA_LIMIT = 256 * 1024 * 1024
};

/* The reading of a partition, and which delivery is wanted of it. */
struct bus_prover {
    char topic[BUS_TOPIC_SIZE];
    int32_t partition;
    struct bus_consumer *consumer;
    bool assigned;
    int64_t deadline_ms; /* on the monotonic clock; 0 = none */
    int64_t first_offset, end_offset;

    const struct bus_prover_wish *wishes; /* by rising leaves */
    size_t count;
    size_t proved; /* of the first so many it is settled what becomes of them */
    size_t met; /* of the first so many the record has been read: from `proved` on it waits in its proof for the seal */

    /* What has been read since the last seal: known only from a seal (or the log's beginning) on. */
    bool bounded;
    struct bus_merkle before;
    struct bus_buffer leaves[2]; /* by enum bus_hash: which one counts is known at the next seal */
    bool passed;                 /* a record behind a wanted one was met without it: begin earlier */
};

/* --- reading --- */

/* The next record; OK with message->handle NULL at the end of the partition. */
static enum bus_status next_record(struct bus_prover *prover, struct bus_message *message, struct bus_error *error)
{
    int64_t began_ms = bus_clock_monotonic_ms();
    for (int64_t now_ms = began_ms;; now_ms = bus_clock_monotonic_ms()) {
        if (prover->deadline_ms != 0 && now_ms >= prover->deadline_ms)
            return bus_fail(error, BUS_RETRY, "read topic %s: the time given for it is over", prover->topic);
        enum bus_status status = bus_consumer_poll(prover->consumer, POLL_MS, message, error);
        if (status != BUS_OK || message->handle != NULL || message->partition >= 0)
            return status;
        if (now_ms - began_ms > QUIET_MS)
            return bus_fail(error, BUS_RETRY, "read topic %s: Kafka does not answer", prover->topic);
    }
}

/* Taking a partition anew costs a second, seeking in it does not. */
static enum bus_status go_to(struct bus_prover *prover, int64_t offset, struct bus_error *error)
{
    struct bus_partition place = {prover->topic, prover->partition, offset};
    enum bus_status status = prover->assigned ? bus_consumer_seek(prover->consumer, &place, 1, error)
                                              : bus_consumer_assign(prover->consumer, &place, 1, error);
    prover->assigned = true;
    return status;
}

static enum bus_status leaf_of(const struct bus_prover *prover, const struct bus_message *message, uint64_t *out_leaf,
                               struct bus_error *error)
{
    struct bus_bytes header = bus_message_header(message, BUS_LEAF_HEADER);
    if (header.length != LEAF_SIZE)
        return bus_fail(error, BUS_REJECT, "topic %s, offset %lld: no header %s; is this an output topic?",
                        prover->topic, (long long)message->offset, BUS_LEAF_HEADER);
    *out_leaf = bus_get_u64be(header.data);
    return BUS_OK;
}

/* An offset close before the leaf. Leaves rise with offsets, and a leaf's offset is never below its index. */
static enum bus_status approach(struct bus_prover *prover, uint64_t wanted, int64_t *out_offset,
                                struct bus_error *error)
{
    int64_t low = prover->first_offset, high = prover->end_offset;
    while (high - low > WINDOW) {
        int64_t middle = low + (high - low) / 2;
        struct bus_message message;
        uint64_t leaf = UINT64_MAX;
        enum bus_status status = go_to(prover, middle, error);
        if (status == BUS_OK)
            status = next_record(prover, &message, error);
        if (status == BUS_OK && message.handle != NULL) {
            status = leaf_of(prover, &message, &leaf, error);
            bus_message_release(&message);
        }
        if (status != BUS_OK)
            return status;
        if (leaf <= wanted)
            low = middle;
        else
            high = middle;
    }
    *out_offset = low;
    return BUS_OK;
}

/* --- collecting the leaves between two seals --- */

static void forget(struct bus_prover *prover, const struct bus_merkle *before)
{
    prover->before = *before;
    bus_buffer_reset(&prover->leaves[BUS_HASH_SM3]);
    bus_buffer_reset(&prover->leaves[BUS_HASH_SHA256]);
}

static enum bus_status keep(struct bus_prover *prover, const struct bus_message *message, uint64_t leaf,
                            struct bus_error *error)
{
    uint64_t expected = prover->before.size + prover->leaves[0].length / BUS_DIGEST_SIZE;
    if (leaf != expected)
        return bus_fail(error, BUS_REJECT,
                        "topic %s, offset %lld: leaf %llu where %llu is expected; the log is damaged", prover->topic,
                        (long long)message->offset, (unsigned long long)leaf, (unsigned long long)expected);
    uint8_t head[5] = {0};
    bus_put_u32be(head + 1, (uint32_t)message->key.length);
    const struct bus_bytes parts[] = {bus_bytes_of(head, sizeof head), message->key, message->value};
    for (int hash = BUS_HASH_SM3; hash <= BUS_HASH_SHA256; hash++) {
        bus_digest_bytes digest;
        bus_digest_parts((enum bus_hash)hash, parts, 3, digest);
        bus_buffer_append(&prover->leaves[hash], digest, sizeof digest);
        if (prover->leaves[hash].failed)
            return bus_fail(error, BUS_FATAL, "more records under one seal than fit in memory");
    }
    if (prover->met == prover->count || leaf != prover->wishes[prover->met].leaf)
        return BUS_OK;
    struct bus_proof *proof = prover->wishes[prover->met++].proof;
    proof->leaf = leaf;
    proof->offset = message->offset;
    bus_buffer_reset(&proof->key);
    bus_buffer_reset(&proof->value);
    bus_buffer_append_bytes(&proof->key, message->key);
    bus_buffer_append_bytes(&proof->value, message->value);
    return BUS_OK;
}

/* A wanted record and the seal over it are known: the path between them. */
static enum bus_status finish_one(struct bus_prover *prover, const struct bus_seal *seal, struct bus_proof *proof,
                                  struct bus_arena *arena, struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(seal->suite);
    const struct bus_buffer *leaves = &prover->leaves[hash];
    proof->seal = *seal;
    return bus_merkle_path(&prover->before, hash, (const bus_digest_bytes *)(const void *)leaves->data,
                           leaves->length / BUS_DIGEST_SIZE, (size_t)(proof->leaf - prover->before.size), arena,
                           proof->path, &proof->path_length, error);
}

static enum bus_status finish(struct bus_prover *prover, const struct bus_seal *seal, struct bus_error *error)
{
    struct bus_arena *arena = bus_arena_create(ARENA_LIMIT);
    if (arena == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = BUS_OK;
    for (; status == BUS_OK && prover->proved < prover->met; prover->proved++) {
        const struct bus_prover_wish *wish = &prover->wishes[prover->proved];
        bus_arena_reset(arena);
        status = finish_one(prover, seal, wish->proof, arena, error);
        if (status == BUS_OK)
            *wish->status = bus_proof_check_path(wish->proof, error);
    }
    bus_arena_destroy(arena);
    return status;
}

/* What lies behind a seal is bounded by it. */
static enum bus_status take_seal(struct bus_prover *prover, struct bus_bytes bytes, struct bus_error *error)
{
    struct bus_seal seal;
    struct bus_seal_reader reader;
    enum bus_status status = bus_seal_decode(bytes, &seal, error);
    if (status == BUS_OK && prover->met > prover->proved)
        status = finish(prover, &seal, error);
    if (status != BUS_OK)
        return status;
    bus_seal_reader_start(&reader, &seal);
    forget(prover, &reader.log);
    prover->bounded = true;
    return BUS_OK;
}

static enum bus_status take_record(struct bus_prover *prover, const struct bus_message *message,
                                   struct bus_error *error)
{
    static const struct bus_merkle empty;
    uint64_t leaf = 0;
    struct bus_bytes sealed = bus_message_header(message, BUS_SEAL_HEADER);

    enum bus_status status = leaf_of(prover, message, &leaf, error);
    if (status != BUS_OK)
        return status;
    if (leaf == 0) {
        forget(prover, &empty);
        prover->bounded = true;
    }
    if (prover->bounded)
        status = keep(prover, message, leaf, error);
    if (status == BUS_OK && prover->met < prover->count && leaf >= prover->wishes[prover->met].leaf) {
        prover->passed = true;
        return BUS_OK;
    }
    return status == BUS_OK && sealed.data != NULL ? take_seal(prover, sealed, error) : status;
}

/* Of the wish at hand, and of those behind it when there is nothing more to read. */
static void give_up(struct bus_prover *prover, bool all)
{
    do
        *prover->wishes[prover->proved++].status = BUS_REJECT;
    while (all && prover->proved < prover->count);
    prover->met = prover->proved;
    prover->bounded = false;
}

/* Reads on until the wish at hand is settled, or it turns out that reading must begin earlier. */
static enum bus_status read_on(struct bus_prover *prover, struct bus_error *error)
{
    size_t wish = prover->proved;
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && prover->proved == wish && !prover->passed) {
        struct bus_message message;
        status = next_record(prover, &message, error);
        if (status == BUS_OK && message.handle == NULL) {
            (void)bus_fail(error, BUS_REJECT, "log %s/%d has no sealed leaf %llu yet", prover->topic,
                           (int)prover->partition, (unsigned long long)prover->wishes[wish].leaf);
            give_up(prover, true);
            return BUS_OK;
        }
        if (status != BUS_OK)
            return status;
        status = take_record(prover, &message, error);
        bus_message_release(&message);
    }
    return status;
}

/* From further and further back. */
static enum bus_status settle_wish(struct bus_prover *prover, struct bus_error *error)
{
    size_t wish = prover->proved;
    int64_t near;
    enum bus_status status = approach(prover, prover->wishes[wish].leaf, &near, error);
    for (int64_t back = WINDOW; status == BUS_OK && prover->proved == wish; back *= 4) {
        int64_t from = near - back > prover->first_offset ? near - back : prover->first_offset;
        prover->bounded = prover->passed = false;
        prover->met = wish;
        status = go_to(prover, from, error);
        if (status == BUS_OK)
            status = read_on(prover, error);
        if (status == BUS_OK && prover->passed && from == prover->first_offset) {
            (void)bus_fail(error, BUS_REJECT, "log %s/%d no longer holds what stands before leaf %llu (retention)",
                           prover->topic, (int)prover->partition, (unsigned long long)prover->wishes[wish].leaf);
            give_up(prover, false);
        }
    }
    return status;
}

/* A seek costs half a second, reading some thousand records nothing. */
static bool lies_ahead(const struct bus_prover *prover)
{
    uint64_t leaf = prover->wishes[prover->proved].leaf;
    return prover->bounded && leaf >= prover->before.size && leaf - prover->before.size < WINDOW;
}

enum bus_status bus_prover_find_all(struct bus_prover *prover, const struct bus_prover_wish *wishes, size_t count,
                                    int64_t deadline_ms, struct bus_error *error)
{
    int64_t high;
    prover->wishes = wishes;
    prover->count = count;
    prover->proved = prover->met = 0;
    prover->deadline_ms = deadline_ms;
    prover->bounded = false;
    for (size_t i = 0; i < count; i++)
        *wishes[i].status = BUS_RETRY;
    enum bus_status status = bus_consumer_watermarks(prover->consumer, prover->topic, prover->partition,
                                                     &prover->first_offset, &prover->end_offset, &high, error);
    while (status == BUS_OK && prover->proved < count) {
        prover->passed = false;
        prover->met = prover->proved;
        if (lies_ahead(prover))
            status = read_on(prover, error);
        if (status == BUS_OK && prover->proved < count && (prover->passed || !lies_ahead(prover)))
            status = settle_wish(prover, error);
    }
    return status;
}

enum bus_status bus_prover_open(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                struct bus_prover **out_prover, struct bus_error *error)
{
    const struct bus_consumer_options options = {0};
    struct bus_prover *prover = calloc(1, sizeof *prover);
    if (prover == NULL)
        return bus_fail(error, BUS_FATAL, "read topic %s: out of memory", topic);
    snprintf(prover->topic, sizeof prover->topic, "%s", topic);
    prover->partition = partition;
    bus_buffer_init(&prover->leaves[BUS_HASH_SM3], LEAVES_LIMIT);
    bus_buffer_init(&prover->leaves[BUS_HASH_SHA256], LEAVES_LIMIT);
    enum bus_status status = bus_consumer_open(kafka, &options, &prover->consumer, error);
    if (status == BUS_OK)
        *out_prover = prover;
    else
        bus_prover_close(prover);
    return status;
}

void bus_prover_close(struct bus_prover *prover)
{
    if (prover == NULL)
        return;
    bus_consumer_close(prover->consumer);
    bus_buffer_release(&prover->leaves[BUS_HASH_SM3]);
    bus_buffer_release(&prover->leaves[BUS_HASH_SHA256]);
    free(prover);
}

enum bus_status bus_prove_leaf(const struct bus_kafka *kafka, const char *topic, int32_t partition, uint64_t leaf,
                               struct bus_proof *proof, struct bus_error *error)
{
    struct bus_prover *prover = NULL;
    enum bus_status found = BUS_OK;
    const struct bus_prover_wish wish = {leaf, proof, &found};
    enum bus_status status = bus_prover_open(kafka, topic, partition, &prover, error);
    if (status == BUS_OK)
        status = bus_prover_find_all(prover, &wish, 1, 0, error);
    bus_prover_close(prover);
    return status == BUS_OK ? found : status;
}
