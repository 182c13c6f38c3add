#include "adapters/sources/odbc/mark.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/identifier.h"

enum { DAY_SECONDS = 86400, HOUR_SECONDS = 3600, MINUTE_SECONDS = 60, NANO_DIGITS = 9, MAX_NUMBER_TEXT = 24 };

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* ".123456" as nanoseconds; digits beyond the ninth are let go. */
static bool parse_fraction(const char *text, int32_t *out_nanos)
{
    int32_t nanos = 0;
    int digits = 0;
    for (; is_digit(*text); text++, digits++)
        if (digits < NANO_DIGITS)
            nanos = nanos * 10 + (*text - '0');
    for (int i = digits; i < NANO_DIGITS; i++)
        nanos *= 10;
    *out_nanos = nanos;
    return digits > 0 && *text == '\0';
}

static bool parse_timestamp(const char *text, struct odbc_mark *mark)
{
    int year, month, day, hour = 0, minute = 0, second = 0, length = 0;
    int32_t days;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) != 3 || length != 10 ||
        !bus_date_days(year, month, day, &days))
        return false;
    text += length;
    if (*text == ' ' || *text == 'T') {
        length = 0;
        if (sscanf(text + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &length) != 3 || length != 8)
            return false;
        text += 1 + length;
    }
    if (*text == '.' ? !parse_fraction(text + 1, &mark->nanos) : *text != '\0')
        return false;
    mark->whole = (int64_t)days * DAY_SECONDS + hour * HOUR_SECONDS + minute * MINUTE_SECONDS + second;
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
}

/* A whole number of 64 bits; databases without whole numbers write decimals of zero behind it. */
static bool parse_number(const char *text, struct odbc_mark *mark)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;
    if (!is_digit(*digits) || strspn(digits, "0123456789") > 19)
        return false;
    mark->whole = strtoll(text, &end, 10);
    if (*end == '.')
        end += 1 + strspn(end + 1, "0");
    return *end == '\0' && mark->whole != INT64_MAX && mark->whole != INT64_MIN;
}

bool odbc_mark_parse(enum adapters_poll_kind kind, struct bus_bytes text, struct odbc_mark *out_mark)
{
    char copy[ODBC_MARK_TEXT_SIZE + MAX_NUMBER_TEXT];
    struct odbc_mark mark = {.is_set = true};
    if (text.length == 0 || text.length >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    if (!(kind == ADAPTERS_POLL_NUMBER ? parse_number(copy, &mark) : parse_timestamp(copy, &mark)))
        return false;
    *out_mark = mark;
    return true;
}

void odbc_mark_text(enum adapters_poll_kind kind, const struct odbc_mark *mark, char out_text[ODBC_MARK_TEXT_SIZE])
{
    out_text[0] = '\0';
    if (!mark->is_set)
        return;
    if (kind == ADAPTERS_POLL_NUMBER) {
        snprintf(out_text, ODBC_MARK_TEXT_SIZE, "%lld", (long long)mark->whole);
        return;
    }
    int64_t days = mark->whole / DAY_SECONDS, seconds = mark->whole % DAY_SECONDS;
    if (seconds < 0) {
        seconds += DAY_SECONDS;
        days--;
    }
    int year, month, day;
    bus_date_civil((int32_t)days, &year, &month, &day);
    int length = snprintf(out_text, ODBC_MARK_TEXT_SIZE, "%04u-%02u-%02u %02u:%02u:%02u.%09u", (unsigned)year % 10000,
                          (unsigned)month % 100, (unsigned)day % 100, (unsigned)(seconds / HOUR_SECONDS) % 100,
                          (unsigned)(seconds / MINUTE_SECONDS % 60), (unsigned)(seconds % 60),
                          (unsigned)mark->nanos % 1000000000);
    while (out_text[length - 1] == '0' && out_text[length - 2] != ':')
        out_text[--length] = '\0';
    if (out_text[length - 1] == '.')
        out_text[length - 1] = '\0';
}

int odbc_mark_compare(const struct odbc_mark *a, const struct odbc_mark *b)
{
    if (!a->is_set || !b->is_set)
        return (int)a->is_set - (int)b->is_set;
    if (a->whole != b->whole)
        return a->whole < b->whole ? -1 : 1;
    return a->nanos < b->nanos ? -1 : a->nanos > b->nanos;
}

struct odbc_mark odbc_mark_before(const struct odbc_mark *mark, int64_t overlap)
{
    struct odbc_mark before = *mark;
    before.whole = mark->whole < INT64_MIN + overlap ? INT64_MIN : mark->whole - overlap;
    return before;
}
