#include "adapters/sources/push/desk.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/bucket.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    AWAY_MS = 2000, /* after so long without a commit nothing more is let in behind what is tried again */
    WAIT_SLICE_MS = 200,
    RETRY_SOON_S = 1,
    RETRY_LATER_S = 5,
    RETRY_PAUSED_S = 300,
    KEY_SHOWN = 64, /* characters of an idempotency key in logs and quarantine */
};

/* Deliveries in order. */
struct line {
    struct adapters_push_delivery *first, *last;
    size_t count;
};

struct adapters_push_desk {
    struct adapters_push_desk_options options;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct adapters_push_keys *keys;
    struct line waiting, taken;
    struct bus_bucket buckets[ADAPTERS_PUSH_MAX_CLIENTS];
    size_t at_once[ADAPTERS_PUSH_MAX_CLIENTS];
    struct adapters_push_feed feeds[ADAPTERS_MAX_FEEDS];
    int64_t away_since_ms; /* 0: the last transaction committed */
    bool is_closed;
};

/* --- lines --- */

static void append(struct line *line, struct adapters_push_delivery *delivery)
{
    delivery->next = NULL;
    *(line->last != NULL ? &line->last->next : &line->first) = delivery;
    line->last = delivery;
    line->count++;
}

static struct adapters_push_delivery *shift(struct line *line)
{
    struct adapters_push_delivery *delivery = line->first;
    if (delivery == NULL)
        return NULL;
    line->first = delivery->next;
    if (line->first == NULL)
        line->last = NULL;
    line->count--;
    delivery->next = NULL;
    return delivery;
}

static struct adapters_push_delivery *find(const struct line *line, const uint8_t *id)
{
    struct adapters_push_delivery *delivery = line->first;
    while (delivery != NULL && memcmp(delivery->id, id, ADAPTERS_PUSH_ID_SIZE) != 0)
        delivery = delivery->next;
    return delivery;
}

/* --- life --- */

struct adapters_push_desk *adapters_push_desk_create(const struct adapters_push_desk_options *options)
{
    const struct adapters_push_keys_limits limits = {
        .keep_ms = options->settings->keep_hours * 3600 * 1000,
        .keep_count = (size_t)options->settings->keep_count,
        .keep_bytes = ADAPTERS_PUSH_KEEP_BYTES,
    };
    struct adapters_push_desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL)
        return NULL;
    desk->options = *options;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&desk->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&desk->lock, NULL);
    desk->keys = adapters_push_keys_create(&limits);
    if (desk->keys != NULL)
        return desk;
    adapters_push_desk_destroy(desk);
    return NULL;
}

void adapters_push_desk_destroy(struct adapters_push_desk *desk)
{
    if (desk == NULL)
        return;
    for (struct adapters_push_delivery *delivery;
         (delivery = shift(&desk->taken)) != NULL || (delivery = shift(&desk->waiting)) != NULL;)
        adapters_push_delivery_destroy(delivery);
    adapters_push_keys_destroy(desk->keys);
    pthread_cond_destroy(&desk->filled);
    pthread_mutex_destroy(&desk->lock);
    free(desk);
}

void adapters_push_delivery_destroy(struct adapters_push_delivery *delivery)
{
    if (delivery == NULL)
        return;
    struct adapters_push_desk *desk = delivery->desk;
    adapters_push_body_release(&delivery->body);
    bus_buffer_release(&delivery->record);
    pthread_mutex_lock(&desk->lock);
    desk->at_once[delivery->client]--;
    pthread_mutex_unlock(&desk->lock);
    free(delivery);
}

/* Tells the delivery's waiter, if there still is one. The desk is not locked: a waiter may do what it likes. */
static void tell(struct adapters_push_desk *desk, void *waiter, struct bus_http_reply *take_reply)
{
    if (waiter != NULL)
        desk->options.tell(waiter, take_reply);
    else
        bus_http_reply_release(take_reply);
}

static void dismiss(struct adapters_push_desk *desk, struct adapters_push_delivery *take_delivery,
                    enum adapters_push_problem problem, int retry_after_s)
{
    struct bus_http_reply reply = adapters_push_problem(problem, NULL, retry_after_s);
    void *waiter = take_delivery->waiter;
    adapters_push_delivery_destroy(take_delivery);
    tell(desk, waiter, &reply);
}

