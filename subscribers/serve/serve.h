/* Serve: a check on the spot, xinqiao-agent --serve: answers officers from the subscriber's own store, in a process of its own beside the
 * agent that applies. */
#ifndef SUBSCRIBERS_SERVE_SERVE_H
#define SUBSCRIBERS_SERVE_SERVE_H

#include "subscribers/engine/settings.h"

/* Serves until a stop is requested; SIGHUP loads the catalogue anew. `agent` is loaded. With `check_only` the configuration is read, and
 * nothing more. FATAL. */
BUS_MUST_CHECK enum bus_status serve_run(const struct subscribers_settings *agent, bool check_only,
                                         struct bus_error *error);

#endif
