/* Push rate: a token bucket, so many requests at one blow and so many a minute in the long run. */
#ifndef ADAPTERS_SOURCES_PUSH_RATE_H
#define ADAPTERS_SOURCES_PUSH_RATE_H

#include <stdint.h>

/* Starts zeroed, which is a full bucket. */
struct adapters_push_bucket {
    int64_t used_us; /* what was taken and has not come back yet, as the time in which it comes back */
    int64_t at_us;
};

/* Takes one. 0: there was one; else the microseconds until there is. `now_us` on the monotonic clock. */
int64_t adapters_push_bucket_take(struct adapters_push_bucket *bucket, int64_t per_minute, int64_t burst,
                                  int64_t now_us);

#endif
