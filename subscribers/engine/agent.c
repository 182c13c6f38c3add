#include "subscribers/engine/agent.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "bus/topics.h"
#include "subscribers/engine/backlog.h"
#include "subscribers/engine/report.h"
#include "subscribers/engine/sealed_log.h"

enum {
    POLL_MS = 200,
    FIRST_BACK_OFF_MS = 200,
    MAX_BACK_OFF_MS = 10000,
    WRITER_SIZE = 280, /* of a book's name */
    KEEP_DAYS = 3,     /* books that stay beside the data: today's, and those that a clock set back may still ask for */
    MOST_DAYS = 64,    /* books at which the exchange is told before more is applied */
};
static const size_t HASHING_LIMIT_BYTES = (size_t)512 * 1024 * 1024; /* leaves and views of the largest piece */

/* One partition of the topic. */
struct partition {
    struct subscribers_sealed_log *log;
    struct bus_ledger *ledger;
    int64_t applied; /* the stored position's `next`; -1 = none */
};

struct subscribers_agent {
    const struct subscribers_settings *settings;
    char topic[BUS_TOPIC_SIZE];
    struct bus_catalogue *catalogue;
    struct bus_views *views;
    const struct subscribers_sink *sink;
    void *sink_self;
    struct subscribers_sink_bounds bounds;
    struct subscribers_seals *seals;
    struct bus_arena *arena;
    struct bus_consumer *consumer;
    struct subscribers_report *report;
    struct partition *partitions;
    struct subscribers_backlog backlog;
};

static enum bus_status open_sink(struct subscribers_agent *agent, struct bus_error *error)
{
    const struct subscribers_settings *settings = agent->settings;
    struct subscribers_sink_context context = {
        .subscriber = settings->subscriber,
        .topic = agent->topic,
        .catalogue = agent->catalogue,
        .views = agent->views,
        .settings = settings->file,
    };
    agent->sink = settings->sink;
    enum bus_status status = agent->sink->open(&context, settings->sink_group, &agent->sink_self, error);
    if (status != BUS_OK)
        return status;
    agent->sink->bounds(agent->sink_self, &agent->bounds);
    if (agent->bounds.records == 0)
        agent->bounds.records = settings->batch_records;
    if (agent->bounds.bytes == 0)
        agent->bounds.bytes = settings->batch_bytes;
    return BUS_OK;
}

static enum bus_status load_catalogue(struct subscribers_agent *agent, struct bus_error *error)
{
    const struct subscribers_settings *settings = agent->settings;
    enum bus_status status = bus_catalogue_load(settings->catalogue_path, &agent->catalogue, error);
    if (status != BUS_OK)
        return status;
    if (bus_catalogue_find_subscriber(agent->catalogue, settings->subscriber) == NULL)
        return bus_fail(error, BUS_FATAL, "subscriber \"%s\" has no grants in the catalogue %s", settings->subscriber,
                        settings->catalogue_path);
    return bus_views_create(agent->catalogue, &agent->views, error);
}

