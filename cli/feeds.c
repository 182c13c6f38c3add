/* xinqiao feeds: reading how feeds stand, and what its parts share. */
#include "cli/feeds.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/topics.h"
#include "cli/members.h"
#include "cli/scan.h"

enum { MAX_FEEDS = 20000, FIRST_CAPACITY = 64, NAME_SIZE = 2 * BUS_FEED_TEXT_SIZE };

#define USAGE                                                                                                          \
    "feeds list [--department D] [--overdue]\n"                                                                        \
    "feeds show FEED\n"                                                                                                \
    "feeds try --config ADAPTER.cfg FEED FILE [--rows N] [--only-complaints] [--html FILE] [--show-personal]\n"        \
    "feeds approve FEED DIGEST --officer NAME --reason TEXT\n"                                                         \
    "feeds reject FEED DIGEST --officer NAME --reason TEXT\n"                                                          \
    "feeds pause FEED --officer NAME --reason TEXT\n"                                                                  \
    "feeds resume FEED --officer NAME --reason TEXT"

/* --- reading --- */

static struct cli_feed *find_key(struct cli_feeds *feeds, struct bus_bytes key)
{
    char name[NAME_SIZE];
    for (size_t i = 0; i < feeds->count; i++) {
        const struct bus_feed_status *status = &feeds->of[i].status;
        snprintf(name, sizeof name, "%s/%s", status->adapter, status->feed);
        if (bus_bytes_equal_text(key, name))
            return &feeds->of[i];
    }
    return NULL;
}

static enum bus_status make_room(struct cli_feeds *feeds, struct bus_error *error)
{
    if (feeds->count < feeds->capacity)
        return BUS_OK;
    size_t capacity = feeds->capacity == 0 ? FIRST_CAPACITY : 2 * feeds->capacity;
    struct cli_feed *of = capacity <= 2 * MAX_FEEDS ? realloc(feeds->of, capacity * sizeof *of) : NULL;
    if (of == NULL)
        return bus_fail(error, BUS_FATAL, "more than %d feeds, or out of memory", MAX_FEEDS);
    feeds->of = of;
    feeds->capacity = capacity;
    return BUS_OK;
}

/* A later record of a feed replaces the earlier one; a null takes it away. */
static enum bus_status take_status(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct cli_feeds *feeds = self;
    struct cli_feed *known = find_key(feeds, message->key);
    if (message->value.data == NULL) {
        if (known != NULL)
            *known = feeds->of[--feeds->count];
        return BUS_OK;
    }
    enum bus_status status = known == NULL ? make_room(feeds, error) : BUS_OK;
    if (status != BUS_OK)
        return status;
    if (known == NULL)
        known = &feeds->of[feeds->count++];
    return bus_feed_status_decode(message->value, &known->status, error);
}

static int by_name(const void *left, const void *right)
{
    const struct bus_feed_status *a = &((const struct cli_feed *)left)->status;
    const struct bus_feed_status *b = &((const struct cli_feed *)right)->status;
    int order = strcmp(a->department, b->department);
    if (order == 0)
        order = strcmp(a->adapter, b->adapter);
    return order != 0 ? order : strcmp(a->feed, b->feed);
}

enum bus_status cli_feeds_read(struct cli_context *context, const struct bus_calendar *calendar,
                               struct cli_feeds *out_feeds, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    *out_feeds = (struct cli_feeds){0};
    bus_topic_named(context->prefix, BUS_TOPIC_FEEDS, topic);
    enum bus_status status = cli_scan(&context->kafka, topic, 0, take_status, out_feeds, error);
    if (status != BUS_OK)
        return status;
    int64_t now_ms = bus_clock_now_ms(&context->clock);
    for (size_t i = 0; calendar != NULL && i < out_feeds->count; i++) {
        struct cli_feed *feed = &out_feeds->of[i];
        feed->due_ms = feed->status.is_paused ? 0 : bus_feed_due_ms(&feed->status, calendar);
        feed->is_overdue = bus_feed_is_overdue(&feed->status, calendar, now_ms);
    }
    if (out_feeds->count > 0)
        qsort(out_feeds->of, out_feeds->count, sizeof *out_feeds->of, by_name);
    return BUS_OK;
}

