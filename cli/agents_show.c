/* xinqiao agents show: all that a subscriber's agents say of themselves, partition by partition, and the orders that are in force. */
#include <stdio.h>

#include "bus/table.h"
#include "cli/agents_json.h"
#include "cli/names.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024, TEXT_SIZE = 2 * BUS_AGENT_TEXT_SIZE, HEAD_COLUMNS = 24, RESENDS_SHOWN = 10 };

#define USAGE "agents show SUBSCRIBER"

/* --- for people --- */

/* One line, its heads in a column of their own. What comes from data is cleaned. */
static void print_line(const char *head_zh, const char *head_en, const char *text)
{
    struct bus_buffer clean;
    size_t width = bus_table_width(bus_bytes_text(head_zh)) + strlen(head_en);
    bus_buffer_init(&clean, ANSWER_LIMIT);
    bus_table_clean(&clean, bus_bytes_text(text), false);
    printf("%s %s%*s  %.*s\n", head_zh, head_en, (int)(width < HEAD_COLUMNS ? HEAD_COLUMNS - width : 0), "",
           (int)clean.length, (const char *)clean.data);
    bus_buffer_release(&clean);
}

static void print_moment(const char *head_zh, const char *head_en, int64_t at_ms)
{
    char text[CLI_MOMENT_SIZE];
    cli_moment(at_ms, text);
    print_line(head_zh, head_en, at_ms == 0 ? "-" : text);
}

static void print_head(const struct bus_agent_status *status, int64_t now_ms)
{
    char text[TEXT_SIZE], since[CLI_MOMENT_SIZE], age[CLI_AGE_SIZE];
    const struct cli_word *state = cli_agent_state(status, now_ms);
    putchar('\n');
    print_line("实例", "instance", status->instance);
    snprintf(text, sizeof text, "%s %s", cli_agent_sink(status->sink)->zh, status->sink);
    print_line("去向", "sink", text);
    cli_moment(status->since_ms, since);
    snprintf(text, sizeof text, "%s %s，自 since %s", state->zh, state->en, since);
    print_line("状态", "state", text);
    if (status->reason_en[0] != '\0' || status->reason_zh[0] != '\0') {
        print_line("原因", "reason", status->reason_zh);
        print_line("", "", status->reason_en);
    }
    snprintf(text, sizeof text, "应用 applied %lld，拒绝 refused %lld（本进程 of this process）",
             (long long)status->applied, (long long)status->refused);
    print_line("投递", "deliveries", text);
    print_moment("最近应用", "last applied", status->last_applied_at_ms);
    print_moment("最新签章", "newest seal", status->seal_at_ms);
    print_moment("启动", "started", status->started_at_ms);
    cli_moment(status->at_ms, since);
    cli_age(now_ms - status->at_ms, age);
    snprintf(text, sizeof text, "%s（%s）", since, age);
    print_line("状态时间", "told at", text);
}

static bool print_lanes(const struct bus_agent_status *status)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "分区", "partition", BUS_TABLE_RIGHT);
    bus_table_column(table, "已应用", "leaves applied", BUS_TABLE_RIGHT);
    bus_table_column(table, "位点", "next offset", BUS_TABLE_RIGHT);
    bus_table_column(table, "等待自", "waits since", BUS_TABLE_LEFT);
    bus_table_column(table, "停在叶", "at leaf", BUS_TABLE_RIGHT);
    bus_table_column(table, "接收方的话", "the receiver's words", BUS_TABLE_LEFT);
    for (size_t i = 0; i < status->lane_count; i++) {
        const struct bus_agent_lane *lane = &status->lanes[i];
        char since[CLI_MOMENT_SIZE] = "";
        bus_table_cell(table, "%d", (int)lane->partition);
        bus_table_cell(table, "%llu", (unsigned long long)lane->size);
        bus_table_cell(table, "%lld", (long long)lane->next);
        if (lane->waits_since_ms != 0)
            cli_moment(lane->waits_since_ms, since);
        bus_table_string(table, since);
        if (lane->waits_since_ms != 0)
            bus_table_cell(table, "%llu", (unsigned long long)lane->waits_leaf);
        else
            bus_table_string(table, "");
        bus_table_string(table, lane->reason);
    }
    bool whole = status->lane_count == 0 || bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

