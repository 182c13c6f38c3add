/* Push HTTP: HTTPS with client certificates by libmicrohttpd: connections within limits, requests as calls of a handler, replies.
 *
 * Threads receive and send and never wait: a call that is not answered at its end is suspended until somebody answers it. libmicrohttpd
 * 0.9.75 cannot answer in the middle of a body: what follows is read up to a limit, so that the client sees the answer instead of
 * a reset connection, and the connection is closed behind that. */
#ifndef ADAPTERS_SOURCES_PUSH_HTTP_H
#define ADAPTERS_SOURCES_PUSH_HTTP_H

#include "adapters/sources/push/reply.h"
#include "adapters/sources/push/settings.h"

enum { ADAPTERS_PUSH_ADDRESS_SIZE = 64 };

struct adapters_push_call; /* one request of a connection */

/* The value of a header, NULL when it is not there; lives as long as the call. */
const char *adapters_push_call_header_view(struct adapters_push_call *call, const char *name);
/* Its gnutls session. */
void *adapters_push_call_session(struct adapters_push_call *call);
/* The client's numeric address. */
void adapters_push_call_address(struct adapters_push_call *call, char out_address[ADAPTERS_PUSH_ADDRESS_SIZE]);
/* At the end of a call: it rests until it is answered, from whatever thread. */
void adapters_push_call_suspend(struct adapters_push_call *call);
/* Once for each call, at any time between its begin and its gone. */
void adapters_push_call_answer(struct adapters_push_call *call, struct adapters_push_reply *take_reply);

/* Called by the receiving threads, for one call by one at a time. After an answer come no body and no end. */
struct adapters_push_handler {
    /* The headers are there; gives what the others get as `context`, NULL when out of memory. */
    void *(*begin)(void *self, struct adapters_push_call *call, const char *method, const char *path);
    void (*body)(void *context, struct bus_bytes piece);
    void (*end)(void *context); /* answers or suspends */
    void (*gone)(void *context);
    void (*tick)(void *self); /* a few times a second */
    void *self;
};

struct adapters_push_http;

/* Listens. FATAL with what to do. */
BUS_MUST_CHECK enum bus_status adapters_push_http_start(const struct adapters_push_settings *settings,
                                                        const struct adapters_push_handler *handler,
                                                        struct adapters_push_http **out_http, struct bus_error *error);
/* Waits a moment for answers that are being sent; no call may be suspended. */
void adapters_push_http_stop(struct adapters_push_http *http);
uint16_t adapters_push_http_port(const struct adapters_push_http *http);

#endif
