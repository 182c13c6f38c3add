#include "subscribers/engine/agent.h"

#include <stdlib.h>

#include "bus/log.h"
#include "bus/stop.h"
#include "subscribers/engine/applier.h"
#include "subscribers/engine/reader.h"

enum { POLL_MS = 200 };

struct subscribers_agent {
    const struct subscribers_settings *settings;
    char topic[BUS_TOPIC_SIZE];
    struct subscribers_receiver *receiver;
    struct subscribers_reader *reader;
    struct subscribers_report *report;
    struct subscribers_applier *applier;
};

enum bus_status subscribers_agent_open(const struct subscribers_settings *settings,
                                       struct subscribers_agent **out_agent, struct bus_error *error)
{
    struct subscribers_agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    agent->settings = settings;
    bus_topic_out(settings->kafka.prefix, settings->subscriber, agent->topic);
    enum bus_status status = subscribers_receiver_open(settings, agent->topic, &agent->receiver, error);
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
    subscribers_reader_close(agent->reader);
    subscribers_report_close(agent->report);
    subscribers_applier_destroy(agent->applier);
    subscribers_receiver_close(agent->receiver);
    free(agent);
}

/* Reading begins where the receiver stands. */
static enum bus_status start_reading(struct subscribers_agent *agent, struct bus_error *error)
{
    int32_t count = agent->settings->partitions;
    struct subscribers_position *positions = calloc((size_t)count, sizeof *positions);
    if (positions == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (int32_t i = 0; i < count; i++)
        subscribers_position_init(&positions[i], i);
    enum bus_status status = subscribers_applier_start(agent->applier, positions, error);
    if (status == BUS_OK)
        status = subscribers_reader_start(agent->reader, positions, error);
    for (int32_t i = 0; i < count; i++)
        subscribers_position_release(&positions[i]);
    free(positions);
    return status;
}

static enum bus_status start(struct subscribers_agent *agent, struct bus_error *error)
{
    const struct subscribers_settings *settings = agent->settings;
    const struct bus_catalogue *catalogue =
        subscribers_catalogues_at(subscribers_receiver_catalogues(agent->receiver), 0);
    enum bus_status status =
        subscribers_reader_open(settings, agent->topic, bus_catalogue_exchange_view(catalogue), &agent->reader, error);
    if (status == BUS_OK)
        status = subscribers_report_open(&settings->kafka.kafka, settings->kafka.prefix, agent->topic,
                                         settings->partitions, &agent->report, error);
    if (status != BUS_OK)
        return status;
    agent->applier = subscribers_applier_create(settings, agent->receiver, agent->report);
    status = agent->applier != NULL ? start_reading(agent, error) : bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "agent ready", "topic=%s partitions=%d sink=%s catalogue=%s", agent->topic,
                (int)settings->partitions, settings->sink->name, bus_catalogue_version_view(catalogue));
    return status;
}

/* One record, or none for a while. */
static enum bus_status read_on(struct subscribers_agent *agent, bool *out_came, struct bus_error *error)
{
    *out_came = false;
    if (subscribers_applier_is_stuck(agent->applier)) {
        bus_clock_sleep_ms(POLL_MS);
        return BUS_OK;
    }
    struct subscribers_piece *piece;
    int patience_ms = subscribers_applier_patience(agent->applier, POLL_MS);
    enum bus_status status = subscribers_reader_poll(agent->reader, patience_ms, out_came, &piece, error);
    if (piece != NULL)
        subscribers_applier_add(agent->applier, piece);
    return status;
}

static enum bus_status step(struct subscribers_agent *agent, struct bus_error *error)
{
    bool came;
    if (bus_reload_requested())
        subscribers_receiver_reload(agent->receiver);
    enum bus_status status = read_on(agent, &came, error);
    if (status == BUS_OK && subscribers_applier_is_due(agent->applier, came))
        status = subscribers_applier_apply(agent->applier, error);
    if (status != BUS_OK)
        return status;
    bool now = subscribers_applier_has_many_days(agent->applier);
    if (subscribers_report_tell(agent->report, subscribers_reader_consumer(agent->reader), now, error) != BUS_OK)
        bus_log_failure(BUS_LOG_WARN, "对账暂未报送 / books not told yet", BUS_RETRY, error);
    return BUS_OK;
}

enum bus_status subscribers_agent_run(struct subscribers_agent *agent, struct bus_error *error)
{
    enum bus_status status = start(agent, error);
    while (status == BUS_OK && !bus_stop_requested())
        status = step(agent, error);
    struct bus_error ignored;
    if (agent->report != NULL &&
        subscribers_report_tell(agent->report, subscribers_reader_consumer(agent->reader), true, &ignored) != BUS_OK)
        bus_log(BUS_LOG_WARN, "对账未报送，将在重新启动后报送 / books not told, will be after a restart", "topic=%s",
                agent->topic);
    return status == BUS_RETRY && bus_stop_requested() ? BUS_OK : status;
}
