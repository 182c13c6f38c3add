#include "gateway/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/stop.h"
#include "bus/topics.h"
#include "gateway/ownership.h"
#include "gateway/pipeline.h"
#include "gateway/settle.h"

enum {
    NAME_SIZE = 200,
    IDLE_POLL_MS = 100,
    KEYHOLDER_WAIT_MS = 5000,
    FIRST_BACKOFF_MS = 50,
    LAST_BACKOFF_MS = 5000,
    WAIT_PAUSE_MS = 200,
    METER_EVERY_MS = 10000,
    CLOCK_EVERY = 32, /* records between two looks at the clock while gathering */
};

struct worker {
    const struct gateway_worker_options *options;
    const struct gateway_settings *settings;
    char name[NAME_SIZE]; /* transactional id and member of the group */
    struct bus_kafka kafka;
    struct bus_clock clock;
    struct bus_subject_keyer *keyer;
    struct gateway_signer signer;
    struct gateway_sealer *sealer;
    struct gateway_ownership *ownership;
    struct gateway_pipeline *pipeline;
    struct gateway_settle *settle;
    struct gateway_batch *batch;
    struct gateway_meter meter;
    struct gateway_kafka_outlet outlet; /* owns producer and consumer */
    struct bus_message *messages;       /* of the batch: it borrows from them */
    size_t message_count;
    int64_t backoff_ms;
};

static void beat(void *self)
{
    const struct worker *worker = self;
    if (worker->options->heartbeat != NULL)
        ++*worker->options->heartbeat;
}

/* --- batch --- */

static void drop_batch(struct worker *worker)
{
    gateway_batch_reset(worker->batch);
    for (size_t i = 0; i < worker->message_count; i++)
        bus_message_release(&worker->messages[i]);
    worker->message_count = 0;
}

static enum bus_status add_message(struct worker *worker, const struct bus_message *message, struct bus_error *error)
{
    worker->messages[worker->message_count++] = *message;
    struct gateway_input input = {
        .topic = message->topic,
        .partition = message->partition,
        .offset = message->offset,
        .key = message->key,
        .value = message->value,
        .adapter = bus_message_header(message, BUS_ADAPTER_HEADER),
        .replay = bus_message_header(message, BUS_REPLAY_HEADER).data != NULL,
    };
    return gateway_batch_add(worker->batch, &input, error);
}

/* Fills the batch until a bound is reached or nothing more is there. An empty batch is no error. */
static enum bus_status gather(struct worker *worker, struct bus_error *error)
{
    int64_t begun_ms = 0;
    while (!gateway_batch_is_full(worker->batch) && !bus_stop_requested()) {
        struct bus_message message;
        size_t count = worker->message_count;
        enum bus_status status =
            bus_consumer_poll(worker->outlet.consumer, count == 0 ? IDLE_POLL_MS : 0, &message, error);
        beat(worker);
        if (status == BUS_FATAL)
            return status;
        if (status != BUS_OK)
            break; /* the broker is away: it comes back by itself */
        if (message.handle == NULL && message.partition >= 0)
            continue; /* the end of one partition says nothing of the others */
        if (message.handle == NULL)
            break;
        if (worker->message_count == 0)
            begun_ms = bus_clock_monotonic_ms();
        status = add_message(worker, &message, error);
        if (status != BUS_OK)
            return status;
        if (count % CLOCK_EVERY == 0 && bus_clock_monotonic_ms() - begun_ms >= worker->settings->batch_ms)
            break;
    }
    return BUS_OK;
}

/* After an abort: the consumer goes back to where the batch began. */
static enum bus_status rewind_batch(struct worker *worker, struct bus_error *error)
{
    size_t count = gateway_batch_source_count(worker->batch);
    struct bus_partition *partitions = calloc(count, sizeof *partitions);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct gateway_source *source = gateway_batch_source(worker->batch, i);
        partitions[i] = (struct bus_partition){source->topic, source->partition, source->first};
    }
    enum bus_status status = bus_consumer_seek(worker->outlet.consumer, partitions, count, error);
    free(partitions);
    return status == BUS_OK ? BUS_OK : BUS_FATAL;
}

