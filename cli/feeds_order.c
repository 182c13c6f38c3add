/* xinqiao feeds pause, resume, approve, reject: an officer's word about a feed. Its adapter reads it within seconds; who ordered what and
 * why stays in xq.orders for ever, `feeds show` lists it. */
#include <stdio.h>

#include "bus/topics.h"
#include "cli/feeds.h"
#include "cli/officer.h"
#include "cli/scan.h"

enum { RECORD_LIMIT = 64 * 1024, KEY_SIZE = 2 * BUS_FEED_TEXT_SIZE, MIN_DIGEST = 8 };

#define LIST_USAGE(name) "feeds " name " FEED DIGEST --officer NAME --reason TEXT"
#define FEED_USAGE(name) "feeds " name " FEED --officer NAME --reason TEXT"

static const struct kind {
    const char *name;
    enum bus_feed_order_kind kind;
    bool is_about_a_list;
    const char *usage;
    const char *done_zh, *done_en;
} kinds[] = {
    {"pause", BUS_FEED_PAUSE, false, FEED_USAGE("pause"),
     "已要求暂停，适配器几秒内停止接收该数据源；已到的文件留在原处",
     "asked to pause: its adapter takes nothing of the feed from the next seconds on; what arrives waits"},
    {"resume", BUS_FEED_RESUME, false, FEED_USAGE("resume"), "已要求恢复，适配器几秒内继续接收",
     "asked to resume: its adapter goes on within seconds"},
    {"approve", BUS_FEED_APPROVE, true, LIST_USAGE("approve"), "已批准，适配器随即接收该清单并撤回清单上已没有的记录",
     "approved: its adapter takes the list now and withdraws what the list names no more"},
    {"reject", BUS_FEED_REJECT, true, LIST_USAGE("reject"), "已驳回，该清单不予接收，移入 held/，请部门更正后重新报送",
     "rejected: the list is not taken and goes to held/; the department corrects it and delivers again"},
};

struct ordering {
    struct cli_context *context;
    const struct kind *kind;
    const char *officer, *reason;
    const char *digest; /* as given: the first digits of it */
    struct cli_feeds feeds;
    const struct cli_feed *feed;
    int64_t at_ms;
};

/* --- whether it makes sense --- */

static bool is_the_held(const struct ordering *ordering)
{
    char digest[2 * BUS_DIGEST_SIZE + 1];
    bus_hex(ordering->feed->status.held.digest, BUS_DIGEST_SIZE, digest);
    return strncasecmp(digest, ordering->digest, strlen(ordering->digest)) == 0;
}

static int check(const struct ordering *ordering)
{
    const struct bus_feed_status *status = &ordering->feed->status;
    if (ordering->kind->is_about_a_list && !status->held.is_held)
        return cli_say(CLI_NO, "该数据源没有等待批准的清单，见 feeds show",
                       "no list of this feed waits for approval, see `feeds show`");
    if (ordering->kind->is_about_a_list && !is_the_held(ordering))
        return cli_say(CLI_NO, "等待批准的不是这份清单：摘要不同，请用 feeds show 重新核对",
                       "another list waits for approval: the digest differs, look again with `feeds show`");
    if (ordering->kind->kind == BUS_FEED_PAUSE && status->is_paused)
        return cli_say(CLI_NO, "该数据源已经暂停", "the feed is paused already");
    if (ordering->kind->kind == BUS_FEED_RESUME && !status->is_paused)
        return cli_say(CLI_NO, "该数据源没有暂停", "the feed is not paused");
    return CLI_DONE;
}

/* --- ordering --- */

static enum bus_status encode(const struct ordering *ordering, struct bus_buffer *buffer, struct bus_error *error)
{
    const struct bus_feed_status *status = &ordering->feed->status;
    struct bus_feed_order order = {
        .kind = ordering->kind->kind,
        .adapter = bus_bytes_text(status->adapter),
        .feed = bus_bytes_text(status->feed),
        .officer = bus_bytes_text(ordering->officer),
        .reason = bus_bytes_text(ordering->reason),
        .at_ms = ordering->at_ms,
    };
    if (ordering->kind->is_about_a_list) {
        memcpy(order.digest, status->held.digest, sizeof order.digest);
        order.held_at_ms = status->held.at_ms;
    }
    return bus_feed_order_encode(&order, buffer, error);
}

