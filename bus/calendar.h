/* Calendar: days of law. Weekends rest, public holidays rest, make-up days work (schemas/codes/calendar.cfg, from the State Council's
 * yearly notice). Days are days since 1970-01-01, in Beijing. */
#ifndef BUS_CALENDAR_H
#define BUS_CALENDAR_H

#include "bus/settings.h"

struct bus_calendar;

/* FATAL with file and line: a bad date, a range that ends before it begins, a day outside its year, a make-up day that is no weekend, a
 * day that both rests and works, a year twice. */
BUS_MUST_CHECK enum bus_status bus_calendar_load(const char *path, struct bus_calendar **out_calendar,
                                                 struct bus_error *error);
/* The same from settings that were read, of which the calendar keeps nothing. */
BUS_MUST_CHECK enum bus_status bus_calendar_read(const struct bus_settings *settings,
                                                 struct bus_calendar **out_calendar, struct bus_error *error);
void bus_calendar_destroy(struct bus_calendar *calendar);

/* The day in Beijing (UTC+8) of a moment, rounded down also before 1970. Saturates. */
int32_t bus_calendar_day(int64_t at_ms);
/* Whether the calendar knows the holidays of the year of `day`; what it does not know, it takes for plain weeks. */
bool bus_calendar_knows(const struct bus_calendar *calendar, int32_t day);
bool bus_calendar_is_working_day(const struct bus_calendar *calendar, int32_t day);
/* The last of `count` working days after `day` (0: `day` itself). Saturates at INT32_MAX. */
int32_t bus_calendar_add_working_days(const struct bus_calendar *calendar, int32_t day, int count);
/* The same day so many years and months later, at the end of a shorter month, and then days. Saturates: INT32_MAX past the year 9999. */
int32_t bus_calendar_add(int32_t day, int years, int months, int days);

#endif