static enum bus_status try_again(struct worker *worker, const struct bus_error *reason, struct bus_error *error)
{
    bus_log_failure(BUS_LOG_WARN, "transaction aborted, will be done again", BUS_RETRY, reason);
    enum bus_status status = rewind_batch(worker, error);
    int64_t until_ms = bus_clock_monotonic_ms() + worker->backoff_ms;
    while (status == BUS_OK && bus_clock_monotonic_ms() < until_ms && !bus_stop_requested()) {
        beat(worker);
        bus_clock_sleep_ms(FIRST_BACKOFF_MS);
    }
    worker->backoff_ms = worker->backoff_ms * 2 < LAST_BACKOFF_MS ? worker->backoff_ms * 2 : LAST_BACKOFF_MS;
    return status;
}

static enum bus_status settle_batch(struct worker *worker, struct bus_error *error)
{
    struct bus_error reason;
    int64_t now_ms = bus_clock_now_ms(&worker->clock);
    enum bus_status status = gateway_pipeline_run(worker->pipeline, worker->batch, now_ms, &reason);
    if (status == BUS_OK)
        status = gateway_settle(worker->settle, worker->batch, now_ms, &reason);
    else
        gateway_settle_discard(worker->settle, worker->batch);
    if (status == BUS_OK)
        worker->backoff_ms = FIRST_BACKOFF_MS;
    else if (status == BUS_RETRY)
        status = try_again(worker, &reason, error);
    else
        *error = reason;
    return status;
}

static enum bus_status run_batches(struct worker *worker, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && !bus_stop_requested()) {
        gateway_meter_start(&worker->meter);
        status = gather(worker, error);
        gateway_meter_lap(&worker->meter, GATEWAY_PHASE_GATHER);
        if (status == BUS_OK && worker->message_count > 0)
            status = settle_batch(worker, error);
        if (status == BUS_OK)
            drop_batch(worker); /* after FATAL librdkafka may still hold what it borrowed */
        gateway_meter_lap(&worker->meter, GATEWAY_PHASE_GATHER);
        gateway_meter_tell(&worker->meter, METER_EVERY_MS);
    }
    return status;
}

/* --- group changes --- */

static enum bus_status on_assigned(void *self, struct bus_partition *partitions, size_t count, struct bus_error *error)
{
    struct worker *worker = self;
    enum bus_status status =
        gateway_ownership_take(worker->ownership, worker->outlet.consumer, partitions, count, error);
    if (status == BUS_RETRY && bus_stop_requested())
        return BUS_RETRY; /* stopped before it could begin: an orderly end */
    if (status != BUS_OK)
        bus_log_failure(BUS_LOG_ERROR, "partitions not taken", status, error);
    return status == BUS_OK ? BUS_OK : BUS_FATAL;
}

/* No transaction is open while the consumer is polled, so nothing is to be committed: what was gathered is dropped, and read
 * again by whoever owns it next. */
static enum bus_status on_revoked(void *self, const struct bus_partition *partitions, size_t count, bool lost,
                                  struct bus_error *error)
{
    (void)partitions;
    (void)error;
    struct worker *worker = self;
    drop_batch(worker);
    gateway_ownership_give_up(worker->ownership, bus_stop_requested());
    bus_log(BUS_LOG_INFO, "partitions given up", "topic_partitions=%zu lost=%d", count, lost);
    return BUS_OK;
}

/* --- start and end --- */

