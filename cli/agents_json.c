/* Agents in JSON: as xinqiao agents list and show answer programs. */
#include "cli/agents_json.h"

#include "cli/members.h"

static void write_lane(struct bus_json *json, const struct bus_agent_lane *lane)
{
    bus_json_object(json);
    cli_member_number(json, "partition", lane->partition);
    cli_member_number(json, "next", lane->next);
    cli_member_number(json, "size", (int64_t)lane->size);
    cli_member_time(json, "waits_since", lane->waits_since_ms);
    bus_json_name(json, "waits_leaf");
    if (lane->waits_since_ms == 0)
        bus_json_null(json);
    else
        bus_json_integer(json, (int64_t)lane->waits_leaf);
    cli_member_text(json, "reason", lane->reason);
    bus_json_end_object(json);
}

void cli_agents_write_status(struct bus_json *json, const struct bus_agent_status *status, int64_t now_ms)
{
    bus_json_object(json);
    cli_member_text(json, "subscriber", status->subscriber);
    cli_member_text(json, "instance", status->instance);
    cli_member_text(json, "sink", status->sink);
    cli_member_text(json, "state", cli_agent_state(status, now_ms)->name);
    cli_member_text(json, "told_state", bus_agent_state_name(status->state));
    cli_member_time(json, "since", status->since_ms);
    cli_member_text(json, "reason_zh", status->reason_zh);
    cli_member_text(json, "reason", status->reason_en);
    cli_member_number(json, "applied", status->applied);
    cli_member_number(json, "refused", status->refused);
    cli_member_time(json, "last_applied", status->last_applied_at_ms);
    cli_member_time(json, "sealed", status->seal_at_ms);
    cli_member_time(json, "started", status->started_at_ms);
    cli_member_time(json, "at", status->at_ms);
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
    cli_member_text(json, "subscriber", subscriber->name);
    bus_json_name(json, "instance");
    bus_json_null(json);
    cli_member_text(json, "state", cli_agent_none.name);
    bus_json_end_object(json);
}

void cli_agents_write_order(struct bus_json *json, const struct cli_agent_order *order)
{
    bus_json_object(json);
    cli_member_time(json, "at", order->at_ms);
    cli_member_text(json, "kind", bus_agent_order_name(order->kind));
    if (order->kind == BUS_AGENT_SKIP) {
        cli_member_number(json, "partition", order->partition);
        cli_member_number(json, "leaf", order->leaf);
    }
    if (order->kind == BUS_AGENT_RESEND)
        cli_member_text(json, "subject", order->subject);
    cli_member_text(json, "officer", order->officer);
    cli_member_text(json, "reason", order->reason);
    bus_json_end_object(json);
}
