#include "gateway/round.h"

#include <stdlib.h>

#include "bus/stop.h"
#include "bus/topics.h"
#include "gateway/expiry.h"
#include "gateway/pipeline.h"
#include "gateway/receipts.h"
#include "gateway/requests.h"

enum {
    IDLE_POLL_MS = 100,
    FIRST_BACKOFF_MS = 50,
    LAST_BACKOFF_MS = 5000,
    CLOCK_EVERY = 32,  /* records between two looks at the clock while gathering */
    LEAST_SLICE = 500, /* exchanges of expiry and of resync beside events */
    BUSY_MS = 1000,    /* events are taken to come for so long after the last */
};

struct gateway_round {
    struct gateway_round_options options;
    char requests_topic[BUS_TOPIC_SIZE], receipts_topic[BUS_TOPIC_SIZE];
    struct gateway_batch *batch;
    struct gateway_pipeline *pipeline;
    struct gateway_expiry *expiry;
    struct gateway_resync *resync;
    struct gateway_requests requests;
    struct gateway_receipts *receipts;
    struct bus_message *messages; /* of the batch: it borrows from them */
    size_t message_count;
    size_t slice;
    int64_t busy_until_ms;
    bool has_more; /* something is under way beside events */
    int64_t backoff_ms;
};

/* --- parts that depend on the policy --- */

static enum bus_status make_pipeline(const struct gateway_round *round, const struct gateway_policy *policy,
                                     const struct bus_portfolios *portfolios, struct gateway_pipeline **out_pipeline,
                                     struct bus_error *error)
{
    struct gateway_pipeline_options options = {
        .catalogue = policy->catalogue,
        .views = policy->views,
        .portfolios = portfolios,
        .keyer = round->options.keyer,
        .prefix = round->options.settings->kafka.prefix,
        .partitions = round->options.settings->partitions,
        .states = round->options.states,
        .meter = round->options.meter,
    };
    return gateway_pipeline_create(&options, out_pipeline, error);
}

/* A new one, since its bound on memory grows with the subscribers. */
static struct gateway_batch *make_batch(const struct gateway_round *round, const struct gateway_policy *policy)
{
    struct gateway_batch_options options = {
        .catalogue = policy->catalogue,
        .prefix = round->options.settings->kafka.prefix,
        .partitions = round->options.settings->partitions,
        .max_records = round->options.settings->batch_records,
        .max_bytes = round->options.settings->batch_bytes,
    };
    return gateway_batch_create(&options);
}

