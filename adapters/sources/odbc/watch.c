#include "adapters/sources/odbc/watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/log.h"
#include "bus/stop.h"

enum { LOOK_MS = 100, GRACE_MS = 5000 };

struct odbc_watch {
    void (*cancel)(void *handle);
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_closed;

    /* The call under way; what is NULL: none. */
    const char *what;
    void *handle;
    int64_t deadline_ms;
    enum { CALL_RUNS, CALL_IS_CANCELLED, CALL_WAS_CANCELLED } state;
    int64_t lost_at_ms; /* when it is given up, once it was cancelled */
};

/* May hang itself, so it has a thread of its own. */
static void *cancel_call(void *self)
{
    struct odbc_watch *watch = self;
    watch->cancel(watch->handle);
    pthread_mutex_lock(&watch->lock);
    watch->state = CALL_WAS_CANCELLED;
    pthread_cond_broadcast(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static void give_up(const struct odbc_watch *watch)
{
    bus_log(BUS_LOG_ERROR, "database does not answer, and the call cannot be cancelled: the process ends",
            "doing=\"%s\"", watch->what);
    _exit(EXIT_FAILURE);
}

/* Called with the lock held. */
static void look(struct odbc_watch *watch)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    bool is_over = now_ms >= watch->deadline_ms || bus_stop_requested();
    if (watch->what == NULL || (!is_over && watch->lost_at_ms == 0))
        return;
    if (watch->lost_at_ms != 0) {
        if (now_ms >= watch->lost_at_ms)
            give_up(watch);
        return;
    }
    pthread_t thread;
    watch->lost_at_ms = now_ms + GRACE_MS;
    if (watch->handle == NULL || pthread_create(&thread, NULL, cancel_call, watch) != 0)
        return;
    pthread_detach(thread);
    watch->state = CALL_IS_CANCELLED;
}

static void *run(void *self)
{
    struct odbc_watch *watch = self;
    pthread_mutex_lock(&watch->lock);
    while (!watch->is_closed) {
        look(watch);
        pthread_mutex_unlock(&watch->lock);
        bus_clock_sleep_ms(LOOK_MS);
        pthread_mutex_lock(&watch->lock);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

/* Signals are for the thread that everything else runs in. */
static bool start(struct odbc_watch *watch)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = pthread_create(&watch->thread, NULL, run, watch) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

struct odbc_watch *odbc_watch_create(void (*cancel)(void *handle))
{
    struct odbc_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->cancel = cancel;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->changed, NULL);
    if (start(watch))
        return watch;
    free(watch);
    return NULL;
}

void odbc_watch_destroy(struct odbc_watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->is_closed = true;
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void odbc_watch_begin(struct odbc_watch *watch, void *handle, int64_t timeout_ms, const char *what)
{
    pthread_mutex_lock(&watch->lock);
    watch->what = what;
    watch->handle = handle;
    watch->deadline_ms = bus_clock_monotonic_ms() + timeout_ms;
    watch->state = CALL_RUNS;
    watch->lost_at_ms = 0;
    pthread_mutex_unlock(&watch->lock);
}

void odbc_watch_end(struct odbc_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    while (watch->state == CALL_IS_CANCELLED)
        pthread_cond_wait(&watch->changed, &watch->lock);
    watch->what = NULL;
    watch->handle = NULL;
    pthread_mutex_unlock(&watch->lock);
}
