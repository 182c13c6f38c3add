#include "subscribers/engine/breaker.h"

bool subscribers_breaker_allows(struct subscribers_breaker *breaker, int64_t now_ms)
{
    if (!subscribers_back_off_is_over(&breaker->back_off, now_ms))
        return false;
    if (breaker->state == SUBSCRIBERS_BREAKER_OPEN) {
        breaker->state = SUBSCRIBERS_BREAKER_HALF_OPEN;
        return true;
    }
    return breaker->state == SUBSCRIBERS_BREAKER_CLOSED;
}

bool subscribers_breaker_succeeded(struct subscribers_breaker *breaker)
{
    bool was_closed = breaker->state == SUBSCRIBERS_BREAKER_CLOSED;
    *breaker = (struct subscribers_breaker){0};
    return !was_closed;
}

bool subscribers_breaker_failed(struct subscribers_breaker *breaker, int64_t now_ms, int64_t least_ms)
{
    enum subscribers_breaker_state before = breaker->state;
    if (before == SUBSCRIBERS_BREAKER_OPEN) /* one that was under way when it opened */
        return false;
    breaker->failures++;
    subscribers_back_off_more(&breaker->back_off, now_ms, least_ms);
    if (before == SUBSCRIBERS_BREAKER_HALF_OPEN || breaker->failures >= SUBSCRIBERS_BREAKER_PATIENCE)
        breaker->state = SUBSCRIBERS_BREAKER_OPEN;
    return before == SUBSCRIBERS_BREAKER_CLOSED && breaker->state == SUBSCRIBERS_BREAKER_OPEN;
}

void subscribers_breaker_withdraw(struct subscribers_breaker *breaker)
{
    if (breaker->state == SUBSCRIBERS_BREAKER_HALF_OPEN)
        breaker->state = SUBSCRIBERS_BREAKER_OPEN;
}
