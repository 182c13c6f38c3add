/* Push reply: what can be wrong with a request. */
#ifndef ADAPTERS_SOURCES_PUSH_REPLY_H
#define ADAPTERS_SOURCES_PUSH_REPLY_H

#include "bus/http_reply.h"

enum { ADAPTERS_PUSH_REPLY_MAX = 128 * 1024 * 1024 };

enum adapters_push_problem {
    ADAPTERS_PUSH_NO_CERTIFICATE,
    ADAPTERS_PUSH_BAD_CERTIFICATE,
    ADAPTERS_PUSH_UNKNOWN_CLIENT,
    ADAPTERS_PUSH_WRONG_FEED,
    ADAPTERS_PUSH_NO_SUCH_FEED,
    ADAPTERS_PUSH_NOT_FOUND,
    ADAPTERS_PUSH_WRONG_METHOD,
    ADAPTERS_PUSH_NO_KEY,
    ADAPTERS_PUSH_BAD_KEY,
    ADAPTERS_PUSH_KEY_REUSED,
    ADAPTERS_PUSH_IN_PROGRESS,
    ADAPTERS_PUSH_WRONG_TYPE,
    ADAPTERS_PUSH_WRONG_ENCODING,
    ADAPTERS_PUSH_TOO_LARGE,
    ADAPTERS_PUSH_TOO_MANY_ROWS,
    ADAPTERS_PUSH_NO_JSON,
    ADAPTERS_PUSH_TOO_FAST,
    ADAPTERS_PUSH_TOO_MANY_AT_ONCE,
    ADAPTERS_PUSH_PAUSED,
    ADAPTERS_PUSH_FULL,
    ADAPTERS_PUSH_AWAY,
    ADAPTERS_PUSH_UNKNOWN_YET,
    ADAPTERS_PUSH_STOPPING,
    ADAPTERS_PUSH_NO_ROOM,
    ADAPTERS_PUSH_PROBLEMS,
};

/* The problem as a reply. `detail` (may be NULL): what more is to be said, with its code when it has one. */
struct bus_http_reply adapters_push_problem(enum adapters_push_problem problem, const struct bus_error *detail,
                                            int retry_after_s);
/* Its code and its English sentence, as in logs. */
const char *adapters_push_problem_code(enum adapters_push_problem problem);
const char *adapters_push_problem_reason(enum adapters_push_problem problem);

#endif
