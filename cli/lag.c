/* xinqiao lag: what waits, in records and in seconds, by consumer, topic and partition.
 *
 * Records are those between the group's committed position and the last stable offset; control markers between them count too,
 * so the figure is an upper bound, but never says that something waits where nothing does: the first record is looked for.
 * Seconds are the age of that record. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/consumer.h"
#include "bus/json.h"
#include "bus/topics.h"
#include "cli/command.h"
#include "cli/table.h"

enum { GROUP_SIZE = 128, MAX_LINES = 100000, POLL_MS = 500, QUIET_MS = 15000, ANSWER_LIMIT = 64 * 1024 * 1024 };

#define USAGE "lag [--partitions] [--max-seconds N]"

/* One partition as its reader stands to it. */
struct line {
    const char *topic;
    int32_t partition;
    char group[GROUP_SIZE];
    int64_t position; /* next offset to process; BUS_OFFSET_STORED when the group has none yet */
    int64_t start;    /* the same, or the first offset there is */
    int64_t stable;
    int64_t records;
    int64_t oldest_ms; /* timestamp of the first record that waits, 0 = none */
    bool answered;     /* in the search for that record */
};

struct lag {
    struct bus_topic_found *topics;
    size_t topic_count;
    struct line *lines; /* by group, then topic, then partition */
    size_t count;
    int64_t now_ms;
};

static int64_t seconds_of(const struct lag *lag, const struct line *line)
{
    if (line->oldest_ms == 0 || line->oldest_ms > lag->now_ms)
        return 0;
    return (lag->now_ms - line->oldest_ms) / 1000;
}

/* --- who reads what --- */

/* The group that reads the topic; false when none of ours does. */
static bool group_of(const struct cli_context *context, const char *topic, char group[GROUP_SIZE])
{
    const char *name = topic + strlen(context->prefix);
    if (strncmp(name, "in.", 3) == 0)
        snprintf(group, GROUP_SIZE, "%s", context->gateway_group);
    else if (strncmp(name, "out.", 4) == 0)
        snprintf(group, GROUP_SIZE, "%s%s", context->agent_group_prefix, name + 4);
    else
        return false;
    return true;
}

static enum bus_status find_lines(const struct cli_context *context, struct lag *lag, struct bus_error *error)
{
    char group[GROUP_SIZE];
    size_t total = 0;
    enum bus_status status = bus_topics_list(&context->kafka, context->prefix, &lag->topics, &lag->topic_count, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < lag->topic_count; i++)
        total += (size_t)lag->topics[i].partitions;
    if (total > MAX_LINES)
        return bus_fail(error, BUS_FATAL, "look at %zu partitions: at most %d", total, MAX_LINES);
    lag->lines = calloc(total + 1, sizeof *lag->lines);
    if (lag->lines == NULL)
        return bus_fail(error, BUS_FATAL, "look at %zu partitions: out of memory", total);
    /* Topics come by name, so in topics stand before out topics, and each group's lines together. */
    for (size_t i = 0; i < lag->topic_count; i++) {
        if (!group_of(context, lag->topics[i].name, group))
            continue;
        for (int32_t partition = 0; partition < lag->topics[i].partitions; partition++) {
            struct line *line = &lag->lines[lag->count++];
            *line = (struct line){.topic = lag->topics[i].name, .partition = partition};
            memcpy(line->group, group, sizeof group);
        }
    }
    return BUS_OK;
}

/* --- positions and ends --- */

/* Lines [first, end) are one group's. Read uncommitted: an offset that a transaction is about to move is the old one still. */
static enum bus_status ask_positions(const struct bus_kafka *kafka, struct line *lines, size_t count,
                                     struct bus_error *error)
{
    struct bus_consumer *consumer = NULL;
    struct bus_consumer_options options = {.group = lines[0].group, .uncommitted = true};
    struct bus_partition *partitions = calloc(count, sizeof *partitions);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "ask for positions: out of memory");
    for (size_t i = 0; i < count; i++)
        partitions[i] = (struct bus_partition){lines[i].topic, lines[i].partition, BUS_OFFSET_STORED};
    enum bus_status status = bus_consumer_open(kafka, &options, &consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_committed(consumer, partitions, count, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        lines[i].position = partitions[i].offset;
    bus_consumer_close(consumer);
    free(partitions);
    return status;
}

static enum bus_status ask_all_positions(const struct bus_kafka *kafka, struct lag *lag, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t first = 0, end; status == BUS_OK && first < lag->count; first = end) {
        for (end = first + 1; end < lag->count && strcmp(lag->lines[end].group, lag->lines[first].group) == 0;)
            end++;
        status = ask_positions(kafka, &lag->lines[first], end - first, error);
    }
    return status;
}

