#include "subscribers/engine/agent.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "subscribers/engine/courier.h"
#include "subscribers/engine/reader.h"
#include "subscribers/engine/report.h"

enum { POLL_MS = 200, ORDERS_EVERY_MS = 500, UNDER_WAY_MS = 2 };

struct subscribers_agent {
    const struct subscribers_settings *settings;
    char topic[BUS_TOPIC_SIZE];
    struct subscribers_memory *memory; /* of a courier, else NULL */
    struct subscribers_receiver *receiver;
    struct subscribers_orders orders;
    struct subscribers_applier applier;
    struct subscribers_courier *courier; /* of a courier, else NULL */
    struct subscribers_reader *reader;
    struct subscribers_report *report;
    int64_t orders_at_ms, started_at_ms;
    bool holds_others; /* other partitions than the status says */
};

enum bus_status subscribers_agent_open(const struct subscribers_settings *settings,
                                       struct subscribers_agent **out_agent, struct bus_error *error)
{
    struct subscribers_agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    agent->settings = settings;
    bus_topic_out(settings->kafka.prefix, settings->subscriber, agent->topic);
    enum bus_status status = BUS_OK;
    if (subscribers_sink_is_courier(settings->sink))
        status = subscribers_memory_open(settings, agent->topic, &agent->memory, error);
    if (status == BUS_OK)
        status = subscribers_receiver_open(settings, agent->topic, agent->memory, &agent->receiver, error);
    if (status == BUS_OK)
        *out_agent = agent;
    else
        subscribers_agent_close(agent);
    return status;
}

void subscribers_agent_close(struct subscribers_agent *agent)
{
    if (agent == NULL)
        return;
    subscribers_reader_close(agent->reader); /* gives up what is held, so the others must be there still */
    subscribers_courier_destroy(agent->courier);
    subscribers_report_close(agent->report);
    subscribers_applier_release(&agent->applier);
    subscribers_orders_close(&agent->orders);
    subscribers_receiver_close(agent->receiver);
    subscribers_memory_close(agent->memory);
    free(agent);
}

/* ── partitions come and go ── */

static enum bus_status take(void *self, struct subscribers_position *position, struct bus_error *error)
{
    struct subscribers_agent *agent = self;
    enum bus_status status = agent->memory != NULL ? subscribers_memory_take(agent->memory, position, error) : BUS_OK;
    return status == BUS_OK ? subscribers_applier_take(&agent->applier, position, error) : status;
}

static void on_change(void *self, bool lost)
{
    struct subscribers_agent *agent = self;
    struct bus_error error;
    if (!lost &&
        subscribers_report_tell(agent->report, subscribers_reader_consumer(agent->reader), true, &error) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "对账暂未报送 / books not told yet", BUS_RETRY, &error);
}

static void give_up(void *self, int32_t partition)
{
    struct subscribers_agent *agent = self;
    agent->holds_others = true;
    if (agent->courier != NULL)
        subscribers_courier_give_up(agent->courier, partition);
    subscribers_applier_give_up(&agent->applier, partition);
    if (agent->memory != NULL)
        subscribers_memory_give_up(agent->memory, partition);
}

static bool wants(const void *self, int32_t partition)
{
    return subscribers_applier_wants(&((const struct subscribers_agent *)self)->applier, partition);
}

static enum bus_status on_resend(void *self, struct bus_bytes subject, struct bus_error *error)
{
    struct subscribers_agent *agent = self;
    return subscribers_receiver_order(agent->receiver, bus_bytes_text("RESEND"), subject, error);
}

/* ── starting ── */

static enum bus_status make_parts(struct subscribers_agent *agent, const char *exchange, struct bus_error *error)
{
    const struct subscribers_owner owner = {take, on_change, give_up, wants, agent};
    enum bus_status status =
        subscribers_applier_init(&agent->applier, agent->settings, agent->receiver, &agent->orders, error);
    if (status == BUS_OK && agent->memory != NULL) {
        agent->courier = subscribers_courier_create(&agent->applier, agent->memory);
        if (agent->courier == NULL)
            status = bus_fail(error, BUS_FATAL, "out of memory");
    }
    if (status == BUS_OK)
        status = subscribers_report_open(agent->settings, agent->topic, exchange, agent->applier.lanes, &agent->report,
                                         error);
    if (status == BUS_OK)
        status = subscribers_reader_open(agent->settings, agent->topic, exchange, &owner, &agent->reader, error);
    return status;
}

/* The receiver is asked before the group: who cannot reach it should hold no partitions. */
static enum bus_status start(struct subscribers_agent *agent, struct bus_error *error)
{
    const struct subscribers_settings *settings = agent->settings;
    struct bus_clock clock = bus_clock_real();
    const struct bus_catalogue *catalogue =
        subscribers_catalogues_at(subscribers_receiver_catalogues(agent->receiver), 0);
    agent->started_at_ms = bus_clock_now_ms(&clock);
    enum bus_status status = make_parts(agent, bus_catalogue_exchange_view(catalogue), error);
    if (status == BUS_OK)
        status = subscribers_orders_open(&agent->orders, settings, error);
    agent->orders.on_resend = on_resend;
    agent->orders.self = agent;
    if (status == BUS_OK)
        status = subscribers_receiver_prepare(agent->receiver, error);
    if (status == BUS_OK && agent->memory != NULL)
        status = subscribers_memory_connect(agent->memory, error);
    if (status == BUS_OK)
        status = subscribers_reader_join(agent->reader, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "agent ready", "topic=%s partitions=%d sink=%s instance=%s catalogue=%s", agent->topic,
                (int)settings->partitions, settings->sink->name, settings->instance,
                bus_catalogue_version_view(catalogue));
    return status;
}

