/* Reading what receivers have signed for without the state's tail: the environments, then the receipts that came since. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/seal.h"
#include "bus/topics.h"
#include "cli/receipts.h"
#include "cli/scan.h"

enum {
    /* Receipts come with transactions, and some tens of those bring every entry to the environment: what was signed longer ago than this many
     * receipts of its partition is in the environment for certain. */
    LOOK_BACK = 20000,
    CANDIDATES = 4, /* newest ones of a log; more than one in case somebody else wrote the newest */
    LEAF_SIZE = 8,
    MARKER = 1, /* ends each transaction */
};

struct candidate {
    uint8_t *receipt;
    size_t length;
    int64_t offset;
};

/* What came since of one log, the newest at `count - 1` modulo CANDIDATES. */
struct since {
    struct candidate of[CANDIDATES];
    size_t count;
};

struct reading {
    const struct cli_context *context;
    const char *exchange;
    struct cli_signed_logs *logs;
    struct since *since; /* by log */
};

/* --- the receipts since --- */

/* Whether the record is a newer receipt of that log than is known. That its key is right is looked at later, of the newest alone. */
static bool is_newer(const struct reading *reading, const struct cli_signed_log *log, const struct bus_message *message)
{
    struct bus_receipt receipt;
    char topic[BUS_TOPIC_SIZE], name[BUS_TOPIC_SIZE + 16];
    if (log->partition != message->partition || !bus_bytes_equal_text(message->key, log->subscriber->name) ||
        bus_receipt_decode(message->value, &receipt, NULL) != BUS_OK)
        return false;
    bus_topic_out(reading->context->prefix, log->subscriber->name, topic);
    snprintf(name, sizeof name, "%s/%d", topic, (int)log->partition);
    return receipt.kind == BUS_RECEIPT_APPLIED && receipt.at_ms > log->at_ms &&
           bus_bytes_equal_text(receipt.subscriber, log->subscriber->name) &&
           bus_bytes_equal_text(receipt.exchange, reading->exchange) && bus_bytes_equal_text(receipt.log, name);
}

static enum bus_status keep(struct since *since, const struct bus_message *message, struct bus_error *error)
{
    uint8_t *copy = malloc(message->value.length);
    if (copy == NULL)
        return bus_fail(error, BUS_FATAL, "read receipts: out of memory");
    memcpy(copy, message->value.data, message->value.length);
    struct candidate *candidate = &since->of[since->count++ % CANDIDATES];
    free(candidate->receipt);
    *candidate = (struct candidate){copy, message->value.length, message->offset};
    return BUS_OK;
}

static enum bus_status take_receipt(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct reading *reading = self;
    for (size_t i = 0; i < reading->logs->count; i++)
        if (is_newer(reading, &reading->logs->of[i], message))
            return keep(&reading->since[i], message, error);
    return BUS_OK;
}

static enum bus_status settle_log(struct bus_receipt_verifier *verifier, const struct since *since,
                                  struct cli_signed_log *log, struct bus_error *error)
{
    for (size_t i = 0; i < since->count && i < CANDIDATES; i++) {
        const struct candidate *candidate = &since->of[(since->count - 1 - i) % CANDIDATES];
        struct bus_bytes bytes = bus_bytes_of(candidate->receipt, candidate->length);
        struct bus_receipt receipt;
        enum bus_status status = bus_receipt_decode(bytes, &receipt, error);
        if (status == BUS_OK)
            status = bus_receipt_verify(verifier, &receipt, error);
        if (status == BUS_REJECT)
            continue;
        if (status == BUS_OK)
            status = cli_signed_log_set(log, bytes, error);
        if (status != BUS_OK)
            return status;
        log->size = receipt.size;
        log->offset = receipt.offset;
        log->at_ms = receipt.at_ms;
        log->receipt_offset = candidate->offset;
        return BUS_OK;
    }
    return BUS_OK;
}

static enum bus_status settle(struct reading *reading, struct bus_error *error)
{
    struct bus_receipt_verifier *verifier = bus_receipt_verifier_create(reading->context->receipt_keys_path);
    enum bus_status status = verifier == NULL ? bus_fail(error, BUS_FATAL, "read receipts: out of memory") : BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < reading->logs->count; i++)
        status = settle_log(verifier, &reading->since[i], &reading->logs->of[i], error);
    bus_receipt_verifier_destroy(verifier);
    return status;
}

/* From the oldest receipt that the environment holds on, but not from ever so long ago: a receiver that is away signs nothing. */
static int64_t begin_of(const struct cli_signed_logs *logs, int32_t partition)
{
    int64_t oldest = INT64_MAX, newest = -1;
    for (size_t i = 0; i < logs->count; i++) {
        const struct cli_signed_log *log = &logs->of[i];
        if (log->partition != partition || !log->is_signed)
            continue;
        oldest = log->receipt_offset < oldest ? log->receipt_offset : oldest;
        newest = log->receipt_offset > newest ? log->receipt_offset : newest;
    }
    if (newest < 0)
        return BUS_OFFSET_BEGINNING;
    return (oldest > newest - LOOK_BACK ? oldest : newest - LOOK_BACK) + 1;
}

