#include "bus/feed_status.h"

#include <stdio.h>

#include "bus/datum.h"
#include "bus/identifier.h"
#include "bus/utf8.h"

enum { HOUR_MS = 3600 * 1000, DAYS_A_WEEK = 7, MONTHS_A_YEAR = 12, FIRST_MONDAY = 4 /* 1970-01-05 */ };

#define DAY_MS ((int64_t)24 * HOUR_MS)
#define BEIJING_MS ((int64_t)8 * HOUR_MS)

/* --- writing --- */

static void append_text(struct bus_buffer *buffer, const char *text)
{
    struct bus_bytes left = bus_bytes_text(text);
    for (size_t length; (length = bus_utf8_sequence(left)) > 0;)
        left = bus_bytes_of(left.data + length, left.length - length);
    bus_datum_append_bytes(buffer, bus_bytes_of(text, strlen(text) - left.length));
}

static void append_held(struct bus_buffer *buffer, const struct bus_feed_held *held)
{
    bus_buffer_varint(buffer, held->is_held); /* the union's branch */
    if (!held->is_held)
        return;
    append_text(buffer, held->name);
    bus_buffer_append(buffer, held->digest, sizeof held->digest);
    bus_buffer_varint(buffer, held->at_ms);
    bus_buffer_varint(buffer, held->rows);
    bus_buffer_varint(buffer, held->added);
    bus_buffer_varint(buffer, held->changed);
    bus_buffer_varint(buffer, held->withdrawn);
    bus_buffer_varint(buffer, held->standing);
}

