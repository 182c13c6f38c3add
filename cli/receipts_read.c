/* Reading what receivers have signed for: the gateway's state, log by log. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/state_reader.h"
#include "bus/state_receipt.h"
#include "bus/topics.h"
#include "cli/receipts.h"
#include "cli/scan.h"

enum { PATH_SIZE = 4096 };

struct reading {
    const struct cli_context *context;
    struct cli_signed_logs *logs;
    int32_t partition; /* whose entries come */
};

/* --- which logs there are --- */

static enum bus_status find_partitions(const struct cli_context *context, const struct bus_subscriber *only,
                                       struct cli_signed_logs *logs, struct bus_error *error)
{
    char prefix[BUS_TOPIC_SIZE];
    struct bus_topic_found *found = NULL;
    size_t count = 0;
    bus_topic_out(context->prefix, only != NULL ? only->name : "", prefix);
    enum bus_status status = bus_topics_list(&context->kafka, prefix, &found, &count, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        if (found[i].partitions > logs->partitions)
            logs->partitions = found[i].partitions;
    free(found);
    if (status == BUS_OK && logs->partitions == 0)
        return bus_fail(error, BUS_REJECT, "topic %s does not exist; create it with `xinqiao topics create`", prefix);
    return status;
}

enum bus_status cli_signed_logs_list(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                     const struct bus_subscriber *only, int32_t partition,
                                     struct cli_signed_logs *out_logs, struct bus_error *error)
{
    size_t count = bus_catalogue_subscriber_count(catalogue);
    *out_logs = (struct cli_signed_logs){0};
    enum bus_status status = find_partitions(context, only, out_logs, error);
    if (status != BUS_OK)
        return status;
    out_logs->of = calloc(count * (size_t)out_logs->partitions + 1, sizeof *out_logs->of);
    if (out_logs->of == NULL)
        return bus_fail(error, BUS_FATAL, "read receipts: out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        for (int32_t p = 0; p < out_logs->partitions; p++)
            if ((only == NULL || subscriber == only) && (partition == CLI_ALL_PARTITIONS || p == partition))
                out_logs->of[out_logs->count++] =
                    (struct cli_signed_log){.subscriber = subscriber, .partition = p, .receipt_offset = -1};
    }
    return BUS_OK;
}

/* --- entries --- */

static struct cli_signed_log *find_name(const struct reading *reading, struct bus_bytes name)
{
    for (size_t i = 0; i < reading->logs->count; i++)
        if (reading->logs->of[i].partition == reading->partition &&
            bus_bytes_equal_text(name, reading->logs->of[i].subscriber->name))
            return &reading->logs->of[i];
    return NULL;
}

/* The log's name is "<topic>/<partition>". */
static struct cli_signed_log *find_log(const struct reading *reading, struct bus_bytes name)
{
    for (size_t i = 0; i < reading->logs->count; i++) {
        struct cli_signed_log *log = &reading->logs->of[i];
        char topic[BUS_TOPIC_SIZE], text[BUS_TOPIC_SIZE + 16];
        if (log->partition != reading->partition)
            continue;
        bus_topic_out(reading->context->prefix, log->subscriber->name, topic);
        snprintf(text, sizeof text, "%s/%d", topic, (int)log->partition);
        if (bus_bytes_equal_text(name, text))
            return log;
    }
    return NULL;
}

enum bus_status cli_signed_log_set(struct cli_signed_log *log, struct bus_bytes receipt, struct bus_error *error)
{
    uint8_t *copy = malloc(receipt.length + 1);
    if (copy == NULL)
        return bus_fail(error, BUS_FATAL, "read receipts: out of memory");
    memcpy(copy, receipt.data, receipt.length);
    free((void *)(uintptr_t)log->receipt.data);
    log->receipt = bus_bytes_of(copy, receipt.length);
    log->is_signed = true;
    return BUS_OK;
}

/* One that only refused something has an entry without a receipt. */
static enum bus_status take_receipt(struct cli_signed_log *log, struct bus_bytes value, struct bus_error *error)
{
    struct bus_state_receipt entry;
    enum bus_status status = bus_state_receipt_read(value, &entry, error);
    if (status == BUS_OK && entry.receipt.length > 0)
        status = cli_signed_log_set(log, entry.receipt, error);
    if (status != BUS_OK || entry.receipt.length == 0)
        return status;
    log->size = entry.size;
    log->offset = entry.offset;
    log->at_ms = entry.at_ms;
    log->receipt_offset = entry.receipt_offset;
    return BUS_OK;
}

static enum bus_status take_size(struct cli_signed_log *log, struct bus_bytes value, struct bus_error *error)
{
    struct bus_merkle merkle;
    enum bus_status status = bus_state_log_read(value, &merkle, error);
    if (status == BUS_OK)
        log->log_size = merkle.size;
    return status;
}

static enum bus_status take_entry(void *self, struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    struct reading *reading = self;
    if (key.length < 2 || value.data == NULL)
        return BUS_OK;
    struct bus_bytes rest = bus_bytes_of(key.data + 1, key.length - 1);
    struct cli_signed_log *log = NULL;
    if (key.data[0] == BUS_STATE_RECEIPT)
        log = find_name(reading, rest);
    else if (key.data[0] == BUS_STATE_LOG)
        log = find_log(reading, rest);
    if (log == NULL)
        return BUS_OK;
    return key.data[0] == BUS_STATE_LOG ? take_size(log, value, error) : take_receipt(log, value, error);
}

static enum bus_status take_record(void *self, const struct bus_message *message, struct bus_error *error)
{
    ((struct reading *)self)->partition = message->partition;
    return take_entry(self, message->key, message->value, error);
}

/* --- where from --- */

enum bus_status cli_signed_logs_look(const struct cli_context *context, struct cli_signed_logs *logs, int32_t partition,
                                     int64_t *out_next, struct bus_error *error)
{
    static const uint8_t kinds[] = {BUS_STATE_RECEIPT, BUS_STATE_LOG};
    struct reading reading = {.context = context, .logs = logs, .partition = partition};
    enum bus_status status = BUS_OK;
    *out_next = BUS_OFFSET_BEGINNING;
    for (size_t i = 0; i < sizeof kinds && context->state_path != NULL; i++) {
        int64_t next;
        status = bus_state_reader_look(context->state_path, partition, bus_bytes_of(&kinds[i], 1), take_entry, &reading,
                                       &next, error);
        if (status != BUS_OK)
            *out_next = BUS_OFFSET_BEGINNING;
        if (status != BUS_OK) /* there is none here: the topic tells all */
            return status == BUS_RETRY ? BUS_OK : status;
        *out_next = i == 0 || next < *out_next ? next : *out_next;
    }
    return BUS_OK;
}

static enum bus_status read_entries(struct reading *reading, int32_t partition, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct bus_partition *places = calloc((size_t)reading->logs->partitions + 1, sizeof *places);
    size_t count = 0;
    enum bus_status status = places == NULL ? bus_fail(error, BUS_FATAL, "read receipts: out of memory") : BUS_OK;
    bus_topic_named(reading->context->prefix, BUS_TOPIC_STATE, topic);
    for (int32_t p = 0; status == BUS_OK && p < reading->logs->partitions; p++) {
        if (partition != CLI_ALL_PARTITIONS && p != partition)
            continue;
        places[count] = (struct bus_partition){topic, p, BUS_OFFSET_BEGINNING};
        status = cli_signed_logs_look(reading->context, reading->logs, p, &places[count].offset, error);
        count++;
    }
    if (status == BUS_OK)
        status = cli_scan_places(&reading->context->kafka, places, count, take_record, reading, error);
    free(places);
    return status;
}

enum bus_status cli_signed_logs_read(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                     const struct bus_subscriber *only, int32_t partition,
                                     struct cli_signed_logs *out_logs, struct bus_error *error)
{
    struct reading reading = {.context = context, .logs = out_logs};
    enum bus_status status = cli_signed_logs_list(context, catalogue, only, partition, out_logs, error);
    return status == BUS_OK ? read_entries(&reading, partition, error) : status;
}

void cli_signed_logs_release(struct cli_signed_logs *logs)
{
    for (size_t i = 0; i < logs->count; i++)
        free((void *)(uintptr_t)logs->of[i].receipt.data);
    free(logs->of);
    *logs = (struct cli_signed_logs){0};
}

const struct cli_signed_log *cli_signed_logs_find(const struct cli_signed_logs *logs,
                                                  const struct bus_subscriber *subscriber, int32_t partition)
{
    for (size_t i = 0; i < logs->count; i++)
        if (logs->of[i].subscriber == subscriber && logs->of[i].partition == partition)
            return &logs->of[i];
    return NULL;
}

bool cli_signed_logs_has_signed(const struct cli_signed_logs *logs, const struct bus_subscriber *subscriber)
{
    for (size_t i = 0; i < logs->count; i++)
        if (logs->of[i].subscriber == subscriber && logs->of[i].is_signed)
            return true;
    return false;
}

bool cli_receipts_has_key(const struct cli_context *context, const struct bus_subscriber *subscriber)
{
    char path[PATH_SIZE];
    struct stat found;
    if (context->receipt_keys_path == NULL)
        return false;
    snprintf(path, sizeof path, "%s/%s", context->receipt_keys_path, subscriber->name);
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

/* --- how a delivery stands --- */

const struct cli_word *cli_arrival_word(enum cli_arrival arrival)
{
    static const struct cli_word words[CLI_ARRIVALS] = {{"APPLIED", "已签收", "applied"},
                                                        {"REFUSED", "已拒收", "refused"},
                                                        {"UNDER_WAY", "未签收", "not signed for yet"},
                                                        {"UNSIGNED", "该方从未签收", "its receiver never signed"}};
    return &words[arrival];
}

enum bus_status cli_arrivals_read(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                  int32_t partition, struct cli_arrivals *out_arrivals, struct bus_error *error)
{
    const struct cli_quarantine_filter filter = {.stage = CLI_RECEIPT_STAGE};
    *out_arrivals = (struct cli_arrivals){.prefix = context->prefix};
    enum bus_status status = cli_signed_logs_read(context, catalogue, NULL, partition, &out_arrivals->logs, error);
    return status == BUS_OK ? cli_quarantine_read(context, &filter, &out_arrivals->refusals, error) : status;
}

void cli_arrivals_release(struct cli_arrivals *arrivals)
{
    cli_signed_logs_release(&arrivals->logs);
    cli_quarantine_release(&arrivals->refusals);
}

static const struct bus_quarantined *find_refusal(const struct cli_arrivals *arrivals,
                                                  const struct bus_subscriber *subscriber, int32_t partition,
                                                  int64_t offset)
{
    char topic[BUS_TOPIC_SIZE];
    bus_topic_out(arrivals->prefix, subscriber->name, topic);
    for (size_t i = 0; i < arrivals->refusals.count; i++) {
        const struct bus_quarantined *record = &arrivals->refusals.entries[i].record;
        if (record->partition == partition && record->offset == offset && bus_bytes_equal_text(record->topic, topic))
            return record;
    }
    return NULL;
}

enum cli_arrival cli_arrival_of(const struct cli_arrivals *arrivals, const struct bus_subscriber *subscriber,
                                int32_t partition, int64_t leaf, int64_t offset,
                                const struct bus_quarantined **out_refusal)
{
    const struct cli_signed_log *log = cli_signed_logs_find(&arrivals->logs, subscriber, partition);
    const struct bus_quarantined *refusal = find_refusal(arrivals, subscriber, partition, offset);
    if (out_refusal != NULL)
        *out_refusal = refusal;
    if (refusal != NULL)
        return CLI_ARRIVAL_REFUSED;
    if (log == NULL || !log->is_signed)
        return CLI_ARRIVAL_UNSIGNED;
    return leaf >= 0 && (uint64_t)leaf < log->size ? CLI_ARRIVAL_APPLIED : CLI_ARRIVAL_UNDER_WAY;
}
