#include "subscribers/engine/back_off.h"

#include "bus/clock.h"

enum { FIRST_MS = 200, MOST_MS = 10000 };

void subscribers_back_off(int64_t *wait_ms)
{
    *wait_ms = *wait_ms == 0 ? FIRST_MS : 2 * *wait_ms < MOST_MS ? 2 * *wait_ms : MOST_MS;
    bus_clock_sleep_ms(*wait_ms);
}
