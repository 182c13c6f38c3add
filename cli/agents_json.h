/* Agents in JSON: one object each. */
#ifndef CLI_AGENTS_JSON_H
#define CLI_AGENTS_JSON_H

#include "cli/agents.h"

void cli_agents_write_status(struct bus_json *json, const struct bus_agent_status *status, int64_t now_ms);
/* Of a subscriber without any agent. */
void cli_agents_write_none(struct bus_json *json, const struct bus_subscriber *subscriber);
void cli_agents_write_order(struct bus_json *json, const struct cli_agent_order *order);

#endif