/* Every topic of the catalogue must be there with the configured number of partitions: subjects meet by it. */
static enum bus_status compare_topics(const struct bus_topic_plan *plans, size_t plan_count,
                                      const struct bus_topic_found *found, size_t found_count, struct bus_error *error)
{
    for (size_t i = 0; i < plan_count; i++) {
        size_t j = 0;
        while (j < found_count && strcmp(found[j].name, plans[i].name) != 0)
            j++;
        if (j == found_count)
            return bus_fail(error, BUS_RETRY, "topic %s does not exist: run xinqiao topics create", plans[i].name);
        if (found[j].partitions != plans[i].partitions)
            return bus_fail(error, BUS_FATAL, "topic %s has %d partitions, the configuration says %d", plans[i].name,
                            found[j].partitions, plans[i].partitions);
    }
    return BUS_OK;
}

static enum bus_status check_topics(const struct worker *worker, struct bus_error *error)
{
    struct bus_topic_plan *plans = NULL;
    struct bus_topic_found *found = NULL;
    size_t plan_count = 0, found_count = 0;
    const char *prefix = worker->settings->kafka.prefix;
    enum bus_status status =
        bus_topics_plan(worker->options->catalogue, prefix, worker->settings->partitions, &plans, &plan_count, error);
    if (status == BUS_OK)
        status = bus_topics_list(&worker->kafka, prefix, &found, &found_count, error);
    if (status == BUS_OK)
        status = compare_topics(plans, plan_count, found, found_count, error);
    free(plans);
    free(found);
    return status;
}

static enum bus_status connect_signer(struct worker *worker, struct bus_error *error)
{
    return gateway_signer_connect(worker->settings->socket, KEYHOLDER_WAIT_MS, &worker->signer, error);
}

/* Repeats what the world does not let happen yet, until it does or we are to stop. */
static enum bus_status insist(struct worker *worker,
                              enum bus_status (*try)(struct worker *worker, struct bus_error *error),
                              struct bus_error *error)
{
    char told[BUS_ERROR_TEXT_SIZE] = "";
    enum bus_status status;
    while ((status = try(worker, error)) == BUS_RETRY && !bus_stop_requested()) {
        if (strcmp(told, error->message) != 0)
            bus_log_failure(BUS_LOG_WARN, "waiting", status, error);
        snprintf(told, sizeof told, "%s", error->message);
        beat(worker);
        bus_clock_sleep_ms(WAIT_PAUSE_MS);
    }
    return status;
}

static enum bus_status try_topics(struct worker *worker, struct bus_error *error)
{
    return check_topics(worker, error);
}

static enum bus_status open_producer(struct worker *worker, struct bus_error *error)
{
    struct bus_producer_options options = {
        .transactional_id = worker->name,
        .on_delivered = gateway_outlet_delivered,
        .transaction_timeout_ms = worker->settings->transaction_timeout_ms,
    };
    return bus_producer_open(&worker->kafka, &options, &worker->outlet.producer, error);
}

static enum bus_status subscribe(struct worker *worker, struct bus_error *error)
{
    struct bus_consumer_options options = {
        .group = worker->settings->group,
        .instance = worker->name,
        .session_timeout_ms = worker->settings->session_timeout_ms,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .self = worker,
    };
    enum bus_status status = bus_consumer_open(&worker->kafka, &options, &worker->outlet.consumer, error);
    if (status != BUS_OK)
        return status;
    size_t count = bus_catalogue_item_count(worker->options->catalogue);
    char(*names)[BUS_TOPIC_SIZE] = calloc(count, sizeof *names);
    const char **topics = calloc(count, sizeof *topics);
    if (names == NULL || topics == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        bus_topic_in(worker->settings->kafka.prefix, bus_catalogue_item(worker->options->catalogue, i), names[i]);
        topics[i] = names[i];
    }
    if (status == BUS_OK)
        status = bus_consumer_subscribe(worker->outlet.consumer, topics, count, error);
    free(topics);
    free(names);
    return status;
}