/* Everything new is made before anything old goes. */
enum bus_status gateway_round_set_policy(struct gateway_round *round, const struct gateway_policy *policy,
                                         const struct bus_portfolios *portfolios, struct bus_error *error)
{
    struct gateway_pipeline *pipeline = NULL;
    enum bus_status status = make_pipeline(round, policy, portfolios, &pipeline, error);
    if (status != BUS_OK)
        return status;
    struct gateway_batch *batch = make_batch(round, policy);
    if (batch == NULL) {
        gateway_pipeline_destroy(pipeline);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    gateway_round_drop(round);
    gateway_batch_destroy(round->batch);
    gateway_pipeline_destroy(round->pipeline);
    round->batch = batch;
    round->pipeline = pipeline;
    round->requests.catalogue = policy->catalogue;
    gateway_receipts_set_catalogue(round->receipts, policy->catalogue);
    gateway_expiry_set_catalogue(round->expiry, policy->catalogue);
    gateway_resync_set_catalogue(round->resync, policy->catalogue, portfolios);
    return BUS_OK;
}

enum bus_status gateway_round_create(const struct gateway_round_options *options, const struct gateway_policy *policy,
                                     const struct bus_portfolios *portfolios, struct gateway_round **out_round,
                                     struct bus_error *error)
{
    struct gateway_round *round = calloc(1, sizeof *round);
    if (round == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    round->options = *options;
    round->backoff_ms = FIRST_BACKOFF_MS;
    bus_topic_named(options->settings->kafka.prefix, BUS_TOPIC_REQUESTS, round->requests_topic);
    bus_topic_named(options->settings->kafka.prefix, BUS_TOPIC_RECEIPTS, round->receipts_topic);
    struct gateway_resync_options resync = {
        .catalogue = policy->catalogue,
        .portfolios = portfolios,
        .states = options->states,
        .changelog = gateway_changelog_of(options->reader),
    };
    round->resync = gateway_resync_create(&resync);
    round->expiry = gateway_expiry_create(policy->catalogue, options->states);
    round->requests.resync = round->resync;
    struct gateway_receipts_options receipts = {
        .catalogue = policy->catalogue,
        .prefix = options->settings->kafka.prefix,
        .keys = options->settings->receipt_keys,
        .states = options->states,
        .clock = options->clock,
    };
    round->receipts = gateway_receipts_create(&receipts);
    round->messages = calloc(options->settings->batch_records, sizeof *round->messages);
    enum bus_status status = BUS_OK;
    if (round->resync == NULL || round->expiry == NULL || round->receipts == NULL || round->messages == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = gateway_round_set_policy(round, policy, portfolios, error);
    if (status == BUS_OK)
        *out_round = round;
    else
        gateway_round_destroy(round);
    return status;
}

void gateway_round_destroy(struct gateway_round *round)
{
    if (round == NULL)
        return;
    gateway_round_drop(round);
    gateway_receipts_destroy(round->receipts);
    gateway_resync_destroy(round->resync);
    gateway_expiry_destroy(round->expiry);
    gateway_pipeline_destroy(round->pipeline);
    gateway_batch_destroy(round->batch);
    free(round->messages);
    free(round);
}

void gateway_round_drop(struct gateway_round *round)
{
    if (round->batch != NULL)
        gateway_batch_reset(round->batch);
    for (size_t i = 0; i < round->message_count; i++)
        bus_message_release(&round->messages[i]);
    round->message_count = 0;
}

void gateway_round_look_again(struct gateway_round *round)
{
    gateway_resync_look_again(round->resync);
}

/* --- gathering --- */

static enum bus_status add_message(struct gateway_round *round, const struct bus_message *message,
                                   struct bus_error *error)
{
    round->messages[round->message_count++] = *message;
    struct gateway_input input = {
        .topic = message->topic,
        .partition = message->partition,
        .offset = message->offset,
        .key = message->key,
        .value = message->value,
        .adapter = bus_message_header(message, BUS_ADAPTER_HEADER),
        .replay = bus_message_header(message, BUS_REPLAY_HEADER).data != NULL,
    };
    if (strcmp(message->topic, round->requests_topic) == 0)
        return gateway_requests_take(&round->requests, round->batch, &input, error);
    if (strcmp(message->topic, round->receipts_topic) == 0)
        return gateway_receipts_take(round->receipts, round->batch, &input, error);
    return gateway_batch_add(round->batch, &input, error);
}

/* Fills the batch until a bound is reached or nothing more is there. An empty batch is no error. */
static enum bus_status gather_events(struct gateway_round *round, struct bus_error *error)
{
    const struct gateway_settings *settings = round->options.settings;
    int64_t begun_ms = 0;
    while (!gateway_batch_is_full(round->batch) && round->message_count < settings->batch_records &&
           !bus_stop_requested()) {
        struct bus_message message;
        size_t count = round->message_count;
        int wait_ms = count == 0 && !round->has_more ? IDLE_POLL_MS : 0;
        enum bus_status status = bus_consumer_poll(round->options.outlet->consumer, wait_ms, &message, error);
        round->options.alive(round->options.self);
        if (status == BUS_FATAL)
            return status;
        if (status != BUS_OK)
            break; /* the broker is away: it comes back by itself */
        if (message.handle == NULL && message.partition >= 0)
            continue; /* the end of one partition says nothing of the others */
        if (message.handle == NULL)
            break;
        if (round->message_count == 0)
            begun_ms = bus_clock_monotonic_ms();
        status = add_message(round, &message, error);
        if (status != BUS_OK)
            return status;
        if (count % CLOCK_EVERY == 0 && bus_clock_monotonic_ms() - begun_ms >= settings->batch_ms)
            break;
    }
    return BUS_OK;
}

static void choose_slice(struct gateway_round *round)
{
    size_t most = round->options.settings->batch_records;
    int64_t now_ms = bus_clock_monotonic_ms();
    if (round->message_count > 0)
        round->busy_until_ms = now_ms + BUSY_MS;
    round->slice = now_ms < round->busy_until_ms || !round->has_more ? LEAST_SLICE : round->slice * 2;
    if (round->slice > most)
        round->slice = most;
}

/* What nobody sent: it stands behind the events of the round. */
static enum bus_status gather_own(struct gateway_round *round, int64_t now_ms, struct bus_error *error)
{
    bool expires = false, resyncs = false;
    choose_slice(round);
    enum bus_status status = gateway_expiry_gather(round->expiry, round->batch, now_ms, round->slice, &expires, error);
    if (status == BUS_OK)
        status = gateway_resync_gather(round->resync, round->batch, now_ms, round->slice, &resyncs, error);
    if (!resyncs)
        gateway_changelog_rest(round->options.reader);
    round->has_more = expires || resyncs;
    return status;
}

/* --- settling --- */

/* After an abort: the consumer goes back to where the batch began. */
static enum bus_status rewind_batch(struct gateway_round *round, struct bus_error *error)
{
    size_t count = gateway_batch_source_count(round->batch), used = 0;
    struct bus_partition *partitions = calloc(count + 1, sizeof *partitions);
    if (partitions == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct gateway_source *source = gateway_batch_source(round->batch, i);
        if (source->next >= 0)
            partitions[used++] = (struct bus_partition){source->topic, source->partition, source->first};
    }
    enum bus_status status =
        used > 0 ? bus_consumer_seek(round->options.outlet->consumer, partitions, used, error) : BUS_OK;
    free(partitions);
    return status == BUS_OK ? BUS_OK : BUS_FATAL;
}

static enum bus_status try_again(struct gateway_round *round, const struct bus_error *reason, struct bus_error *error)
{
    bus_log_failure(BUS_LOG_WARN, "transaction aborted, will be done again", BUS_RETRY, reason);
    enum bus_status status = rewind_batch(round, error);
    int64_t until_ms = bus_clock_monotonic_ms() + round->backoff_ms;
    while (status == BUS_OK && bus_clock_monotonic_ms() < until_ms && !bus_stop_requested()) {
        round->options.alive(round->options.self);
        bus_clock_sleep_ms(FIRST_BACKOFF_MS);
    }
    round->backoff_ms = round->backoff_ms * 2 < LAST_BACKOFF_MS ? round->backoff_ms * 2 : LAST_BACKOFF_MS;
    return status;
}

static enum bus_status settle_batch(struct gateway_round *round, int64_t now_ms, struct bus_error *error)
{
    struct bus_error reason;
    enum bus_status status = gateway_pipeline_run(round->pipeline, round->batch, now_ms, &reason);
    if (status == BUS_OK)
        status = gateway_settle(round->options.settle, round->batch, now_ms, &reason);
    else
        gateway_settle_discard(round->options.settle, round->batch);
    if (status == BUS_OK)
        round->backoff_ms = FIRST_BACKOFF_MS;
    else if (status == BUS_RETRY)
        status = try_again(round, &reason, error);
    else
        *error = reason;
    return status;
}

enum bus_status gateway_round_run(struct gateway_round *round, struct bus_error *error)
{
    gateway_meter_start(round->options.meter);
    enum bus_status status = gather_events(round, error);
    int64_t now_ms = bus_clock_now_ms(round->options.clock);
    if (status == BUS_OK)
        status = gather_own(round, now_ms, error);
    gateway_meter_lap(round->options.meter, GATEWAY_PHASE_GATHER);
    if (status == BUS_OK && !gateway_batch_is_empty(round->batch))
        status = settle_batch(round, now_ms, error);
    if (status == BUS_OK)
        gateway_round_drop(round); /* after FATAL librdkafka may still hold what it borrowed */
    gateway_meter_lap(round->options.meter, GATEWAY_PHASE_GATHER);
    return status;
}
