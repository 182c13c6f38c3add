#include "bus/topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/agent_order.h"
#include "bus/clock.h"
#include "bus/kafka_client.h"

enum { ADMIN_TIMEOUT_MS = 15000, NUMBER_SIZE = 24, SEEN_TRIES = 600, SEEN_PAUSE_MS = 100 };

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* How long is kept what is not for ever. Audit is kept three years (GB/T 35273 asks for traceable disclosure), and as long what was
 * decided about records and who asked for what; the in topics and the outputs as long as a department or subscriber may want to look
 * back. Orders about feeds stay for ever: the first pause still counts. */
enum {
    KEEP_IN_DAYS = 400,
    KEEP_OUT_DAYS = 400,
    KEEP_QUARANTINE_DAYS = 800,
    KEEP_AUDIT_DAYS = 1200,
    FIXED_TOPICS = 9,
};

static const struct fixed_topic {
    const char *name;
    bool one_partition;
    bool compacted;
    int days; /* 0 = for ever */
    const char *meaning_zh, *meaning_en;
} fixed_topics[FIXED_TOPICS] = {
    {BUS_TOPIC_STATE, false, true, 0, "分区状态变更日志", "partition state, changelog"},
    {BUS_TOPIC_QUARANTINE, false, false, KEEP_QUARANTINE_DAYS, "隔离区", "quarantine"},
    {BUS_TOPIC_AUDIT, false, false, KEEP_AUDIT_DAYS, "披露审计", "audit of disclosures"},
    {BUS_TOPIC_BOOKS, false, true, 0, "对账", "books"},
    {BUS_TOPIC_POSITIONS, true, true, 0, "适配器源位置", "adapters' source positions"},
    {BUS_TOPIC_REQUESTS, false, false, KEEP_AUDIT_DAYS, "请求：重新投递", "requests: resync"},
    {BUS_TOPIC_RECEIPTS, false, false, KEEP_AUDIT_DAYS, "回执", "receipts"},
    {BUS_TOPIC_FEEDS, true, true, 0, "数据源状态", "how feeds stand"},
    {BUS_TOPIC_ORDERS, true, false, 0, "数据源指令：暂停、恢复、批准、驳回",
     "orders about feeds: pause, resume, approve, reject"},
};

void bus_topic_named(const char *prefix, const char *name, char out_topic[BUS_TOPIC_SIZE])
{
    snprintf(out_topic, BUS_TOPIC_SIZE, "%s%s", prefix, name);
}

/* --- the plan --- */

static void plan_item(const char *prefix, const struct bus_item *item, struct bus_topic_plan *plan)
{
    bus_topic_in(prefix, item, plan->name);
    plan->retention_ms = (item->rights == BUS_RIGHTS_NONE ? KEEP_IN_DAYS : KEEP_AUDIT_DAYS) * DAY_MS;
    snprintf(plan->meaning_zh, sizeof plan->meaning_zh, "%s", item->name_zh);
    snprintf(plan->meaning_en, sizeof plan->meaning_en, "%s", item->name_en);
}

static void plan_subscriber(const char *prefix, const struct bus_subscriber *subscriber, struct bus_topic_plan *plan)
{
    bus_topic_out(prefix, subscriber->name, plan->name);
    plan->retention_ms = KEEP_OUT_DAYS * DAY_MS;
    snprintf(plan->meaning_zh, sizeof plan->meaning_zh, "投递：%s", subscriber->name_zh);
    snprintf(plan->meaning_en, sizeof plan->meaning_en, "deliveries to %s", subscriber->name_en);
}

/* What an agent remembers lies beside each partition of its log, its status and its orders in one more. */
static void plan_agent(const char *prefix, const struct bus_subscriber *subscriber, struct bus_topic_plan *plan)
{
    bus_topic_agent(prefix, subscriber->name, plan->name);
    plan->partitions++;
    plan->compacted = true;
    plan->retention_ms = -1;
    snprintf(plan->meaning_zh, sizeof plan->meaning_zh, "代理：%s", subscriber->name_zh);
    snprintf(plan->meaning_en, sizeof plan->meaning_en, "agents of %s", subscriber->name_en);
}

