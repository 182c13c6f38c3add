#include "subscribers/sinks/province/compare.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/calendar.h"
#include "bus/clock.h"
#include "bus/identifier.h"
#include "bus/log.h"
#include "subscribers/sinks/province/resend.h"
#include "subscribers/sinks/province/run.h"

enum {
    STEP_MS = 200, /* of one call of idle */
    PUT_OFF_MS = 60000,
    DAY_MINUTES = 24 * 60,
    BEIJING_MINUTES = 8 * 60,
};

struct province_compare {
    struct subscribers_sink_context context;
    struct province_run *run;
    struct province_resend *resend;
    struct bus_clock clock;
    int at_minute; /* -1 = only when asked */
    int32_t days;
    bool is_wanted;                      /* by an officer */
    char resend_day[PROVINCE_DATE_SIZE]; /* "" = none */
    int64_t made_at_ms;                  /* the last comparison; 0 = not known */
    int64_t begun_at_ms;                 /* that which goes on */
    int64_t not_before_ms;               /* of the monotonic clock */
};

/* ── opening ── */

static enum bus_status read_time(const struct bus_settings_node *group, const struct bus_option *options,
                                 int *out_minute, struct bus_error *error)
{
    const char *text = bus_settings_text(group, options, "compare_at");
    int hour, minute, length = 0;
    *out_minute = -1;
    if (text[0] == '\0')
        return BUS_OK;
    if (sscanf(text, "%2d:%2d%n", &hour, &minute, &length) != 2 || text[length] != '\0' || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59)
        return bus_settings_fail(group, error, "compare_at \"%s\" is no time of day, HH:MM", text);
    *out_minute = 60 * hour + minute;
    return BUS_OK;
}

enum bus_status province_compare_open(const struct subscribers_sink_context *context,
                                      const struct bus_settings_node *group, const struct bus_option *options,
                                      struct province_line *line, const struct province_mapping *mapping,
                                      struct province_compare **out_compare, struct bus_error *error)
{
    struct province_compare *compare = calloc(1, sizeof *compare);
    if (compare == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    compare->context = *context;
    compare->clock = bus_clock_real();
    compare->days = (int32_t)bus_settings_integer(group, options, "compare_days");
    enum bus_status status = read_time(group, options, &compare->at_minute, error);
    if (status == BUS_OK)
        status = province_run_create(context, line, &compare->run, error);
    if (status == BUS_OK)
        status = province_resend_create(context, line, mapping, &compare->resend, error);
    if (status == BUS_OK)
        *out_compare = compare;
    else
        province_compare_close(compare);
    return status;
}

void province_compare_close(struct province_compare *compare)
{
    if (compare == NULL)
        return;
    province_run_destroy(compare->run);
    province_resend_destroy(compare->resend);
    free(compare);
}

/* ── when ── */

bool province_compare_is_due(int64_t now_ms, int at_minute, int64_t made_at_ms)
{
    const int64_t minute_ms = 60000, day_ms = DAY_MINUTES * minute_ms;
    if (at_minute < 0)
        return false;
    int64_t local_ms = now_ms + BEIJING_MINUTES * minute_ms;
    int64_t today_ms = local_ms - local_ms % day_ms;
    int64_t due_ms = today_ms + at_minute * minute_ms - BEIJING_MINUTES * minute_ms;
    return now_ms >= due_ms && made_at_ms < due_ms;
}

/* When today's report was made, if there is one: this may be a restart. */
static int64_t last_made(const struct province_compare *compare, int64_t now_ms)
{
    char day[PROVINCE_DATE_SIZE];
    struct province_report report;
    struct bus_error ignored;
    province_report_date(bus_calendar_day(now_ms), day);
    int64_t made_at_ms =
        province_report_read(compare->context.state_folder, day, &report, &ignored) == BUS_OK ? report.made_at_ms : 0;
    province_report_release(&report);
    return made_at_ms;
}

static bool should_begin(struct province_compare *compare)
{
    int64_t now_ms = bus_clock_now_ms(&compare->clock);
    if (bus_clock_monotonic_ms() < compare->not_before_ms || province_resend_is_busy(compare->resend))
        return false;
    if (compare->is_wanted)
        return true;
    if (!province_compare_is_due(now_ms, compare->at_minute, compare->made_at_ms))
        return false;
    if (compare->made_at_ms == 0)
        compare->made_at_ms = last_made(compare, now_ms);
    return province_compare_is_due(now_ms, compare->at_minute, compare->made_at_ms);
}

static enum bus_status go_on(struct province_compare *compare, const int32_t *partitions, size_t count,
                             struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    if (!province_run_is_busy(compare->run)) {
        if (count == 0 || !should_begin(compare))
            return BUS_OK;
        compare->begun_at_ms = bus_clock_now_ms(&compare->clock);
        status = province_run_begin(compare->run, partitions, count, compare->begun_at_ms, compare->days,
                                    compare->is_wanted, error);
    }
    if (status == BUS_OK)
        status = province_run_step(compare->run, partitions, count, STEP_MS, error);
    if (status == BUS_RETRY) {
        int64_t retry_ms = province_run_retry_ms(compare->run);
        compare->not_before_ms = bus_clock_monotonic_ms() + (retry_ms > PUT_OFF_MS ? retry_ms : PUT_OFF_MS);
    }
    if (status == BUS_OK && !province_run_is_busy(compare->run)) {
        compare->made_at_ms = compare->begun_at_ms;
        compare->is_wanted = false;
    }
    return status;
}

/* What was approved, if it is there. */
static void begin_resend(struct province_compare *compare)
{
    struct province_report report;
    struct bus_error error;
    enum bus_status status = province_report_read(compare->context.state_folder, compare->resend_day, &report, &error);
    compare->resend_day[0] = '\0';
    if (status == BUS_OK)
        province_resend_begin(compare->resend, &report);
    else
        bus_log_failure(BUS_LOG_WARN, "无法重报 / cannot send again", status, &error);
    province_report_release(&report);
}

enum bus_status province_compare_idle(struct province_compare *compare, const int32_t *partitions, size_t count,
                                      struct bus_error *error)
{
    if (compare->context.memory == NULL)
        return BUS_OK;
    if (province_resend_is_busy(compare->resend))
        return province_resend_step(compare->resend, partitions, count, STEP_MS, error);
    if (!province_run_is_busy(compare->run) && compare->resend_day[0] != '\0')
        begin_resend(compare);
    return go_on(compare, partitions, count, error);
}

enum bus_status province_compare_order(struct province_compare *compare, struct bus_bytes kind,
                                       struct bus_bytes subject, struct bus_error *error)
{
    int year, month, day, length = 0;
    int32_t ignored;
    char text[PROVINCE_DATE_SIZE] = "";
    (void)error;
    if (subject.length < sizeof text)
        memcpy(text, subject.data, subject.length);
    bool is_resend = bus_bytes_equal_text(kind, "RESEND");
    if (is_resend && strcmp(text, "compare") == 0) {
        compare->is_wanted = true;
        compare->not_before_ms = 0;
    } else if (is_resend && sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) == 3 && text[length] == '\0' &&
               length == 10 && bus_date_days(year, month, day, &ignored)) {
        memcpy(compare->resend_day, text, sizeof compare->resend_day);
    } else {
        bus_log(BUS_LOG_WARN, "无法理解的命令 / an order that is not understood", "kind=%.*s subject=\"%.30s\"",
                (int)kind.length, (const char *)kind.data, text);
    }
    return BUS_OK;
}