enum bus_status subscribers_agent_open(const struct subscribers_settings *settings,
                                       struct subscribers_agent **out_agent, struct bus_error *error)
{
    struct subscribers_agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    agent->settings = settings;
    bus_topic_out(settings->kafka.prefix, settings->subscriber, agent->topic);
    enum bus_status status = load_catalogue(agent, error);
    if (status != BUS_OK)
        goto out;
    agent->seals = subscribers_seals_create(settings->keys_folder, bus_catalogue_exchange_view(agent->catalogue));
    agent->arena = bus_arena_create(HASHING_LIMIT_BYTES);
    agent->partitions = calloc((size_t)settings->partitions, sizeof *agent->partitions);
    if (agent->seals == NULL || agent->arena == NULL || agent->partitions == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = open_sink(agent, error);
out:
    if (status == BUS_OK)
        *out_agent = agent;
    else
        subscribers_agent_close(agent);
    return status;
}

static void release_partition(struct partition *partition)
{
    subscribers_sealed_log_destroy(partition->log);
    bus_ledger_destroy(partition->ledger);
    *partition = (struct partition){0};
}

void subscribers_agent_close(struct subscribers_agent *agent)
{
    if (agent == NULL)
        return;
    if (agent->consumer != NULL)
        bus_consumer_close(agent->consumer);
    subscribers_report_close(agent->report);
    if (agent->sink_self != NULL)
        agent->sink->close(agent->sink_self);
    subscribers_backlog_clear(&agent->backlog);
    for (int32_t i = 0; agent->partitions != NULL && i < agent->settings->partitions; i++)
        release_partition(&agent->partitions[i]);
    free(agent->partitions);
    bus_arena_destroy(agent->arena);
    subscribers_seals_destroy(agent->seals);
    bus_views_destroy(agent->views);
    bus_catalogue_destroy(agent->catalogue);
    free(agent);
}

/* ── starting ── */

static int64_t next_back_off(int64_t back_off_ms)
{
    return 2 * back_off_ms < MAX_BACK_OFF_MS ? 2 * back_off_ms : MAX_BACK_OFF_MS;
}

static enum bus_status load_position(struct subscribers_agent *agent, struct subscribers_position *position,
                                     struct bus_error *error)
{
    int64_t back_off_ms = FIRST_BACK_OFF_MS;
    for (;;) {
        enum bus_status status = agent->sink->load(agent->sink_self, position, error);
        if (status != BUS_RETRY || bus_stop_requested())
            return status;
        bus_log_failure(BUS_LOG_WARN, "接收端不可用，稍后重试 / receiver is away, trying again", status, error);
        bus_clock_sleep_ms(back_off_ms);
        back_off_ms = next_back_off(back_off_ms);
    }
}

/* Makes ready to read from the position; writes where that is into `out_start`. */
static enum bus_status start_partition(struct subscribers_agent *agent, const struct subscribers_position *position,
                                       struct bus_partition *out_start, struct bus_error *error)
{
    struct partition *partition = &agent->partitions[position->partition];
    char writer[WRITER_SIZE];
    snprintf(writer, sizeof writer, "agent/%s/%d", agent->settings->subscriber, (int)position->partition);
    bool is_new = position->next < 0;
    partition->applied = position->next;
    partition->log = subscribers_sealed_log_create(agent->topic, position->partition, is_new ? NULL : &position->log,
                                                   position->hash, agent->seals, agent->arena);
    partition->ledger = bus_ledger_create(writer, KEEP_DAYS);
    if (partition->log == NULL || partition->ledger == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    if (bus_ledger_decode(bus_buffer_view(&position->books), partition->ledger, error) != BUS_OK)
        return bus_fail(error, BUS_FATAL, "the sink's stored books of partition %d cannot be read",
                        (int)position->partition);
    *out_start =
        (struct bus_partition){agent->topic, position->partition, is_new ? BUS_OFFSET_BEGINNING : position->next};
    subscribers_report_set(agent->report, position->partition, position->next, partition->ledger, INT32_MIN);
    return BUS_OK;
}

/* Partitions of the agent's topic; 0 while the broker does not know it. */
static enum bus_status count_partitions(const struct subscribers_agent *agent, int32_t *out_count,
                                        struct bus_error *error)
{
    struct bus_topic_found *found;
    size_t count;
    *out_count = 0;
    enum bus_status status = bus_topics_list(&agent->settings->kafka.kafka, agent->topic, &found, &count, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (strcmp(found[i].name, agent->topic) == 0)
            *out_count = found[i].partitions;
    free(found);
    return BUS_OK;
}

static enum bus_status wait_for_topic(const struct subscribers_agent *agent, struct bus_error *error)
{
    for (int64_t back_off_ms = FIRST_BACK_OFF_MS; !bus_stop_requested(); back_off_ms = next_back_off(back_off_ms)) {
        int32_t found;
        enum bus_status status = count_partitions(agent, &found, error);
        if (status == BUS_FATAL)
            return status;
        if (status == BUS_OK && found > 0 && found != agent->settings->partitions)
            return bus_fail(error, BUS_FATAL, "topic %s has %d partitions, but the configuration says partitions = %d",
                            agent->topic, (int)found, (int)agent->settings->partitions);
        if (status == BUS_OK && found > 0)
            return BUS_OK;
        if (status == BUS_OK)
            bus_fail(error, BUS_RETRY, "topic %s does not exist: xinqiao topics create makes it", agent->topic);
        bus_log_failure(BUS_LOG_WARN, "等待主题 / waiting for the topic", BUS_RETRY, error);
        bus_clock_sleep_ms(back_off_ms);
    }
    return BUS_RETRY;
}

static enum bus_status start_partitions(struct subscribers_agent *agent, struct bus_error *error)
{
    size_t count = (size_t)agent->settings->partitions;
    struct bus_partition *starts = calloc(count, sizeof *starts);
    if (starts == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        struct subscribers_position position;
        subscribers_position_init(&position, (int32_t)i);
        status = load_position(agent, &position, error);
        if (status == BUS_OK)
            status = start_partition(agent, &position, &starts[i], error);
        subscribers_position_release(&position);
    }
    if (status == BUS_OK)
        status = bus_consumer_assign(agent->consumer, starts, count, error);
    free(starts);
    return status;
}

/* All partitions are read, from where the sink stands. The group holds offsets for lag figures and has no members: there is
 * nothing to rebalance, and what keeps two agents apart is the sink's own position. */
static enum bus_status start(struct subscribers_agent *agent, struct bus_error *error)
{
    const struct subscribers_settings *settings = agent->settings;
    struct bus_consumer_options options = {.group = settings->group};
    enum bus_status status = wait_for_topic(agent, error);
    if (status == BUS_OK)
        status = subscribers_report_open(&settings->kafka.kafka, settings->kafka.prefix, agent->topic,
                                         settings->partitions, &agent->report, error);
    if (status == BUS_OK)
        status = bus_consumer_open(&settings->kafka.kafka, &options, &agent->consumer, error);
    if (status == BUS_OK)
        status = start_partitions(agent, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "agent ready", "topic=%s partitions=%d sink=%s", agent->topic, (int)settings->partitions,
                agent->sink->name);
    return status;
}

/* ── reading ── */

/* Takes what the poll brought; out_came tells whether it was a record. */
static enum bus_status poll_once(struct subscribers_agent *agent, int timeout_ms, bool *out_came,
                                 struct bus_error *error)
{
    struct bus_message message;
    *out_came = false;
    enum bus_status status = bus_consumer_poll(agent->consumer, timeout_ms, &message, error);
    if (status == BUS_RETRY) {
        bus_clock_sleep_ms(
            FIRST_BACK_OFF_MS); /* Kafka is away; librdkafka reconnects, and the consumer has logged it */
        return BUS_OK;
    }
    if (status != BUS_OK || message.handle == NULL)
        return status;
    *out_came = true;
    struct partition *partition = &agent->partitions[message.partition];
    struct subscribers_piece *piece = NULL;
    struct subscribers_arrival arrival = {
        .offset = message.offset,
        .key = message.key,
        .value = message.value,
        .leaf = bus_message_header(&message, BUS_LEAF_HEADER),
        .seal = bus_message_header(&message, BUS_SEAL_HEADER),
    };
    status = subscribers_sealed_log_take(partition->log, &arrival, &piece, error);
    bus_message_release(&message);
    if (piece != NULL)
        subscribers_backlog_add(&agent->backlog, piece, bus_clock_monotonic_ms());
    return status;
}

/* ── applying ── */

/* One advance for each partition in the backlog; its position is that of the partition's last piece. */
static enum bus_status plan_advances(struct subscribers_agent *agent, struct subscribers_batch *batch,
                                     struct bus_error *error)
{
    batch->advances = calloc((size_t)agent->settings->partitions, sizeof *batch->advances);
    if (batch->advances == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (const struct subscribers_piece *piece = agent->backlog.first; piece != NULL; piece = piece->next) {
        struct subscribers_advance *advance = batch->advances;
        while (advance < batch->advances + batch->advance_count && advance->position.partition != piece->partition)
            advance++;
        if (advance == batch->advances + batch->advance_count) {
            batch->advance_count++;
            subscribers_position_init(&advance->position, piece->partition);
            advance->from = agent->partitions[piece->partition].applied;
            advance->ledger = agent->partitions[piece->partition].ledger;
        }
        advance->position.next = piece->next_offset;
        advance->position.hash = piece->hash;
        advance->position.log = piece->log;
    }
    return BUS_OK;
}

/* After RETRY it may be unknown whether the batch was applied: its positions are stored all or none, so one tells. */
static enum bus_status find_out(struct subscribers_agent *agent, const struct subscribers_batch *batch,
                                bool *out_applied, struct bus_error *error)
{
    const struct subscribers_advance *advance = &batch->advances[0];
    struct subscribers_position stored;
    subscribers_position_init(&stored, advance->position.partition);
    enum bus_status status = agent->sink->load(agent->sink_self, &stored, error);
    *out_applied = status == BUS_OK && stored.next == advance->position.next;
    subscribers_position_release(&stored);
    return status;
}

/* Waits for a receiver that is away, then applies again unless the batch turns out to be applied. RETRY: we were stopped. */
static enum bus_status apply_again(struct subscribers_agent *agent, struct subscribers_batch *batch,
                                   struct bus_error *error)
{
    int64_t back_off_ms = FIRST_BACK_OFF_MS;
    enum bus_status status = BUS_RETRY;
    while (status == BUS_RETRY && !bus_stop_requested()) {
        bus_log_failure(BUS_LOG_WARN, "接收端不可用，稍后重试 / receiver is away, trying again", status, error);
        bus_clock_sleep_ms(back_off_ms);
        back_off_ms = next_back_off(back_off_ms);
        bool is_applied;
        status = find_out(agent, batch, &is_applied, error);
        if (status == BUS_OK && !is_applied)
            status = agent->sink->apply(agent->sink_self, batch, error);
    }
    return status;
}

static void settle(struct subscribers_agent *agent, const struct subscribers_batch *batch)
{
    for (size_t i = 0; i < batch->advance_count; i++) {
        const struct subscribers_position *position = &batch->advances[i].position;
        struct partition *partition = &agent->partitions[position->partition];
        partition->applied = position->next;
        int32_t from_day = bus_ledger_open_from(partition->ledger);
        bus_ledger_mark(partition->ledger);
        subscribers_report_set(agent->report, position->partition, position->next, partition->ledger, from_day);
    }
}

static enum bus_status apply(struct subscribers_agent *agent, struct bus_error *error)
{
    struct subscribers_batch batch = {.subscriber = agent->settings->subscriber, .clock = bus_clock_real()};
    enum bus_status status = subscribers_backlog_decode(&agent->backlog, agent->views, &batch, error);
    if (status == BUS_OK)
        status = plan_advances(agent, &batch, error);
    if (status == BUS_OK)
        status = agent->sink->apply(agent->sink_self, &batch, error);
    if (status == BUS_RETRY)
        status = apply_again(agent, &batch, error);
    if (status == BUS_OK)
        settle(agent, &batch);
    for (size_t i = 0; status != BUS_OK && i < batch.advance_count; i++)
        bus_ledger_rewind(batch.advances[i].ledger); /* the books that are told say what is known to be applied */
    subscribers_batch_release(&batch);
    subscribers_backlog_clear(&agent->backlog);
    return status;
}

static bool is_due(const struct subscribers_agent *agent, bool came)
{
    const struct subscribers_backlog *backlog = &agent->backlog;
    if (backlog->records == 0)
        return false;
    if (backlog->records >= agent->bounds.records || backlog->bytes >= agent->bounds.bytes)
        return true;
    if (agent->bounds.wait_ms == 0)
        return !came;
    return bus_clock_monotonic_ms() - backlog->since_ms >= agent->bounds.wait_ms;
}

static int poll_timeout(const struct subscribers_agent *agent)
{
    if (agent->backlog.records == 0)
        return POLL_MS;
    int64_t left_ms = agent->backlog.since_ms + agent->bounds.wait_ms - bus_clock_monotonic_ms();
    return left_ms <= 0 ? 0 : left_ms < POLL_MS ? (int)left_ms : POLL_MS;
}

/* Days go by quickly while much is caught up with. */
static bool has_many_days(const struct subscribers_agent *agent)
{
    for (int32_t i = 0; i < agent->settings->partitions; i++)
        if (bus_ledger_count(agent->partitions[i].ledger) > MOST_DAYS)
            return true;
    return false;
}

static enum bus_status step(struct subscribers_agent *agent, struct bus_error *error)
{
    bool came;
    enum bus_status status = poll_once(agent, poll_timeout(agent), &came, error);
    if (status == BUS_OK && is_due(agent, came))
        status = apply(agent, error);
    if (status != BUS_OK)
        return status;
    if (subscribers_report_tell(agent->report, agent->consumer, has_many_days(agent), error) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "对账暂未报送 / books not told yet", BUS_RETRY, error);
    return BUS_OK;
}

enum bus_status subscribers_agent_run(struct subscribers_agent *agent, struct bus_error *error)
{
    enum bus_status status = start(agent, error);
    while (status == BUS_OK && !bus_stop_requested())
        status = step(agent, error);
    struct bus_error ignored;
    if (agent->report != NULL && agent->consumer != NULL &&
        subscribers_report_tell(agent->report, agent->consumer, true, &ignored) != BUS_OK)
        bus_log(BUS_LOG_WARN, "对账未报送，将在重新启动后报送 / books not told, will be after a restart", "topic=%s",
                agent->topic);
    return status == BUS_RETRY && bus_stop_requested() ? BUS_OK : status;
}