static enum bus_status ask_ends(struct bus_consumer *consumer, struct lag *lag, struct bus_error *error)
{
    for (size_t i = 0; i < lag->count; i++) {
        struct line *line = &lag->lines[i];
        int64_t first, high;
        enum bus_status status =
            bus_consumer_watermarks(consumer, line->topic, line->partition, &first, &line->stable, &high, error);
        if (status != BUS_OK)
            return status;
        line->start = line->position < first ? first : line->position; /* also when there is none */
    }
    return BUS_OK;
}

/* --- the first record that waits --- */

static struct line *line_of(struct lag *lag, const struct bus_message *message)
{
    for (size_t i = 0; i < lag->count; i++)
        if (lag->lines[i].partition == message->partition && strcmp(lag->lines[i].topic, message->topic) == 0)
            return &lag->lines[i];
    return NULL;
}

/* The partition has told its first record, or that there is none but markers. */
static enum bus_status take_answer(struct bus_consumer *consumer, struct lag *lag, const struct bus_message *message,
                                   size_t *waiting, struct bus_error *error)
{
    struct line *line = line_of(lag, message);
    if (line == NULL || line->answered)
        return BUS_OK;
    line->answered = true;
    --*waiting;
    if (message->handle != NULL && message->offset < line->stable) {
        line->records = line->stable - message->offset;
        line->oldest_ms = message->timestamp_ms;
    }
    struct bus_partition place = {line->topic, line->partition, 0};
    return bus_consumer_pause(consumer, &place, 1, error);
}

static enum bus_status look_for_first(struct bus_consumer *consumer, struct lag *lag, size_t waiting,
                                      struct bus_error *error)
{
    int64_t heard_ms = bus_clock_monotonic_ms();
    while (waiting > 0) {
        struct bus_message message;
        enum bus_status status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status == BUS_OK && message.partition >= 0) {
            heard_ms = bus_clock_monotonic_ms();
            status = take_answer(consumer, lag, &message, &waiting, error);
        }
        bus_message_release(&message);
        if (status == BUS_OK && bus_clock_monotonic_ms() - heard_ms > QUIET_MS)
            status = bus_fail(error, BUS_RETRY, "look for the first record that waits: Kafka does not answer");
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

static enum bus_status find_first(struct bus_consumer *consumer, struct lag *lag, struct bus_error *error)
{
    struct bus_partition *partitions = calloc(lag->count + 1, sizeof *partitions);
    size_t waiting = 0;
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "look for what waits: out of memory");
    for (size_t i = 0; i < lag->count; i++) {
        const struct line *line = &lag->lines[i];
        if (line->start < line->stable)
            partitions[waiting++] = (struct bus_partition){line->topic, line->partition, line->start};
    }
    enum bus_status status = BUS_OK;
    if (waiting > 0)
        status = bus_consumer_assign(consumer, partitions, waiting, error);
    if (status == BUS_OK && waiting > 0)
        status = look_for_first(consumer, lag, waiting, error);
    free(partitions);
    return status;
}

/* Positions before ends, so that a reader that moves meanwhile is never ahead of its topic. */
static enum bus_status measure(const struct cli_context *context, struct lag *lag, struct bus_error *error)
{
    struct bus_consumer *consumer = NULL;
    enum bus_status status = find_lines(context, lag, error);
    if (status == BUS_OK)
        status = ask_all_positions(&context->kafka, lag, error);
    if (status == BUS_OK)
        status = bus_consumer_open(&context->kafka, &(struct bus_consumer_options){0}, &consumer, error);
    if (status == BUS_OK)
        status = ask_ends(consumer, lag, error);
    if (status == BUS_OK)
        status = find_first(consumer, lag, error);
    lag->now_ms = bus_clock_now_ms(&context->clock);
    bus_consumer_close(consumer);
    return status;
}

