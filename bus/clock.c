#include "bus/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_now_ms(void *self)
{
    (void)self;
    return read_ms(CLOCK_REALTIME);
}

struct bus_clock bus_clock_real(void)
{
    return (struct bus_clock){real_now_ms, NULL};
}

int64_t bus_clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

void bus_clock_sleep_ms(int64_t duration_ms)
{
    struct timespec duration = {duration_ms / 1000, duration_ms % 1000 * 1000000};
    nanosleep(&duration, NULL);
}
