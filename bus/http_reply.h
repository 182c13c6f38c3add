/* HTTP reply: what a client of bus/http_server.h is answered; a problem (RFC 9457) says what is wrong, Chinese first. */
#ifndef BUS_HTTP_REPLY_H
#define BUS_HTTP_REPLY_H

#include "bus/bytes.h"

enum { BUS_HTTP_REPLY_HEADERS = 4 };

/* Whoever holds it releases it, or hands its body on. Texts are constants. */
struct bus_http_reply {
    unsigned status;   /* of HTTP */
    const char *type;  /* of the content */
    int retry_after_s; /* 0: none */
    struct {
        const char *name, *value;
    } headers[BUS_HTTP_REPLY_HEADERS]; /* further ones; name NULL: none */
    struct bus_buffer body;
};

void bus_http_reply_release(struct bus_http_reply *reply);
/* One header more, of those that are left. */
void bus_http_reply_add(struct bus_http_reply *reply, const char *name, const char *value);
/* The value of a header that was added, or NULL. */
const char *bus_http_reply_header_view(const struct bus_http_reply *reply, const char *name);

/* What can be wrong with a request. */
struct bus_http_problem {
    unsigned status;
    const char *code, *zh, *en;
};
/* The problem as a reply. `detail` (may be NULL): what more is to be said, with its code when it has one. */
struct bus_http_reply bus_http_problem_reply(const struct bus_http_problem *problem, const struct bus_error *detail,
                                             int retry_after_s);

#endif
