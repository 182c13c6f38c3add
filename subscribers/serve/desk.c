#include "subscribers/serve/desk.h"

#include <pthread.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/log.h"
#include "subscribers/serve/problem.h"
#include "subscribers/serve/sheet.h"

enum { ARENA_LIMIT = 256 * 1024 * 1024, LATER_S = 5 };

struct worker {
    struct serve_desk *desk;
    pthread_t thread;
    bool is_started;
    struct serve_store *store;
    struct bus_arena *arena;
};

struct serve_desk {
    const struct serve_settings *settings;
    struct serve_pulse *pulse;
    const struct bus_key *key;
    char topic[BUS_TOPIC_SIZE];
    struct worker *workers;

    pthread_rwlock_t shelf_lock; /* held for reading while a question is answered */
    struct serve_shelf *shelf;

    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct serve_job *first, *last;
    size_t waiting;
    bool is_closing;
};

/* --- answering --- */

static struct bus_http_reply reply_of(const struct serve_answer *answer, struct bus_error *error)
{
    bool is_sheet = answer->question->form == SERVE_FORM_SHEET;
    struct bus_http_reply reply = {.status = 200,
                                   .type = is_sheet ? "text/html; charset=utf-8" : "application/json; charset=utf-8"};
    enum bus_status status = BUS_OK;
    bus_buffer_init(&reply.body, SERVE_ANSWER_MAX);
    bus_http_reply_add(&reply, "X-Content-Type-Options", "nosniff");
    bus_http_reply_add(&reply, "Referrer-Policy", "no-referrer");
    if (is_sheet) {
        bus_http_reply_add(&reply, "Content-Security-Policy", SERVE_SHEET_POLICY);
        status = serve_sheet_write(answer, &reply.body, error);
    } else {
        serve_answer_write(answer, &reply.body);
    }
    if (status == BUS_OK && !reply.body.failed)
        return reply;
    if (status == BUS_OK)
        (void)bus_fail(error, BUS_FATAL,
                       "an answer has more bytes than it may have; lower serve.max_records or max_proofs");
    bus_http_reply_release(&reply);
    bus_log_failure(BUS_LOG_ERROR, "a check cannot be answered", BUS_FATAL, error);
    return serve_problem_reply(SERVE_PROBLEM_FAILED, NULL, 0);
}

/* Nobody learns anything before it is noted who asked. */
static enum bus_status look_up(struct worker *worker, struct serve_answer *answer, struct bus_error *error)
{
    const struct serve_question *question = answer->question;
    enum bus_status status =
        serve_store_find(worker->store, answer->shelf, question, worker->arena, &answer->holding, error);
    if (status == BUS_OK)
        status = serve_store_note(worker->store, question, answer->holding.count, error);
    if (status != BUS_OK)
        return status;
    if (question->wants_proofs)
        answer->proofs =
            serve_proofs_find(worker->desk->settings, &answer->holding, worker->arena, &answer->proofs_reason);
    return serve_answer_state(answer, worker->desk->key, error);
}

static struct bus_http_reply answer_question(struct worker *worker, const struct serve_question *question)
{
    struct serve_desk *desk = worker->desk;
    struct serve_answer answer = {.question = question,
                                  .shelf = desk->shelf,
                                  .subscriber = desk->settings->agent->subscriber,
                                  .topic = desk->topic,
                                  .proofs = SERVE_PROOFS_LEFT_OUT};
    struct bus_error error;
    int64_t began_ms = bus_clock_monotonic_ms();
    serve_pulse_read(desk->pulse, &answer.pulse);
    enum bus_status status = look_up(worker, &answer, &error);
    if (status != BUS_OK) {
        bus_log_failure(status == BUS_RETRY ? BUS_LOG_WARN : BUS_LOG_ERROR, "the store cannot be asked", status,
                        &error);
        return serve_problem_reply(SERVE_PROBLEM_STORE, NULL, LATER_S);
    }
    bus_log(BUS_LOG_INFO, "check answered", "form=%s records=%zu ms=%lld",
            question->form == SERVE_FORM_SHEET ? "sheet" : "answer", answer.holding.count,
            (long long)(bus_clock_monotonic_ms() - began_ms));
    return reply_of(&answer, &error);
}

static struct serve_job *next_job(struct serve_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    while (desk->first == NULL && !desk->is_closing)
        pthread_cond_wait(&desk->arrived, &desk->lock);
    struct serve_job *job = desk->first;
    if (job != NULL) {
        desk->first = job->next;
        desk->waiting--;
    }
    pthread_mutex_unlock(&desk->lock);
    return job;
}

