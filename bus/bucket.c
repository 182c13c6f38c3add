#include "bus/bucket.h"

enum { MINUTE_US = 60 * 1000 * 1000 };

/* In microseconds, so that a rate of thousands a minute keeps its share. */
int64_t bus_bucket_take(struct bus_bucket *bucket, int64_t per_minute, int64_t burst, int64_t now_us)
{
    int64_t one_us = MINUTE_US / per_minute > 0 ? MINUTE_US / per_minute : 1;
    int64_t back_us = bucket->at_us == 0 ? 0 : now_us - bucket->at_us;
    bucket->used_us = bucket->used_us > back_us ? bucket->used_us - back_us : 0;
    bucket->at_us = now_us;
    int64_t over_us = bucket->used_us + one_us - burst * one_us;
    if (over_us > 0)
        return over_us;
    bucket->used_us += one_us;
    return 0;
}
