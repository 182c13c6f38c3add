/* xinqiao resync: asks the gateway to deliver again what is current, to one subscriber. The request goes to every partition in one
 * transaction; each partition's worker does its part between live events (gateway/resync.h). */
#include <stdio.h>

#include "bus/json.h"
#include "bus/request.h"
#include "bus/topics.h"
#include "cli/names.h"
#include "cli/officer.h"
#include "cli/scan.h"

enum { RECORD_LIMIT = 16 * 1024, ANSWER_LIMIT = 64 * 1024, ITEM_SIZE = 256, TRANSACTION_MS = 60000 };

#define USAGE "resync SUBSCRIBER [DEPARTMENT/ITEM] --officer NAME --reason TEXT"
#define TRANSACTIONAL_ID "xq-cli-resync"

struct asking {
    const struct cli_context *context;
    const char *officer, *reason;
    const struct bus_subscriber *subscriber;
    const struct bus_item *item; /* NULL = all that it may have */
    char item_text[ITEM_SIZE];   /* "department/item" or "" */
    int32_t partitions;
    int64_t at_ms;
};

/* --- what is asked --- */

static bool may_ever_have(const struct bus_subscriber *subscriber, const struct bus_item *item)
{
    for (size_t i = 0; i < subscriber->grant_count; i++)
        if (bus_grant_covers(&subscriber->grants[i], item))
            return true;
    return false;
}

static int read_names(struct cli_context *context, struct asking *asking, const char *subscriber, const char *item)
{
    const struct bus_catalogue *catalogue = cli_catalogue(context);
    if (catalogue == NULL || cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    asking->subscriber = cli_subscriber(catalogue, subscriber);
    if (asking->subscriber == NULL)
        return CLI_WRONG_USE;
    if (item == NULL)
        return CLI_DONE;
    asking->item = cli_item_path(catalogue, item);
    if (asking->item == NULL)
        return CLI_WRONG_USE;
    if (!may_ever_have(asking->subscriber, asking->item))
        return cli_say(CLI_NO, "该订阅方没有这个目录项的授权，无可投递",
                       "no grant of this subscriber is about that item: there is nothing to deliver");
    snprintf(asking->item_text, sizeof asking->item_text, "%s/%s", asking->item->department->name, asking->item->name);
    return CLI_DONE;
}

/* --- asking --- */

static enum bus_status encode(const struct asking *asking, struct bus_buffer *buffer, struct bus_error *error)
{
    const struct bus_request request = {
        .kind = BUS_REQUEST_RESYNC,
        .subscriber = bus_bytes_text(asking->subscriber->name),
        .item = bus_bytes_text(asking->item_text),
        .officer = bus_bytes_text(asking->officer),
        .reason = bus_bytes_text(asking->reason),
        .at_ms = asking->at_ms,
    };
    return bus_request_encode(&request, buffer, error);
}

static enum bus_status write_all(const struct asking *asking, struct bus_producer *producer, const char *topic,
                                 struct bus_error *error)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, RECORD_LIMIT);
    enum bus_status status = encode(asking, &buffer, error);
    if (status == BUS_OK)
        status = bus_producer_begin(producer, error);
    for (int32_t i = 0; status == BUS_OK && i < asking->partitions; i++) {
        struct bus_record record = {.topic = topic, .partition = i, .value = bus_buffer_view(&buffer)};
        status = bus_producer_produce(producer, &record, error);
    }
    if (status == BUS_OK)
        status = bus_producer_commit(producer, error);
    struct bus_error ignored;
    if (status == BUS_RETRY && bus_producer_abort(producer, &ignored) != BUS_OK)
        status = BUS_FATAL;
    bus_buffer_release(&buffer);
    return status;
}

static enum bus_status ask(struct asking *asking, struct bus_error *error)
{
    struct bus_producer_options options = {.transactional_id = TRANSACTIONAL_ID,
                                           .transaction_timeout_ms = TRANSACTION_MS};
    struct bus_producer *producer = NULL;
    char topic[BUS_TOPIC_SIZE];
    bus_topic_named(asking->context->prefix, BUS_TOPIC_REQUESTS, topic);
    /* Opening a producer waits for ever; this tells at once when Kafka is away. */
    enum bus_status status = cli_scan_partitions(&asking->context->kafka, topic, &asking->partitions, error);
    if (status == BUS_OK)
        status = bus_producer_open(&asking->context->kafka, &options, &producer, error);
    if (status == BUS_OK)
        status = write_all(asking, producer, topic, error);
    bus_producer_close(producer);
    return status;
}

/* --- the answer --- */

static int print_json(const struct asking *asking)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "subscriber");
    bus_json_string(&json, asking->subscriber->name);
    bus_json_name(&json, "item");
    bus_json_string(&json, asking->item_text);
    bus_json_name(&json, "partitions");
    bus_json_integer(&json, asking->partitions);
    bus_json_name(&json, "at_ms");
    bus_json_integer(&json, asking->at_ms);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int tell(const struct asking *asking)
{
    if (asking->context->json)
        return print_json(asking);
    const char *item_zh = asking->item != NULL ? asking->item_text : "其有权取得的全部目录项";
    const char *item_en = asking->item != NULL ? asking->item_text : "all items that it may have";
    printf("✓ 已请求向 %s 重新投递%s%s，%d 个分区各一条\n", asking->subscriber->name, asking->item != NULL ? " " : "",
           item_zh, (int)asking->partitions);
    printf("  requested: %s again to %s, one request in each of %d partitions\n", item_en, asking->subscriber->name,
           (int)asking->partitions);
    printf(
        "  网关在实时投递的间隙重新投递有效记录；每个目录项首尾各有标记，收完后代理删除未再投递的行。已投递条数见 xinqiao books\n"
        "  the gateway delivers what is current between live events, each item between two marks; then the agent removes the "
        "rows that were not named again. `xinqiao books` counts them\n");
    return CLI_DONE;
}

/* --- the command --- */

int cli_resync(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct asking asking = {.context = context, .at_ms = bus_clock_now_ms(&context->clock)};
    const struct cli_option options[] = {
        {"officer", CLI_OPTION_TEXT, &asking.officer},
        {"reason", CLI_OPTION_TEXT, &asking.reason},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest < 1 || rest > 2)
        return cli_usage(USAGE);
    if (!cli_is_answered_for("重新投递", "a resync", asking.officer, asking.reason))
        return CLI_WRONG_USE;
    int code = read_names(context, &asking, argv[1], rest == 2 ? argv[2] : NULL);
    if (code != CLI_DONE)
        return code;
    enum bus_status status = ask(&asking, &error);
    return status == BUS_OK ? tell(&asking) : cli_fail(status, &error);
}
