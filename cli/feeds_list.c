/* xinqiao feeds list: one line a feed: when it came last, when it is due, and how it stands. */
#include <stdio.h>

#include "bus/table.h"
#include "cli/feeds.h"
#include "cli/names.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

#define USAGE "feeds list [--department D] [--overdue]"

struct listing {
    struct cli_context *context;
    const struct bus_catalogue *catalogue;
    const char *department;
    bool only_overdue;
    struct cli_feeds feeds;
};

static bool is_asked_for(const struct listing *listing, const struct cli_feed *feed)
{
    return (listing->department == NULL || strcmp(feed->status.department, listing->department) == 0) &&
           (!listing->only_overdue || feed->is_overdue);
}

static void print_moment(struct bus_table *table, int64_t at_ms)
{
    char text[CLI_MOMENT_SIZE] = "-";
    if (at_ms != 0)
        cli_moment(at_ms, text);
    text[sizeof "2026-11-24 16:30" - 1] = '\0'; /* minutes are enough */
    bus_table_string(table, text);
}

static void print_feed(struct bus_table *table, const struct listing *listing, const struct cli_feed *feed)
{
    const struct bus_feed_status *status = &feed->status;
    const struct bus_department *department = bus_catalogue_find_department(listing->catalogue, status->department);
    const struct cli_word *source = cli_feed_source(feed), *cadence = cli_feed_cadence(feed),
                          *state = cli_feed_state(feed);
    bus_table_cell(table, "%s %s", department != NULL ? department->name_zh : "", status->department);
    bus_table_cell(table, "%s/%s", status->adapter, status->feed);
    bus_table_string(table, status->item);
    bus_table_cell(table, "%s%s", source->zh, status->is_full_list ? "（全量）" : "");
    bus_table_cell(table, "%s%s%s", cadence->zh, status->due_by[0] != '\0' ? " " : "", status->due_by);
    print_moment(table, status->last_delivery_at_ms);
    print_moment(table, feed->due_ms);
    bus_table_cell(table, "%s %s", state->zh, state->en);
}

static int print_table(const struct listing *listing)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "部门", "department", BUS_TABLE_LEFT);
    bus_table_column(table, "数据源", "adapter/feed", BUS_TABLE_LEFT);
    bus_table_column(table, "目录项", "item", BUS_TABLE_LEFT);
    bus_table_column(table, "来源", "source", BUS_TABLE_LEFT);
    bus_table_column(table, "频次", "cadence", BUS_TABLE_LEFT);
    bus_table_column(table, "最近报送", "last delivery", BUS_TABLE_LEFT);
    bus_table_column(table, "下次应报", "next due", BUS_TABLE_LEFT);
    bus_table_column(table, "状态", "state", BUS_TABLE_LEFT);
    for (size_t i = 0; i < listing->feeds.count; i++)
        if (is_asked_for(listing, &listing->feeds.of[i]))
            print_feed(table, listing, &listing->feeds.of[i]);
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct listing *listing)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < listing->feeds.count; i++) {
        if (!is_asked_for(listing, &listing->feeds.of[i]))
            continue;
        bus_json_object(&json);
        cli_feed_json(&listing->feeds.of[i], &json);
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* Asked for what is overdue, the answer is no when something is. */
static int settle(const struct listing *listing)
{
    for (size_t i = 0; listing->only_overdue && i < listing->feeds.count; i++)
        if (is_asked_for(listing, &listing->feeds.of[i]))
            return CLI_NO;
    return CLI_DONE;
}

static int list(struct listing *listing)
{
    struct bus_error error;
    enum bus_status status =
        cli_feeds_read(listing->context, bus_catalogue_calendar_view(listing->catalogue), &listing->feeds, &error);
    int code = status != BUS_OK         ? cli_fail(status, &error)
               : listing->context->json ? print_json(listing)
                                        : print_table(listing);
    return code == CLI_DONE ? settle(listing) : code;
}

int cli_feeds_list(struct cli_context *context, int argc, char **argv)
{
    struct listing listing = {.context = context};
    const struct cli_option options[] = {
        {"department", CLI_OPTION_TEXT, &listing.department},
        {"overdue", CLI_OPTION_FLAG, &listing.only_overdue},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest != 0)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    if (cli_kafka(context) == NULL || (listing.catalogue = cli_catalogue(context)) == NULL)
        return CLI_WRONG_USE;
    if (listing.department != NULL && cli_department(listing.catalogue, listing.department) == NULL)
        return CLI_WRONG_USE;
    int code = list(&listing);
    cli_feeds_release(&listing.feeds);
    return code;
}