static void plan_fixed(const char *prefix, const struct fixed_topic *fixed, struct bus_topic_plan *plan)
{
    bus_topic_named(prefix, fixed->name, plan->name);
    if (fixed->one_partition)
        plan->partitions = 1;
    plan->compacted = fixed->compacted;
    plan->retention_ms = fixed->days == 0 ? -1 : fixed->days * DAY_MS;
    snprintf(plan->meaning_zh, sizeof plan->meaning_zh, "%s", fixed->meaning_zh);
    snprintf(plan->meaning_en, sizeof plan->meaning_en, "%s", fixed->meaning_en);
}

enum bus_status bus_topics_plan(const struct bus_catalogue *catalogue, const char *prefix, int32_t partitions,
                                struct bus_topic_plan **out_plans, size_t *out_count, struct bus_error *error)
{
    size_t items = bus_catalogue_item_count(catalogue);
    size_t subscribers = bus_catalogue_subscriber_count(catalogue);
    size_t count = items + 2 * subscribers + FIXED_TOPICS;
    struct bus_topic_plan *plans = calloc(count, sizeof *plans);
    if (plans == NULL)
        return bus_fail(error, BUS_FATAL, "plan %zu topics: out of memory", count);
    for (size_t i = 0; i < count; i++)
        plans[i].partitions = partitions;
    for (size_t i = 0; i < items; i++)
        plan_item(prefix, bus_catalogue_item(catalogue, i), &plans[i]);
    for (size_t i = 0; i < subscribers; i++) {
        plan_subscriber(prefix, bus_catalogue_subscriber(catalogue, i), &plans[items + i]);
        plan_agent(prefix, bus_catalogue_subscriber(catalogue, i), &plans[items + subscribers + i]);
    }
    for (size_t i = 0; i < FIXED_TOPICS; i++)
        plan_fixed(prefix, &fixed_topics[i], &plans[items + 2 * subscribers + i]);
    *out_plans = plans;
    *out_count = count;
    return BUS_OK;
}

/* --- administration --- */

static enum bus_status open_admin(const struct bus_kafka *kafka, struct bus_kafka_client *client,
                                  struct bus_error *error)
{
    enum bus_status status;
    rd_kafka_conf_t *conf = bus_kafka_conf(kafka, &status, error);
    return conf == NULL ? status
                        : bus_kafka_client_open(client, RD_KAFKA_PRODUCER, conf, "administration", NULL, error);
}

static void close_admin(struct bus_kafka_client *client)
{
    if (client->handle != NULL)
        rd_kafka_destroy(client->handle);
}

/* The answer to what was just asked, or NULL with the status when none came. */
static rd_kafka_event_t *wait_answer(struct bus_kafka_client *client, rd_kafka_queue_t *queue, const char *tried,
                                     enum bus_status *out_status, struct bus_error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_TIMEOUT_MS + 1000);
    rd_kafka_poll(client->handle, 0);
    if (event == NULL) {
        *out_status = bus_kafka_code(client, RD_KAFKA_RESP_ERR__TIMED_OUT, tried, error);
        return NULL;
    }
    *out_status = bus_kafka_code(client, rd_kafka_event_error(event), tried, error);
    if (*out_status == BUS_OK)
        return event;
    rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_AdminOptions_t *admin_options(struct bus_kafka_client *client, rd_kafka_admin_op_t operation)
{
    char reason[BUS_KAFKA_REASON_SIZE];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client->handle, operation);
    rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_TIMEOUT_MS, reason, sizeof reason);
    return options;
}

/* --- listing --- */

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct bus_topic_found *)left)->name, ((const struct bus_topic_found *)right)->name);
}

