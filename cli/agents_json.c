/* Agents in JSON: as xinqiao agents list and show answer programs. */
#include "cli/agents_json.h"

static void text(struct bus_json *json, const char *name, const char *value)
{
    bus_json_name(json, name);
    bus_json_string(json, value);
}

static void number(struct bus_json *json, const char *name, int64_t value)
{
    bus_json_name(json, name);
    bus_json_integer(json, value);
}

/* null of 0 */
static void moment(struct bus_json *json, const char *name, int64_t at_ms)
{
    char value[CLI_TIME_SIZE];
    bus_json_name(json, name);
    if (at_ms == 0) {
        bus_json_null(json);
        return;
    }
    cli_time(at_ms, value);
    bus_json_string(json, value);
}

static void write_lane(struct bus_json *json, const struct bus_agent_lane *lane)
{
    bus_json_object(json);
    number(json, "partition", lane->partition);
    number(json, "next", lane->next);
    number(json, "size", (int64_t)lane->size);
    moment(json, "waits_since", lane->waits_since_ms);
    bus_json_name(json, "waits_leaf");
    if (lane->waits_since_ms == 0)
        bus_json_null(json);
    else
        bus_json_integer(json, (int64_t)lane->waits_leaf);
    text(json, "reason", lane->reason);
    bus_json_end_object(json);
}

void cli_agents_write_status(struct bus_json *json, const struct bus_agent_status *status, int64_t now_ms)
{
    bus_json_object(json);
    text(json, "subscriber", status->subscriber);
    text(json, "instance", status->instance);
    text(json, "sink", status->sink);
    text(json, "state", cli_agent_state(status, now_ms)->name);
    text(json, "told_state", bus_agent_state_name(status->state));
    moment(json, "since", status->since_ms);
    text(json, "reason_zh", status->reason_zh);
    text(json, "reason", status->reason_en);
    number(json, "applied", status->applied);
    number(json, "refused", status->refused);
    moment(json, "last_applied", status->last_applied_at_ms);
    moment(json, "sealed", status->seal_at_ms);
    moment(json, "started", status->started_at_ms);
    moment(json, "at", status->at_ms);
    bus_json_name(json, "lanes");
    bus_json_array(json);
    for (size_t i = 0; i < status->lane_count; i++)
        write_lane(json, &status->lanes[i]);
    bus_json_end_array(json);
    bus_json_end_object(json);
}

void cli_agents_write_none(struct bus_json *json, const struct bus_subscriber *subscriber)
{
    bus_json_object(json);
    text(json, "subscriber", subscriber->name);
    bus_json_name(json, "instance");
    bus_json_null(json);
    text(json, "state", cli_agent_none.name);
    bus_json_end_object(json);
}

void cli_agents_write_order(struct bus_json *json, const struct cli_agent_order *order)
{
    bus_json_object(json);
    moment(json, "at", order->at_ms);
    text(json, "kind", bus_agent_order_name(order->kind));
    if (order->kind == BUS_AGENT_SKIP) {
        number(json, "partition", order->partition);
        number(json, "leaf", order->leaf);
    }
    if (order->kind == BUS_AGENT_RESEND)
        text(json, "subject", order->subject);
    text(json, "officer", order->officer);
    text(json, "reason", order->reason);
    bus_json_end_object(json);
}
