/* xinqiao laggards: who has not signed for what it has to take back, correct or mark, the most overdue first. */
#include "cli/laggards.h"

#include <stdio.h>

#include "bus/table.h"
#include "cli/members.h"
#include "cli/names.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024, DEFAULT_LIMIT = 20, ITEM_SIZE = 256 };

#define USAGE "laggards [--older 1h] [--subscriber NAME] [--limit N]"

static const struct cli_word kinds[] = {
    [CLI_LAGGING_SIGNS] = {"SIGNS", "签收", "signs"},
    [CLI_LAGGING_SILENT] = {"SILENT", "从未签收", "never signed"},
    [CLI_LAGGING_NO_KEY] = {"NO_KEY", "未登记公钥，不要求签收", "no key pinned, not expected to sign"},
};

static void item_of(const struct bus_views *views, const struct cli_laggard *laggard, char out_item[ITEM_SIZE])
{
    const struct bus_view *view = bus_views_find(views, laggard->subscriber->name, laggard->head.fingerprint);
    out_item[0] = '\0';
    if (view != NULL)
        snprintf(out_item, ITEM_SIZE, "%s/%s", view->item->department->name, view->item->name);
}

/* --- for people --- */

static bool print_subscribers(const struct cli_laggards *laggards)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "签收情况", "signing", BUS_TABLE_LEFT);
    bus_table_column(table, "未签收的投递", "deliveries unsigned", BUS_TABLE_RIGHT);
    bus_table_column(table, "其中收回、更正、状态", "of these to act on", BUS_TABLE_RIGHT);
    bus_table_column(table, "最早", "oldest", BUS_TABLE_LEFT);
    bus_table_column(table, "已过", "age", BUS_TABLE_LEFT);
    for (size_t i = 0; i < laggards->by_count; i++) {
        const struct cli_lagging *lagging = &laggards->by[i];
        char oldest[CLI_MOMENT_SIZE] = "-", age[CLI_AGE_SIZE] = "-";
        bus_table_string(table, lagging->subscriber->name);
        bus_table_cell(table, "%s %s", kinds[lagging->kind].zh, kinds[lagging->kind].en);
        bus_table_cell(table, "%llu", (unsigned long long)lagging->deliveries);
        if (lagging->kind == CLI_LAGGING_SIGNS)
            bus_table_cell(table, "%llu", (unsigned long long)lagging->laggards);
        else
            bus_table_string(table, "全部 all");
        if (lagging->oldest_ms != 0) {
            cli_moment(lagging->oldest_ms, oldest);
            cli_age(laggards->now_ms - lagging->oldest_ms, age);
        }
        bus_table_string(table, oldest);
        bus_table_string(table, age);
    }
    bool whole = laggards->by_count == 0 || bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static bool print_listed(const struct cli_laggards *laggards, const struct bus_views *views)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "分区", "partition", BUS_TABLE_RIGHT);
    bus_table_column(table, "叶序号", "leaf", BUS_TABLE_RIGHT);
    bus_table_column(table, "目录项", "item", BUS_TABLE_LEFT);
    bus_table_column(table, "记录", "record", BUS_TABLE_LEFT);
    bus_table_column(table, "操作", "operation", BUS_TABLE_LEFT);
    bus_table_column(table, "投递时间", "delivered", BUS_TABLE_LEFT);
    bus_table_column(table, "已过", "age", BUS_TABLE_LEFT);
    for (size_t i = 0; i < laggards->listed_count; i++) {
        const struct cli_laggard *laggard = &laggards->listed[i];
        char identity[2 * BUS_IDENTITY_SIZE + 1], item[ITEM_SIZE], words[CLI_DELIVERY_WORDS_SIZE],
            when[CLI_MOMENT_SIZE], age[CLI_AGE_SIZE];
        bus_hex(laggard->record, BUS_IDENTITY_SIZE, identity);
        item_of(views, laggard, item);
        cli_delivery_words(laggard->head.operation, laggard->head.reason, words);
        cli_moment(laggard->at_ms, when);
        cli_age(laggards->now_ms - laggard->at_ms, age);
        bus_table_string(table, laggard->subscriber->name);
        bus_table_cell(table, "%d", (int)laggard->partition);
        bus_table_cell(table, "%lld", (long long)laggard->leaf);
        bus_table_string(table, item[0] != '\0' ? item : "?");
        bus_table_string(table, identity);
        bus_table_string(table, words);
        bus_table_string(table, when);
        bus_table_string(table, age);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static int print_text(const struct cli_laggards *laggards, const struct bus_views *views)
{
    bool whole = print_subscribers(laggards);
    if (whole && laggards->listed_count > 0) {
        puts("\n最久的 / the most overdue");
        whole = print_listed(laggards, views);
    }
    if (!whole)
        return cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
    if (!cli_laggards_any(laggards))
        puts("\n✓ 没有逾期未签收的收回、更正或状态 / nobody is behind with a withdrawal, correction or status");
    return CLI_DONE;
}

/* --- for programs --- */

static void write_lagging(struct bus_json *json, const struct cli_lagging *lagging)
{
    bus_json_object(json);
    cli_member_text(json, "subscriber", lagging->subscriber->name);
    cli_member_text(json, "signing", kinds[lagging->kind].name);
    cli_member_number(json, "deliveries", (int64_t)lagging->deliveries);
    cli_member_number(json, "laggards", (int64_t)lagging->laggards);
    cli_member_time(json, "oldest", lagging->oldest_ms);
    bus_json_end_object(json);
}

static void write_laggard(struct bus_json *json, const struct cli_laggards *laggards, const struct bus_views *views,
                          const struct cli_laggard *laggard)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1], item[ITEM_SIZE];
    bus_hex(laggard->record, BUS_IDENTITY_SIZE, identity);
    item_of(views, laggard, item);
    bus_json_object(json);
    cli_member_text(json, "subscriber", laggard->subscriber->name);
    cli_member_number(json, "partition", laggard->partition);
    cli_member_number(json, "leaf", laggard->leaf);
    cli_member_number(json, "offset", laggard->offset);
    cli_member_text(json, "item", item);
    cli_member_text(json, "record", identity);
    cli_member_text(json, "operation", bus_delivery_operation_name(laggard->head.operation));
    cli_member_text(json, "reason", bus_delivery_reason_name(laggard->head.reason));
    cli_member_time(json, "delivered_at", laggard->at_ms);
    cli_member_number(json, "age_ms", laggards->now_ms - laggard->at_ms);
    bus_json_end_object(json);
}

