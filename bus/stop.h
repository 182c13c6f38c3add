/* Stop: the flag that SIGTERM and SIGINT raise, and that of SIGHUP; every long loop of a daemon looks at them. */
#ifndef BUS_STOP_H
#define BUS_STOP_H

#include <stdbool.h>

/* Installs the handlers for SIGTERM and SIGINT, ignores SIGPIPE. */
void bus_stop_install(void);
bool bus_stop_requested(void);
/* As if a signal had come. */
void bus_stop_request(void);

/* Installs the handler for SIGHUP: what was read from files is to be read anew. */
void bus_reload_install(void);
/* Whether SIGHUP came since this was last asked. */
bool bus_reload_requested(void);

#endif
