/* xinqiao lag: what waits, in records and in seconds, by consumer, topic and partition. Seconds are the age of the first record that
 * waits. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/json.h"
#include "bus/table.h"
#include "cli/standing.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

#define USAGE "lag [--partitions] [--max-seconds N]"

static int64_t seconds_of(const struct cli_standings *standings, const struct cli_standing *standing)
{
    if (standing->oldest_ms == 0 || standing->oldest_ms > standings->now_ms)
        return 0;
    return (standings->now_ms - standing->oldest_ms) / 1000;
}

static void print_cells(struct bus_table *table, const struct cli_standings *standings,
                        const struct cli_standing *standing, bool partitions)
{
    bus_table_string(table, standing->group);
    bus_table_string(table, standing->topic);
    if (partitions) {
        bus_table_cell(table, "%d", (int)standing->partition);
        if (standing->position >= 0)
            bus_table_cell(table, "%lld", (long long)standing->position);
        else
            bus_table_string(table, "-");
        bus_table_cell(table, "%lld", (long long)standing->stable);
    }
    bus_table_cell(table, "%lld", (long long)cli_standing_waiting(standing));
    bus_table_cell(table, "%lld", (long long)seconds_of(standings, standing));
}

/* Adds up the partitions of one topic: ends and what waits, and the oldest of times. Returns the first one behind them. */
static size_t add_up(const struct cli_standings *standings, size_t first, struct cli_standing *out_sum)
{
    size_t at = first;
    *out_sum = standings->of[first];
    for (at++; at < standings->count && strcmp(standings->of[at].topic, out_sum->topic) == 0; at++) {
        const struct cli_standing *standing = &standings->of[at];
        out_sum->next += standing->next;
        out_sum->stable += standing->stable;
        if (standing->oldest_ms != 0 && (out_sum->oldest_ms == 0 || standing->oldest_ms < out_sum->oldest_ms))
            out_sum->oldest_ms = standing->oldest_ms;
    }
    return at;
}

static int print_table(const struct cli_standings *standings, bool partitions)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "消费者", "consumer", BUS_TABLE_LEFT);
    bus_table_column(table, "主题", "topic", BUS_TABLE_LEFT);
    if (partitions) {
        bus_table_column(table, "分区", "partition", BUS_TABLE_RIGHT);
        bus_table_column(table, "位置", "position", BUS_TABLE_RIGHT);
        bus_table_column(table, "末尾", "end", BUS_TABLE_RIGHT);
    }
    bus_table_column(table, "积压(条)", "records", BUS_TABLE_RIGHT);
    bus_table_column(table, "积压(秒)", "seconds", BUS_TABLE_RIGHT);
    for (size_t i = 0; i < standings->count;) {
        struct cli_standing sum = standings->of[i];
        i = partitions ? i + 1 : add_up(standings, i, &sum);
        print_cells(table, standings, &sum, partitions);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct cli_standings *standings)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < standings->count; i++) {
        const struct cli_standing *standing = &standings->of[i];
        bus_json_object(&json);
        bus_json_name(&json, "consumer");
        bus_json_string(&json, standing->group);
        bus_json_name(&json, "topic");
        bus_json_string(&json, standing->topic);
        bus_json_name(&json, "partition");
        bus_json_integer(&json, standing->partition);
        bus_json_name(&json, "position");
        if (standing->position >= 0)
            bus_json_integer(&json, standing->position);
        else
            bus_json_null(&json);
        bus_json_name(&json, "end");
        bus_json_integer(&json, standing->stable);
        bus_json_name(&json, "records");
        bus_json_integer(&json, cli_standing_waiting(standing));
        bus_json_name(&json, "seconds");
        bus_json_integer(&json, seconds_of(standings, standing));
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* Whether anything waits longer than it may. */
static bool is_late(const struct cli_standings *standings, int64_t max_seconds)
{
    for (size_t i = 0; i < standings->count; i++)
        if (seconds_of(standings, &standings->of[i]) > max_seconds)
            return true;
    return false;
}

int cli_lag(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct cli_standings standings;
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
    enum bus_status status = cli_standings_read(context, context->prefix, &standings, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? print_json(&standings)
                                : print_table(&standings, partitions);
    if (code == CLI_DONE && is_late(&standings, max_seconds))
        code = CLI_NO;
    cli_standings_release(&standings);
    return code;
}
