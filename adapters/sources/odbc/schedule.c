#include "adapters/sources/odbc/schedule.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS, CHINA_MS = 8 * HOUR_MS };

/* The last moment before now that is this minute of a day in China. */
static int64_t last_moment(int minute, int64_t now_ms)
{
    int64_t in_china_ms = now_ms + CHINA_MS, midnight_ms = in_china_ms - in_china_ms % DAY_MS;
    int64_t moment_ms = midnight_ms + (int64_t)minute * MINUTE_MS;
    return (moment_ms <= in_china_ms ? moment_ms : moment_ms - DAY_MS) - CHINA_MS;
}

bool odbc_schedule_is_list_due(const struct adapters_poll *poll, int64_t listed_at_ms, int64_t now_ms)
{
    if (listed_at_ms == 0)
        return true;
    if (poll->list_at_minute >= 0)
        return listed_at_ms < last_moment(poll->list_at_minute, now_ms);
    return poll->list_every_hours > 0 && now_ms - listed_at_ms >= poll->list_every_hours * HOUR_MS;
}
