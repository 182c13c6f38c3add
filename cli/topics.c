/* xinqiao topics: the exchange's topics, made from the catalogue, checked against it, listed. */
#include "bus/topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/json.h"
#include "bus/table.h"
#include "cli/command.h"

enum { DEFAULT_PARTITIONS = 6, MAX_PARTITIONS = 4096, ANSWER_LIMIT = 16 * 1024 * 1024, BROKER_DEFAULT = -1 };

#define USAGE                                                                                                          \
    "topics create [--partitions N] [--replication N]\n"                                                               \
    "topics check [--partitions N]\n"                                                                                  \
    "topics list"

/* How a planned topic stands. */
enum standing { AS_PLANNED, MISSING, OTHER_PARTITIONS, OTHER_CLEANUP, UNPLANNED };

static const struct {
    const char *name, *text_zh, *text_en;
} standings[] = {
    {"ok", "正常", "as planned"},
    {"missing", "缺失", "missing"},
    {"partitions", "分区数不符", "other partitions"},
    {"cleanup", "清理策略不符", "other cleanup"},
    {"unplanned", "不在目录中", "not in catalogue"},
};

struct topics {
    struct bus_topic_plan *plans;
    size_t plan_count;
    struct bus_topic_found *found;
    size_t found_count;
};

static void release(struct topics *topics)
{
    free(topics->plans);
    free(topics->found);
}

static const struct bus_topic_found *find(const struct topics *topics, const char *name)
{
    for (size_t i = 0; i < topics->found_count; i++)
        if (strcmp(topics->found[i].name, name) == 0)
            return &topics->found[i];
    return NULL;
}

static const struct bus_topic_plan *plan_of(const struct topics *topics, const char *name)
{
    for (size_t i = 0; i < topics->plan_count; i++)
        if (strcmp(topics->plans[i].name, name) == 0)
            return &topics->plans[i];
    return NULL;
}

static enum standing standing_of(const struct bus_topic_plan *plan, const struct bus_topic_found *found)
{
    if (plan == NULL)
        return UNPLANNED;
    if (found == NULL)
        return MISSING;
    if (found->partitions != plan->partitions)
        return OTHER_PARTITIONS;
    return found->compacted != plan->compacted ? OTHER_CLEANUP : AS_PLANNED;
}

/* --- answers --- */

static void print_line(struct bus_table *table, const char *name, const struct bus_topic_plan *plan,
                       const struct bus_topic_found *found)
{
    enum standing standing = standing_of(plan, found);
    bus_table_string(table, name);
    bus_table_cell(table, "%d", (int)(found != NULL ? found->partitions : plan->partitions));
    bus_table_cell(table, "%d", (int)(found != NULL ? found->replication : 0));
    bus_table_string(table, (found != NULL ? found->compacted : plan->compacted) ? "compact" : "delete");
    bus_table_cell(table, "%s / %s", standings[standing].text_zh, standings[standing].text_en);
    bus_table_string(table, plan != NULL ? plan->meaning_zh : "");
}

static int print_table(const struct topics *topics)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "主题", "topic", BUS_TABLE_LEFT);
    bus_table_column(table, "分区", "partitions", BUS_TABLE_RIGHT);
    bus_table_column(table, "副本", "replicas", BUS_TABLE_RIGHT);
    bus_table_column(table, "清理", "cleanup", BUS_TABLE_LEFT);
    bus_table_column(table, "状态", "standing", BUS_TABLE_LEFT);
    bus_table_column(table, "含义", "meaning", BUS_TABLE_LEFT);
    for (size_t i = 0; i < topics->plan_count; i++)
        print_line(table, topics->plans[i].name, &topics->plans[i], find(topics, topics->plans[i].name));
    for (size_t i = 0; i < topics->found_count; i++)
        if (plan_of(topics, topics->found[i].name) == NULL)
            print_line(table, topics->found[i].name, NULL, &topics->found[i]);
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static void write_line(struct bus_json *json, const char *name, const struct bus_topic_plan *plan,
                       const struct bus_topic_found *found)
{
    bus_json_object(json);
    bus_json_name(json, "topic");
    bus_json_string(json, name);
    bus_json_name(json, "standing");
    bus_json_string(json, standings[standing_of(plan, found)].name);
    bus_json_name(json, "partitions");
    bus_json_integer(json, found != NULL ? found->partitions : 0);
    bus_json_name(json, "planned_partitions");
    bus_json_integer(json, plan != NULL ? plan->partitions : 0);
    bus_json_name(json, "replication");
    bus_json_integer(json, found != NULL ? found->replication : 0);
    bus_json_name(json, "compacted");
    bus_json_boolean(json, found != NULL ? found->compacted : plan->compacted);
    bus_json_name(json, "meaning_zh");
    bus_json_string(json, plan != NULL ? plan->meaning_zh : "");
    bus_json_name(json, "meaning_en");
    bus_json_string(json, plan != NULL ? plan->meaning_en : "");
    bus_json_end_object(json);
}

