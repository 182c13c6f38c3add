/* xinqiao agents skip: a delivery that a receiver will never take is left out. It is shown first; the agents then refuse it with code SKIPPED,
 * and a receipt says so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/prove.h"
#include "cli/agents.h"
#include "cli/delivery.h"
#include "cli/names.h"
#include "cli/officer.h"

enum { RECORD_LIMIT = 64 * 1024, ITEM_SIZE = 256 };

#define USAGE "agents skip SUBSCRIBER PARTITION LEAF [--officer NAME --reason TEXT]"

struct skipping {
    struct cli_context *context;
    const struct bus_catalogue *catalogue;
    const struct cli_subscriber_agents *agents;
    int32_t partition;
    int64_t leaf;
    const char *officer, *reason; /* NULL: only looked at */
    const struct bus_agent_lane *lane;
    struct bus_proof proof; /* the delivery, as it stands in its log */
    struct cli_delivery_head head;
    char item[ITEM_SIZE]; /* department/item, "" when the catalogue knows its view no more */
    char identity[2 * BUS_IDENTITY_SIZE + 1];
};

/* --- the delivery --- */

static enum bus_status find_item(struct skipping *skipping, struct bus_error *error)
{
    struct bus_views *views = NULL;
    enum bus_status status = bus_views_create(skipping->catalogue, &views, error);
    if (status != BUS_OK)
        return status;
    const struct bus_view *view = bus_views_find(views, skipping->agents->subscriber->name, skipping->head.fingerprint);
    if (view != NULL)
        snprintf(skipping->item, sizeof skipping->item, "%s/%s", view->item->department->name, view->item->name);
    bus_views_destroy(views);
    return BUS_OK;
}

static enum bus_status find_delivery(struct skipping *skipping, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    const struct bus_proof *proof = &skipping->proof;
    bus_topic_out(skipping->context->prefix, skipping->agents->subscriber->name, topic);
    enum bus_status status = bus_prove_leaf(&skipping->context->kafka, topic, skipping->partition,
                                            (uint64_t)skipping->leaf, &skipping->proof, error);
    if (status == BUS_REJECT && error->message_zh[0] == '\0')
        snprintf(error->message_zh, sizeof error->message_zh, "日志中没有这一叶：尚未签章，或已超过保存期");
    if (status != BUS_OK)
        return status;
    if (proof->key.length != BUS_IDENTITY_SIZE || !cli_delivery_read(bus_buffer_view(&proof->value), &skipping->head))
        return bus_fail(error, BUS_REJECT, "leaf %lld of %s/%d is no delivery", (long long)skipping->leaf, topic,
                        (int)skipping->partition);
    bus_hex(proof->key.data, BUS_IDENTITY_SIZE, skipping->identity);
    return find_item(skipping, error);
}

/* --- whether it makes sense --- */

static int check(struct skipping *skipping)
{
    if (skipping->agents->partitions == 0)
        return cli_say(CLI_NO, "该订阅方的代理主题缺失：xinqiao topics create",
                       "the topic of its agents is missing: xinqiao topics create");
    if (skipping->partition >= skipping->agents->partitions)
        return cli_say(CLI_NO, "没有这个分区", "there is no such partition");
    if (cli_agents_skip_of(skipping->agents, skipping->partition, skipping->leaf) != NULL)
        return cli_say(CLI_NO, "该投递已下令跳过，见 agents show",
                       "it was ordered to be skipped already, see `agents show`");
    skipping->lane = cli_agents_lane(skipping->agents, skipping->partition);
    if (skipping->lane == NULL)
        return cli_say(CLI_NO, "没有代理报告过该分区到了哪里，无法判断；请先启动代理",
                       "no agent has told how far that partition is: start one first");
    if ((uint64_t)skipping->leaf < skipping->lane->size)
        return cli_say(
            CLI_NO, "该投递已经应用或已被拒绝，跳过不再有作用；停在哪一条见 agents list",
            "it was applied or refused already, there is nothing to skip; `agents list` shows where it waits");
    return CLI_DONE;
}

/* --- telling --- */

static void print_delivery(const struct skipping *skipping)
{
    char words[CLI_DELIVERY_WORDS_SIZE];
    bool waits = skipping->lane->waits_since_ms != 0 && (int64_t)skipping->lane->waits_leaf == skipping->leaf;
    cli_delivery_words(skipping->head.operation, skipping->head.reason, words);
    printf("订阅方 / subscriber: %s    分区 / partition: %d    叶 / leaf: %lld    位点 / offset: %lld\n",
           skipping->agents->subscriber->name, (int)skipping->partition, (long long)skipping->leaf,
           (long long)skipping->proof.offset);
    printf("目录项 / item: %s    记录 / record: %s\n", skipping->item[0] != '\0' ? skipping->item : "?",
           skipping->identity);
    printf("操作 / operation: %s\n", words);
    puts(waits ? "代理正停在这一条 / the agent waits at it" : "代理尚未到这一条 / the agent has not come to it yet");
    if (cli_delivery_matters(&skipping->head))
        puts("⚠ 这是收回、状态或更正：跳过后接收方仍保留旧内容，请另行通知\n"
             "  a withdrawal, status or correction: skipped, the receiver keeps what it had, so tell it otherwise");
}