void cli_feeds_release(struct cli_feeds *feeds)
{
    free(feeds->of);
    *feeds = (struct cli_feeds){0};
}

/* --- by name --- */

static bool is_called(const struct bus_feed_status *status, const char *name)
{
    char by_department[NAME_SIZE], by_adapter[NAME_SIZE];
    snprintf(by_department, sizeof by_department, "%s/%s", status->department, status->feed);
    snprintf(by_adapter, sizeof by_adapter, "%s/%s", status->adapter, status->feed);
    return strcmp(name, status->feed) == 0 || strcmp(name, by_department) == 0 || strcmp(name, by_adapter) == 0;
}

static void say_which(const struct cli_feeds *feeds, const char *name)
{
    fprintf(stderr, "✗ 有多个数据源叫 %s，请写明适配器 / several feeds are called so, name the adapter:\n", name);
    for (size_t i = 0; i < feeds->count; i++)
        if (is_called(&feeds->of[i].status, name))
            fprintf(stderr, "  %s/%s\n", feeds->of[i].status.adapter, feeds->of[i].status.feed);
}

static void say_unknown(const struct cli_feeds *feeds, const char *name)
{
    const char *slash = strrchr(name, '/'), *feed = slash != NULL ? slash + 1 : name;
    const char **names = calloc(feeds->count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < feeds->count; i++)
        names[i] = feeds->of[i].status.feed;
    const char *nearest = names != NULL ? bus_settings_nearest_name(names, feeds->count, feed) : NULL;
    fprintf(stderr, "✗ 没有这个数据源 / no such feed: %s", name);
    if (nearest != NULL)
        fprintf(stderr, "；是否 / did you mean %s?", nearest);
    fputs("\n  xinqiao feeds list\n", stderr);
    free(names);
}

const struct cli_feed *cli_feeds_find(const struct cli_feeds *feeds, const char *name)
{
    const struct cli_feed *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < feeds->count; i++) {
        if (!is_called(&feeds->of[i].status, name))
            continue;
        found = &feeds->of[i];
        count++;
    }
    if (count > 1)
        say_which(feeds, name);
    if (count == 0)
        say_unknown(feeds, name);
    return count == 1 ? found : NULL;
}

/* --- words --- */

static const struct cli_word paused = {"PAUSED", "已暂停", "paused"}, held = {"HELD", "待批准", "held for approval"},
                             trouble = {"TROUBLE", "有障碍", "trouble"}, overdue = {"OVERDUE", "逾期", "overdue"},
                             none_yet = {"NONE_YET", "尚未报送", "nothing yet"}, good = {"OK", "正常", "ok"};

const struct cli_word *cli_feed_state(const struct cli_feed *feed)
{
    if (feed->status.is_paused)
        return &paused;
    if (feed->status.held.is_held)
        return &held;
    if (feed->status.trouble_en[0] != '\0')
        return &trouble;
    if (feed->is_overdue)
        return &overdue;
    return feed->status.last_delivery_at_ms == 0 ? &none_yet : &good;
}

/* A word that is not known stands for itself. */
static const struct cli_word *word_of(const struct cli_word *words, size_t count, const char *name)
{
    static struct cli_word unknown;
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    unknown = (struct cli_word){name, name, ""};
    return &unknown;
}

const struct cli_word *cli_feed_cadence(const struct cli_feed *feed)
{
    static const struct cli_word words[] = {{"", "-", ""},
                                            {"realtime", "实时", "realtime"},
                                            {"hourly", "每小时", "hourly"},
                                            {"daily", "每日", "daily"},
                                            {"weekly", "每周", "weekly"},
                                            {"monthly", "每月", "monthly"},
                                            {"yearly", "每年", "yearly"}};
    return word_of(words, sizeof words / sizeof words[0], feed->status.cadence);
}

