/* Stop: the flag that SIGTERM and SIGINT raise; every long loop of a daemon looks at it. */
#ifndef BUS_STOP_H
#define BUS_STOP_H

#include <stdbool.h>

/* Installs the handlers for SIGTERM and SIGINT, ignores SIGPIPE. */
void bus_stop_install(void);
bool bus_stop_requested(void);
/* As if a signal had come. */
void bus_stop_request(void);

#endif