/* In force: the pause, the skips, and the last resends. */
static bool is_shown(const struct cli_subscriber_agents *agents, size_t index)
{
    const struct cli_agent_order *order = &agents->orders[index];
    size_t later = 0;
    if (order->kind != BUS_AGENT_RESEND)
        return order->kind == BUS_AGENT_SKIP || order == cli_agents_pause(agents);
    for (size_t i = index + 1; i < agents->order_count; i++)
        later += agents->orders[i].kind == BUS_AGENT_RESEND;
    return later < RESENDS_SHOWN;
}

static void order_cell(struct bus_table *table, const struct cli_subscriber_agents *agents,
                       const struct cli_agent_order *order)
{
    const struct bus_agent_lane *lane = cli_agents_lane(agents, order->partition);
    if (order->kind == BUS_AGENT_SKIP)
        bus_table_cell(table, "分区 %d 叶 %lld%s", (int)order->partition, (long long)order->leaf,
                       lane != NULL && (int64_t)lane->size > order->leaf ? "（已过 passed）" : "");
    else
        bus_table_string(table, order->subject);
}

static bool print_orders(const struct cli_subscriber_agents *agents)
{
    struct bus_table *table = bus_table_create();
    size_t shown = 0;
    bus_table_column(table, "时间", "when", BUS_TABLE_LEFT);
    bus_table_column(table, "指令", "order", BUS_TABLE_LEFT);
    bus_table_column(table, "对象", "of", BUS_TABLE_LEFT);
    bus_table_column(table, "经办人", "officer", BUS_TABLE_LEFT);
    bus_table_column(table, "事由", "reason", BUS_TABLE_LEFT);
    for (size_t i = 0; i < agents->order_count; i++) {
        const struct cli_agent_order *order = &agents->orders[i];
        char when[CLI_MOMENT_SIZE];
        if (!is_shown(agents, i))
            continue;
        shown++;
        cli_moment(order->at_ms, when);
        bus_table_string(table, when);
        bus_table_cell(table, "%s %s", cli_agent_order_word(order->kind)->zh, cli_agent_order_word(order->kind)->en);
        order_cell(table, agents, order);
        bus_table_string(table, order->officer);
        bus_table_string(table, order->reason);
    }
    printf("\n有效的指令 / orders in force: %zu\n", shown);
    bool whole = shown == 0 || bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static int print_text(const struct cli_subscriber_agents *agents, int64_t now_ms)
{
    char text[TEXT_SIZE];
    bool whole = true;
    snprintf(text, sizeof text, "%s %s", agents->subscriber->name_zh, agents->subscriber->name);
    print_line("订阅方", "subscriber", text);
    for (size_t i = 0; whole && i < agents->count; i++) {
        print_head(&agents->of[i], now_ms);
        whole = print_lanes(&agents->of[i]);
    }
    if (agents->count == 0)
        print_line("代理", "agents",
                   agents->partitions == 0 ? "主题缺失：xinqiao topics create / its topic is missing"
                                           : "没有代理报告过 none has told of itself yet");
    return whole && print_orders(agents) ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- for programs --- */

static int print_json(const struct cli_subscriber_agents *agents, int64_t now_ms)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "subscriber");
    bus_json_string(&json, agents->subscriber->name);
    bus_json_name(&json, "paused");
    bus_json_boolean(&json, cli_agents_pause(agents) != NULL);
    bus_json_name(&json, "agents");
    bus_json_array(&json);
    for (size_t i = 0; i < agents->count; i++)
        cli_agents_write_status(&json, &agents->of[i], now_ms);
    bus_json_end_array(&json);
    bus_json_name(&json, "orders");
    bus_json_array(&json);
    for (size_t i = 0; i < agents->order_count; i++)
        if (is_shown(agents, i))
            cli_agents_write_order(&json, &agents->orders[i]);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

int cli_agents_show(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct cli_agents agents;
    const struct cli_option options[] = {{0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest != 1)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    const struct bus_subscriber *subscriber = catalogue == NULL ? NULL : cli_subscriber(catalogue, argv[1]);
    if (subscriber == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_agents_read(context, catalogue, subscriber, &agents, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? print_json(&agents.of[0], agents.now_ms)
                                : print_text(&agents.of[0], agents.now_ms);
    cli_agents_release(&agents);
    return code;
}
