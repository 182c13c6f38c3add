/* Agent: reads a subscriber's output topic, verifies it seal by seal, and brings it into the receiver exactly once.
 *
 * A seal that does not hold stops the agent; it refuses again after every restart, until the topic is what was sealed. */
#ifndef SUBSCRIBERS_ENGINE_AGENT_H
#define SUBSCRIBERS_ENGINE_AGENT_H

#include "subscribers/engine/settings.h"

struct subscribers_agent;

/* Loads the catalogue and the sink's configuration; reaches nothing outside. `settings` is borrowed. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_agent_open(const struct subscribers_settings *settings,
                                                      struct subscribers_agent **out_agent, struct bus_error *error);
/* Works until bus_stop_requested(); loads the catalogue anew at bus_reload_requested(). REJECT: what was read is not what was sealed. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_agent_run(struct subscribers_agent *agent, struct bus_error *error);
void subscribers_agent_close(struct subscribers_agent *agent);

#endif
