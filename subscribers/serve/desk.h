/* Desk: questions wait here, in order, and are answered by a few threads, each with a connection of its own to the store. Thread-safe. */
#ifndef SUBSCRIBERS_SERVE_DESK_H
#define SUBSCRIBERS_SERVE_DESK_H

#include "bus/http_server.h"
#include "bus/key.h"
#include "subscribers/serve/pulse.h"
#include "subscribers/serve/question.h"

/* One question, from its headers to its answer. */
struct serve_job {
    struct serve_question question;
    struct bus_http_call *call;
    struct serve_job *next; /* the desk's own */
};

struct serve_desk;

/* Starts its threads; all is borrowed but the key, which may be NULL. FATAL. */
BUS_MUST_CHECK enum bus_status serve_desk_start(const struct serve_settings *settings, struct serve_pulse *pulse,
                                                const struct bus_key *key, struct serve_desk **out_desk,
                                                struct bus_error *error);
/* Those that wait are told to come again; returns when nobody is being answered. Before the server stops. */
void serve_desk_close(struct serve_desk *desk);
void serve_desk_destroy(struct serve_desk *desk);

/* The call is suspended and will be answered: then true. False: too many wait. The job stays the caller's, unchanged until the answer. */
bool serve_desk_hand_in(struct serve_desk *desk, struct serve_job *job);
/* Loads the catalogue anew; questions after this go by it. FATAL: it is bad, and the old one stays. */
BUS_MUST_CHECK enum bus_status serve_desk_reload(struct serve_desk *desk, struct bus_error *error);
/* Makes what is missing in the database (store.h). Status as there. */
BUS_MUST_CHECK enum bus_status serve_desk_prepare(struct serve_desk *desk, struct bus_error *error);

#endif
