/* xinqiao agents pause, resume, compare, resend: an officer's word to a subscriber's agents, which obey within seconds. Who ordered what and why
 * stays in the topic for ever, `agents show` lists what is in force. */
#include <stdio.h>

#include "bus/books.h"
#include "bus/table.h"
#include "cli/agents.h"
#include "cli/names.h"
#include "cli/officer.h"
#include "cli/scan.h"

enum { RECORD_LIMIT = 64 * 1024, KEY_SIZE = 64, RANDOM_SIZE = 8 };

/* The province's sink compares what it holds with what the province holds, now, when it is told to send "compare" again. */
#define COMPARE "compare"

static const struct kind {
    const char *name;
    enum bus_agent_order_kind kind;
    bool has_day;
    const char *usage, *done_zh, *done_en;
} kinds[] = {
    {"pause", BUS_AGENT_PAUSE, false, "agents pause SUBSCRIBER --officer NAME --reason TEXT",
     "已要求暂停，其代理几秒内停止投递；投递在 Kafka 中等待，恢复后接着投递，一条不少",
     "asked to pause: its agents bring nothing from the next seconds on; deliveries wait in Kafka and none is lost"},
    {"resume", BUS_AGENT_RESUME, false, "agents resume SUBSCRIBER --officer NAME --reason TEXT",
     "已要求恢复，其代理几秒内继续投递", "asked to resume: its agents go on within seconds"},
    {"compare", BUS_AGENT_RESEND, false, "agents compare SUBSCRIBER --officer NAME --reason TEXT",
     "已要求立即与省平台比对；结果见其代理的比对报告",
     "asked to compare with the province now; the agent's report tells what differs"},
    {"resend", BUS_AGENT_RESEND, true, "agents resend SUBSCRIBER YYYY-MM-DD --officer NAME --reason TEXT",
     "已要求重发该日的比对所缺的记录；完成情况见其代理的日志与比对报告",
     "asked to send again what the comparison of that day found missing; the agent's log and report tell how it went"},
};

struct ordering {
    struct cli_context *context;
    const struct kind *kind;
    const char *officer, *reason;
    const char *subject; /* RESEND */
};

/* --- shared with skip --- */

static enum bus_status produce(const struct cli_context *context, const struct cli_subscriber_agents *agents,
                               struct bus_bytes key, struct bus_bytes value, struct bus_error *error)
{
    struct bus_producer *producer = NULL;
    const struct bus_record record = {
        .topic = agents->topic, .partition = agents->partitions, .key = key, .value = value};
    enum bus_status status = bus_producer_open(&context->kafka, &(struct bus_producer_options){0}, &producer, error);
    if (status == BUS_OK)
        status = bus_producer_produce(producer, &record, error);
    if (status == BUS_OK)
        status = bus_producer_flush(producer, error);
    bus_producer_close(producer);
    return status;
}

enum bus_status cli_agents_send(const struct cli_context *context, const struct cli_subscriber_agents *agents,
                                const struct bus_agent_order *order, struct bus_error *error)
{
    struct bus_agent_order dated = *order;
    struct bus_buffer buffer;
    uint8_t random[RANDOM_SIZE];
    char digits[2 * RANDOM_SIZE + 1], key[KEY_SIZE];
    if (agents->partitions == 0)
        return bus_fail(error, BUS_REJECT, "topic %s does not exist; create it with `xinqiao topics create`",
                        agents->topic);
    dated.at_ms = bus_clock_now_ms(&context->clock);
    bus_random(random, sizeof random);
    bus_hex(random, sizeof random, digits);
    snprintf(key, sizeof key, "O%lld-%s", (long long)dated.at_ms, digits);
    bus_buffer_init(&buffer, RECORD_LIMIT);
    enum bus_status status = bus_agent_order_encode(&dated, &buffer, error);
    if (status == BUS_OK)
        status = produce(context, agents, bus_bytes_text(key), bus_buffer_view(&buffer), error);
    bus_buffer_release(&buffer);
    return status;
}

/* --- whether it makes sense --- */

