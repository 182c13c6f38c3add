/* Back-off: how long to wait for somebody who is away: each time twice as long as before, less a random part, so that those who wait for the
 * same one do not come back together. */
#ifndef SUBSCRIBERS_ENGINE_BACK_OFF_H
#define SUBSCRIBERS_ENGINE_BACK_OFF_H

#include <stdbool.h>
#include <stdint.h>

enum { SUBSCRIBERS_BACK_OFF_MOST_MS = 30000 };

struct subscribers_back_off {
    int64_t wait_ms;  /* of the last time, without the random part; 0 = none yet */
    int64_t until_ms; /* monotonic */
};

/* One failure more: waits from `now_ms` on, at least `least_ms` (what the other side asks for). */
void subscribers_back_off_more(struct subscribers_back_off *back_off, int64_t now_ms, int64_t least_ms);
static inline void subscribers_back_off_reset(struct subscribers_back_off *back_off)
{
    *back_off = (struct subscribers_back_off){0};
}
static inline bool subscribers_back_off_is_over(const struct subscribers_back_off *back_off, int64_t now_ms)
{
    return now_ms >= back_off->until_ms;
}
/* One failure more, slept through. */
void subscribers_back_off_sleep(struct subscribers_back_off *back_off);

#endif
