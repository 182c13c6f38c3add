/* Requests: what officers ask of the gateway in xq.requests, done in the transaction that commits the request's offset. */
#ifndef GATEWAY_REQUESTS_H
#define GATEWAY_REQUESTS_H

#include "gateway/resync.h"

struct gateway_requests {
    const struct bus_catalogue *catalogue;
    struct gateway_resync *resync;
};

/* A record of xq.requests. A bad one (no request, unknown subscriber or item, no grant) is told as WARN and left at that: the officer's
 * command holds it against the catalogue before it is sent. FATAL: memory, or the store. */
BUS_MUST_CHECK enum bus_status gateway_requests_take(const struct gateway_requests *requests,
                                                     struct gateway_batch *batch, const struct gateway_input *input,
                                                     struct bus_error *error);

#endif
