#include "subscribers/serve/pulse.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/consumer.h"
#include "bus/log.h"
#include "subscribers/serve/store.h"

enum {
    EVERY_MS = 5000,
    STEP_MS = 100,
    POLL_MS = 200,
    LOOK_MS = 3000,   /* for the first records behind the positions */
    STALE_MS = 60000, /* what was seen before counts no more */
    FETCH_BYTES = 64 * 1024,
    PREFETCH_BYTES = 1024 * 1024,
};

struct serve_pulse {
    const struct serve_settings *settings;
    pthread_t thread;
    atomic_bool is_stopping;
    struct serve_store *store;
    struct bus_consumer *consumer;
    char topic[BUS_TOPIC_SIZE];
    int64_t *next;                  /* of each partition */
    struct bus_partition *suspects; /* partitions whose end lies behind the position */
    bool *seen;                     /* of each suspect: its end, or a record, was met */
    size_t partitions, suspect_count;
    bool is_away;

    pthread_mutex_t lock;
    struct serve_pulse_state state;
};

/* The end of a log lies one behind its last record, because the transaction's mark stands there. */
static enum bus_status find_suspects(struct serve_pulse *pulse, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    pulse->suspect_count = 0;
    for (size_t i = 0; status == BUS_OK && i < pulse->partitions; i++) {
        int64_t first = 0, stable = 0, high = 0;
        status = bus_consumer_watermarks(pulse->consumer, pulse->topic, (int32_t)i, &first, &stable, &high, error);
        int64_t next = pulse->next[i] > first ? pulse->next[i] : first;
        if (status == BUS_OK && stable - next > 1) {
            pulse->seen[pulse->suspect_count] = false;
            pulse->suspects[pulse->suspect_count++] = (struct bus_partition){pulse->topic, (int32_t)i, next};
        }
    }
    return status;
}

static bool *seen_of(struct serve_pulse *pulse, int32_t partition)
{
    for (size_t i = 0; i < pulse->suspect_count; i++)
        if (pulse->suspects[i].partition == partition)
            return &pulse->seen[i];
    return NULL;
}

/* Offsets may hold nothing but marks and what was aborted: only a record that comes says that the store is behind. */
static enum bus_status look(struct serve_pulse *pulse, struct serve_pulse_state *state, struct bus_error *error)
{
    size_t left = pulse->suspect_count;
    int64_t until_ms = bus_clock_monotonic_ms() + LOOK_MS;
    enum bus_status status = bus_consumer_assign(pulse->consumer, pulse->suspects, pulse->suspect_count, error);
    while (status == BUS_OK && left > 0 && bus_clock_monotonic_ms() < until_ms && !pulse->is_stopping) {
        struct bus_message message;
        status = bus_consumer_poll(pulse->consumer, POLL_MS, &message, error);
        bool *seen = status == BUS_OK && message.partition >= 0 ? seen_of(pulse, message.partition) : NULL;
        if (seen != NULL && !*seen) {
            *seen = true;
            left--;
            if (message.handle != NULL &&
                (state->waiting_since_ms == 0 || message.timestamp_ms < state->waiting_since_ms))
                state->waiting_since_ms = message.timestamp_ms;
        }
        if (status == BUS_OK && message.handle != NULL)
            bus_message_release(&message);
    }
    if (status == BUS_OK)
        status = bus_consumer_assign(pulse->consumer, NULL, 0, error);
    if (status == BUS_OK && left > 0 && state->waiting_since_ms == 0)
        status = bus_fail(error, BUS_RETRY, "read topic %s: Kafka does not answer", pulse->topic);
    return status;
}

