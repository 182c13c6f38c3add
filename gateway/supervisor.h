/* Supervisor: the parent process, which starts the keyholder and the workers and starts again what dies.
 *
 * It touches neither Kafka nor keys. When it is killed its children die with it, so that a second gateway can start at once. On SIGHUP it
 * loads the catalogue anew: when that is good and changes nothing that a running gateway cannot change, it tells what is different and
 * has its workers take it; otherwise the old one stays in force. */
#ifndef GATEWAY_SUPERVISOR_H
#define GATEWAY_SUPERVISOR_H

#include "gateway/policy.h"
#include "gateway/settings.h"

/* Runs with `policy`, which it may replace, until bus_stop_requested(): then the workers finish their transactions, and the keyholder ends after them. OK: all ended
 * in order. FATAL: no process could be made, or a child had to be killed. */
BUS_MUST_CHECK enum bus_status gateway_supervisor_run(const struct gateway_settings *settings,
                                                      struct gateway_policy *policy, struct bus_error *error);

#endif