enum bus_status bus_feed_status_encode(const struct bus_feed_status *status, struct bus_buffer *buffer,
                                       struct bus_error *error)
{
    bus_frame_append(buffer, BUS_FEED_STATUS_FINGERPRINT);
    append_text(buffer, status->adapter);
    append_text(buffer, status->department);
    append_text(buffer, status->item);
    append_text(buffer, status->feed);
    append_text(buffer, status->source);
    append_text(buffer, status->cadence);
    append_text(buffer, status->due_by);
    bus_buffer_u8(buffer, status->is_full_list);
    bus_buffer_u8(buffer, status->is_paused);
    bus_buffer_varint(buffer, status->last_delivery_at_ms);
    append_text(buffer, status->last_delivery);
    bus_buffer_varint(buffer, status->last_rows);
    bus_buffer_varint(buffer, status->last_published);
    bus_buffer_varint(buffer, status->last_unchanged);
    bus_buffer_varint(buffer, status->last_withdrawn);
    bus_buffer_varint(buffer, status->last_quarantined);
    append_text(buffer, status->trouble_zh);
    append_text(buffer, status->trouble_en);
    append_held(buffer, &status->held);
    bus_buffer_varint(buffer, status->at_ms);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode a feed's status: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

/* --- reading --- */

static void take_text(struct bus_cursor *cursor, char *out_text, size_t size)
{
    struct bus_bytes text = bus_datum_take_bytes(cursor, size - 1);
    if (text.length > 0)
        memcpy(out_text, text.data, text.length);
    out_text[text.length] = '\0';
}

static bool take_boolean(struct bus_cursor *cursor)
{
    uint8_t byte = bus_cursor_u8(cursor);
    cursor->failed = cursor->failed || byte > 1;
    return byte == 1;
}

static void take_held(struct bus_cursor *cursor, struct bus_feed_held *held)
{
    int64_t branch = bus_cursor_varint(cursor);
    cursor->failed = cursor->failed || branch < 0 || branch > 1;
    if (cursor->failed || branch == 0)
        return;
    held->is_held = true;
    take_text(cursor, held->name, sizeof held->name);
    struct bus_bytes digest = bus_cursor_take(cursor, sizeof held->digest);
    if (digest.length == sizeof held->digest)
        memcpy(held->digest, digest.data, sizeof held->digest);
    held->at_ms = bus_cursor_varint(cursor);
    held->rows = bus_cursor_varint(cursor);
    held->added = bus_cursor_varint(cursor);
    held->changed = bus_cursor_varint(cursor);
    held->withdrawn = bus_cursor_varint(cursor);
    held->standing = bus_cursor_varint(cursor);
}

static void take_all(struct bus_cursor *cursor, struct bus_feed_status *status)
{
    take_text(cursor, status->adapter, sizeof status->adapter);
    take_text(cursor, status->department, sizeof status->department);
    take_text(cursor, status->item, sizeof status->item);
    take_text(cursor, status->feed, sizeof status->feed);
    take_text(cursor, status->source, sizeof status->source);
    take_text(cursor, status->cadence, sizeof status->cadence);
    take_text(cursor, status->due_by, sizeof status->due_by);
    status->is_full_list = take_boolean(cursor);
    status->is_paused = take_boolean(cursor);
    status->last_delivery_at_ms = bus_cursor_varint(cursor);
    take_text(cursor, status->last_delivery, sizeof status->last_delivery);
    status->last_rows = bus_cursor_varint(cursor);
    status->last_published = bus_cursor_varint(cursor);
    status->last_unchanged = bus_cursor_varint(cursor);
    status->last_withdrawn = bus_cursor_varint(cursor);
    status->last_quarantined = bus_cursor_varint(cursor);
    take_text(cursor, status->trouble_zh, sizeof status->trouble_zh);
    take_text(cursor, status->trouble_en, sizeof status->trouble_en);
    take_held(cursor, &status->held);
    status->at_ms = bus_cursor_varint(cursor);
}

enum bus_status bus_feed_status_decode(struct bus_bytes value, struct bus_feed_status *out_status,
                                       struct bus_error *error)
{
    uint64_t fingerprint;
    *out_status = (struct bus_feed_status){0};
    bool is_one = value.length >= BUS_FRAME_SIZE && bus_frame_fingerprint(value, &fingerprint, NULL) == BUS_OK &&
                  fingerprint == BUS_FEED_STATUS_FINGERPRINT;
    if (is_one) {
        struct bus_cursor cursor =
            bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
        take_all(&cursor, out_status);
        is_one = !cursor.failed && bus_cursor_left(&cursor) == 0;
    }
    return is_one ? BUS_OK
                  : bus_reject(error, "FEED_STATUS_MALFORMED", "不是数据源状态记录", "the bytes are no feed's status");
}

/* --- when it is due --- */

/* Milliseconds from a day's beginning to `due_by`, to its end when it says none. */
static int64_t due_by_ms(const char *due_by)
{
    int hour, minute;
    if (sscanf(due_by, "%2d:%2d", &hour, &minute) != 2 || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return DAY_MS;
    return hour * (int64_t)HOUR_MS + minute * 60 * (int64_t)1000;
}

static int32_t first_of_month(int32_t day, int months_later)
{
    int year, month, of_month;
    int32_t first;
    bus_date_civil(day, &year, &month, &of_month);
    return bus_date_days(year, month, 1, &first) ? bus_calendar_add(first, 0, months_later, 0) : day;
}

static int32_t first_of_year(int32_t day, int years_later)
{
    int year, month, of_month;
    int32_t first;
    bus_date_civil(day, &year, &month, &of_month);
    return bus_date_days(year, 1, 1, &first) ? bus_calendar_add(first, years_later, 0, 0) : day;
}

static int32_t first_of_week(int32_t day, int weeks_later)
{
    int32_t since_monday = ((day - FIRST_MONDAY) % DAYS_A_WEEK + DAYS_A_WEEK) % DAYS_A_WEEK;
    return day - since_monday + weeks_later * DAYS_A_WEEK;
}

/* The last working day of the next period that has one. `first_of` gives the first day of the period so many later. */
static int32_t last_working_day(int32_t day, int32_t (*first_of)(int32_t day, int later),
                                const struct bus_calendar *calendar)
{
    for (int later = 1;; later++)
        for (int32_t end = first_of(day, later + 1), at = end - 1; at >= first_of(day, later); at--)
            if (bus_calendar_is_working_day(calendar, at) || later > MONTHS_A_YEAR)
                return at;
}

int64_t bus_feed_due_ms(const struct bus_feed_status *status, const struct bus_calendar *calendar)
{
    const char *cadence = status->cadence;
    int64_t last_ms = status->last_delivery_at_ms;
    int32_t day = bus_calendar_day(last_ms);
    if (last_ms <= 0 || cadence[0] == '\0')
        return 0;
    if (strcmp(cadence, "hourly") == 0)
        return (last_ms / HOUR_MS + 2) * HOUR_MS;
    if (strcmp(cadence, "weekly") == 0)
        day = last_working_day(day, first_of_week, calendar);
    else if (strcmp(cadence, "monthly") == 0)
        day = last_working_day(day, first_of_month, calendar);
    else if (strcmp(cadence, "yearly") == 0)
        day = last_working_day(day, first_of_year, calendar);
    else if (strcmp(cadence, "daily") == 0 || strcmp(cadence, "realtime") == 0)
        day = bus_calendar_add_working_days(calendar, day, 1);
    else
        return 0;
    return day * DAY_MS - BEIJING_MS + due_by_ms(status->due_by);
}

bool bus_feed_is_overdue(const struct bus_feed_status *status, const struct bus_calendar *calendar, int64_t now_ms)
{
    int64_t due_ms = bus_feed_due_ms(status, calendar);
    return !status->is_paused && due_ms > 0 && now_ms > due_ms;
}
