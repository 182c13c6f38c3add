/* Log: one line of key=value to standard error for each thing that an operator or engineer should know.
 *
 * The level says who must act: ERROR the operator now, WARN the operator today, INFO nobody, DEBUG an engineer.
 * Never a name, a citizen number, a payload or a secret (invariant I7). */
#ifndef BUS_LOG_H
#define BUS_LOG_H

#include "bus/status.h"

enum bus_log_level { BUS_LOG_ERROR, BUS_LOG_WARN, BUS_LOG_INFO, BUS_LOG_DEBUG };

/* The level of that name, as in a log line ("error", "warn", "info", "debug"); INFO when there is none. */
enum bus_log_level bus_log_level_of(const char *name);

/* Names the process in every line ("gateway/worker-0") and sets the level. Copies `process`. Default: "xinqiao", INFO. */
void bus_log_open(const char *process, enum bus_log_level level);

/* `event` is a short phrase; `format` gives further key=value pairs ("" for none). Quotes are up to the caller:
 * write text values as reason="%s". */
void bus_log(enum bus_log_level level, const char *event, const char *format, ...) BUS_PRINTF(3, 4);

/* The end of an error that has been settled: event, status, code and message. */
void bus_log_failure(enum bus_log_level level, const char *event, enum bus_status status,
                     const struct bus_error *error);

#endif
