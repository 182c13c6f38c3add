#include "subscribers/engine/back_off.h"

#include "bus/clock.h"
#include "bus/digest.h"

enum { FIRST_MS = 200 };

/* Between half of it and all of it. */
static int64_t shake(int64_t wait_ms)
{
    uint32_t random;
    bus_random(&random, sizeof random);
    return wait_ms / 2 + (int64_t)(random % (uint32_t)(wait_ms / 2 + 1));
}

void subscribers_back_off_more(struct subscribers_back_off *back_off, int64_t now_ms, int64_t least_ms)
{
    int64_t wait_ms = back_off->wait_ms == 0 ? FIRST_MS : 2 * back_off->wait_ms;
    back_off->wait_ms = wait_ms < SUBSCRIBERS_BACK_OFF_MOST_MS ? wait_ms : SUBSCRIBERS_BACK_OFF_MOST_MS;
    wait_ms = shake(back_off->wait_ms);
    back_off->until_ms = now_ms + (wait_ms > least_ms ? wait_ms : least_ms);
}

void subscribers_back_off_sleep(struct subscribers_back_off *back_off)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    subscribers_back_off_more(back_off, now_ms, 0);
    bus_clock_sleep_ms(back_off->until_ms - now_ms);
}