static void write_json(const struct skipping *skipping, bool ordered, struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    bus_json_name(&json, "subscriber");
    bus_json_string(&json, skipping->agents->subscriber->name);
    bus_json_name(&json, "partition");
    bus_json_integer(&json, skipping->partition);
    bus_json_name(&json, "leaf");
    bus_json_integer(&json, skipping->leaf);
    bus_json_name(&json, "offset");
    bus_json_integer(&json, skipping->proof.offset);
    bus_json_name(&json, "item");
    bus_json_string(&json, skipping->item);
    bus_json_name(&json, "record");
    bus_json_string(&json, skipping->identity);
    bus_json_name(&json, "operation");
    bus_json_string(&json, bus_delivery_operation_name(skipping->head.operation));
    bus_json_name(&json, "reason");
    bus_json_string(&json, bus_delivery_reason_name(skipping->head.reason));
    bus_json_name(&json, "ordered");
    bus_json_boolean(&json, ordered);
    bus_json_end_object(&json);
}

static int tell(const struct skipping *skipping, bool ordered)
{
    struct bus_buffer buffer;
    if (!skipping->context->json) {
        if (ordered)
            puts("✓ 已下令跳过：代理不再投递这一条，并以回执 SKIPPED 说明\n"
                 "  ordered: the agent does not bring it, and says so in a receipt with code SKIPPED");
        else
            puts("确认跳过时加上 --officer 姓名 --reason 事由 / to skip it, add --officer NAME --reason TEXT");
        return CLI_DONE;
    }
    bus_buffer_init(&buffer, RECORD_LIMIT);
    write_json(skipping, ordered, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int skip(struct skipping *skipping)
{
    struct bus_error error;
    int code = check(skipping);
    if (code != CLI_DONE)
        return code;
    enum bus_status status = find_delivery(skipping, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (!skipping->context->json)
        print_delivery(skipping);
    if (skipping->officer == NULL)
        return tell(skipping, false);
    const struct bus_agent_order order = {
        .kind = BUS_AGENT_SKIP,
        .partition = skipping->partition,
        .leaf = skipping->leaf,
        .officer = bus_bytes_text(skipping->officer),
        .reason = bus_bytes_text(skipping->reason),
    };
    status = cli_agents_send(skipping->context, skipping->agents, &order, &error);
    return status == BUS_OK ? tell(skipping, true) : cli_fail(status, &error);
}

/* --- the command --- */

static bool read_number(const char *text, int64_t most, int64_t *out_number)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *out_number = number;
    return errno == 0 && end != text && *end == '\0' && number >= 0 && number <= most;
}

static int read_and_skip(struct skipping *skipping, const struct bus_subscriber *subscriber)
{
    struct bus_error error;
    struct cli_agents agents;
    enum bus_status status = cli_agents_read(skipping->context, skipping->catalogue, subscriber, &agents, &error);
    skipping->agents = agents.of;
    bus_proof_init(&skipping->proof);
    int code = status == BUS_OK ? skip(skipping) : cli_fail(status, &error);
    bus_proof_release(&skipping->proof);
    cli_agents_release(&agents);
    return code;
}

int cli_agents_skip(struct cli_context *context, int argc, char **argv)
{
    static struct skipping skipping;
    skipping = (struct skipping){.context = context};
    const struct cli_option options[] = {
        {"officer", CLI_OPTION_TEXT, &skipping.officer},
        {"reason", CLI_OPTION_TEXT, &skipping.reason},
        {0},
    };
    int64_t partition;
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest != 3 || !read_number(argv[2], INT32_MAX, &partition) || !read_number(argv[3], INT64_MAX, &skipping.leaf))
        return cli_usage(USAGE);
    skipping.partition = (int32_t)partition;
    if ((skipping.officer != NULL || skipping.reason != NULL) &&
        !cli_is_answered_for("指令", "an order", skipping.officer, skipping.reason))
        return CLI_WRONG_USE;
    if (cli_kafka(context) == NULL || (skipping.catalogue = cli_catalogue(context)) == NULL)
        return CLI_WRONG_USE;
    const struct bus_subscriber *subscriber = cli_subscriber(skipping.catalogue, argv[1]);
    return subscriber == NULL ? CLI_WRONG_USE : read_and_skip(&skipping, subscriber);
}