static int print_json(const struct topics *topics)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < topics->plan_count; i++)
        write_line(&json, topics->plans[i].name, &topics->plans[i], find(topics, topics->plans[i].name));
    for (size_t i = 0; i < topics->found_count; i++)
        if (plan_of(topics, topics->found[i].name) == NULL)
            write_line(&json, topics->found[i].name, NULL, &topics->found[i]);
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- the three forms --- */

static int create(const struct bus_kafka *kafka, const struct topics *topics, int replication, bool json)
{
    struct bus_error error;
    size_t created;
    enum bus_status status = bus_topics_create(kafka, topics->plans, topics->plan_count, replication, &created, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (json)
        printf("{\"created\": %zu, \"planned\": %zu}\n", created, topics->plan_count);
    else
        printf("✓ 新建 %zu 个主题，共 %zu 个 / created %zu topics of %zu\n", created, topics->plan_count, created,
               topics->plan_count);
    return CLI_DONE;
}

static int check(const struct topics *topics, bool json)
{
    size_t wrong = 0;
    for (size_t i = 0; i < topics->plan_count; i++)
        wrong += standing_of(&topics->plans[i], find(topics, topics->plans[i].name)) != AS_PLANNED;
    int code = json ? print_json(topics) : print_table(topics);
    if (code != CLI_DONE || json)
        return code != CLI_DONE ? code : wrong == 0 ? CLI_DONE : CLI_NO;
    if (wrong == 0)
        printf("\n✓ 全部 %zu 个主题与目录相符 / all %zu topics are as the catalogue plans them\n", topics->plan_count,
               topics->plan_count);
    else
        printf(
            "\n✗ %zu 个主题与目录不符 / %zu topics are not as planned；xinqiao topics create 建立缺失的 / makes those "
            "that are missing\n",
            wrong, wrong);
    return wrong == 0 ? CLI_DONE : CLI_NO;
}

static int run(struct cli_context *context, const char *form, int32_t partitions, int replication,
               struct topics *topics)
{
    struct bus_error error;
    const struct bus_kafka *kafka = cli_kafka(context);
    const struct bus_catalogue *catalogue = kafka == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    enum bus_status status =
        bus_topics_plan(catalogue, context->prefix, partitions, &topics->plans, &topics->plan_count, &error);
    if (status == BUS_OK && strcmp(form, "create") != 0)
        status = bus_topics_list(kafka, context->prefix, &topics->found, &topics->found_count, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (strcmp(form, "create") == 0)
        return create(kafka, topics, replication, context->json);
    if (strcmp(form, "check") == 0)
        return check(topics, context->json);
    return context->json ? print_json(topics) : print_table(topics);
}

int cli_topics(struct cli_context *context, int argc, char **argv)
{
    int64_t partitions = DEFAULT_PARTITIONS, replication = 0;
    const struct cli_option options[] = {
        {"partitions", CLI_OPTION_INTEGER, &partitions},
        {"replication", CLI_OPTION_INTEGER, &replication},
        {0},
    };
    int count = cli_arguments(argc, argv, options);
    if (count < 0)
        return CLI_WRONG_USE;
    bool known =
        count == 1 && (strcmp(argv[1], "create") == 0 || strcmp(argv[1], "check") == 0 || strcmp(argv[1], "list") == 0);
    if (!known || partitions < 1 || partitions > MAX_PARTITIONS || replication > INT16_MAX)
        return cli_usage(USAGE);
    struct topics topics = {0};
    int code =
        run(context, argv[1], (int32_t)partitions, replication == 0 ? BROKER_DEFAULT : (int)replication, &topics);
    release(&topics);
    return code;
}
