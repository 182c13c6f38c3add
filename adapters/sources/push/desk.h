/* Push desk: where the threads that receive meet the thread that takes. Deliveries are handed in here, wait in order, are taken into a
 * Kafka transaction, and are answered once it has committed; all that clients share is counted here. Thread-safe. */
#ifndef ADAPTERS_SOURCES_PUSH_DESK_H
#define ADAPTERS_SOURCES_PUSH_DESK_H

#include "adapters/sources/push/answer.h"
#include "adapters/sources/push/body.h"
#include "adapters/sources/push/keys.h"
#include "adapters/sources/push/reply.h"
#include "adapters/sources/push/rows.h"
#include "adapters/sources/push/settings.h"

enum { ADAPTERS_PUSH_SOURCE_SIZE = 192 };

struct adapters_push_desk;

/* One delivery, from its headers to its answer. */
struct adapters_push_delivery {
    size_t client, feed;
    char source[ADAPTERS_PUSH_SOURCE_SIZE]; /* for quarantine and logs: client and idempotency key */
    uint8_t id[ADAPTERS_PUSH_ID_SIZE], digest[BUS_DIGEST_SIZE];
    enum adapters_push_form form;
    struct adapters_push_body body;
    struct bus_bytes view;    /* the body, once it is whole */
    struct bus_buffer record; /* the answer, once it is taken (push_answer.h) */
    struct adapters_push_counts counts;

    /* The desk's own. */
    struct adapters_push_desk *desk;
    int64_t since_ms;
    void *waiter; /* NULL: nobody waits for the answer any more */
    struct adapters_push_delivery *next;
};

/* How a feed stands, for those who ask. */
struct adapters_push_feed {
    bool is_paused;
    int64_t last_at_ms; /* 0: none since this process began */
    struct adapters_push_counts last, sums;
};

struct adapters_push_desk_options {
    const struct adapters_push_settings *settings;
    const struct adapters_feeds *feeds;
    struct bus_clock clock;
    /* The waiter rests until it is told; called with the desk locked. */
    void (*suspend)(void *waiter);
    /* The answer; whoever is told owns the reply. */
    void (*tell)(void *waiter, struct bus_http_reply *take_reply);
};

/* Options are copied, what they point to is borrowed. NULL when out of memory. */
struct adapters_push_desk *adapters_push_desk_create(const struct adapters_push_desk_options *options);
/* Nobody waits any more, and no thread is in it. */
void adapters_push_desk_destroy(struct adapters_push_desk *desk);

/* --- for threads that receive --- */

/* Counts a request of a client. ADAPTERS_PUSH_PROBLEMS: go on; else TOO_FAST with *out_retry_after_s. */
enum adapters_push_problem adapters_push_desk_admit(struct adapters_push_desk *desk, size_t client,
                                                    int *out_retry_after_s);
/* Begins a delivery: PROBLEMS, or PAUSED, TOO_MANY_AT_ONCE, STOPPING, NO_ROOM. */
enum adapters_push_problem adapters_push_desk_begin(struct adapters_push_desk *desk, size_t client, size_t feed,
                                                    struct bus_bytes key, struct adapters_push_delivery **out_delivery);
/* A delivery that is given up before it was handed in. Accepts NULL. */
void adapters_push_delivery_destroy(struct adapters_push_delivery *delivery);
/* A delivery whose body is whole and checked. True: the waiter was suspended and will be told. False: *out_reply says at once, and the
 * delivery is gone. */
bool adapters_push_desk_hand_in(struct adapters_push_desk *desk, struct adapters_push_delivery *take_delivery,
                                void *waiter, struct bus_http_reply *out_reply);
/* Whether this key was answered before, or is under way: then *out_reply says so. Before the body is looked into. */
bool adapters_push_desk_knows(struct adapters_push_desk *desk, const struct adapters_push_delivery *delivery,
                              struct bus_http_reply *out_reply);
void adapters_push_desk_feed(struct adapters_push_desk *desk, size_t feed, struct adapters_push_feed *out_feed);

/* --- for the thread that takes --- */

/* Notes what Kafka knows of a key. REJECT, FATAL as push_keys.h. */
BUS_MUST_CHECK enum bus_status adapters_push_desk_note(struct adapters_push_desk *desk,
                                                       const uint8_t id[ADAPTERS_PUSH_ID_SIZE], struct bus_bytes record,
                                                       struct bus_error *error);
void adapters_push_desk_forget(struct adapters_push_desk *desk, const uint8_t id[ADAPTERS_PUSH_ID_SIZE]);
size_t adapters_push_desk_expired(struct adapters_push_desk *desk, uint8_t (*out_ids)[ADAPTERS_PUSH_ID_SIZE],
                                  size_t max);
/* The next delivery, which counts as taken from now on; NULL: none waits. It stays the desk's. */
struct adapters_push_delivery *adapters_push_desk_next(struct adapters_push_desk *desk);
/* The delivery taken last is not for now: told so, and gone. */
void adapters_push_desk_refuse(struct adapters_push_desk *desk, enum adapters_push_problem problem);
/* All that was taken is durable: answered. / It was given up: it waits again, in its order. */
void adapters_push_desk_committed(struct adapters_push_desk *desk);
void adapters_push_desk_aborted(struct adapters_push_desk *desk);
/* Until a delivery waits, a stop is requested, or the time has passed. */
void adapters_push_desk_wait(struct adapters_push_desk *desk, int64_t timeout_ms);
void adapters_push_desk_set_paused(struct adapters_push_desk *desk, size_t feed, bool is_paused);

/* --- for the clock's thread, and the end --- */

/* Tells those who waited too long. */
void adapters_push_desk_expire(struct adapters_push_desk *desk);
/* Takes nothing more in, and tells all who wait. */
void adapters_push_desk_close(struct adapters_push_desk *desk);

#endif
