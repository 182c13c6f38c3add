/* Finding laggards: what stands behind each log's receipt, counted as it is read. */
#include <errno.h>
#include <stdlib.h>

#include "bus/seal.h"
#include "bus/topics.h"
#include "cli/laggards.h"
#include "cli/scan.h"

enum { LEAF_SIZE = 8 };

/* A log that is read from behind its receipt on. */
struct trace {
    char topic[BUS_TOPIC_SIZE];
    const struct cli_signed_log *log;
    struct cli_lagging *lagging;
    bool is_placed; /* the first record stood where the receipt ends, or earlier */
    bool is_misled; /* it stood behind that: the receipt's hint is wrong, so the log is read from its beginning */
};

struct reading {
    struct cli_laggards *laggards;
    struct trace *traces;
    size_t count;
    struct trace *last; /* of the record before */
};

/* --- what is kept --- */

void cli_laggards_list(struct cli_laggards *laggards, const struct cli_laggard *laggard)
{
    size_t at = laggards->listed_count;
    if (at == laggards->limit && (at == 0 || laggards->listed[at - 1].at_ms <= laggard->at_ms))
        return;
    if (at == laggards->limit)
        at--;
    else
        laggards->listed_count++;
    for (; at > 0 && laggards->listed[at - 1].at_ms > laggard->at_ms; at--)
        laggards->listed[at] = laggards->listed[at - 1];
    laggards->listed[at] = *laggard;
}

static void take_laggard(struct reading *reading, const struct trace *trace, const struct bus_message *message,
                         const struct cli_delivery_head *head, int64_t leaf)
{
    struct cli_laggards *laggards = reading->laggards;
    struct cli_laggard laggard = {
        .subscriber = trace->log->subscriber,
        .partition = message->partition,
        .offset = message->offset,
        .leaf = leaf,
        .at_ms = message->timestamp_ms,
        .head = *head,
    };
    if (laggards->now_ms - laggard.at_ms < laggards->older_ms)
        return;
    if (message->key.length == BUS_IDENTITY_SIZE)
        memcpy(laggard.record, message->key.data, BUS_IDENTITY_SIZE);
    trace->lagging->laggards++;
    if (trace->lagging->oldest_ms == 0 || laggard.at_ms < trace->lagging->oldest_ms)
        trace->lagging->oldest_ms = laggard.at_ms;
    cli_laggards_list(laggards, &laggard);
}

/* --- reading --- */

static struct trace *trace_of(struct reading *reading, const struct bus_message *message)
{
    struct trace *last = reading->last;
    if (last != NULL && last->log->partition == message->partition && strcmp(last->topic, message->topic) == 0)
        return last;
    for (size_t i = 0; i < reading->count; i++)
        if (reading->traces[i].log->partition == message->partition &&
            strcmp(reading->traces[i].topic, message->topic) == 0)
            return reading->last = &reading->traces[i];
    return NULL;
}

static int64_t leaf_of(const struct bus_message *message)
{
    struct bus_bytes leaf = bus_message_header(message, BUS_LEAF_HEADER);
    return leaf.length == LEAF_SIZE ? (int64_t)bus_get_u64be(leaf.data) : -1;
}

/* Leaves rise by one: where the first stands all the others are known. Behind a log's beginning retention may have taken some. */
static bool is_behind_receipt(struct trace *trace, int64_t leaf)
{
    if (trace->is_misled || leaf < 0)
        return false;
    if (!trace->is_placed && trace->log->is_signed && (uint64_t)leaf > trace->log->size) {
        trace->is_misled = true;
        return false;
    }
    trace->is_placed = true;
    return (uint64_t)leaf >= trace->log->size;
}

static enum bus_status take_delivery(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct reading *reading = self;
    struct trace *trace = trace_of(reading, message);
    struct cli_delivery_head head;
    (void)error;
    if (trace == NULL)
        return BUS_OK;
    int64_t leaf = leaf_of(message);
    if (!is_behind_receipt(trace, leaf))
        return BUS_OK;
    trace->lagging->deliveries++;
    if (cli_delivery_read(message->value, &head) && cli_delivery_matters(&head))
        take_laggard(reading, trace, message, &head, leaf);
    return BUS_OK;
}