static enum bus_status read_since(struct reading *reading, struct bus_error *error)
{
    struct cli_signed_logs *logs = reading->logs;
    char topic[BUS_TOPIC_SIZE];
    struct bus_partition *places = calloc((size_t)logs->partitions + 1, sizeof *places);
    if (places == NULL)
        return bus_fail(error, BUS_FATAL, "read receipts: out of memory");
    bus_topic_named(reading->context->prefix, BUS_TOPIC_RECEIPTS, topic);
    for (int32_t p = 0; p < logs->partitions; p++)
        places[p] = (struct bus_partition){topic, p, begin_of(logs, p)};
    enum bus_status status =
        cli_scan_places(&reading->context->kafka, places, (size_t)logs->partitions, take_receipt, reading, error);
    free(places);
    return status == BUS_OK ? settle(reading, error) : status;
}

/* --- the ends of logs --- */

static enum bus_status take_end(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct reading *reading = self;
    struct bus_bytes leaf = bus_message_header(message, BUS_LEAF_HEADER);
    char topic[BUS_TOPIC_SIZE];
    (void)error;
    for (size_t i = 0; leaf.length == LEAF_SIZE && i < reading->logs->count; i++) {
        struct cli_signed_log *log = &reading->logs->of[i];
        bus_topic_out(reading->context->prefix, log->subscriber->name, topic);
        if (log->partition == message->partition && strcmp(topic, message->topic) == 0)
            log->log_size = bus_get_u64be(leaf.data) + 1;
    }
    return BUS_OK;
}

/* The last record stands before the marker of its transaction. What follows of one that was aborted hides it; then what the environment
 * said is told. */
static enum bus_status read_ends(struct reading *reading, struct bus_error *error)
{
    struct cli_signed_logs *logs = reading->logs;
    struct bus_partition *places = calloc(logs->count + 1, sizeof *places);
    char(*topics)[BUS_TOPIC_SIZE] = calloc(logs->count + 1, sizeof *topics);
    size_t count = 0;
    enum bus_status status = BUS_OK;
    if (places == NULL || topics == NULL)
        status = bus_fail(error, BUS_FATAL, "read the ends of logs: out of memory");
    for (size_t i = 0; status == BUS_OK && i < logs->count; i++) {
        if (cli_signed_logs_has_signed(logs, logs->of[i].subscriber))
            continue;
        bus_topic_out(reading->context->prefix, logs->of[i].subscriber->name, topics[i]);
        places[count++] = (struct bus_partition){topics[i], logs->of[i].partition, BUS_OFFSET_BEFORE_END - 1 - MARKER};
    }
    if (status == BUS_OK && count > 0)
        status = cli_scan_places(&reading->context->kafka, places, count, take_end, reading, error);
    free(topics);
    free(places);
    return status;
}

/* --- all of it --- */

/* False when an environment is missing. */
static enum bus_status look_all(struct reading *reading, bool *out_all, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    *out_all = true;
    for (int32_t p = 0; status == BUS_OK && *out_all && p < reading->logs->partitions; p++) {
        int64_t next;
        status = cli_signed_logs_look(reading->context, reading->logs, p, &next, error);
        *out_all = next != BUS_OFFSET_BEGINNING;
    }
    return status;
}

static enum bus_status read_recent(struct reading *reading, struct bus_error *error)
{
    reading->since = calloc(reading->logs->count + 1, sizeof *reading->since);
    if (reading->since == NULL)
        return bus_fail(error, BUS_FATAL, "read receipts: out of memory");
    enum bus_status status = read_since(reading, error);
    for (size_t i = 0; i < reading->logs->count; i++)
        for (size_t j = 0; j < CANDIDATES; j++)
            free(reading->since[i].of[j].receipt);
    free(reading->since);
    return status == BUS_OK ? read_ends(reading, error) : status;
}

enum bus_status cli_signed_logs_recent(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                       const struct bus_subscriber *only, struct cli_signed_logs *out_logs,
                                       struct bus_error *error)
{
    struct reading reading = {context, bus_catalogue_exchange_view(catalogue), out_logs, NULL};
    bool all = false;
    enum bus_status status = cli_signed_logs_list(context, catalogue, only, CLI_ALL_PARTITIONS, out_logs, error);
    if (status == BUS_OK && context->receipt_keys_path != NULL)
        status = look_all(&reading, &all, error);
    if (status != BUS_OK)
        return status;
    if (all)
        return read_recent(&reading, error);
    cli_signed_logs_release(out_logs);
    return cli_signed_logs_read(context, catalogue, only, CLI_ALL_PARTITIONS, out_logs, error);
}