const struct cli_word *cli_feed_source(const struct cli_feed *feed)
{
    static const struct cli_word words[] = {{"files", "文件", "files"},
                                            {"replication", "数据库复制", "replication"},
                                            {"odbc", "数据库轮询", "odbc"},
                                            {"push", "接口推送", "push"}};
    return word_of(words, sizeof words / sizeof words[0], feed->status.source);
}

const struct cli_word *cli_feed_order_word(enum bus_feed_order_kind kind)
{
    static const struct cli_word words[BUS_FEED_ORDER_COUNT] = {{"PAUSE", "暂停", "pause"},
                                                                {"RESUME", "恢复", "resume"},
                                                                {"APPROVE", "批准", "approve"},
                                                                {"REJECT", "驳回", "reject"}};
    return &words[kind];
}

/* --- JSON --- */

static void json_last(struct bus_json *json, const struct bus_feed_status *status)
{
    bus_json_name(json, "last_delivery");
    if (status->last_delivery_at_ms == 0) {
        bus_json_null(json);
        return;
    }
    bus_json_object(json);
    cli_member_text(json, "name", status->last_delivery);
    cli_member_time(json, "at", status->last_delivery_at_ms);
    cli_member_number(json, "rows", status->last_rows);
    cli_member_number(json, "published", status->last_published);
    cli_member_number(json, "unchanged", status->last_unchanged);
    cli_member_number(json, "withdrawn", status->last_withdrawn);
    cli_member_number(json, "quarantined", status->last_quarantined);
    bus_json_end_object(json);
}

static void json_held(struct bus_json *json, const struct bus_feed_held *list)
{
    char digest[2 * BUS_DIGEST_SIZE + 1];
    bus_json_name(json, "held");
    if (!list->is_held) {
        bus_json_null(json);
        return;
    }
    bus_hex(list->digest, sizeof list->digest, digest);
    bus_json_object(json);
    cli_member_text(json, "name", list->name);
    cli_member_text(json, "digest", digest);
    cli_member_time(json, "at", list->at_ms);
    cli_member_number(json, "rows", list->rows);
    cli_member_number(json, "added", list->added);
    cli_member_number(json, "changed", list->changed);
    cli_member_number(json, "withdrawn", list->withdrawn);
    cli_member_number(json, "standing", list->standing);
    bus_json_end_object(json);
}

void cli_feed_json(const struct cli_feed *feed, struct bus_json *json)
{
    const struct bus_feed_status *status = &feed->status;
    cli_member_text(json, "department", status->department);
    cli_member_text(json, "adapter", status->adapter);
    cli_member_text(json, "feed", status->feed);
    cli_member_text(json, "item", status->item);
    cli_member_text(json, "source", status->source);
    cli_member_flag(json, "full_list", status->is_full_list);
    cli_member_text(json, "cadence", status->cadence);
    cli_member_text(json, "due_by", status->due_by);
    cli_member_text(json, "state", cli_feed_state(feed)->name);
    cli_member_flag(json, "paused", status->is_paused);
    json_last(json, status);
    cli_member_time(json, "next_due", feed->due_ms);
    cli_member_flag(json, "overdue", feed->is_overdue);
    json_held(json, &status->held);
    cli_member_text(json, "trouble_zh", status->trouble_zh);
    cli_member_text(json, "trouble", status->trouble_en);
    cli_member_time(json, "at", status->at_ms);
}

/* --- the command --- */

int cli_feeds_command(struct cli_context *context, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli_context *context, int argc, char **argv);
    } parts[] = {
        {"list", cli_feeds_list},     {"show", cli_feeds_show},    {"try", cli_feeds_try},
        {"approve", cli_feeds_order}, {"reject", cli_feeds_order}, {"pause", cli_feeds_order},
        {"resume", cli_feeds_order},
    };
    for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].run(context, argc - 1, argv + 1);
    return cli_usage(USAGE);
}