/* --- receiving --- */

enum adapters_push_problem adapters_push_desk_admit(struct adapters_push_desk *desk, size_t client,
                                                    int *out_retry_after_s)
{
    const struct adapters_push_settings *settings = desk->options.settings;
    pthread_mutex_lock(&desk->lock);
    int64_t missing_us = bus_bucket_take(&desk->buckets[client], settings->requests_per_minute, settings->burst,
                                         bus_clock_monotonic_ms() * 1000);
    pthread_mutex_unlock(&desk->lock);
    *out_retry_after_s = (int)((missing_us + 999999) / 1000000);
    return missing_us == 0 ? ADAPTERS_PUSH_PROBLEMS : ADAPTERS_PUSH_TOO_FAST;
}

enum adapters_push_problem adapters_push_desk_begin(struct adapters_push_desk *desk, size_t client, size_t feed,
                                                    struct bus_bytes key, struct adapters_push_delivery **out_delivery)
{
    const struct adapters_push_settings *settings = desk->options.settings;
    const char *name = settings->clients[client].name;
    struct adapters_push_delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery == NULL)
        return ADAPTERS_PUSH_NO_ROOM;
    pthread_mutex_lock(&desk->lock);
    enum adapters_push_problem problem = desk->is_closed               ? ADAPTERS_PUSH_STOPPING
                                         : desk->feeds[feed].is_paused ? ADAPTERS_PUSH_PAUSED
                                         : desk->at_once[client] >= settings->max_at_once
                                             ? ADAPTERS_PUSH_TOO_MANY_AT_ONCE
                                             : ADAPTERS_PUSH_PROBLEMS;
    desk->at_once[client] += problem == ADAPTERS_PUSH_PROBLEMS;
    pthread_mutex_unlock(&desk->lock);
    if (problem != ADAPTERS_PUSH_PROBLEMS) {
        free(delivery);
        return problem;
    }
    delivery->desk = desk;
    delivery->client = client;
    delivery->feed = feed;
    snprintf(delivery->source, sizeof delivery->source, "%.100s/%.*s", name,
             (int)(key.length < KEY_SHOWN ? key.length : KEY_SHOWN), (const char *)key.data);
    adapters_push_keys_id(name, adapters_mapping_feed_view(desk->options.feeds->mappings[feed]), key, delivery->id);
    adapters_push_body_init(&delivery->body, settings->state);
    bus_buffer_init(&delivery->record, ADAPTERS_PUSH_ANSWER_MAX);
    *out_delivery = delivery;
    return ADAPTERS_PUSH_PROBLEMS;
}

/* A kept record as the answer it was. */
static struct bus_http_reply answer_of(struct bus_bytes record, bool is_repeated)
{
    struct bus_error error;
    struct bus_http_reply reply = {.status = 200, .type = "application/json"};
    if (is_repeated)
        bus_http_reply_add(&reply, "Idempotency-Replayed", "true");
    bus_buffer_init(&reply.body, ADAPTERS_PUSH_REPLY_MAX);
    if (adapters_push_answer_write(record, &reply.body, &error) == BUS_OK)
        return reply;
    bus_log_failure(BUS_LOG_ERROR, "answer to a delivery cannot be written", BUS_FATAL, &error);
    bus_http_reply_release(&reply);
    return adapters_push_problem(ADAPTERS_PUSH_NO_ROOM, NULL, RETRY_LATER_S);
}

/* With the desk locked: what is known of the delivery's key. PROBLEMS with *out_record: answered before; without: new. */
static enum adapters_push_problem look_up(struct adapters_push_desk *desk,
                                          const struct adapters_push_delivery *delivery, struct bus_bytes *out_record)
{
    const struct adapters_push_delivery *other = find(&desk->waiting, delivery->id);
    const uint8_t *body = NULL;
    if (other == NULL)
        other = find(&desk->taken, delivery->id);
    *out_record = bus_bytes_of(NULL, 0);
    if (other != NULL)
        body = other->digest;
    else if (!adapters_push_keys_find(desk->keys, delivery->id, &body, out_record))
        return ADAPTERS_PUSH_PROBLEMS;
    if (memcmp(body, delivery->digest, BUS_DIGEST_SIZE) != 0)
        return ADAPTERS_PUSH_KEY_REUSED;
    return other != NULL ? ADAPTERS_PUSH_IN_PROGRESS : ADAPTERS_PUSH_PROBLEMS;
}

