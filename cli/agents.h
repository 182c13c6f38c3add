/* Agents: how the agents of subscribers stand and what officers have ordered them, both in the last partition of xq.agent.<subscriber>. */
#ifndef CLI_AGENTS_H
#define CLI_AGENTS_H

#include "bus/agent_order.h"
#include "bus/agent_status.h"
#include "bus/json.h"
#include "cli/command.h"
#include "cli/words.h"

enum {
    CLI_AGENT_SILENT_MS = 120000, /* a status older than this, of an agent that did not stop: it is dead or cut off */
    CLI_AGENT_REASON_SIZE = 1100,
    CLI_AGENTS_MAX = 1000,   /* of one subscriber */
    CLI_ORDERS_MAX = 100000, /* to one subscriber's agents */
};

/* An order as it stands in the topic; texts that are longer are cut. */
struct cli_agent_order {
    enum bus_agent_order_kind kind;
    int32_t partition;
    int64_t leaf;
    int64_t at_ms;
    char subject[32], officer[CLI_AGENT_REASON_SIZE], reason[CLI_AGENT_REASON_SIZE];
};

/* All agents of one subscriber, by instance, and all orders to them in the order in which they were given. */
struct cli_subscriber_agents {
    const struct bus_subscriber *subscriber;
    char topic[BUS_AGENT_TOPIC_SIZE];
    int32_t partitions; /* of the log; 0: there is no such topic */
    struct bus_agent_status *of;
    size_t count, capacity;
    struct cli_agent_order *orders;
    size_t order_count, order_capacity;
};

struct cli_agents {
    struct cli_subscriber_agents *of; /* in the catalogue's order */
    size_t count;
    int64_t now_ms;
};

/* Reads them of all subscribers, or of `only` (then there is one). RETRY when the broker is away. Release whatever the status. */
BUS_MUST_CHECK enum bus_status cli_agents_read(struct cli_context *context, const struct bus_catalogue *catalogue,
                                               const struct bus_subscriber *only, struct cli_agents *out_agents,
                                               struct bus_error *error);
void cli_agents_release(struct cli_agents *agents);

/* The order by which they are paused; NULL when they are not. */
const struct cli_agent_order *cli_agents_pause(const struct cli_subscriber_agents *agents);
/* What the agent told last about a partition, of all that told of it; NULL when none did. */
const struct bus_agent_lane *cli_agents_lane(const struct cli_subscriber_agents *agents, int32_t partition);
/* Whether a delivery was ordered to be skipped; NULL when not. */
const struct cli_agent_order *cli_agents_skip_of(const struct cli_subscriber_agents *agents, int32_t partition,
                                                 int64_t leaf);

/* WORKING, WAITING, PAUSED, STOPPED, SILENT. */
const struct cli_word *cli_agent_state(const struct bus_agent_status *status, int64_t now_ms);
/* Of a subscriber without any agent: NONE. */
extern const struct cli_word cli_agent_none;
const struct cli_word *cli_agent_sink(const char *sink);
const struct cli_word *cli_agent_order_word(enum bus_agent_order_kind kind);
/* Lanes that wait for the receiver, and the one that waits longest; NULL when none does. */
const struct bus_agent_lane *cli_agent_waiting(const struct bus_agent_status *status, size_t *out_count);
int cli_agents_list(struct cli_context *context, int argc, char **argv);
int cli_agents_show(struct cli_context *context, int argc, char **argv);
/* pause, resume, compare, resend. */
int cli_agents_order(struct cli_context *context, int argc, char **argv);
int cli_agents_skip(struct cli_context *context, int argc, char **argv);

/* Produces the order under a key of its own into the last partition and waits until the broker has it. `order` needs no time. */
BUS_MUST_CHECK enum bus_status cli_agents_send(const struct cli_context *context,
                                               const struct cli_subscriber_agents *agents,
                                               const struct bus_agent_order *order, struct bus_error *error);

#endif