static enum bus_status take_pulse(struct serve_pulse *pulse, struct serve_pulse_state *state, struct bus_error *error)
{
    const struct bus_consumer_options options = {.fetch_bytes = FETCH_BYTES, .prefetch_bytes = PREFETCH_BYTES};
    struct bus_clock clock = bus_clock_real();
    enum bus_status status = serve_store_positions(pulse->store, pulse->next, pulse->partitions, error);
    if (status == BUS_OK && pulse->consumer == NULL)
        status = bus_consumer_open(&pulse->settings->agent->kafka.kafka, &options, &pulse->consumer, error);
    if (status == BUS_OK)
        status = find_suspects(pulse, error);
    if (status == BUS_OK && pulse->suspect_count > 0)
        status = look(pulse, state, error);
    state->looked_at_ms = bus_clock_now_ms(&clock);
    state->pace = status != BUS_OK               ? SERVE_PACE_UNKNOWN
                  : state->waiting_since_ms != 0 ? SERVE_PACE_BEHIND
                                                 : SERVE_PACE_EVEN;
    return status;
}

static void tell(struct serve_pulse *pulse, enum bus_status status, const struct bus_error *error)
{
    bool is_away = status != BUS_OK;
    if (is_away && !pulse->is_away)
        bus_log_failure(BUS_LOG_INFO, "freshness is not known", status, error);
    pulse->is_away = is_away;
}

static void *run(void *self)
{
    struct serve_pulse *pulse = self;
    for (int64_t due_ms = 0; !pulse->is_stopping; bus_clock_sleep_ms(STEP_MS)) {
        struct serve_pulse_state state = {0};
        struct bus_error error;
        if (bus_clock_monotonic_ms() < due_ms)
            continue;
        tell(pulse, take_pulse(pulse, &state, &error), &error);
        pthread_mutex_lock(&pulse->lock);
        pulse->state = state;
        pthread_mutex_unlock(&pulse->lock);
        due_ms = bus_clock_monotonic_ms() + EVERY_MS;
    }
    return NULL;
}

enum bus_status serve_pulse_start(const struct serve_settings *settings, struct serve_pulse **out_pulse,
                                  struct bus_error *error)
{
    struct serve_pulse *pulse = calloc(1, sizeof *pulse);
    if (pulse == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    pulse->settings = settings;
    pulse->partitions = (size_t)settings->agent->partitions;
    pulse->store = serve_store_create(settings);
    pulse->next = calloc(pulse->partitions, sizeof *pulse->next);
    pulse->suspects = calloc(pulse->partitions, sizeof *pulse->suspects);
    pulse->seen = calloc(pulse->partitions, sizeof *pulse->seen);
    bus_topic_out(settings->agent->kafka.prefix, settings->agent->subscriber, pulse->topic);
    pthread_mutex_init(&pulse->lock, NULL);
    bool has_memory = pulse->store != NULL && pulse->next != NULL && pulse->suspects != NULL && pulse->seen != NULL;
    if (has_memory && pthread_create(&pulse->thread, NULL, run, pulse) == 0) {
        *out_pulse = pulse;
        return BUS_OK;
    }
    pulse->is_stopping = true;
    pulse->thread = pthread_self();
    serve_pulse_stop(pulse);
    return bus_fail(error, BUS_FATAL, "cannot start a thread");
}

void serve_pulse_stop(struct serve_pulse *pulse)
{
    if (pulse == NULL)
        return;
    pulse->is_stopping = true;
    if (!pthread_equal(pulse->thread, pthread_self()))
        pthread_join(pulse->thread, NULL);
    bus_consumer_close(pulse->consumer);
    serve_store_destroy(pulse->store);
    pthread_mutex_destroy(&pulse->lock);
    free(pulse->next);
    free(pulse->suspects);
    free(pulse->seen);
    free(pulse);
}

void serve_pulse_read(struct serve_pulse *pulse, struct serve_pulse_state *out_state)
{
    struct bus_clock clock = bus_clock_real();
    pthread_mutex_lock(&pulse->lock);
    *out_state = pulse->state;
    pthread_mutex_unlock(&pulse->lock);
    if (bus_clock_now_ms(&clock) - out_state->looked_at_ms > STALE_MS)
        out_state->pace = SERVE_PACE_UNKNOWN;
}
