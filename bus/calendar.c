#include "bus/calendar.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue_options.h"
#include "bus/identifier.h"

enum { MAX_YEARS = 200, DAYS_A_YEAR = 366, MS_A_DAY = 86400000, BEIJING_MS = 8 * 3600 * 1000, DAYS_A_WEEK = 7 };

enum day { DAY_PLAIN, DAY_REST, DAY_WORK };

/* What a notice says of each day of its year. */
struct year {
    int number;
    int32_t first; /* its first of January */
    uint8_t days[DAYS_A_YEAR];
};

struct bus_calendar {
    struct year *years;
    size_t count;
};

const struct bus_option bus_calendar_options[] = {
    {"name_zh", BUS_OPTION_TEXT, "", 0, 0, NULL, "name in Chinese"},
    {"name_en", BUS_OPTION_TEXT, "", 0, 0, NULL, "name in English"},
    {"years", BUS_OPTION_LIST, NULL, 0, 0, NULL, "the years that are known"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const struct bus_option bus_calendar_year_options[] = {
    {"year", BUS_OPTION_INTEGER, NULL, 1970, 9999, NULL, "which year"},
    {"notice", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "the notice that says so"},
    {"holidays", BUS_OPTION_LIST, NULL, 0, 0, NULL, "days of rest"},
    {"workdays", BUS_OPTION_TEXTS, "", 0, 0, NULL, "days of a weekend on which one works, YYYY-MM-DD"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

const struct bus_option bus_calendar_holiday_options[] = {
    {"zh", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in Chinese"},
    {"en", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name in English"},
    {"from", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "first day, YYYY-MM-DD"},
    {"to", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "last day, YYYY-MM-DD"},
    {NULL, BUS_OPTION_TEXT, NULL, 0, 0, NULL, NULL},
};

/* 1970-01-01 was a Thursday. */
static bool is_weekend(int32_t day)
{
    int of_week = (day % DAYS_A_WEEK + DAYS_A_WEEK + 3) % DAYS_A_WEEK; /* Monday = 0 */
    return of_week >= 5;
}

/* A day of the year, as its place in `days`. */
static enum bus_status read_day(const struct bus_settings_node *node, const char *text, const struct year *year,
                                size_t *out_index, struct bus_error *error)
{
    int number, month, day, used = 0;
    int32_t days;
    if (sscanf(text, "%4d-%2d-%2d%n", &number, &month, &day, &used) != 3 || used != 10 || text[used] != '\0' ||
        !bus_date_days(number, month, day, &days))
        return bus_settings_fail(node, error, "a day is written YYYY-MM-DD, not '%s'", text);
    if (number != year->number)
        return bus_settings_fail(node, error, "%s is no day of %d", text, year->number);
    *out_index = (size_t)(days - year->first);
    return BUS_OK;
}

static enum bus_status read_holiday(const struct bus_settings_node *node, struct year *year, struct bus_error *error)
{
    size_t from, to;
    enum bus_status status = bus_settings_check(node, bus_calendar_holiday_options, error);
    if (status == BUS_OK)
        status = read_day(node, bus_settings_text(node, bus_calendar_holiday_options, "from"), year, &from, error);
    if (status == BUS_OK)
        status = read_day(node, bus_settings_text(node, bus_calendar_holiday_options, "to"), year, &to, error);
    if (status != BUS_OK)
        return status;
    if (from > to)
        return bus_settings_fail(node, error, "'%s' ends before it begins",
                                 bus_settings_text(node, bus_calendar_holiday_options, "zh"));
    memset(year->days + from, DAY_REST, to - from + 1);
    return BUS_OK;
}

static enum bus_status read_workday(const struct bus_settings_node *node, struct year *year, struct bus_error *error)
{
    size_t index;
    const char *text = bus_settings_as_text(node);
    enum bus_status status = read_day(node, text, year, &index, error);
    if (status != BUS_OK)
        return status;
    if (year->days[index] == DAY_REST)
        return bus_settings_fail(node, error, "%s is a holiday as well", text);
    if (!is_weekend(year->first + (int32_t)index))
        return bus_settings_fail(node, error, "%s is no weekend: one works anyway", text);
    year->days[index] = DAY_WORK;
    return BUS_OK;
}

static enum bus_status read_year(const struct bus_settings_node *node, struct bus_calendar *calendar,
                                 struct bus_error *error)
{
    enum bus_status status = bus_settings_check(node, bus_calendar_year_options, error);
    if (status != BUS_OK)
        return status;
    struct year *year = &calendar->years[calendar->count];
    year->number = (int)bus_settings_integer(node, bus_calendar_year_options, "year");
    bus_date_days(year->number, 1, 1, &year->first);
    for (size_t i = 0; i < calendar->count; i++)
        if (calendar->years[i].number == year->number)
            return bus_settings_fail(node, error, "year %d stands twice", year->number);
    const struct bus_settings_node *holidays = bus_settings_child(node, "holidays");
    const struct bus_settings_node *workdays = bus_settings_child(node, "workdays");
    for (size_t i = 0; i < bus_settings_count(holidays) && status == BUS_OK; i++)
        status = read_holiday(bus_settings_at(holidays, i), year, error);
    for (size_t i = 0; workdays != NULL && i < bus_settings_count(workdays) && status == BUS_OK; i++)
        status = read_workday(bus_settings_at(workdays, i), year, error);
    calendar->count++;
    return status;
}

enum bus_status bus_calendar_read(const struct bus_settings *settings, struct bus_calendar **out_calendar,
                                  struct bus_error *error)
{
    const struct bus_settings_node *root = bus_settings_root(settings);
    enum bus_status status = bus_settings_check(root, bus_calendar_options, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *years = bus_settings_child(root, "years");
    size_t count = bus_settings_count(years);
    if (count > MAX_YEARS)
        return bus_settings_fail(years, error, "more than %d years", MAX_YEARS);
    struct bus_calendar *calendar = calloc(1, sizeof *calendar);
    if (calendar != NULL)
        calendar->years = calloc(count + 1, sizeof *calendar->years);
    if (calendar == NULL || calendar->years == NULL)
        status = bus_fail(error, BUS_FATAL, "%s: out of memory", bus_settings_path_view(settings));
    for (size_t i = 0; i < count && status == BUS_OK; i++)
        status = read_year(bus_settings_at(years, i), calendar, error);
    if (status == BUS_OK)
        *out_calendar = calendar;
    else
        bus_calendar_destroy(calendar);
    return status;
}

enum bus_status bus_calendar_load(const char *path, struct bus_calendar **out_calendar, struct bus_error *error)
{
    struct bus_settings *settings;
    enum bus_status status = bus_settings_load(path, &settings, error);
    if (status != BUS_OK)
        return status;
    status = bus_calendar_read(settings, out_calendar, error);
    bus_settings_destroy(settings);
    return status;
}

void bus_calendar_destroy(struct bus_calendar *calendar)
{
    if (calendar == NULL)
        return;
    free(calendar->years);
    free(calendar);
}

int32_t bus_calendar_day(int64_t at_ms)
{
    int64_t day = at_ms / MS_A_DAY, of_day_ms = at_ms % MS_A_DAY + BEIJING_MS;
    day += of_day_ms < 0 ? -1 : of_day_ms >= MS_A_DAY;
    return day > INT32_MAX ? INT32_MAX : day < INT32_MIN ? INT32_MIN : (int32_t)day;
}

static const struct year *find_year(const struct bus_calendar *calendar, int32_t day)
{
    int number, month, of_month;
    bus_date_civil(day, &number, &month, &of_month);
    for (size_t i = 0; i < calendar->count; i++)
        if (calendar->years[i].number == number)
            return &calendar->years[i];
    return NULL;
}

bool bus_calendar_knows(const struct bus_calendar *calendar, int32_t day)
{
    return find_year(calendar, day) != NULL;
}

bool bus_calendar_is_working_day(const struct bus_calendar *calendar, int32_t day)
{
    const struct year *year = find_year(calendar, day);
    enum day said = year != NULL ? (enum day)year->days[day - year->first] : DAY_PLAIN;
    return said == DAY_PLAIN ? !is_weekend(day) : said == DAY_WORK;
}

int32_t bus_calendar_add_working_days(const struct bus_calendar *calendar, int32_t day, int count)
{
    while (count > 0 && day < INT32_MAX)
        count -= bus_calendar_is_working_day(calendar, ++day);
    return day;
}

int32_t bus_calendar_add(int32_t day, int years, int months, int days)
{
    int year, month, of_month;
    int32_t moved;
    bus_date_civil(day, &year, &month, &of_month);
    int64_t later = (int64_t)year * 12 + month - 1 + (int64_t)years * 12 + months;
    year = later / 12 > 9999 ? 10000 : (int)(later / 12);
    month = (int)(later % 12) + 1;
    while (!bus_date_days(year, month, of_month, &moved))
        if (--of_month < 28) /* no month is shorter: past the last year */
            return INT32_MAX;
    return moved + (int64_t)days > INT32_MAX ? INT32_MAX : moved + days;
}
