/* xinqiao agents: what agents say together, the words for it, and the command's parts. */
#include "cli/agents.h"

#define USAGE                                                                                                          \
    "agents list\n"                                                                                                    \
    "agents show SUBSCRIBER\n"                                                                                         \
    "agents pause SUBSCRIBER --officer NAME --reason TEXT\n"                                                           \
    "agents resume SUBSCRIBER --officer NAME --reason TEXT\n"                                                          \
    "agents skip SUBSCRIBER PARTITION LEAF [--officer NAME --reason TEXT]\n"                                           \
    "agents compare SUBSCRIBER --officer NAME --reason TEXT\n"                                                         \
    "agents resend SUBSCRIBER YYYY-MM-DD --officer NAME --reason TEXT"

/* --- what they say together --- */

const struct cli_agent_order *cli_agents_pause(const struct cli_subscriber_agents *agents)
{
    for (size_t i = agents->order_count; i-- > 0;) {
        if (agents->orders[i].kind == BUS_AGENT_PAUSE)
            return &agents->orders[i];
        if (agents->orders[i].kind == BUS_AGENT_RESUME)
            return NULL;
    }
    return NULL;
}

const struct bus_agent_lane *cli_agents_lane(const struct cli_subscriber_agents *agents, int32_t partition)
{
    const struct bus_agent_lane *lane = NULL;
    int64_t at_ms = INT64_MIN;
    for (size_t i = 0; i < agents->count; i++)
        for (size_t j = 0; j < agents->of[i].lane_count; j++)
            if (agents->of[i].lanes[j].partition == partition && agents->of[i].at_ms > at_ms) {
                lane = &agents->of[i].lanes[j];
                at_ms = agents->of[i].at_ms;
            }
    return lane;
}

const struct cli_agent_order *cli_agents_skip_of(const struct cli_subscriber_agents *agents, int32_t partition,
                                                 int64_t leaf)
{
    for (size_t i = 0; i < agents->order_count; i++)
        if (agents->orders[i].kind == BUS_AGENT_SKIP && agents->orders[i].partition == partition &&
            agents->orders[i].leaf == leaf)
            return &agents->orders[i];
    return NULL;
}

const struct bus_agent_lane *cli_agent_waiting(const struct bus_agent_status *status, size_t *out_count)
{
    const struct bus_agent_lane *longest = NULL;
    *out_count = 0;
    for (size_t i = 0; i < status->lane_count; i++) {
        const struct bus_agent_lane *lane = &status->lanes[i];
        if (lane->waits_since_ms == 0)
            continue;
        ++*out_count;
        if (longest == NULL || lane->waits_since_ms < longest->waits_since_ms)
            longest = lane;
    }
    return longest;
}

/* --- words --- */

const struct cli_word cli_agent_none = {"NONE", "无代理", "no agent"};

const struct cli_word *cli_agent_state(const struct bus_agent_status *status, int64_t now_ms)
{
    static const struct cli_word silent = {"SILENT", "失联", "silent"};
    static const struct cli_word words[BUS_AGENT_STATE_COUNT] = {{"WORKING", "运行", "working"},
                                                                 {"WAITING", "等待", "waiting"},
                                                                 {"PAUSED", "已暂停", "paused"},
                                                                 {"STOPPED", "已停止", "stopped"}};
    if (status->state != BUS_AGENT_STOPPED && now_ms - status->at_ms > CLI_AGENT_SILENT_MS)
        return &silent;
    return &words[status->state];
}

/* A word that is not known stands for itself. */
const struct cli_word *cli_agent_sink(const char *sink)
{
    static struct cli_word unknown;
    static const struct cli_word words[] = {{"postgresql", "数据库", "postgresql"},
                                            {"ndjson", "文件", "ndjson"},
                                            {"https", "接口", "https"},
                                            {"province", "省平台", "province"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, sink) == 0)
            return &words[i];
    unknown = (struct cli_word){sink, sink, ""};
    return &unknown;
}

const struct cli_word *cli_agent_order_word(enum bus_agent_order_kind kind)
{
    static const struct cli_word words[BUS_AGENT_ORDER_COUNT] = {{"PAUSE", "暂停", "pause"},
                                                                 {"RESUME", "恢复", "resume"},
                                                                 {"SKIP", "跳过", "skip"},
                                                                 {"RESEND", "重发", "resend"}};
    return &words[kind];
}

/* --- the command --- */

int cli_agents_command(struct cli_context *context, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli_context *context, int argc, char **argv);
    } parts[] = {
        {"list", cli_agents_list},     {"show", cli_agents_show}, {"pause", cli_agents_order},
        {"resume", cli_agents_order},  {"skip", cli_agents_skip}, {"resend", cli_agents_order},
        {"compare", cli_agents_order},
    };
    for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].run(context, argc - 1, argv + 1);
    return cli_usage(USAGE);
}
