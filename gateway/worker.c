#include "gateway/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/digest.h"
#include "bus/stop.h"
#include "gateway/ownership.h"
#include "gateway/round.h"
#include "gateway/topics.h"

enum {
    NAME_SIZE = 200,
    MEMBER_DIGEST_BYTES = 4,
    MEMBER_SIZE = NAME_SIZE + 2 * MEMBER_DIGEST_BYTES + 2,
    KEYHOLDER_WAIT_MS = 5000,
    WAIT_PAUSE_MS = 200,
    METER_EVERY_MS = 10000,
    OTHER_TOPICS = 2,     /* beside those of items: requests, receipts */
    LOOK_EVERY_MS = 1000, /* at portfolios, and at a catalogue that waits for its topics */
};

struct worker {
    const struct gateway_worker_options *options;
    const struct gateway_settings *settings;
    char name[NAME_SIZE]; /* transactional id */
    char state_topic[BUS_TOPIC_SIZE];
    struct bus_kafka kafka;
    struct bus_rehearsal rehearsal;
    struct bus_clock clock;
    struct bus_subject_keyer *keyer;
    struct gateway_policy policy;
    struct bus_portfolios *portfolios;
    struct gateway_signer signer;
    struct gateway_sealer *sealer;
    struct gateway_ownership *ownership;
    struct gateway_changelog_reader *reader;
    struct gateway_settle *settle;
    struct gateway_round *round;
    struct gateway_meter meter;
    struct gateway_kafka_outlet outlet; /* owns producer and consumer */
    bool reload_waits;                  /* a new catalogue is to be taken as soon as its topics are there */
    int64_t looked_ms;
};

static void beat(void *self)
{
    const struct worker *worker = self;
    if (worker->options->heartbeat != NULL)
        ++*worker->options->heartbeat;
}

/* --- group changes --- */

static enum bus_status on_assigned(void *self, struct bus_partition *partitions, size_t count, struct bus_error *error)
{
    struct worker *worker = self;
    enum bus_status status =
        gateway_ownership_take(worker->ownership, worker->outlet.consumer, partitions, count, error);
    gateway_round_look_again(worker->round);
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
    gateway_round_drop(worker->round);
    gateway_ownership_give_up(worker->ownership, bus_stop_requested());
    bus_log(BUS_LOG_INFO, "partitions given up", "topic_partitions=%zu lost=%d", count, lost);
    return BUS_OK;
}

/* --- another catalogue --- */

/* Between the supervisor's look and ours the files may have changed again. */
static bool is_approved(const struct worker *worker, const struct gateway_policy *policy)
{
    const char *version = bus_catalogue_version_view(policy->catalogue);
    const volatile char *approved = worker->options->approved;
    size_t i = 0;
    while (approved != NULL && version[i] != '\0' && approved[i] == version[i])
        i++;
    return approved == NULL || (version[i] == '\0' && approved[i] == '\0');
}

static bool has_new_subscriber(const struct gateway_policy *current, const struct gateway_policy *next)
{
    for (size_t i = 0; i < bus_catalogue_subscriber_count(next->catalogue); i++)
        if (bus_catalogue_find_subscriber(current->catalogue, bus_catalogue_subscriber(next->catalogue, i)->name) ==
            NULL)
            return true;
    return false;
}

static enum bus_status swap(struct worker *worker, struct gateway_policy *next, struct bus_error *error)
{
    struct bus_portfolios *portfolios = NULL;
    enum bus_status status = BUS_OK;
    if (has_new_subscriber(&worker->policy, next))
        status = gateway_topics_check(&worker->kafka, next->catalogue, worker->settings->kafka.prefix,
                                      worker->settings->partitions, error);
    if (status == BUS_OK)
        status = bus_portfolios_load(next->catalogue, worker->keyer, &portfolios, error);
    if (status == BUS_OK)
        status = gateway_round_set_policy(worker->round, next, portfolios, error);
    if (status != BUS_OK) {
        bus_portfolios_destroy(portfolios);
        return status;
    }
    bus_portfolios_destroy(worker->portfolios);
    gateway_policy_release(&worker->policy);
    worker->portfolios = portfolios;
    worker->policy = *next;
    *next = (struct gateway_policy){NULL, NULL};
    return BUS_OK;
}