static enum bus_status scan(const struct cli_context *context, struct reading *reading, bool from_beginning,
                            struct bus_error *error)
{
    struct bus_partition *places = calloc(reading->count + 1, sizeof *places);
    size_t count = 0;
    if (places == NULL)
        return bus_fail(error, BUS_FATAL, "look for laggards: out of memory");
    for (size_t i = 0; i < reading->count; i++) {
        struct trace *trace = &reading->traces[i];
        const struct cli_signed_log *log = trace->log;
        if (from_beginning != trace->is_misled)
            continue;
        places[count++] = (struct bus_partition){
            trace->topic, log->partition, log->is_signed && !from_beginning ? log->offset + 1 : BUS_OFFSET_BEGINNING};
        trace->is_placed = from_beginning; /* it is not misled again */
        trace->is_misled = false;
    }
    enum bus_status status =
        count == 0 ? BUS_OK : cli_scan_places(&context->kafka, places, count, take_delivery, reading, error);
    free(places);
    return status;
}

/* --- who is looked at --- */

static struct cli_lagging *lagging_of(const struct cli_context *context, const struct cli_signed_logs *logs,
                                      const struct bus_subscriber *subscriber, struct cli_laggards *laggards)
{
    struct cli_lagging *last = laggards->by_count == 0 ? NULL : &laggards->by[laggards->by_count - 1];
    if (last != NULL && last->subscriber == subscriber)
        return last;
    last = &laggards->by[laggards->by_count++];
    *last = (struct cli_lagging){.subscriber = subscriber, .kind = CLI_LAGGING_SIGNS};
    if (!cli_signed_logs_has_signed(logs, subscriber))
        last->kind = cli_receipts_has_key(context, subscriber) ? CLI_LAGGING_SILENT : CLI_LAGGING_NO_KEY;
    return last;
}

/* Of those who sign all is read that stands behind their receipts; of the others the sizes of their logs say all. */
static void plan(const struct cli_context *context, const struct cli_signed_logs *logs, struct reading *reading)
{
    for (size_t i = 0; i < logs->count; i++) {
        const struct cli_signed_log *log = &logs->of[i];
        if (log->log_size == 0 && !cli_signed_logs_has_signed(logs, log->subscriber))
            continue;
        struct cli_lagging *lagging = lagging_of(context, logs, log->subscriber, reading->laggards);
        if (lagging->kind != CLI_LAGGING_SIGNS) {
            lagging->deliveries += log->log_size;
            continue;
        }
        struct trace *trace = &reading->traces[reading->count++];
        *trace = (struct trace){.log = log, .lagging = lagging};
        bus_topic_out(context->prefix, log->subscriber->name, trace->topic);
    }
}

static enum bus_status read_logs(const struct cli_context *context, const struct cli_signed_logs *logs,
                                 struct cli_laggards *laggards, struct bus_error *error)
{
    struct reading reading = {.laggards = laggards};
    reading.traces = calloc(logs->count + 1, sizeof *reading.traces);
    laggards->by = calloc(logs->count + 1, sizeof *laggards->by);
    laggards->listed = calloc(laggards->limit + 1, sizeof *laggards->listed);
    enum bus_status status = BUS_OK;
    if (reading.traces == NULL || laggards->by == NULL || laggards->listed == NULL)
        status = bus_fail(error, BUS_FATAL, "look for laggards: out of memory");
    if (status == BUS_OK) {
        plan(context, logs, &reading);
        status = scan(context, &reading, false, error);
    }
    if (status == BUS_OK)
        status = scan(context, &reading, true, error);
    free(reading.traces);
    return status;
}

enum bus_status cli_laggards_read(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                  const struct bus_subscriber *only, struct cli_laggards *laggards,
                                  struct bus_error *error)
{
    struct cli_signed_logs logs;
    laggards->now_ms = bus_clock_now_ms(&context->clock);
    enum bus_status status = cli_signed_logs_recent(context, catalogue, only, &logs, error);
    if (status == BUS_OK)
        status = read_logs(context, &logs, laggards, error);
    cli_signed_logs_release(&logs);
    return status;
}

void cli_laggards_release(struct cli_laggards *laggards)
{
    free(laggards->by);
    free(laggards->listed);
    *laggards = (struct cli_laggards){0};
}

bool cli_laggards_any(const struct cli_laggards *laggards)
{
    for (size_t i = 0; i < laggards->by_count; i++)
        if (laggards->by[i].laggards > 0 || (laggards->by[i].kind == CLI_LAGGING_SILENT))
            return true;
    return false;
}

bool cli_duration_read(const char *text, int64_t *out_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 24 * INT64_C(3600000)}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || number < 0 || end[0] == '\0' || end[1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (*end == units[i].unit && number <= INT64_MAX / units[i].ms) {
            *out_ms = number * units[i].ms;
            return true;
        }
    return false;
}
