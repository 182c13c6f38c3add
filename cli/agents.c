/* xinqiao agents: reading how agents stand and what they were ordered, and what its parts share. */
#include "cli/agents.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/topics.h"
#include "cli/scan.h"

enum { FIRST_CAPACITY = 4 };

#define USAGE                                                                                                          \
    "agents list\n"                                                                                                    \
    "agents show SUBSCRIBER\n"                                                                                         \
    "agents pause SUBSCRIBER --officer NAME --reason TEXT\n"                                                           \
    "agents resume SUBSCRIBER --officer NAME --reason TEXT\n"                                                          \
    "agents skip SUBSCRIBER PARTITION LEAF [--officer NAME --reason TEXT]\n"                                           \
    "agents compare SUBSCRIBER --officer NAME --reason TEXT\n"                                                         \
    "agents resend SUBSCRIBER YYYY-MM-DD --officer NAME --reason TEXT"

/* --- reading --- */

/* Room for one more; NULL past `most` or out of memory. */
static void *make_room(void *of, size_t count, size_t *capacity, size_t size, size_t most)
{
    if (count < *capacity)
        return of;
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *grown = count < most ? realloc(of, wanted * size) : NULL;
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

static void copy_text(struct bus_bytes text, char *out_text, size_t size)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;
    if (length > 0)
        memcpy(out_text, text.data, length);
    out_text[length] = '\0';
}

static enum bus_status take_order(struct cli_subscriber_agents *agents, struct bus_bytes value, struct bus_error *error)
{
    struct bus_agent_order order;
    if (bus_agent_order_decode(value, &order, error) != BUS_OK)
        return BUS_OK; /* its agents leave it aside too */
    struct cli_agent_order *grown =
        make_room(agents->orders, agents->order_count, &agents->order_capacity, sizeof *agents->orders, CLI_ORDERS_MAX);
    if (grown == NULL)
        return bus_fail(error, BUS_FATAL, "more than %d orders, or out of memory", CLI_ORDERS_MAX);
    agents->orders = grown;
    struct cli_agent_order *kept = &agents->orders[agents->order_count++];
    *kept = (struct cli_agent_order){
        .kind = order.kind, .partition = order.partition, .leaf = order.leaf, .at_ms = order.at_ms};
    copy_text(order.subject, kept->subject, sizeof kept->subject);
    copy_text(order.officer, kept->officer, sizeof kept->officer);
    copy_text(order.reason, kept->reason, sizeof kept->reason);
    return BUS_OK;
}

static void forget(struct cli_subscriber_agents *agents, size_t index)
{
    bus_agent_status_release(&agents->of[index]);
    agents->of[index] = agents->of[--agents->count];
}

/* The last of an instance counts; a null takes it away. */
static enum bus_status take_status(struct cli_subscriber_agents *agents, struct bus_bytes instance,
                                   struct bus_bytes value, struct bus_error *error)
{
    struct bus_agent_status told;
    for (size_t i = 0; i < agents->count; i++)
        if (bus_bytes_equal_text(instance, agents->of[i].instance)) {
            forget(agents, i);
            break;
        }
    if (value.data == NULL)
        return BUS_OK;
    enum bus_status status = bus_agent_status_decode(value, &told, error);
    if (status == BUS_REJECT)
        return BUS_OK; /* of another release */
    if (status != BUS_OK)
        return status;
    struct bus_agent_status *grown =
        make_room(agents->of, agents->count, &agents->capacity, sizeof *agents->of, CLI_AGENTS_MAX);
    if (grown == NULL) {
        bus_agent_status_release(&told);
        return bus_fail(error, BUS_FATAL, "more than %d agents of one subscriber, or out of memory", CLI_AGENTS_MAX);
    }
    agents->of = grown;
    agents->of[agents->count++] = told;
    return BUS_OK;
}