/* Whole or not at all: whatever fails, the catalogue in force stays. */
static void reload(struct worker *worker)
{
    struct gateway_policy next = {NULL, NULL};
    struct bus_error error;
    bool has_changed = false, was_waiting = worker->reload_waits;
    worker->reload_waits = false;
    enum bus_status status =
        gateway_policy_load_next(&worker->policy, worker->settings->catalogue, false, &next, &has_changed, &error);
    if (status == BUS_OK && has_changed && !is_approved(worker, &next))
        status = bus_fail(&error, BUS_FATAL, "%s: changed again since it was looked at: send SIGHUP again",
                          worker->settings->catalogue);
    if (status == BUS_OK && has_changed)
        status = swap(worker, &next, &error);
    worker->reload_waits = status == BUS_RETRY;
    if (status != BUS_OK && !(was_waiting && worker->reload_waits))
        bus_log_failure(worker->reload_waits ? BUS_LOG_WARN : BUS_LOG_ERROR,
                        worker->reload_waits ? "new catalogue waits"
                                             : "catalogue not taken, the old one stays in force",
                        status, &error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "catalogue in force", "version=%s", bus_catalogue_version_view(worker->policy.catalogue));
    gateway_policy_release(&next);
}

static void look_around(struct worker *worker)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    bool is_time = now_ms - worker->looked_ms >= LOOK_EVERY_MS;
    if (bus_reload_requested() || (worker->reload_waits && is_time))
        reload(worker);
    if (!is_time)
        return;
    worker->looked_ms = now_ms;
    if (bus_portfolios_refresh(worker->portfolios, worker->keyer))
        gateway_round_look_again(worker->round);
}

/* --- start and end --- */

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

static enum bus_status connect_signer(struct worker *worker, struct bus_error *error)
{
    return gateway_signer_connect(worker->settings->socket, KEYHOLDER_WAIT_MS, &worker->signer, error);
}

