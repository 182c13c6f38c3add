/* HTTP server: HTTPS, with client certificates when asked for, by libmicrohttpd: connections within limits, requests as calls of a handler, replies.
 *
 * Threads receive and send and never wait: a call that is not answered at its end is suspended until somebody answers it. libmicrohttpd
 * 0.9.75 cannot answer in the middle of a body: what follows is read up to a limit, so that the client sees the answer instead of
 * a reset connection, and the connection is closed behind that. */
#ifndef BUS_HTTP_SERVER_H
#define BUS_HTTP_SERVER_H

#include "bus/http_reply.h"

enum { BUS_HTTP_ADDRESS_SIZE = 64 };

struct bus_http_call; /* one request of a connection */

/* The value of a header, NULL when it is not there; lives as long as the call. */
const char *bus_http_call_header_view(struct bus_http_call *call, const char *name);
/* The same of a parameter of the query, decoded; "" when it is there without a value. */
const char *bus_http_call_query_view(struct bus_http_call *call, const char *name);
/* Its gnutls session. */
void *bus_http_call_session(struct bus_http_call *call);
/* The client's numeric address. */
void bus_http_call_address(struct bus_http_call *call, char out_address[BUS_HTTP_ADDRESS_SIZE]);
/* At the end of a call: it rests until it is answered, from whatever thread. */
void bus_http_call_suspend(struct bus_http_call *call);
/* Once for each call, at any time between its begin and its gone. */
void bus_http_call_answer(struct bus_http_call *call, struct bus_http_reply *take_reply);

/* Called by the receiving threads, for one call by one at a time. After an answer come no body and no end. */
struct bus_http_handler {
    /* The headers are there; gives what the others get as `context`, NULL when out of memory. */
    void *(*begin)(void *self, struct bus_http_call *call, const char *method, const char *path);
    void (*body)(void *context, struct bus_bytes piece);
    void (*end)(void *context); /* answers or suspends */
    void (*gone)(void *context);
    void (*tick)(void *self); /* a few times a second */
    void *self;
};

struct bus_http_options {
    const char *name; /* in front of messages */
    const char *host;
    uint16_t port;                 /* 0: any that is free */
    const char *certificate, *key; /* PEM files */
    const char *client_ca;         /* PEM file: clients are asked for a certificate; "": they are not */
    size_t threads;                /* that receive and send */
    size_t max_connections, max_connections_per_address;
    size_t other_files; /* that may be open beside connections, and in words what makes their number */
    const char *files_words;
    int64_t header_ms, body_ms, send_ms; /* within which a client must have sent, or read */
};

/* "host:port" or "[host]:port" in its two parts; false when it is neither, or the host is longer than `size`. */
BUS_MUST_CHECK bool bus_http_address(const char *text, char *out_host, size_t size, uint16_t *out_port);

struct bus_http_server;

/* Listens. FATAL with what to do. */
BUS_MUST_CHECK enum bus_status bus_http_server_start(const struct bus_http_options *options,
                                                     const struct bus_http_handler *handler,
                                                     struct bus_http_server **out_http, struct bus_error *error);
/* Waits a moment for answers that are being sent; no call may be suspended. */
void bus_http_server_stop(struct bus_http_server *http);
uint16_t bus_http_server_port(const struct bus_http_server *http);

#endif
