/* Clock: the only place where Xinqiao asks for the time, so that tests can replace it. */
#ifndef BUS_CLOCK_H
#define BUS_CLOCK_H

#include <stdint.h>

/* Passed to whoever needs time. `now_ms` gives milliseconds since 1970-01-01 UTC. */
struct bus_clock {
    int64_t (*now_ms)(void *self);
    void *self;
};

/* The machine's real-time clock. */
struct bus_clock bus_clock_real(void);

static inline int64_t bus_clock_now_ms(const struct bus_clock *clock)
{
    return clock->now_ms(clock->self);
}

/* Milliseconds of a clock that never jumps, for durations and deadlines. */
int64_t bus_clock_monotonic_ms(void);
/* Sleeps, or returns early when a signal arrives. */
void bus_clock_sleep_ms(int64_t duration_ms);

#endif
