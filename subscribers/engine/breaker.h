/* Circuit breaker: whether it makes sense to ask a receiver now.
 *
 * After each failure nobody asks until a back-off is over. CLOSED: then all may. After some failures in a row OPEN: then one may try
 * (HALF_OPEN), and what becomes of that opens or closes it. One receiver, one breaker. */
#ifndef SUBSCRIBERS_ENGINE_BREAKER_H
#define SUBSCRIBERS_ENGINE_BREAKER_H

#include "subscribers/engine/back_off.h"

enum subscribers_breaker_state { SUBSCRIBERS_BREAKER_CLOSED, SUBSCRIBERS_BREAKER_OPEN, SUBSCRIBERS_BREAKER_HALF_OPEN };

enum { SUBSCRIBERS_BREAKER_PATIENCE = 3 }; /* failures in a row that open it */

struct subscribers_breaker {
    enum subscribers_breaker_state state;
    int failures; /* in a row */
    struct subscribers_back_off back_off;
};

/* Whether to ask now. When it is OPEN and its time has come, the first who asks turns it HALF_OPEN. */
bool subscribers_breaker_allows(struct subscribers_breaker *breaker, int64_t now_ms);
/* The receiver answered. True when that closed it. */
bool subscribers_breaker_succeeded(struct subscribers_breaker *breaker);
/* It did not, and asks for `least_ms` of patience (0 = does not say). True when that opened it. */
bool subscribers_breaker_failed(struct subscribers_breaker *breaker, int64_t now_ms, int64_t least_ms);
/* Who was to try will not: another may. */
void subscribers_breaker_withdraw(struct subscribers_breaker *breaker);

#endif