static size_t collect(const struct rd_kafka_metadata *metadata, const char *prefix, struct bus_topic_found *found)
{
    size_t count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR || strncmp(topic->topic, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(found[count].name, sizeof found[count].name, "%s", topic->topic);
        found[count].partitions = topic->partition_cnt;
        found[count].replication = topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;
        count++;
    }
    qsort(found, count, sizeof *found, by_name);
    return count;
}

static void read_cleanup(const rd_kafka_ConfigResource_t *resource, struct bus_topic_found *found, size_t count)
{
    struct bus_topic_found key;
    snprintf(key.name, sizeof key.name, "%s", rd_kafka_ConfigResource_name(resource));
    struct bus_topic_found *topic = bsearch(&key, found, count, sizeof *found, by_name);
    size_t entries;
    const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resource, &entries);
    for (size_t i = 0; topic != NULL && i < entries; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entry[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entry[i]), "cleanup.policy") == 0 && value != NULL)
            topic->compacted = strstr(value, "compact") != NULL;
    }
}

static enum bus_status describe(struct bus_kafka_client *client, struct bus_topic_found *found, size_t count,
                                struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    rd_kafka_ConfigResource_t **resources = calloc(count + 1, sizeof *resources);
    if (resources == NULL)
        return bus_fail(error, BUS_FATAL, "describe %zu topics: out of memory", count);
    for (size_t i = 0; i < count; i++)
        resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, found[i].name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client->handle);
    rd_kafka_AdminOptions_t *options = admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(client->handle, resources, count, options, queue);
    rd_kafka_event_t *event = wait_answer(client, queue, "describe topics", &status, error);
    if (event != NULL) {
        size_t described;
        const rd_kafka_ConfigResource_t **results =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &described);
        for (size_t i = 0; i < described; i++)
            read_cleanup(results[i], found, count);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    free(resources);
    return status;
}

enum bus_status bus_topics_list(const struct bus_kafka *kafka, const char *prefix, struct bus_topic_found **out_found,
                                size_t *out_count, struct bus_error *error)
{
    struct bus_kafka_client client = {0};
    const struct rd_kafka_metadata *metadata = NULL;
    struct bus_topic_found *found = NULL;
    size_t count = 0;
    enum bus_status status = open_admin(kafka, &client, error);
    if (status != BUS_OK)
        goto out;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client.handle, 1, NULL, &metadata, BUS_KAFKA_REQUEST_MS);
    rd_kafka_poll(client.handle, 0);
    status = bus_kafka_code(&client, code, "list topics", error);
    if (status != BUS_OK)
        goto out;
    found = calloc((size_t)metadata->topic_cnt + 1, sizeof *found);
    if (found == NULL) {
        status = bus_fail(error, BUS_FATAL, "list topics: out of memory");
        goto out;
    }
    count = collect(metadata, prefix, found);
    if (count > 0)
        status = describe(&client, found, count, error);
    if (status == BUS_OK) {
        *out_found = found;
        *out_count = count;
        found = NULL;
    }
out:
    free(found);
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    close_admin(&client);
    return status;
}

/* --- creating --- */

/* NULL when librdkafka refuses the shape. */
static rd_kafka_NewTopic_t *new_topic(const struct bus_topic_plan *plan, int replication, char *reason,
                                      size_t reason_size)
{
    char number[NUMBER_SIZE];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(plan->name, plan->partitions, replication, reason, reason_size);
    if (topic == NULL)
        return NULL;
    snprintf(number, sizeof number, "%d", BUS_KAFKA_MAX_MESSAGE);
    rd_kafka_NewTopic_set_config(topic, "max.message.bytes", number);
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", plan->compacted ? "compact" : "delete");
    if (!plan->compacted) {
        snprintf(number, sizeof number, "%lld", (long long)plan->retention_ms);
        rd_kafka_NewTopic_set_config(topic, "retention.ms", number);
    }
    return topic;
}