static enum bus_status take_record(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct cli_agents *agents = self;
    size_t at = 0;
    while (at < agents->count && strcmp(agents->of[at].topic, message->topic) != 0)
        at++;
    if (at == agents->count || message->key.length == 0)
        return BUS_OK;
    struct bus_bytes rest = bus_bytes_of(message->key.data + 1, message->key.length - 1);
    switch (message->key.data[0]) {
    case 'S': return take_status(&agents->of[at], rest, message->value, error);
    case 'O': return message->value.data == NULL ? BUS_OK : take_order(&agents->of[at], message->value, error);
    default: return BUS_OK;
    }
}

static enum bus_status list_subscribers(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                        const struct bus_subscriber *only, struct cli_agents *agents,
                                        struct bus_error *error)
{
    size_t count = bus_catalogue_subscriber_count(catalogue);
    agents->of = calloc(count + 1, sizeof *agents->of);
    if (agents->of == NULL)
        return bus_fail(error, BUS_FATAL, "read agents: out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        if (only != NULL && subscriber != only)
            continue;
        struct cli_subscriber_agents *of = &agents->of[agents->count++];
        of->subscriber = subscriber;
        bus_topic_agent(context->prefix, subscriber->name, of->topic);
    }
    return BUS_OK;
}

/* Fills the partitions of those whose topic exists. */
static enum bus_status find_topics(const struct cli_context *context, struct cli_agents *agents,
                                   struct bus_error *error)
{
    char prefix[BUS_AGENT_TOPIC_SIZE];
    struct bus_topic_found *found = NULL;
    size_t count = 0;
    bus_topic_agent(context->prefix, "", prefix);
    enum bus_status status = bus_topics_list(&context->kafka, prefix, &found, &count, error);
    for (size_t i = 0; status == BUS_OK && i < agents->count; i++)
        for (size_t j = 0; j < count; j++)
            if (strcmp(found[j].name, agents->of[i].topic) == 0)
                agents->of[i].partitions = found[j].partitions - 1;
    free(found);
    return status;
}

static enum bus_status read_topics(const struct cli_context *context, struct cli_agents *agents,
                                   struct bus_error *error)
{
    struct bus_partition *places = calloc(agents->count + 1, sizeof *places);
    size_t count = 0;
    if (places == NULL)
        return bus_fail(error, BUS_FATAL, "read agents: out of memory");
    for (size_t i = 0; i < agents->count; i++)
        if (agents->of[i].partitions > 0)
            places[count++] =
                (struct bus_partition){agents->of[i].topic, agents->of[i].partitions, BUS_OFFSET_BEGINNING};
    enum bus_status status =
        count == 0 ? BUS_OK : cli_scan_places(&context->kafka, places, count, take_record, agents, error);
    free(places);
    return status;
}

static int by_instance(const void *left, const void *right)
{
    return strcmp(((const struct bus_agent_status *)left)->instance,
                  ((const struct bus_agent_status *)right)->instance);
}

enum bus_status cli_agents_read(struct cli_context *context, const struct bus_catalogue *catalogue,
                                const struct bus_subscriber *only, struct cli_agents *out_agents,
                                struct bus_error *error)
{
    *out_agents = (struct cli_agents){.now_ms = bus_clock_now_ms(&context->clock)};
    enum bus_status status = list_subscribers(context, catalogue, only, out_agents, error);
    if (status == BUS_OK)
        status = find_topics(context, out_agents, error);
    if (status == BUS_OK)
        status = read_topics(context, out_agents, error);
    for (size_t i = 0; status == BUS_OK && i < out_agents->count; i++)
        if (out_agents->of[i].count > 1)
            qsort(out_agents->of[i].of, out_agents->of[i].count, sizeof *out_agents->of[i].of, by_instance);
    return status;
}

void cli_agents_release(struct cli_agents *agents)
{
    for (size_t i = 0; i < agents->count; i++) {
        for (size_t j = 0; j < agents->of[i].count; j++)
            bus_agent_status_release(&agents->of[i].of[j]);
        free(agents->of[i].of);
        free(agents->of[i].orders);
    }
    free(agents->of);
    *agents = (struct cli_agents){0};
}

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
