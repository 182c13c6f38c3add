/* xinqiao feeds show: all that is known of one feed, what waits for an officer's word with the commands to give it, and what was ordered. */
#include <stdio.h>

#include "bus/table.h"
#include "bus/topics.h"
#include "cli/feeds.h"
#include "cli/scan.h"

enum { ANSWER_LIMIT = 16 * 1024 * 1024, MAX_ORDERS = 10, TEXT_SIZE = 512, SHORT_DIGEST = 12 };

#define USAGE "feeds show FEED"

/* An order kept: texts are cut. */
struct kept_order {
    enum bus_feed_order_kind kind;
    int64_t at_ms;
    char officer[TEXT_SIZE], reason[TEXT_SIZE];
};

struct showing {
    struct cli_context *context;
    const struct bus_catalogue *catalogue;
    struct cli_feeds feeds;
    const struct cli_feed *feed;
    struct kept_order orders[MAX_ORDERS]; /* the last ones, the newest last */
    size_t order_count;
};

/* --- reading --- */

static enum bus_status take_order(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct showing *showing = self;
    struct bus_feed_order order;
    if (message->value.data == NULL || bus_feed_order_decode(message->value, &order, error) != BUS_OK ||
        !bus_bytes_equal_text(order.adapter, showing->feed->status.adapter) ||
        !bus_bytes_equal_text(order.feed, showing->feed->status.feed))
        return BUS_OK;
    if (showing->order_count == MAX_ORDERS)
        memmove(showing->orders, showing->orders + 1, --showing->order_count * sizeof showing->orders[0]);
    struct kept_order *kept = &showing->orders[showing->order_count++];
    *kept = (struct kept_order){.kind = order.kind, .at_ms = order.at_ms};
    snprintf(kept->officer, sizeof kept->officer, "%.*s", (int)order.officer.length, (const char *)order.officer.data);
    snprintf(kept->reason, sizeof kept->reason, "%.*s", (int)order.reason.length, (const char *)order.reason.data);
    return BUS_OK;
}

