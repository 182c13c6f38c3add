/* Watch: a thread that looks after calls into a driver, for these may hang as long as a network or a server does.
 *
 * At its deadline, or as soon as a stop is requested, a call is cancelled. One that does not come back even then ends the process: what
 * was committed is safe, and the supervisor starts it anew. */
#ifndef ADAPTERS_SOURCES_ODBC_WATCH_H
#define ADAPTERS_SOURCES_ODBC_WATCH_H

#include <stdint.h>

struct odbc_watch;

/* `cancel` is called in another thread, with the handle of the call that hangs. NULL when out of memory or threads. */
struct odbc_watch *odbc_watch_create(void (*cancel)(void *handle));
void odbc_watch_destroy(struct odbc_watch *watch);

/* A call begins; `handle` NULL: it cannot be cancelled. `what` must live until its end. */
void odbc_watch_begin(struct odbc_watch *watch, void *handle, int64_t timeout_ms, const char *what);
/* The call is over. Waits for its cancellation when one is under way, so that the handle may be freed. */
void odbc_watch_end(struct odbc_watch *watch);

#endif