/* Agents that told where they bring deliveries, none of them to the province: nobody would obey. */
static bool nobody_resends(const struct cli_subscriber_agents *agents)
{
    for (size_t i = 0; i < agents->count; i++)
        if (strcmp(agents->of[i].sink, "province") == 0)
            return false;
    return agents->count > 0;
}

static int check(const struct ordering *ordering, const struct cli_subscriber_agents *agents)
{
    bool is_paused = cli_agents_pause(agents) != NULL;
    if (ordering->kind->kind == BUS_AGENT_PAUSE && is_paused)
        return cli_say(CLI_NO, "该订阅方的代理已经暂停，见 agents show",
                       "its agents are paused already, see `agents show`");
    if (ordering->kind->kind == BUS_AGENT_RESUME && !is_paused)
        return cli_say(CLI_NO, "该订阅方的代理没有暂停", "its agents are not paused");
    if (ordering->kind->kind == BUS_AGENT_RESEND && nobody_resends(agents))
        return cli_say(
            CLI_NO, "只有省平台的代理能按日重发；其他订阅方用 xinqiao resync",
            "only an agent of the provincial platform sends a day again; for others there is `xinqiao resync`");
    return CLI_DONE;
}

/* --- ordering --- */

static int tell(const struct ordering *ordering, const struct cli_subscriber_agents *agents)
{
    struct bus_buffer buffer;
    struct bus_json json;
    if (!ordering->context->json) {
        printf("✓ %s：%s\n  %s\n", agents->subscriber->name, ordering->kind->done_zh, ordering->kind->done_en);
        if (agents->count == 0)
            puts(
                "  目前没有代理报告过状态，其代理启动后执行 / no agent has told of itself yet: the one that starts obeys");
        return CLI_DONE;
    }
    bus_buffer_init(&buffer, RECORD_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "subscriber");
    bus_json_string(&json, agents->subscriber->name);
    bus_json_name(&json, "order");
    bus_json_string(&json, bus_agent_order_name(ordering->kind->kind));
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int order(const struct ordering *ordering, const struct cli_subscriber_agents *agents)
{
    struct bus_error error;
    const struct bus_agent_order given = {
        .kind = ordering->kind->kind,
        .partition = -1,
        .leaf = -1,
        .subject = bus_bytes_text(ordering->subject),
        .officer = bus_bytes_text(ordering->officer),
        .reason = bus_bytes_text(ordering->reason),
    };
    int code = check(ordering, agents);
    if (code != CLI_DONE)
        return code;
    enum bus_status status = cli_agents_send(ordering->context, agents, &given, &error);
    return status == BUS_OK ? tell(ordering, agents) : cli_fail(status, &error);
}

/* --- the command --- */

static bool is_day(const char *text)
{
    int32_t day;
    return bus_book_day_read(bus_bytes_text(text), &day);
}

int cli_agents_order(struct cli_context *context, int argc, char **argv)
{
    struct ordering ordering = {.context = context, .subject = ""};
    struct cli_agents agents;
    struct bus_error error;
    const struct cli_option options[] = {
        {"officer", CLI_OPTION_TEXT, &ordering.officer},
        {"reason", CLI_OPTION_TEXT, &ordering.reason},
        {0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(argv[0], kinds[i].name) == 0)
            ordering.kind = &kinds[i];
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest != (ordering.kind->has_day ? 2 : 1))
        return cli_usage(ordering.kind->usage);
    if (ordering.kind->kind == BUS_AGENT_RESEND)
        ordering.subject = ordering.kind->has_day ? argv[2] : COMPARE;
    if (ordering.kind->has_day && !is_day(ordering.subject))
        return cli_say(CLI_WRONG_USE, "请写日期，如 2026-11-24", "give a day such as 2026-11-24");
    if (!cli_is_answered_for("指令", "an order", ordering.officer, ordering.reason))
        return CLI_WRONG_USE;
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    const struct bus_subscriber *subscriber = catalogue == NULL ? NULL : cli_subscriber(catalogue, argv[1]);
    if (subscriber == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_agents_read(context, catalogue, subscriber, &agents, &error);
    int code = status == BUS_OK ? order(&ordering, &agents.of[0]) : cli_fail(status, &error);
    cli_agents_release(&agents);
    return code;
}