/* Once a job is answered it may be gone. */
static void *run(void *self)
{
    struct worker *worker = self;
    struct serve_desk *desk = worker->desk;
    for (struct serve_job *job; (job = next_job(desk)) != NULL;) {
        struct bus_http_reply reply;
        pthread_mutex_lock(&desk->lock);
        bool is_closing = desk->is_closing;
        pthread_mutex_unlock(&desk->lock);
        pthread_rwlock_rdlock(&desk->shelf_lock);
        reply = is_closing ? serve_problem_reply(SERVE_PROBLEM_STOPPING, NULL, LATER_S)
                           : answer_question(worker, &job->question);
        pthread_rwlock_unlock(&desk->shelf_lock);
        bus_arena_reset(worker->arena);
        bus_http_call_answer(job->call, &reply);
    }
    return NULL;
}

bool serve_desk_hand_in(struct serve_desk *desk, struct serve_job *job)
{
    pthread_mutex_lock(&desk->lock);
    bool is_taken = !desk->is_closing && desk->waiting < desk->settings->max_waiting;
    if (is_taken) {
        bus_http_call_suspend(job->call);
        job->next = NULL;
        if (desk->first == NULL)
            desk->first = job;
        else
            desk->last->next = job;
        desk->last = job;
        desk->waiting++;
        pthread_cond_signal(&desk->arrived);
    }
    pthread_mutex_unlock(&desk->lock);
    return is_taken;
}

/* --- life --- */

static enum bus_status start_worker(struct serve_desk *desk, struct worker *worker, struct bus_error *error)
{
    worker->desk = desk;
    worker->store = serve_store_create(desk->settings);
    worker->arena = bus_arena_create(ARENA_LIMIT);
    if (worker->store == NULL || worker->arena == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    if (pthread_create(&worker->thread, NULL, run, worker) != 0)
        return bus_fail(error, BUS_FATAL, "cannot start a thread");
    worker->is_started = true;
    return BUS_OK;
}

enum bus_status serve_desk_start(const struct serve_settings *settings, struct serve_pulse *pulse,
                                 const struct bus_key *key, struct serve_desk **out_desk, struct bus_error *error)
{
    struct serve_desk *desk = calloc(1, sizeof *desk);
    struct worker *workers = calloc(settings->workers, sizeof *workers);
    if (desk == NULL || workers == NULL) {
        free(desk);
        free(workers);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    *desk = (struct serve_desk){.settings = settings, .pulse = pulse, .key = key, .workers = workers};
    pthread_rwlock_init(&desk->shelf_lock, NULL);
    pthread_mutex_init(&desk->lock, NULL);
    pthread_cond_init(&desk->arrived, NULL);
    bus_topic_out(settings->agent->kafka.prefix, settings->agent->subscriber, desk->topic);
    enum bus_status status = postgresql_client_check(settings->connection, error);
    if (status == BUS_OK)
        status = serve_shelf_create(settings, &desk->shelf, error);
    for (size_t i = 0; status == BUS_OK && i < settings->workers; i++)
        status = start_worker(desk, &workers[i], error);
    if (status == BUS_OK) {
        *out_desk = desk;
        return BUS_OK;
    }
    serve_desk_close(desk);
    serve_desk_destroy(desk);
    return status;
}

void serve_desk_close(struct serve_desk *desk)
{
    if (desk == NULL)
        return;
    pthread_mutex_lock(&desk->lock);
    desk->is_closing = true;
    pthread_cond_broadcast(&desk->arrived);
    pthread_mutex_unlock(&desk->lock);
    for (size_t i = 0; i < desk->settings->workers; i++)
        if (desk->workers[i].is_started)
            pthread_join(desk->workers[i].thread, NULL);
}

void serve_desk_destroy(struct serve_desk *desk)
{
    if (desk == NULL)
        return;
    for (size_t i = 0; i < desk->settings->workers; i++) {
        serve_store_destroy(desk->workers[i].store);
        bus_arena_destroy(desk->workers[i].arena);
    }
    serve_shelf_destroy(desk->shelf);
    pthread_rwlock_destroy(&desk->shelf_lock);
    pthread_mutex_destroy(&desk->lock);
    pthread_cond_destroy(&desk->arrived);
    free(desk->workers);
    free(desk);
}

enum bus_status serve_desk_reload(struct serve_desk *desk, struct bus_error *error)
{
    struct serve_shelf *shelf = NULL;
    enum bus_status status = serve_shelf_create(desk->settings, &shelf, error);
    if (status != BUS_OK)
        return status;
    pthread_rwlock_wrlock(&desk->shelf_lock);
    struct serve_shelf *former = desk->shelf;
    desk->shelf = shelf;
    pthread_rwlock_unlock(&desk->shelf_lock);
    serve_shelf_destroy(former);
    return BUS_OK;
}

/* Only the thread that reloads prepares, so the shelf stays. */
enum bus_status serve_desk_prepare(struct serve_desk *desk, struct bus_error *error)
{
    struct serve_store *store = serve_store_create(desk->settings);
    if (store == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = serve_store_prepare(store, desk->shelf, error);
    serve_store_destroy(store);
    return status;
}
