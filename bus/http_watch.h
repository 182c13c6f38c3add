/* Push watch: how long each connection has been in what it is doing, and the end of those that take too long: a client that sends
 * or reads slowly costs its own connection and nobody else's. */
#ifndef BUS_HTTP_WATCH_H
#define BUS_HTTP_WATCH_H

#include "bus/bytes.h"

enum bus_http_phase {
    BUS_HTTP_HEADERS, /* shaking hands, sending headers, or idle */
    BUS_HTTP_BODY,
    BUS_HTTP_WAITING, /* for us: has no limit here */
    BUS_HTTP_SENDING, /* is sent its answer */
    BUS_HTTP_PHASES,
};

struct bus_http_watch;

struct bus_http_watch_options {
    size_t connections;                 /* at most */
    int64_t limits_ms[BUS_HTTP_PHASES]; /* 0: none */
    void (*tick)(void *self);           /* called a few times a second */
    void *self;
};

/* Starts its thread. FATAL. */
BUS_MUST_CHECK enum bus_status bus_http_watch_start(const struct bus_http_watch_options *options,
                                                    struct bus_http_watch **out_watch, struct bus_error *error);
void bus_http_watch_stop(struct bus_http_watch *watch);

/* A connection and its socket, until it leaves, which must be before the socket is closed. The place is never 0; 0: there is none left,
 * and the connection is not watched. */
size_t bus_http_watch_enter(struct bus_http_watch *watch, int connection);
void bus_http_watch_leave(struct bus_http_watch *watch, size_t place);
void bus_http_watch_phase(struct bus_http_watch *watch, size_t place, enum bus_http_phase phase);
/* Connections cut off so far. */
uint64_t bus_http_watch_cut(struct bus_http_watch *watch);

#endif