static enum bus_status write_order(const struct ordering *ordering, const char *topic, struct bus_error *error)
{
    struct bus_producer *producer = NULL;
    struct bus_buffer buffer;
    char key[KEY_SIZE];
    bus_buffer_init(&buffer, RECORD_LIMIT);
    snprintf(key, sizeof key, "%s/%s", ordering->feed->status.adapter, ordering->feed->status.feed);
    enum bus_status status = encode(ordering, &buffer, error);
    if (status == BUS_OK)
        status = bus_producer_open(&ordering->context->kafka, &(struct bus_producer_options){0}, &producer, error);
    if (status == BUS_OK) {
        const struct bus_record record = {
            .topic = topic, .partition = 0, .key = bus_bytes_text(key), .value = bus_buffer_view(&buffer)};
        status = bus_producer_produce(producer, &record, error);
    }
    if (status == BUS_OK)
        status = bus_producer_flush(producer, error);
    bus_producer_close(producer);
    bus_buffer_release(&buffer);
    return status;
}

/* The topic is asked for first: then a Kafka that is away, or lacks it, is told at once. */
static enum bus_status send(const struct ordering *ordering, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    int32_t partitions;
    bus_topic_named(ordering->context->prefix, BUS_TOPIC_ORDERS, topic);
    enum bus_status status = cli_scan_partitions(&ordering->context->kafka, topic, &partitions, error);
    return status == BUS_OK ? write_order(ordering, topic, error) : status;
}

static int tell(const struct ordering *ordering)
{
    const struct bus_feed_status *status = &ordering->feed->status;
    struct bus_buffer buffer;
    struct bus_json json;
    if (!ordering->context->json) {
        printf("✓ %s/%s：%s\n  %s\n", status->adapter, status->feed, ordering->kind->done_zh, ordering->kind->done_en);
        return CLI_DONE;
    }
    bus_buffer_init(&buffer, RECORD_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "adapter");
    bus_json_string(&json, status->adapter);
    bus_json_name(&json, "feed");
    bus_json_string(&json, status->feed);
    bus_json_name(&json, "order");
    bus_json_string(&json, bus_feed_order_name(ordering->kind->kind));
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int order(struct ordering *ordering, const char *name)
{
    struct bus_error error;
    enum bus_status status = cli_feeds_read(ordering->context, NULL, &ordering->feeds, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    ordering->feed = cli_feeds_find(&ordering->feeds, name);
    if (ordering->feed == NULL)
        return CLI_NO;
    int code = check(ordering);
    if (code != CLI_DONE)
        return code;
    status = send(ordering, &error);
    return status == BUS_OK ? tell(ordering) : cli_fail(status, &error);
}

/* --- the command --- */

static bool is_good_digest(const char *text)
{
    size_t length = strspn(text, "0123456789abcdefABCDEF");
    return text[length] == '\0' && length >= MIN_DIGEST && length <= 2 * BUS_DIGEST_SIZE;
}

int cli_feeds_order(struct cli_context *context, int argc, char **argv)
{
    struct ordering ordering = {.context = context, .at_ms = bus_clock_now_ms(&context->clock)};
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
    if (rest != (ordering.kind->is_about_a_list ? 2 : 1))
        return cli_usage(ordering.kind->usage);
    ordering.digest = ordering.kind->is_about_a_list ? argv[2] : "";
    if (ordering.kind->is_about_a_list && !is_good_digest(ordering.digest))
        return cli_say(CLI_WRONG_USE, "摘要是 feeds show 所列的十六进制数，至少写前8位",
                       "the digest is the hex number that `feeds show` tells, at least its first 8 digits");
    if (!cli_is_answered_for("指令", "an order", ordering.officer, ordering.reason))
        return CLI_WRONG_USE;
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    int code = order(&ordering, argv[1]);
    cli_feeds_release(&ordering.feeds);
    return code;
}