/* With the desk locked: whether it is known, and what is said then. The record is copied, so that it is written unlocked. */
static bool answer_known(struct adapters_push_desk *desk, const struct adapters_push_delivery *delivery,
                         struct bus_buffer *out_record, enum adapters_push_problem *out_problem)
{
    struct bus_bytes record;
    *out_problem = look_up(desk, delivery, &record);
    bus_buffer_init(out_record, ADAPTERS_PUSH_ANSWER_MAX);
    bus_buffer_append_bytes(out_record, record);
    return *out_problem != ADAPTERS_PUSH_PROBLEMS || record.data != NULL;
}

static struct bus_http_reply known_reply(const struct bus_buffer *record, enum adapters_push_problem problem)
{
    if (problem != ADAPTERS_PUSH_PROBLEMS)
        return adapters_push_problem(problem, NULL, problem == ADAPTERS_PUSH_IN_PROGRESS ? RETRY_SOON_S : 0);
    return answer_of(bus_buffer_view(record), true);
}

bool adapters_push_desk_knows(struct adapters_push_desk *desk, const struct adapters_push_delivery *delivery,
                              struct bus_http_reply *out_reply)
{
    struct bus_buffer record;
    enum adapters_push_problem problem;
    pthread_mutex_lock(&desk->lock);
    bool is_known = answer_known(desk, delivery, &record, &problem);
    pthread_mutex_unlock(&desk->lock);
    if (is_known)
        *out_reply = known_reply(&record, problem);
    bus_buffer_release(&record);
    return is_known;
}

/* With the desk locked: whether there is a place. While Kafka is away one delivery at a time finds out whether it is back. */
static enum adapters_push_problem find_place(const struct adapters_push_desk *desk)
{
    size_t count = desk->waiting.count + desk->taken.count;
    if (desk->is_closed)
        return ADAPTERS_PUSH_STOPPING;
    if (desk->away_since_ms != 0 && count > 0 && bus_clock_monotonic_ms() - desk->away_since_ms >= AWAY_MS)
        return ADAPTERS_PUSH_AWAY;
    return desk->waiting.count >= desk->options.settings->max_waiting ? ADAPTERS_PUSH_FULL : ADAPTERS_PUSH_PROBLEMS;
}

bool adapters_push_desk_hand_in(struct adapters_push_desk *desk, struct adapters_push_delivery *take_delivery,
                                void *waiter, struct bus_http_reply *out_reply)
{
    struct bus_buffer record;
    enum adapters_push_problem problem;
    pthread_mutex_lock(&desk->lock);
    bool is_known = answer_known(desk, take_delivery, &record, &problem);
    if (!is_known)
        problem = find_place(desk);
    bool is_waiting = !is_known && problem == ADAPTERS_PUSH_PROBLEMS;
    if (is_waiting) {
        take_delivery->waiter = waiter;
        take_delivery->since_ms = bus_clock_monotonic_ms();
        desk->options.suspend(waiter); /* before anybody can tell it */
        append(&desk->waiting, take_delivery);
        pthread_cond_signal(&desk->filled);
    }
    pthread_mutex_unlock(&desk->lock);
    if (!is_waiting) {
        *out_reply = is_known ? known_reply(&record, problem) : adapters_push_problem(problem, NULL, RETRY_LATER_S);
        adapters_push_delivery_destroy(take_delivery);
    }
    bus_buffer_release(&record);
    return is_waiting;
}

void adapters_push_desk_feed(struct adapters_push_desk *desk, size_t feed, struct adapters_push_feed *out_feed)
{
    pthread_mutex_lock(&desk->lock);
    *out_feed = desk->feeds[feed];
    pthread_mutex_unlock(&desk->lock);
}

