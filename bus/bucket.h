/* Push rate: a token bucket, so many requests at one blow and so many a minute in the long run. */
#ifndef BUS_BUCKET_H
#define BUS_BUCKET_H

#include <stdint.h>

/* Starts zeroed, which is a full bucket. */
struct bus_bucket {
    int64_t used_us; /* what was taken and has not come back yet, as the time in which it comes back */
    int64_t at_us;
};

/* Takes one. 0: there was one; else the microseconds until there is. `now_us` on the monotonic clock. */
int64_t bus_bucket_take(struct bus_bucket *bucket, int64_t per_minute, int64_t burst, int64_t now_us);

#endif