static int print_json(const struct cli_laggards *laggards, const struct bus_views *views)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "subscribers");
    bus_json_array(&json);
    for (size_t i = 0; i < laggards->by_count; i++)
        write_lagging(&json, &laggards->by[i]);
    bus_json_end_array(&json);
    bus_json_name(&json, "laggards");
    bus_json_array(&json);
    for (size_t i = 0; i < laggards->listed_count; i++)
        write_laggard(&json, laggards, views, &laggards->listed[i]);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- the command --- */

static int tell(const struct cli_context *context, const struct bus_catalogue *catalogue,
                const struct cli_laggards *laggards)
{
    struct bus_error error;
    struct bus_views *views = NULL;
    enum bus_status status = bus_views_create(catalogue, &views, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? print_json(laggards, views)
                                : print_text(laggards, views);
    bus_views_destroy(views);
    return code == CLI_DONE && cli_laggards_any(laggards) ? CLI_NO : code;
}

int cli_laggards(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct cli_laggards laggards = {0};
    const char *older = "0s", *name = NULL;
    int64_t limit = DEFAULT_LIMIT;
    const struct cli_option options[] = {
        {"older", CLI_OPTION_TEXT, &older},
        {"subscriber", CLI_OPTION_TEXT, &name},
        {"limit", CLI_OPTION_INTEGER, &limit},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest != 0)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    if (!cli_duration_read(older, &laggards.older_ms))
        return cli_say(CLI_WRONG_USE, "--older 写作 90s、30m、1h 或 2d", "--older is written 90s, 30m, 1h or 2d");
    if (limit > CLI_LAGGARDS_MAX_SHOWN)
        return cli_say(CLI_WRONG_USE, "--limit 最多 10000", "--limit is at most 10000");
    laggards.limit = (size_t)limit;
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    const struct bus_subscriber *only = name == NULL ? NULL : cli_subscriber(catalogue, name);
    if (name != NULL && only == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_laggards_read(context, catalogue, only, &laggards, &error);
    int code = status == BUS_OK ? tell(context, catalogue, &laggards) : cli_fail(status, &error);
    cli_laggards_release(&laggards);
    return code;
}
