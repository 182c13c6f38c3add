#include "bus/http_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bus/clock.h"

enum {
    TICK_MS = 100,
    CROWDED_QUARTERS =
        3, /* of the places taken: from here on who has not said anything yet gets a quarter of the time */
};

struct place {
    int connection; /* -1: free */
    enum bus_http_phase phase;
    int64_t since_ms;
    bool is_cut;
    size_t next_free;
};

struct bus_http_watch {
    struct bus_http_watch_options options;
    pthread_mutex_t lock;
    pthread_t thread;
    bool is_started, is_stopping;
    struct place *places; /* 0 is not used */
    size_t first_free, used;
    uint64_t cut;
};

static void look(struct bus_http_watch *watch, int64_t now_ms)
{
    bool is_crowded = watch->used > watch->options.connections / 4 * CROWDED_QUARTERS;
    for (size_t i = 1; i <= watch->options.connections; i++) {
        struct place *place = &watch->places[i];
        int64_t limit_ms = watch->options.limits_ms[place->phase];
        if (place->phase == BUS_HTTP_HEADERS && is_crowded)
            limit_ms /= 4;
        if (place->connection < 0 || place->is_cut || limit_ms == 0 || now_ms - place->since_ms <= limit_ms)
            continue;
        shutdown(place->connection, SHUT_RDWR); /* whose it is learns so, and closes it */
        place->is_cut = true;
        watch->cut++;
    }
}

static void *run(void *self)
{
    struct bus_http_watch *watch = self;
    for (bool is_stopping = false; !is_stopping;) {
        bus_clock_sleep_ms(TICK_MS);
        pthread_mutex_lock(&watch->lock);
        look(watch, bus_clock_monotonic_ms());
        is_stopping = watch->is_stopping;
        pthread_mutex_unlock(&watch->lock);
        if (!is_stopping && watch->options.tick != NULL)
            watch->options.tick(watch->options.self);
    }
    return NULL;
}

enum bus_status bus_http_watch_start(const struct bus_http_watch_options *options, struct bus_http_watch **out_watch,
                                     struct bus_error *error)
{
    struct bus_http_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return bus_fail(error, BUS_FATAL, "watch connections: out of memory");
    watch->options = *options;
    pthread_mutex_init(&watch->lock, NULL);
    watch->places = calloc(options->connections + 1, sizeof *watch->places);
    for (size_t i = options->connections; watch->places != NULL && i > 0; i--) {
        watch->places[i] = (struct place){.connection = -1, .next_free = watch->first_free};
        watch->first_free = i;
    }
    watch->is_started = watch->places != NULL && pthread_create(&watch->thread, NULL, run, watch) == 0;
    if (watch->is_started) {
        *out_watch = watch;
        return BUS_OK;
    }
    bus_http_watch_stop(watch);
    return bus_fail(error, BUS_FATAL, "watch connections: no memory or no thread");
}

void bus_http_watch_stop(struct bus_http_watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->is_stopping = true;
    pthread_mutex_unlock(&watch->lock);
    if (watch->is_started)
        pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->lock);
    free(watch->places);
    free(watch);
}

size_t bus_http_watch_enter(struct bus_http_watch *watch, int connection)
{
    pthread_mutex_lock(&watch->lock);
    size_t place = watch->first_free;
    if (place != 0) {
        watch->first_free = watch->places[place].next_free;
        watch->places[place] = (struct place){.connection = connection, .since_ms = bus_clock_monotonic_ms()};
        watch->used++;
    }
    pthread_mutex_unlock(&watch->lock);
    return place;
}

void bus_http_watch_leave(struct bus_http_watch *watch, size_t place)
{
    if (place == 0)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->places[place] = (struct place){.connection = -1, .next_free = watch->first_free};
    watch->first_free = place;
    watch->used--;
    pthread_mutex_unlock(&watch->lock);
}

void bus_http_watch_phase(struct bus_http_watch *watch, size_t place, enum bus_http_phase phase)
{
    if (place == 0)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->places[place].phase = phase;
    watch->places[place].since_ms = bus_clock_monotonic_ms();
    pthread_mutex_unlock(&watch->lock);
}

uint64_t bus_http_watch_cut(struct bus_http_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    uint64_t cut = watch->cut;
    pthread_mutex_unlock(&watch->lock);
    return cut;
}