/* --- taking --- */

enum bus_status adapters_push_desk_note(struct adapters_push_desk *desk, const uint8_t id[ADAPTERS_PUSH_ID_SIZE],
                                        struct bus_bytes record, struct bus_error *error)
{
    pthread_mutex_lock(&desk->lock);
    enum bus_status status = adapters_push_keys_note(desk->keys, id, record, error);
    pthread_mutex_unlock(&desk->lock);
    return status;
}

void adapters_push_desk_forget(struct adapters_push_desk *desk, const uint8_t id[ADAPTERS_PUSH_ID_SIZE])
{
    pthread_mutex_lock(&desk->lock);
    adapters_push_keys_forget(desk->keys, id);
    pthread_mutex_unlock(&desk->lock);
}

size_t adapters_push_desk_expired(struct adapters_push_desk *desk, uint8_t (*out_ids)[ADAPTERS_PUSH_ID_SIZE],
                                  size_t max)
{
    pthread_mutex_lock(&desk->lock);
    size_t count = adapters_push_keys_expired(desk->keys, bus_clock_now_ms(&desk->options.clock), out_ids, max);
    pthread_mutex_unlock(&desk->lock);
    return count;
}

struct adapters_push_delivery *adapters_push_desk_next(struct adapters_push_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    struct adapters_push_delivery *delivery = shift(&desk->waiting);
    if (delivery != NULL)
        append(&desk->taken, delivery);
    pthread_mutex_unlock(&desk->lock);
    return delivery;
}

void adapters_push_desk_refuse(struct adapters_push_desk *desk, enum adapters_push_problem problem)
{
    pthread_mutex_lock(&desk->lock);
    struct line kept = {0};
    struct adapters_push_delivery *delivery;
    while (desk->taken.count > 1)
        append(&kept, shift(&desk->taken));
    delivery = shift(&desk->taken);
    desk->taken = kept;
    pthread_mutex_unlock(&desk->lock);
    dismiss(desk, delivery, problem, problem == ADAPTERS_PUSH_PAUSED ? RETRY_PAUSED_S : RETRY_LATER_S);
}

static void add_counts(struct adapters_push_counts *sums, const struct adapters_push_counts *counts)
{
    sums->rows += counts->rows;
    sums->accepted += counts->accepted;
    sums->duplicate += counts->duplicate;
    sums->refused += counts->refused;
}

static void tell_taken(const struct adapters_push_desk *desk, const struct adapters_push_delivery *delivery)
{
    bus_log(BUS_LOG_INFO, "delivery taken",
            "feed=%s delivery=\"%s\" rows=%lld accepted=%lld duplicate=%lld refused=%lld",
            adapters_mapping_feed_view(desk->options.feeds->mappings[delivery->feed]), delivery->source,
            (long long)delivery->counts.rows, (long long)delivery->counts.accepted,
            (long long)delivery->counts.duplicate, (long long)delivery->counts.refused);
}

/* The key is known as answered before it is no longer known as under way. */
static struct adapters_push_delivery *settle_one(struct adapters_push_desk *desk)
{
    struct bus_error error;
    pthread_mutex_lock(&desk->lock);
    struct adapters_push_delivery *delivery = shift(&desk->taken);
    if (delivery != NULL) {
        struct adapters_push_feed *feed = &desk->feeds[delivery->feed];
        feed->last_at_ms = bus_clock_now_ms(&desk->options.clock);
        feed->last = delivery->counts;
        add_counts(&feed->sums, &delivery->counts);
        enum bus_status status =
            adapters_push_keys_note(desk->keys, delivery->id, bus_buffer_view(&delivery->record), &error);
        if (status != BUS_OK) /* Kafka has it: the next start knows it */
            bus_log_failure(BUS_LOG_ERROR, "answer to a delivery is not kept in memory", status, &error);
    }
    pthread_mutex_unlock(&desk->lock);
    return delivery;
}

