#include "subscribers/serve/front.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "bus/http_peer.h"
#include "bus/log.h"
#include "subscribers/serve/guests.h"
#include "subscribers/serve/openapi.h"
#include "subscribers/serve/problem.h"

#define SUBJECTS "/subjects/"
#define SHEET "/sheet"

enum { PAGE_MAX = 1024 * 1024, LATER_S = 2 };

struct serve_front {
    const struct serve_settings *settings;
    struct serve_desk *desk;
    struct serve_guests *guests;
};

/* One request. */
struct request {
    struct serve_front *front;
    struct serve_job job;
};

struct serve_front *serve_front_create(const struct serve_settings *settings, struct serve_desk *desk)
{
    struct serve_front *front = calloc(1, sizeof *front);
    struct serve_guests *guests = serve_guests_create(settings->requests_per_minute, settings->burst);
    if (front == NULL || guests == NULL) {
        free(front);
        serve_guests_destroy(guests);
        return NULL;
    }
    *front = (struct serve_front){.settings = settings, .desk = desk, .guests = guests};
    return front;
}

void serve_front_destroy(struct serve_front *front)
{
    if (front == NULL)
        return;
    serve_guests_destroy(front->guests);
    free(front);
}

/* --- refusing --- */

static void refuse_with(struct request *request, enum serve_problem problem, const struct bus_error *detail,
                        int retry_after_s)
{
    const char *code = detail != NULL ? detail->code : serve_problem_code(problem);
    struct bus_http_reply reply = serve_problem_reply(problem, detail, retry_after_s);
    bus_log(BUS_LOG_INFO, "check refused", "client=\"%s\" code=%s", request->job.question.client, code);
    if (problem == SERVE_PROBLEM_WRONG_METHOD)
        bus_http_reply_add(&reply, "Allow", "GET");
    bus_http_call_answer(request->job.call, &reply);
}

static void refuse(struct request *request, enum serve_problem problem)
{
    refuse_with(request, problem, NULL, 0);
}

/* --- who asks, and what for --- */

/* The certificate where one is asked for, the address elsewhere. PROBLEMS: go on. */
static enum serve_problem read_client(struct request *request, struct bus_error *detail)
{
    struct serve_question *question = &request->job.question;
    struct bus_http_peer peer;
    if (request->front->settings->client_ca[0] == '\0') {
        bus_http_call_address(request->job.call, question->client);
        return SERVE_PROBLEMS;
    }
    enum bus_status status = bus_http_peer_read(bus_http_call_session(request->job.call), &peer, detail);
    snprintf(question->client, sizeof question->client, "%s", peer.shown);
    if (status == BUS_OK)
        return SERVE_PROBLEMS;
    bool is_missing = strcmp(detail->code, BUS_HTTP_NO_CERTIFICATE) == 0;
    return is_missing ? SERVE_PROBLEM_NO_CERTIFICATE : SERVE_PROBLEM_BAD_CERTIFICATE;
}

/* The header counts, else the parameter. */
static const char *given(struct bus_http_call *call, const char *header, const char *parameter)
{
    const char *text = bus_http_call_header_view(call, header);
    return text != NULL ? text : bus_http_call_query_view(call, parameter);
}

static enum serve_problem read_words(struct request *request)
{
    struct serve_question *question = &request->job.question;
    const char *officer = given(request->job.call, "X-Officer", "officer");
    if (!serve_question_words(given(request->job.call, "X-Purpose", "purpose"), question->purpose))
        return SERVE_PROBLEM_NO_PURPOSE;
    /* A certificate says who asks; an address does not. */
    if (officer == NULL && request->front->settings->client_ca[0] != '\0')
        return SERVE_PROBLEMS;
    return serve_question_words(officer, question->officer) ? SERVE_PROBLEMS : SERVE_PROBLEM_NO_OFFICER;
}

/* --- routes --- */