/* What needs neither Kafka nor the keyholder. */
static enum bus_status make_parts(struct worker *worker, struct bus_error *error)
{
    const struct gateway_settings *settings = worker->settings;
    enum bus_status status = bus_subject_keyer_load(settings->pepper, &worker->keyer, error);
    if (status != BUS_OK)
        return status;
    struct gateway_ownership_options ownership = {
        .settings = settings,
        .kafka = &worker->kafka,
        .topic_count = bus_catalogue_item_count(worker->options->catalogue),
        .alive = beat,
        .self = worker,
    };
    worker->ownership = gateway_ownership_create(&ownership);
    struct gateway_batch_options batch = {
        .catalogue = worker->options->catalogue,
        .prefix = settings->kafka.prefix,
        .partitions = settings->partitions,
        .max_records = settings->batch_records,
        .max_bytes = settings->batch_bytes,
    };
    worker->batch = gateway_batch_create(&batch);
    worker->messages = calloc(settings->batch_records, sizeof *worker->messages);
    if (worker->ownership == NULL || worker->batch == NULL || worker->messages == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    struct gateway_pipeline_options pipeline = {
        .catalogue = worker->options->catalogue,
        .views = worker->options->views,
        .keyer = worker->keyer,
        .prefix = settings->kafka.prefix,
        .partitions = settings->partitions,
        .states = gateway_ownership_states(worker->ownership),
        .meter = &worker->meter,
    };
    return gateway_pipeline_create(&pipeline, &worker->pipeline, error);
}

static enum bus_status make_settle(struct worker *worker, struct bus_error *error)
{
    enum bus_status status = gateway_sealer_create(bus_catalogue_exchange_view(worker->options->catalogue),
                                                   &worker->signer, &worker->sealer, error);
    if (status != BUS_OK)
        return status;
    struct gateway_settle_options options = {
        .prefix = worker->settings->kafka.prefix,
        .states = gateway_ownership_states(worker->ownership),
        .sealer = worker->sealer,
        .outlet = gateway_outlet_kafka(&worker->outlet),
        .meter = &worker->meter,
    };
    worker->settle = gateway_settle_create(&options);
    return worker->settle != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory");
}

static enum bus_status start(struct worker *worker, struct bus_error *error)
{
    enum bus_status status = make_parts(worker, error);
    if (status == BUS_OK)
        status = insist(worker, connect_signer, error);
    if (status == BUS_OK)
        status = make_settle(worker, error);
    if (status == BUS_OK)
        status = insist(worker, try_topics, error);
    if (status == BUS_OK)
        status = insist(worker, open_producer, error);
    return status == BUS_OK ? subscribe(worker, error) : status;
}

/* Only after an orderly end: what has failed may hang when it is closed, and the kernel frees everything. The producer first: it
 * may hold bytes that it has borrowed. */
static void release(struct worker *worker)
{
    bus_producer_close(worker->outlet.producer);
    if (worker->batch != NULL)
        drop_batch(worker);
    bus_consumer_close(worker->outlet.consumer);
    gateway_settle_destroy(worker->settle);
    gateway_sealer_destroy(worker->sealer);
    gateway_signer_release(&worker->signer);
    gateway_pipeline_destroy(worker->pipeline);
    gateway_batch_destroy(worker->batch);
    gateway_ownership_destroy(worker->ownership);
    bus_subject_keyer_destroy(worker->keyer);
    free(worker->messages);
}

enum bus_status gateway_worker_run(const struct gateway_worker_options *options, struct bus_error *error)
{
    struct worker worker = {
        .options = options,
        .settings = options->settings,
        .kafka = options->settings->kafka.kafka,
        .clock = bus_clock_real(),
        .backoff_ms = FIRST_BACKOFF_MS,
    };
    snprintf(worker.name, sizeof worker.name, "xq-gateway-%s-%d", options->settings->node, options->index);
    worker.kafka.client_id = worker.name;
    enum bus_status status = start(&worker, error);
    if (status == BUS_OK)
        status = run_batches(&worker, error);
    gateway_meter_tell(&worker.meter, 0);
    if (bus_stop_requested() && status == BUS_RETRY)
        status = BUS_OK; /* stopped before it could begin */
    if (status == BUS_OK)
        release(&worker);
    return status;
}
