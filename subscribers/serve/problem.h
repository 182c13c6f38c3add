/* Problem: what can be wrong with a question, Chinese first (docs/openapi/check.yaml). */
#ifndef SUBSCRIBERS_SERVE_PROBLEM_H
#define SUBSCRIBERS_SERVE_PROBLEM_H

#include "bus/http_reply.h"

enum serve_problem {
    SERVE_PROBLEM_NO_CERTIFICATE,
    SERVE_PROBLEM_BAD_CERTIFICATE,
    SERVE_PROBLEM_NOT_FOUND,
    SERVE_PROBLEM_WRONG_METHOD,
    SERVE_PROBLEM_NO_PURPOSE,
    SERVE_PROBLEM_NO_OFFICER,
    SERVE_PROBLEM_BAD_CODE, /* the detail says which */
    SERVE_PROBLEM_PERSON,
    SERVE_PROBLEM_TOO_FAST,
    SERVE_PROBLEM_FULL,
    SERVE_PROBLEM_STORE,
    SERVE_PROBLEM_STOPPING,
    SERVE_PROBLEM_FAILED,
    SERVE_PROBLEMS,
};

struct bus_http_reply serve_problem_reply(enum serve_problem problem, const struct bus_error *detail,
                                          int retry_after_s);
const char *serve_problem_code(enum serve_problem problem);

#endif