bool serve_front_path(const char *path, char out_code[SERVE_CODE_SIZE], enum serve_form *out_form)
{
    if (strncmp(path, SUBJECTS, strlen(SUBJECTS)) != 0)
        return false;
    const char *code = path + strlen(SUBJECTS);
    size_t length = strcspn(code, "/");
    snprintf(out_code, SERVE_CODE_SIZE, "%.*s", (int)(length < SERVE_CODE_SIZE ? length : SERVE_CODE_SIZE - 1), code);
    *out_form = code[length] == '\0' ? SERVE_FORM_ANSWER : SERVE_FORM_SHEET;
    return code[length] == '\0' || strcmp(code + length, SHEET) == 0;
}

/* PROBLEMS: the question is whole. */
static enum serve_problem read_question(struct request *request, const char *code, struct bus_error *detail)
{
    struct serve_question *question = &request->job.question;
    struct bus_clock clock = bus_clock_real();
    const char *proofs = bus_http_call_query_view(request->job.call, "proofs");
    enum serve_problem problem = read_words(request);
    if (problem != SERVE_PROBLEMS)
        return problem;
    if (serve_question_subject(question, code, detail) != BUS_OK)
        return SERVE_PROBLEM_BAD_CODE;
    if (question->kind == BUS_SUBJECT_PERSON && !request->front->settings->serves_persons)
        return SERVE_PROBLEM_PERSON;
    question->wants_proofs = question->form == SERVE_FORM_ANSWER && (proofs == NULL || strcmp(proofs, "0") != 0);
    question->asked_at_ms = bus_clock_now_ms(&clock);
    return SERVE_PROBLEMS;
}

static void answer_openapi(struct request *request)
{
    struct bus_http_reply reply = {.status = 200, .type = "application/yaml"};
    bus_buffer_init(&reply.body, PAGE_MAX);
    bus_buffer_append_bytes(&reply.body, serve_openapi_view());
    bus_http_call_answer(request->job.call, &reply);
}

static void route(struct request *request, const char *method, const char *path)
{
    char code[SERVE_CODE_SIZE];
    struct bus_error detail = {0};
    bool is_openapi = strcmp(path, "/openapi.yaml") == 0;
    if (!is_openapi && !serve_front_path(path, code, &request->job.question.form)) {
        refuse(request, SERVE_PROBLEM_NOT_FOUND);
    } else if (strcmp(method, "GET") != 0) {
        refuse(request, SERVE_PROBLEM_WRONG_METHOD);
    } else if (is_openapi) {
        answer_openapi(request);
    } else {
        enum serve_problem problem = read_question(request, code, &detail);
        if (problem != SERVE_PROBLEMS)
            refuse_with(request, problem, problem == SERVE_PROBLEM_BAD_CODE ? &detail : NULL, 0);
    }
}

/* --- the calls of the server --- */

static void *begin(void *self, struct bus_http_call *call, const char *method, const char *path)
{
    struct serve_front *front = self;
    struct request *request = calloc(1, sizeof *request);
    struct bus_error detail = {0};
    if (request == NULL)
        return NULL;
    request->front = front;
    request->job.call = call;
    enum serve_problem problem = read_client(request, &detail);
    if (problem != SERVE_PROBLEMS) {
        refuse_with(request, problem, problem == SERVE_PROBLEM_BAD_CERTIFICATE ? &detail : NULL, 0);
        return request;
    }
    int wait_s = serve_guests_admit(front->guests, request->job.question.client, bus_clock_monotonic_ms() * 1000);
    if (wait_s > 0)
        refuse_with(request, SERVE_PROBLEM_TOO_FAST, NULL, wait_s);
    else
        route(request, method, path);
    return request;
}

/* A GET has none that counts. */
static void body(void *context, struct bus_bytes piece)
{
    (void)context;
    (void)piece;
}

static void end(void *context)
{
    struct request *request = context;
    if (!serve_desk_hand_in(request->front->desk, &request->job))
        refuse_with(request, SERVE_PROBLEM_FULL, NULL, LATER_S);
}

struct bus_http_handler serve_front_handler(struct serve_front *front)
{
    return (struct bus_http_handler){.begin = begin, .body = body, .end = end, .gone = free, .self = front};
}