/* --- answers --- */

static void print_cells(struct cli_table *table, const struct lag *lag, const struct line *line, bool partitions)
{
    cli_table_string(table, line->group);
    cli_table_string(table, line->topic);
    if (partitions) {
        cli_table_cell(table, "%d", (int)line->partition);
        if (line->position >= 0)
            cli_table_cell(table, "%lld", (long long)line->position);
        else
            cli_table_string(table, "-");
        cli_table_cell(table, "%lld", (long long)line->stable);
    }
    cli_table_cell(table, "%lld", (long long)line->records);
    cli_table_cell(table, "%lld", (long long)seconds_of(lag, line));
}

/* Adds up the partitions of one topic: the sum of records, the oldest of times. Returns the first line behind them. */
static size_t add_up(const struct lag *lag, size_t first, struct line *out_sum)
{
    size_t at = first;
    *out_sum = lag->lines[first];
    for (at++; at < lag->count && strcmp(lag->lines[at].topic, out_sum->topic) == 0; at++) {
        const struct line *line = &lag->lines[at];
        out_sum->records += line->records;
        if (line->oldest_ms != 0 && (out_sum->oldest_ms == 0 || line->oldest_ms < out_sum->oldest_ms))
            out_sum->oldest_ms = line->oldest_ms;
    }
    return at;
}

static int print_table(const struct lag *lag, bool partitions)
{
    struct cli_table *table = cli_table_create();
    cli_table_column(table, "消费者", "consumer", CLI_LEFT);
    cli_table_column(table, "主题", "topic", CLI_LEFT);
    if (partitions) {
        cli_table_column(table, "分区", "partition", CLI_RIGHT);
        cli_table_column(table, "位置", "position", CLI_RIGHT);
        cli_table_column(table, "末尾", "end", CLI_RIGHT);
    }
    cli_table_column(table, "积压(条)", "records", CLI_RIGHT);
    cli_table_column(table, "积压(秒)", "seconds", CLI_RIGHT);
    for (size_t i = 0; i < lag->count;) {
        struct line sum = lag->lines[i];
        i = partitions ? i + 1 : add_up(lag, i, &sum);
        print_cells(table, lag, &sum, partitions);
    }
    bool whole = cli_table_print(table);
    cli_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct lag *lag)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < lag->count; i++) {
        const struct line *line = &lag->lines[i];
        bus_json_object(&json);
        bus_json_name(&json, "consumer");
        bus_json_string(&json, line->group);
        bus_json_name(&json, "topic");
        bus_json_string(&json, line->topic);
        bus_json_name(&json, "partition");
        bus_json_integer(&json, line->partition);
        bus_json_name(&json, "position");
        if (line->position >= 0)
            bus_json_integer(&json, line->position);
        else
            bus_json_null(&json);
        bus_json_name(&json, "end");
        bus_json_integer(&json, line->stable);
        bus_json_name(&json, "records");
        bus_json_integer(&json, line->records);
        bus_json_name(&json, "seconds");
        bus_json_integer(&json, seconds_of(lag, line));
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* Whether anything waits longer than it may. */
static bool is_late(const struct lag *lag, int64_t max_seconds)
{
    for (size_t i = 0; i < lag->count; i++)
        if (seconds_of(lag, &lag->lines[i]) > max_seconds)
            return true;
    return false;
}

int cli_lag(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct lag lag = {0};
    bool partitions = false;
    int64_t max_seconds = INT64_MAX;
    const struct cli_option options[] = {
        {"partitions", CLI_OPTION_FLAG, &partitions},
        {"max-seconds", CLI_OPTION_INTEGER, &max_seconds},
        {0},
    };
    int count = cli_arguments(argc, argv, options);
    if (count != 0)
        return count < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = measure(context, &lag, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? print_json(&lag)
                                : print_table(&lag, partitions);
    if (code == CLI_DONE && is_late(&lag, max_seconds))
        code = CLI_NO;
    free(lag.lines);
    free(lag.topics);
    return code;
}
