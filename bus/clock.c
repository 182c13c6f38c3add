#include "bus/clock.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

enum { REHEARSAL_EVERY_MS = 1000 };

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

static void read_rehearsal(struct bus_rehearsal *rehearsal)
{
    FILE *file = fopen(rehearsal->path, "r");
    int64_t ahead_ms;
    if (file == NULL)
        return;
    if (fscanf(file, "%" SCNd64, &ahead_ms) == 1)
        rehearsal->ahead_ms = ahead_ms;
    fclose(file);
}

static int64_t rehearsal_now_ms(void *self)
{
    struct bus_rehearsal *rehearsal = self;
    int64_t now_ms = read_ms(CLOCK_MONOTONIC);
    if (rehearsal->read_at_ms == 0 || now_ms - rehearsal->read_at_ms >= REHEARSAL_EVERY_MS) {
        rehearsal->read_at_ms = now_ms;
        read_rehearsal(rehearsal);
    }
    return real_now_ms(NULL) + rehearsal->ahead_ms;
}

struct bus_clock bus_clock_rehearsal(struct bus_rehearsal *rehearsal)
{
    return (struct bus_clock){rehearsal_now_ms, rehearsal};
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
