/* Supervisor: the parent process, which starts the keyholder and the workers and starts again what dies.
 *
 * It touches neither Kafka nor keys. When it is killed its children die with it, so that a second gateway can start at once. */
#ifndef GATEWAY_SUPERVISOR_H
#define GATEWAY_SUPERVISOR_H

#include "bus/view.h"
#include "gateway/settings.h"

/* Runs until bus_stop_requested(): then the workers finish their transactions, and the keyholder ends after them. OK: all ended
 * in order. FATAL: no process could be made, or a child had to be killed. */
BUS_MUST_CHECK enum bus_status gateway_supervisor_run(const struct gateway_settings *settings,
                                                      const struct bus_catalogue *catalogue, struct bus_views *views,
                                                      struct bus_error *error);

#endif
