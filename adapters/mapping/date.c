#include "adapters/mapping/date.h"

#include "bus/identifier.h"

enum { DAY_MS = 86400000, HOUR_MS = 3600000, MINUTE_MS = 60000, SECOND_MS = 1000, CHINA_OFFSET_MS = 8 * HOUR_MS };
enum { FIRST_STAND_IN_YEAR = 9000 };

struct scan {
    const uint8_t *at, *end;
};

static bool take(struct scan *scan, const char *token)
{
    size_t length = strlen(token);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, token, length) != 0)
        return false;
    scan->at += length;
    return true;
}

/* At least one and at most `most` digits; -1 when there is none. */
static int take_number(struct scan *scan, int most, int *out_digits)
{
    int value = 0, digits = 0;
    for (; digits < most && scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; digits++)
        value = value * 10 + (*scan->at++ - '0');
    if (out_digits != NULL)
        *out_digits = digits;
    return digits > 0 ? value : -1;
}

static bool take_separator(struct scan *scan, const char *chinese)
{
    return take(scan, "-") || take(scan, "/") || take(scan, ".") || take(scan, chinese);
}

static bool take_day(struct scan *scan, struct adapters_date *date)
{
    int digits;
    date->year = take_number(scan, 4, &digits);
    if (digits != 4)
        return false;
    if (take_separator(scan, "年")) {
        date->month = take_number(scan, 2, NULL);
        if (date->month < 0 || !take_separator(scan, "月"))
            return false;
        date->day = take_number(scan, 2, NULL);
        (void)take(scan, "日");
        return date->day >= 0;
    }
    date->month = take_number(scan, 2, &digits);
    if (digits != 2)
        return false;
    date->day = take_number(scan, 2, &digits);
    return digits == 2;
}

/* hours, minutes, seconds and a fraction, as far as they are written. */
static bool take_time(struct scan *scan, int64_t *out_ms)
{
    int hour = take_number(scan, 2, NULL), minute = 0, second = 0, thousandth = 0;
    bool is_compact = scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
    if (is_compact || take(scan, ":") || take(scan, "时"))
        minute = take_number(scan, 2, NULL);
    if (is_compact || take(scan, ":") || take(scan, "分")) {
        int written = take_number(scan, 2, NULL);
        second = written >= 0 ? written : is_compact ? -1 : 0;
    }
    (void)take(scan, "秒");
    if (take(scan, ".")) {
        int digits, value = take_number(scan, 9, &digits);
        for (thousandth = value; digits < 3 && thousandth > 0; digits++)
            thousandth *= 10;
        for (; digits > 3; digits--)
            thousandth /= 10;
    }
    *out_ms = (int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS + (int64_t)second * SECOND_MS + thousandth;
    bool is_midnight = hour == 24 && minute == 0 && second == 0 && thousandth == 0; /* the end of the day */
    return hour >= 0 && (hour < 24 || is_midnight) && minute >= 0 && minute < 60 && second >= 0 && second <= 60 &&
           thousandth >= 0;
}

/* Milliseconds east of UTC. */
static bool take_zone(struct scan *scan, int64_t *out_offset_ms)
{
    *out_offset_ms = CHINA_OFFSET_MS;
    if (take(scan, "Z") || take(scan, "z")) {
        *out_offset_ms = 0;
        return true;
    }
    bool is_east = take(scan, "+");
    if (!is_east && !take(scan, "-"))
        return true;
    int hours = take_number(scan, 2, NULL);
    (void)take(scan, ":");
    int minutes = scan->at < scan->end ? take_number(scan, 2, NULL) : 0;
    *out_offset_ms = (is_east ? 1 : -1) * ((int64_t)hours * HOUR_MS + (int64_t)minutes * MINUTE_MS);
    return hours >= 0 && hours <= 14 && minutes >= 0 && minutes < 60;
}

static struct scan scan_of(struct bus_bytes text)
{
    return (struct scan){text.data, text.data + text.length};
}

static bool is_none(const struct adapters_date *date)
{
    return date->year >= FIRST_STAND_IN_YEAR || (date->year == 1900 && date->month == 1 && date->day == 1) ||
           (date->year == 0 && date->month == 0 && date->day == 0);
}

enum adapters_date_result adapters_date_parse(struct bus_bytes text, struct adapters_date *out_date)
{
    struct scan scan = scan_of(text);
    int64_t time_ms = 0, offset_ms = CHINA_OFFSET_MS;
    *out_date = (struct adapters_date){0};
    if (!take_day(&scan, out_date))
        return ADAPTERS_DATE_BAD;
    if (scan.end - scan.at == 2 && take(&scan, ".0")) {
        /* 20200618.0: Excel wrote a number */
    } else if (scan.at < scan.end) {
        bool is_apart = take(&scan, "T");
        while (take(&scan, " ") || take(&scan, "\u3000"))
            is_apart = true;
        bool is_compact = !is_apart && scan.end - scan.at >= 4;
        if ((!is_apart && !is_compact) || !take_time(&scan, &time_ms) || !take_zone(&scan, &offset_ms))
            return ADAPTERS_DATE_BAD;
    }
    if (scan.at != scan.end)
        return ADAPTERS_DATE_BAD;
    if (is_none(out_date))
        return ADAPTERS_DATE_NONE;
    if (!bus_date_days(out_date->year, out_date->month, out_date->day, &out_date->days))
        return ADAPTERS_DATE_BAD;
    out_date->moment_ms = (int64_t)out_date->days * DAY_MS + time_ms - offset_ms;
    return ADAPTERS_DATE_GOOD;
}

enum adapters_date_result adapters_month_parse(struct bus_bytes text, int *out_year, int *out_month)
{
    struct scan scan = scan_of(text);
    int digits;
    *out_year = take_number(&scan, 4, &digits);
    if (digits == 4) {
        (void)take_separator(&scan, "年");
        *out_month = take_number(&scan, 2, NULL);
        (void)take(&scan, "月");
        if (scan.end - scan.at == 2)
            (void)take(&scan, ".0");
        if (scan.at == scan.end)
            return *out_month >= 1 && *out_month <= 12 ? ADAPTERS_DATE_GOOD : ADAPTERS_DATE_BAD;
    }
    struct adapters_date date;
    enum adapters_date_result result = adapters_date_parse(text, &date);
    *out_year = date.year;
    *out_month = date.month;
    return result;
}
