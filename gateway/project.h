/* Stage 5, project: the granted fields, and nothing else, as bytes of the view's schema. */
#ifndef GATEWAY_PROJECT_H
#define GATEWAY_PROJECT_H

#include "gateway/exchange.h"

/* `self` is a scratch buffer (struct bus_buffer) that the caller keeps from event to event. Writes the deliveries' values. FATAL
 * when the buffer's limit or the batch's arena is reached. */
BUS_MUST_CHECK enum bus_status gateway_project(void *self, struct gateway_exchange *exchange, struct bus_error *error);

#endif