/* ── working ── */

static enum bus_status look_at_orders(struct subscribers_agent *agent, struct bus_error *error)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    if (now_ms < agent->orders_at_ms)
        return BUS_OK;
    agent->orders_at_ms = now_ms + ORDERS_EVERY_MS;
    return subscribers_orders_poll(&agent->orders, error);
}

/* Does not wait while a courier has something to do. */
static int patience_of(const struct subscribers_agent *agent)
{
    if (agent->courier != NULL)
        return subscribers_courier_is_busy(agent->courier) ? 0 : POLL_MS;
    return subscribers_applier_patience(&agent->applier, POLL_MS);
}

/* A record, or none for a while; behind the first, what is at hand of a courier's. */
static enum bus_status read_on(struct subscribers_agent *agent, bool *out_came, struct bus_error *error)
{
    struct subscribers_piece *piece;
    enum bus_status status = subscribers_reader_poll(agent->reader, patience_of(agent), out_came, &piece, error);
    if (piece != NULL)
        subscribers_applier_add(&agent->applier, piece);
    return status;
}

static enum bus_status work(struct subscribers_agent *agent, bool came, struct bus_error *error)
{
    if (agent->courier != NULL)
        return subscribers_courier_step(agent->courier, subscribers_reader_consumer(agent->reader),
                                        came ? 0 : UNDER_WAY_MS, error);
    return subscribers_applier_is_due(&agent->applier, came) ? subscribers_applier_apply(&agent->applier, error)
                                                             : BUS_OK;
}

static const struct subscribers_lane *waiting_lane(const struct subscribers_agent *agent)
{
    for (int32_t i = 0; i < agent->settings->partitions; i++)
        if (agent->applier.lanes[i].waits_since_ms != 0)
            return &agent->applier.lanes[i];
    return NULL;
}

static void fill_status(const struct subscribers_agent *agent, bool is_ending, struct bus_agent_status *status)
{
    const struct subscribers_applier *applier = &agent->applier;
    const struct subscribers_lane *waiting = waiting_lane(agent);
    const char *reason = agent->orders.is_paused    ? agent->orders.pause_reason
                         : applier->away[0] != '\0' ? applier->away
                         : waiting != NULL          ? waiting->reason
                                                    : "";
    *status = (struct bus_agent_status){
        .state = is_ending                 ? BUS_AGENT_STOPPED
                 : agent->orders.is_paused ? BUS_AGENT_PAUSED
                 : reason[0] != '\0'       ? BUS_AGENT_WAITING
                                           : BUS_AGENT_WORKING,
        .applied = applier->applied,
        .refused = applier->refused,
        .last_applied_at_ms = applier->applied_at_ms,
        .seal_at_ms = subscribers_reader_sealed_at(agent->reader),
        .started_at_ms = agent->started_at_ms,
    };
    snprintf(status->subscriber, sizeof status->subscriber, "%s", agent->settings->subscriber);
    snprintf(status->instance, sizeof status->instance, "%s", agent->settings->instance);
    snprintf(status->sink, sizeof status->sink, "%s", agent->settings->sink->name);
    snprintf(status->reason_zh, sizeof status->reason_zh, "%s", reason);
    snprintf(status->reason_en, sizeof status->reason_en, "%s", reason);
}

static void tell(struct subscribers_agent *agent, bool is_ending)
{
    struct bus_agent_status status;
    struct bus_error error;
    bool now = is_ending || subscribers_applier_has_many_days(&agent->applier);
    if (subscribers_report_tell(agent->report, subscribers_reader_consumer(agent->reader), now, &error) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "对账暂未报送 / books not told yet", BUS_RETRY, &error);
    fill_status(agent, is_ending, &status);
    if (subscribers_report_status(agent->report, &status, agent->holds_others || is_ending, &error) == BUS_OK)
        agent->holds_others = false;
    else
        bus_log_failure(BUS_LOG_WARN, "状态暂未报送 / status not told yet", BUS_RETRY, &error);
}

static enum bus_status step(struct subscribers_agent *agent, struct bus_error *error)
{
    bool came;
    if (bus_reload_requested()) {
        subscribers_receiver_reload(agent->receiver);
        subscribers_applier_renewed(&agent->applier);
    }
    enum bus_status status = look_at_orders(agent, error);
    if (status == BUS_OK)
        status = read_on(agent, &came, error);
    if (status == BUS_OK)
        status = work(agent, came, error);
    if (status == BUS_OK)
        tell(agent, false);
    return status;
}

enum bus_status subscribers_agent_run(struct subscribers_agent *agent, struct bus_error *error)
{
    enum bus_status status = start(agent, error);
    while (status == BUS_OK && !bus_stop_requested())
        status = step(agent, error);
    if (agent->reader != NULL && subscribers_reader_consumer(agent->reader) != NULL)
        tell(agent, true);
    return status == BUS_RETRY && bus_stop_requested() ? BUS_OK : status;
}
