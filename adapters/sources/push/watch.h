/* Push watch: how long each connection has been in what it is doing, and the end of those that take too long: a client that sends
 * or reads slowly costs its own connection and nobody else's. */
#ifndef ADAPTERS_SOURCES_PUSH_WATCH_H
#define ADAPTERS_SOURCES_PUSH_WATCH_H

#include "bus/bytes.h"

enum adapters_push_phase {
    ADAPTERS_PUSH_HEADERS, /* shaking hands, sending headers, or idle */
    ADAPTERS_PUSH_BODY,
    ADAPTERS_PUSH_WAITING, /* for us: has no limit here */
    ADAPTERS_PUSH_SENDING, /* is sent its answer */
    ADAPTERS_PUSH_PHASES,
};

struct adapters_push_watch;

struct adapters_push_watch_options {
    size_t connections;                      /* at most */
    int64_t limits_ms[ADAPTERS_PUSH_PHASES]; /* 0: none */
    void (*tick)(void *self);                /* called a few times a second */
    void *self;
};

/* Starts its thread. FATAL. */
BUS_MUST_CHECK enum bus_status adapters_push_watch_start(const struct adapters_push_watch_options *options,
                                                         struct adapters_push_watch **out_watch,
                                                         struct bus_error *error);
void adapters_push_watch_stop(struct adapters_push_watch *watch);

/* A connection and its socket, until it leaves, which must be before the socket is closed. The place is never 0; 0: there is none left,
 * and the connection is not watched. */
size_t adapters_push_watch_enter(struct adapters_push_watch *watch, int connection);
void adapters_push_watch_leave(struct adapters_push_watch *watch, size_t place);
void adapters_push_watch_phase(struct adapters_push_watch *watch, size_t place, enum adapters_push_phase phase);
/* Connections cut off so far. */
uint64_t adapters_push_watch_cut(struct adapters_push_watch *watch);

#endif