static enum bus_status check_topics(struct worker *worker, struct bus_error *error)
{
    return gateway_topics_check(&worker->kafka, worker->policy.catalogue, worker->settings->kafka.prefix,
                                worker->settings->partitions, error);
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

/* Member of the group: the worker's name and a digest of what it subscribes to. A static member that comes back gets its old
 * assignment, which would lack the topics of a new catalogue; another member gets a new one, and the old is forgotten. */
static void name_member(const struct worker *worker, char (*topics)[BUS_TOPIC_SIZE], size_t count,
                        char out_name[MEMBER_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    char hex[2 * MEMBER_DIGEST_BYTES + 1];
    bus_digest(BUS_HASH_SM3, bus_bytes_of(topics, count * sizeof *topics), digest);
    bus_hex(digest, MEMBER_DIGEST_BYTES, hex);
    snprintf(out_name, MEMBER_SIZE, "%s-%s", worker->name, hex);
}

static enum bus_status open_consumer(struct worker *worker, const char *member, struct bus_error *error)
{
    struct bus_consumer_options options = {
        .group = worker->settings->group,
        .instance = member,
        .session_timeout_ms = worker->settings->session_timeout_ms,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .self = worker,
    };
    return bus_consumer_open(&worker->kafka, &options, &worker->outlet.consumer, error);
}

static enum bus_status subscribe(struct worker *worker, struct bus_error *error)
{
    char member[MEMBER_SIZE];
    enum bus_status status = BUS_OK;
    const char *prefix = worker->settings->kafka.prefix;
    size_t items = bus_catalogue_item_count(worker->policy.catalogue), count = items + OTHER_TOPICS;
    char(*names)[BUS_TOPIC_SIZE] = calloc(count, sizeof *names);
    const char **topics = calloc(count, sizeof *topics);
    if (names == NULL || topics == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; status == BUS_OK && i < count; i++) {
        if (i < items)
            bus_topic_in(prefix, bus_catalogue_item(worker->policy.catalogue, i), names[i]);
        else
            bus_topic_named(prefix, i == items ? BUS_TOPIC_REQUESTS : BUS_TOPIC_RECEIPTS, names[i]);
        topics[i] = names[i];
    }
    if (status == BUS_OK) {
        name_member(worker, names, count, member);
        status = open_consumer(worker, member, error);
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
    if (status == BUS_OK)
        status = bus_portfolios_load(worker->policy.catalogue, worker->keyer, &worker->portfolios, error);
    if (status != BUS_OK)
        return status;
    struct gateway_ownership_options ownership = {
        .settings = settings,
        .kafka = &worker->kafka,
        .topic_count = bus_catalogue_item_count(worker->policy.catalogue) + OTHER_TOPICS,
        .alive = beat,
        .self = worker,
    };
    worker->ownership = gateway_ownership_create(&ownership);
    bus_topic_named(settings->kafka.prefix, BUS_TOPIC_STATE, worker->state_topic);
    worker->reader = gateway_changelog_create(&worker->kafka, worker->state_topic);
    return worker->ownership != NULL && worker->reader != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory");
}

static enum bus_status make_settle(struct worker *worker, struct bus_error *error)
{
    enum bus_status status = gateway_sealer_create(bus_catalogue_exchange_view(worker->policy.catalogue),
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

static enum bus_status make_round(struct worker *worker, struct bus_error *error)
{
    struct gateway_round_options options = {
        .settings = worker->settings,
        .keyer = worker->keyer,
        .states = gateway_ownership_states(worker->ownership),
        .reader = worker->reader,
        .outlet = &worker->outlet,
        .settle = worker->settle,
        .meter = &worker->meter,
        .clock = &worker->clock,
        .alive = beat,
        .self = worker,
    };
    return gateway_round_create(&options, &worker->policy, worker->portfolios, &worker->round, error);
}

static enum bus_status start(struct worker *worker, struct bus_error *error)
{
    enum bus_status status = make_parts(worker, error);
    if (status == BUS_OK)
        status = insist(worker, connect_signer, error);
    if (status == BUS_OK)
        status = make_settle(worker, error);
    if (status == BUS_OK)
        status = make_round(worker, error);
    if (status == BUS_OK)
        status = insist(worker, check_topics, error);
    if (status == BUS_OK)
        status = insist(worker, open_producer, error);
    return status == BUS_OK ? subscribe(worker, error) : status;
}

/* Only after an orderly end: what has failed may hang when it is closed, and the kernel frees everything. The producer first: it
 * may hold bytes that it has borrowed. */
static void release(struct worker *worker)
{
    bus_producer_close(worker->outlet.producer);
    if (worker->round != NULL)
        gateway_round_drop(worker->round);
    bus_consumer_close(worker->outlet.consumer);
    gateway_round_destroy(worker->round);
    gateway_settle_destroy(worker->settle);
    gateway_sealer_destroy(worker->sealer);
    gateway_signer_release(&worker->signer);
    gateway_changelog_destroy(worker->reader);
    gateway_ownership_destroy(worker->ownership);
    bus_portfolios_destroy(worker->portfolios);
    gateway_policy_release(&worker->policy);
    bus_subject_keyer_destroy(worker->keyer);
}

static struct bus_clock choose_clock(struct worker *worker)
{
    if (worker->settings->rehearsal_clock[0] == '\0')
        return bus_clock_real();
    worker->rehearsal.path = worker->settings->rehearsal_clock;
    bus_log(BUS_LOG_WARN, "rehearsal clock: this is no service",
            "file=%s reason=\"演练时钟，不得用于正式运行 / times in deliveries, seals and audit are not real\"",
            worker->rehearsal.path);
    return bus_clock_rehearsal(&worker->rehearsal);
}

static enum bus_status run_rounds(struct worker *worker, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && !bus_stop_requested()) {
        look_around(worker);
        status = gateway_round_run(worker->round, error);
        gateway_meter_tell(&worker->meter, METER_EVERY_MS);
    }
    return status;
}

enum bus_status gateway_worker_run(const struct gateway_worker_options *options, struct bus_error *error)
{
    struct worker worker = {
        .options = options,
        .settings = options->settings,
        .kafka = options->settings->kafka.kafka,
        .policy = options->take_policy,
    };
    worker.clock = choose_clock(&worker);
    snprintf(worker.name, sizeof worker.name, "xq-gateway-%s-%d", options->settings->node, options->index);
    worker.kafka.client_id = worker.name;
    enum bus_status status = start(&worker, error);
    if (status == BUS_OK)
        status = run_rounds(&worker, error);
    gateway_meter_tell(&worker.meter, 0);
    if (bus_stop_requested() && status == BUS_RETRY)
        status = BUS_OK; /* stopped before it could begin */
    if (status == BUS_OK)
        release(&worker);
    return status;
}