void adapters_push_desk_committed(struct adapters_push_desk *desk)
{
    for (struct adapters_push_delivery *delivery; (delivery = settle_one(desk)) != NULL;) {
        struct bus_http_reply reply = answer_of(bus_buffer_view(&delivery->record), false);
        tell_taken(desk, delivery);
        pthread_mutex_lock(&desk->lock);
        void *waiter = delivery->waiter;
        pthread_mutex_unlock(&desk->lock);
        adapters_push_delivery_destroy(delivery);
        tell(desk, waiter, &reply);
    }
    pthread_mutex_lock(&desk->lock);
    desk->away_since_ms = 0;
    pthread_mutex_unlock(&desk->lock);
}

void adapters_push_desk_aborted(struct adapters_push_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    struct line again = desk->taken;
    for (struct adapters_push_delivery *delivery; (delivery = shift(&desk->waiting)) != NULL;)
        append(&again, delivery);
    desk->taken = (struct line){0};
    desk->waiting = again;
    if (desk->away_since_ms == 0)
        desk->away_since_ms = bus_clock_monotonic_ms();
    pthread_mutex_unlock(&desk->lock);
}

void adapters_push_desk_wait(struct adapters_push_desk *desk, int64_t timeout_ms)
{
    int64_t until_ms = bus_clock_monotonic_ms() + timeout_ms;
    pthread_mutex_lock(&desk->lock);
    while (desk->waiting.count == 0 && !bus_stop_requested() && bus_clock_monotonic_ms() < until_ms) {
        int64_t left_ms = until_ms - bus_clock_monotonic_ms();
        int64_t slice_ms = bus_clock_monotonic_ms() + (left_ms < WAIT_SLICE_MS ? left_ms : WAIT_SLICE_MS);
        struct timespec until = {.tv_sec = slice_ms / 1000, .tv_nsec = slice_ms % 1000 * 1000000};
        pthread_cond_timedwait(&desk->filled, &desk->lock, &until);
    }
    pthread_mutex_unlock(&desk->lock);
}

void adapters_push_desk_set_paused(struct adapters_push_desk *desk, size_t feed, bool is_paused)
{
    pthread_mutex_lock(&desk->lock);
    desk->feeds[feed].is_paused = is_paused;
    pthread_mutex_unlock(&desk->lock);
}

/* --- the clock, the end --- */

/* A delivery that waited too long before it was taken leaves; of one that is in a transaction only the waiter does. */
static bool expire_one(struct adapters_push_desk *desk, int64_t now_ms)
{
    int64_t limit_ms = desk->options.settings->answer_ms;
    struct adapters_push_delivery *late = NULL;
    void *waiter = NULL;
    pthread_mutex_lock(&desk->lock);
    if (desk->waiting.first != NULL && now_ms - desk->waiting.first->since_ms > limit_ms)
        late = shift(&desk->waiting);
    for (struct adapters_push_delivery *at = desk->taken.first; late == NULL && waiter == NULL && at != NULL;
         at = at->next) {
        if (at->waiter == NULL || now_ms - at->since_ms <= limit_ms)
            continue;
        waiter = at->waiter;
        at->waiter = NULL;
    }
    pthread_mutex_unlock(&desk->lock);
    if (late != NULL) {
        dismiss(desk, late, ADAPTERS_PUSH_AWAY, RETRY_LATER_S);
    } else if (waiter != NULL) {
        struct bus_http_reply reply = adapters_push_problem(ADAPTERS_PUSH_UNKNOWN_YET, NULL, RETRY_LATER_S);
        tell(desk, waiter, &reply);
    }
    return late != NULL || waiter != NULL;
}

void adapters_push_desk_expire(struct adapters_push_desk *desk)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    while (expire_one(desk, now_ms))
        ;
}

void adapters_push_desk_close(struct adapters_push_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    desk->is_closed = true;
    pthread_mutex_unlock(&desk->lock);
    adapters_push_desk_aborted(desk);
    for (;;) {
        pthread_mutex_lock(&desk->lock);
        struct adapters_push_delivery *delivery = shift(&desk->waiting);
        pthread_mutex_unlock(&desk->lock);
        if (delivery == NULL)
            return;
        dismiss(desk, delivery, ADAPTERS_PUSH_STOPPING, RETRY_LATER_S);
    }
}