static enum bus_status read_created(const rd_kafka_CreateTopics_result_t *result, struct bus_kafka_client *client,
                                    size_t *out_created, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    size_t count;
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[i]);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            ++*out_created;
        } else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS && status == BUS_OK) {
            const char *reason = rd_kafka_topic_result_error_string(topics[i]);
            status = bus_kafka_code(client, code, "create topics", error);
            if (reason != NULL)
                bus_error_prefix(error, "%s", reason);
            bus_error_prefix(error, "%s", rd_kafka_topic_result_name(topics[i]));
        }
    }
    return status;
}

static bool has_topic(const struct rd_kafka_metadata *metadata, const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        if (strcmp(topic->topic, name) == 0)
            return topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && topic->partition_cnt > 0 &&
                   topic->partitions[0].leader >= 0;
    }
    return false;
}

/* The controller answers before the brokers have heard of a new topic: whoever starts next would be told that there is none. */
static enum bus_status wait_seen(struct bus_kafka_client *client, const struct bus_topic_plan *plans, size_t count,
                                 struct bus_error *error)
{
    size_t seen = 0;
    for (int i = 0; i < SEEN_TRIES; i++) {
        const struct rd_kafka_metadata *metadata;
        rd_kafka_resp_err_t code = rd_kafka_metadata(client->handle, 1, NULL, &metadata, BUS_KAFKA_REQUEST_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return bus_kafka_code(client, code, "look for the new topics", error);
        for (seen = 0; seen < count && has_topic(metadata, plans[seen].name);)
            seen++;
        rd_kafka_metadata_destroy(metadata);
        if (seen == count)
            return BUS_OK;
        bus_clock_sleep_ms(SEEN_PAUSE_MS);
    }
    return bus_fail(error, BUS_RETRY, "create topic %s: it has no leader yet; look again with `xinqiao topics check`",
                    plans[seen].name);
}

enum bus_status bus_topics_create(const struct bus_kafka *kafka, const struct bus_topic_plan *plans, size_t count,
                                  int replication, size_t *out_created, struct bus_error *error)
{
    struct bus_kafka_client client = {0};
    rd_kafka_queue_t *queue = NULL;
    rd_kafka_AdminOptions_t *options = NULL;
    char reason[BUS_KAFKA_REASON_SIZE];
    size_t made = 0;
    *out_created = 0;
    rd_kafka_NewTopic_t **topics = calloc(count + 1, sizeof *topics);
    enum bus_status status = topics == NULL ? bus_fail(error, BUS_FATAL, "create topics: out of memory") : BUS_OK;
    if (status == BUS_OK)
        status = open_admin(kafka, &client, error);
    for (; status == BUS_OK && made < count; made++) {
        topics[made] = new_topic(&plans[made], replication, reason, sizeof reason);
        if (topics[made] == NULL) {
            status = bus_fail(error, BUS_FATAL, "create topic %s: %s", plans[made].name, reason);
            break;
        }
    }
    if (status != BUS_OK || count == 0)
        goto out;
    queue = rd_kafka_queue_new(client.handle);
    options = admin_options(&client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(client.handle, topics, count, options, queue);
    rd_kafka_event_t *event = wait_answer(&client, queue, "create topics", &status, error);
    if (event != NULL) {
        status = read_created(rd_kafka_event_CreateTopics_result(event), &client, out_created, error);
        rd_kafka_event_destroy(event);
    }
    if (status == BUS_OK)
        status = wait_seen(&client, plans, count, error);
out:
    if (options != NULL)
        rd_kafka_AdminOptions_destroy(options);
    if (queue != NULL)
        rd_kafka_queue_destroy(queue);
    if (topics != NULL)
        rd_kafka_NewTopic_destroy_array(topics, made);
    free(topics);
    close_admin(&client);
    return status;
}
