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

/* A rehearsal: the machine's clock and as many milliseconds as a file says, read anew every second; for drills and tests of what falls due
 * by the calendar. */
struct bus_rehearsal {
    const char *
        path; /* of a file with one whole number, which may be negative; as long as it holds none the last one counts, 0 at first */
    int64_t ahead_ms;
    int64_t read_at_ms; /* on the monotonic clock; 0 = never */
};
/* `rehearsal` must stay where it is. */
struct bus_clock bus_clock_rehearsal(struct bus_rehearsal *rehearsal);

static inline int64_t bus_clock_now_ms(const struct bus_clock *clock)
{
    return clock->now_ms(clock->self);
}

/* Milliseconds of a clock that never jumps, for durations and deadlines. */
int64_t bus_clock_monotonic_ms(void);
/* Sleeps, or returns early when a signal arrives. */
void bus_clock_sleep_ms(int64_t duration_ms);

#endif
