/* xinqiao agents list: one line an agent: how it stands, what waits and why. */
#include <stdio.h>

#include "bus/table.h"
#include "cli/agents_json.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024, REASON_COLUMNS = 60 };

#define USAGE "agents list"

static void moment_cell(struct bus_table *table, int64_t at_ms)
{
    char text[CLI_MOMENT_SIZE] = "-";
    if (at_ms != 0)
        cli_moment(at_ms, text);
    bus_table_string(table, text);
}

/* What it waits for: the lane that waits longest, else its own reason; a long one is told whole by `agents show`. */
static void reason_cell(struct bus_table *table, const struct bus_agent_status *status)
{
    size_t waiting;
    const struct bus_agent_lane *lane = cli_agent_waiting(status, &waiting);
    const char *reason = lane != NULL ? lane->reason : status->reason_zh;
    struct bus_bytes text = bus_bytes_text(reason);
    while (bus_table_width(text) > REASON_COLUMNS)
        text.length--;
    while (text.length > 0 && (reason[text.length] & 0xC0) == 0x80)
        text.length--;
    const char *cut = reason[text.length] != '\0' ? "…" : "";
    if (lane == NULL)
        bus_table_cell(table, "%.*s%s", (int)text.length, reason, cut);
    else
        bus_table_cell(table, "分区 %d 叶 %llu：%.*s%s%s", (int)lane->partition, (unsigned long long)lane->waits_leaf,
                       (int)text.length, reason, cut, waiting > 1 ? "；另有分区等待 and others" : "");
}

static void print_agent(struct bus_table *table, const struct bus_agent_status *status, int64_t now_ms)
{
    char age[CLI_AGE_SIZE];
    const struct cli_word *state = cli_agent_state(status, now_ms);
    bus_table_string(table, status->subscriber);
    bus_table_string(table, status->instance);
    bus_table_cell(table, "%s %s", cli_agent_sink(status->sink)->zh, status->sink);
    bus_table_cell(table, "%s %s", state->zh, state->en);
    moment_cell(table, status->since_ms);
    bus_table_cell(table, "%zu", status->lane_count);
    moment_cell(table, status->last_applied_at_ms);
    cli_age(now_ms - status->at_ms, age);
    bus_table_string(table, age);
    reason_cell(table, status);
}

/* Also says when they are paused: the next one that starts will be. */
static void print_none(struct bus_table *table, const struct cli_subscriber_agents *agents)
{
    bus_table_string(table, agents->subscriber->name);
    bus_table_string(table, "-");
    bus_table_string(table, "-");
    bus_table_cell(table, "%s %s", cli_agent_none.zh, cli_agent_none.en);
    for (int i = 0; i < 4; i++)
        bus_table_string(table, "-");
    bus_table_string(table, agents->partitions == 0            ? "主题缺失：xinqiao topics create"
                            : cli_agents_pause(agents) != NULL ? "已下令暂停 paused by an order"
                                                               : "");
}

static int print_table(const struct cli_agents *agents)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "实例", "instance", BUS_TABLE_LEFT);
    bus_table_column(table, "去向", "sink", BUS_TABLE_LEFT);
    bus_table_column(table, "状态", "state", BUS_TABLE_LEFT);
    bus_table_column(table, "自", "since", BUS_TABLE_LEFT);
    bus_table_column(table, "分区", "partitions", BUS_TABLE_RIGHT);
    bus_table_column(table, "最近应用", "last applied", BUS_TABLE_LEFT);
    bus_table_column(table, "状态距今", "age", BUS_TABLE_LEFT);
    bus_table_column(table, "为何等待", "why it waits", BUS_TABLE_LEFT);
    for (size_t i = 0; i < agents->count; i++) {
        for (size_t j = 0; j < agents->of[i].count; j++)
            print_agent(table, &agents->of[i].of[j], agents->now_ms);
        if (agents->of[i].count == 0)
            print_none(table, &agents->of[i]);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct cli_agents *agents)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < agents->count; i++) {
        for (size_t j = 0; j < agents->of[i].count; j++)
            cli_agents_write_status(&json, &agents->of[i].of[j], agents->now_ms);
        if (agents->of[i].count == 0)
            cli_agents_write_none(&json, agents->of[i].subscriber);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

int cli_agents_list(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct cli_agents agents;
    const struct cli_option options[] = {{0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest != 0)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_agents_read(context, catalogue, NULL, &agents, &error);
    int code = status != BUS_OK ? cli_fail(status, &error) : context->json ? print_json(&agents) : print_table(&agents);
    cli_agents_release(&agents);
    return code;
}