static int read_all(struct showing *showing, const char *name)
{
    char topic[BUS_TOPIC_SIZE];
    struct bus_error error;
    enum bus_status status =
        cli_feeds_read(showing->context, bus_catalogue_calendar_view(showing->catalogue), &showing->feeds, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    showing->feed = cli_feeds_find(&showing->feeds, name);
    if (showing->feed == NULL)
        return CLI_NO;
    bus_topic_named(showing->context->prefix, BUS_TOPIC_ORDERS, topic);
    status = cli_scan(&showing->context->kafka, topic, 0, take_order, showing, &error);
    return status == BUS_OK ? CLI_DONE : cli_fail(status, &error);
}

/* --- printing --- */

/* One line, its heads in a column of their own. What comes from data is cleaned. */
static void print_line(const char *head_zh, const char *head_en, const char *text)
{
    struct bus_buffer clean;
    size_t width = bus_table_width(bus_bytes_text(head_zh)) + strlen(head_en);
    bus_buffer_init(&clean, ANSWER_LIMIT);
    bus_table_clean(&clean, bus_bytes_text(text), false);
    printf("%s %s%*s  %.*s\n", head_zh, head_en, (int)(width < 23 ? 23 - width : 0), "", (int)clean.length,
           (const char *)clean.data);
    bus_buffer_release(&clean);
}

static void print_moment(const char *head_zh, const char *head_en, int64_t at_ms, const char *none)
{
    char text[CLI_MOMENT_SIZE];
    cli_moment(at_ms, text);
    print_line(head_zh, head_en, at_ms == 0 ? none : text);
}

static void print_what(const struct showing *showing)
{
    char text[TEXT_SIZE];
    const struct cli_feed *feed = showing->feed;
    const struct bus_feed_status *status = &feed->status;
    const struct cli_word *cadence = cli_feed_cadence(feed), *source = cli_feed_source(feed),
                          *state = cli_feed_state(feed);
    const struct bus_department *department = bus_catalogue_find_department(showing->catalogue, status->department);
    snprintf(text, sizeof text, "%s/%s", status->adapter, status->feed);
    print_line("数据源", "feed", text);
    snprintf(text, sizeof text, "%s %s", department != NULL ? department->name_zh : "", status->department);
    print_line("部门", "department", text);
    print_line("目录项", "item", status->item);
    snprintf(text, sizeof text, "%s %s%s", source->zh, source->en,
             status->is_full_list ? "，每次报送全量清单 each delivery is a full list" : "");
    print_line("来源", "source", text);
    snprintf(text, sizeof text, "%s %s%s%s", cadence->zh, cadence->en, status->due_by[0] != '\0' ? "，不晚于 by " : "",
             status->due_by);
    print_line("频次", "cadence", text);
    snprintf(text, sizeof text, "%s %s", state->zh, state->en);
    print_line("状态", "state", text);
}

static void print_last(const struct cli_feed *feed)
{
    char text[TEXT_SIZE];
    const struct bus_feed_status *status = &feed->status;
    print_moment("最近报送", "last delivery", status->last_delivery_at_ms, "从未 never");
    if (status->last_delivery_at_ms != 0) {
        print_line("  名称", "name", status->last_delivery);
        snprintf(
            text, sizeof text,
            "%lld 行：发布 %lld，未变 %lld，退回 %lld；因不在清单而撤回 %lld 条\n"
            "                           %lld rows: %lld published, %lld unchanged, %lld refused; %lld withdrawn by absence",
            (long long)status->last_rows, (long long)status->last_published, (long long)status->last_unchanged,
            (long long)status->last_quarantined, (long long)status->last_withdrawn, (long long)status->last_rows,
            (long long)status->last_published, (long long)status->last_unchanged, (long long)status->last_quarantined,
            (long long)status->last_withdrawn);
        printf("  %s %s              %s\n", "行数", "rows", text);
    }
    print_moment("下次应报", "next due", feed->due_ms, "-");
    if (feed->is_overdue)
        print_line("逾期", "overdue", "是 yes");
    if (status->trouble_en[0] != '\0') {
        print_line("障碍", "trouble", status->trouble_zh);
        print_line("", "", status->trouble_en);
    }
    print_moment("状态时间", "told at", status->at_ms, "-");
}

static void print_held(const struct cli_feed *feed)
{
    char digest[2 * BUS_DIGEST_SIZE + 1], text[TEXT_SIZE];
    const struct bus_feed_status *status = &feed->status;
    const struct bus_feed_held *held = &status->held;
    if (!held->is_held)
        return;
    bus_hex(held->digest, sizeof held->digest, digest);
    puts("\n等待批准的清单 / a list that waits for approval");
    print_line("  名称", "name", held->name);
    print_moment("  暂扣于", "held at", held->at_ms, "-");
    print_line("  摘要", "digest", digest);
    snprintf(text, sizeof text, "%lld", (long long)held->rows);
    print_line("  行数", "rows", text);
    snprintf(text, sizeof text, "新增 add %lld，变更 change %lld", (long long)held->added, (long long)held->changed);
    print_line("  将", "would", text);
    snprintf(text, sizeof text, "%lld / 现有 of %lld（%.1f%%）", (long long)held->withdrawn, (long long)held->standing,
             held->standing > 0 ? 100.0 * (double)held->withdrawn / (double)held->standing : 0.0);
    print_line("  将撤回", "would withdraw", text);
    printf("  请与部门核实后执行其一 / ask the department, then one of:\n");
    printf("  xinqiao feeds approve %s/%s %.*s --officer 姓名 --reason 事由\n", status->adapter, status->feed,
           SHORT_DIGEST, digest);
    printf("  xinqiao feeds reject %s/%s %.*s --officer 姓名 --reason 事由\n", status->adapter, status->feed,
           SHORT_DIGEST, digest);
}

static void print_orders(const struct showing *showing)
{
    if (showing->order_count == 0)
        return;
    puts("\n指令 / orders");
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "时间", "when", BUS_TABLE_LEFT);
    bus_table_column(table, "指令", "order", BUS_TABLE_LEFT);
    bus_table_column(table, "经办人", "officer", BUS_TABLE_LEFT);
    bus_table_column(table, "事由", "reason", BUS_TABLE_LEFT);
    for (size_t i = 0; i < showing->order_count; i++) {
        char moment[CLI_MOMENT_SIZE];
        const struct kept_order *order = &showing->orders[i];
        const struct cli_word *word = cli_feed_order_word(order->kind);
        cli_moment(order->at_ms, moment);
        bus_table_string(table, moment);
        bus_table_cell(table, "%s %s", word->zh, word->en);
        bus_table_string(table, order->officer);
        bus_table_string(table, order->reason);
    }
    bus_table_print(table);
    bus_table_destroy(table);
}

static int print_json(const struct showing *showing)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    cli_feed_json(showing->feed, &json);
    bus_json_name(&json, "orders");
    bus_json_array(&json);
    for (size_t i = 0; i < showing->order_count; i++) {
        char at[CLI_TIME_SIZE];
        cli_time(showing->orders[i].at_ms, at);
        bus_json_object(&json);
        bus_json_name(&json, "at");
        bus_json_string(&json, at);
        bus_json_name(&json, "kind");
        bus_json_string(&json, bus_feed_order_name(showing->orders[i].kind));
        bus_json_name(&json, "officer");
        bus_json_string(&json, showing->orders[i].officer);
        bus_json_name(&json, "reason");
        bus_json_string(&json, showing->orders[i].reason);
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int print_text(const struct showing *showing)
{
    print_what(showing);
    print_last(showing->feed);
    print_held(showing->feed);
    print_orders(showing);
    return CLI_DONE;
}

int cli_feeds_show(struct cli_context *context, int argc, char **argv)
{
    static struct showing showing;
    const struct cli_option options[] = {{0}};
    showing = (struct showing){.context = context};
    int rest = cli_arguments(argc, argv, options);
    if (rest != 1)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    if (cli_kafka(context) == NULL || (showing.catalogue = cli_catalogue(context)) == NULL)
        return CLI_WRONG_USE;
    int code = read_all(&showing, argv[1]);
    if (code == CLI_DONE)
        code = context->json ? print_json(&showing) : print_text(&showing);
    cli_feeds_release(&showing.feeds);
    return code;
}
