#include "gateway/policy.h"

#include <errno.h>
#include <unistd.h>

#include "bus/calendar.h"
#include "bus/catalogue_difference.h"
#include "bus/log.h"

enum { DIFFERENCE_LIMIT = 1024 * 1024 };
enum { AHEAD_DAYS = 60 }; /* the State Council's notice of the next year is out by then */

/* Workers read them, and would end for ever over one that was never there: better nobody takes such a catalogue. */
static enum bus_status check_portfolios(const struct bus_catalogue *catalogue, struct bus_error *error)
{
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        for (size_t j = 0; j < subscriber->grant_count; j++) {
            const char *portfolio = subscriber->grants[j].portfolio;
            if (portfolio != NULL && access(portfolio, R_OK) != 0)
                return bus_fail(error, BUS_FATAL, "%s: cannot read the portfolio of grant '%s': %s", portfolio,
                                subscriber->grants[j].name, strerror(errno));
        }
    }
    return BUS_OK;
}

enum bus_status gateway_policy_load(const char *path, struct gateway_policy *out_policy, struct bus_error *error)
{
    struct gateway_policy policy = {NULL, NULL};
    enum bus_status status = bus_catalogue_load(path, &policy.catalogue, error);
    if (status == BUS_OK)
        status = check_portfolios(policy.catalogue, error);
    if (status == BUS_OK)
        status = bus_views_create(policy.catalogue, &policy.views, error);
    if (status == BUS_OK)
        *out_policy = policy;
    else
        gateway_policy_release(&policy);
    return status;
}

void gateway_policy_release(struct gateway_policy *policy)
{
    bus_views_destroy(policy->views);
    bus_catalogue_destroy(policy->catalogue);
    *policy = (struct gateway_policy){NULL, NULL};
}

static bool same_version(const struct gateway_policy *one, const struct gateway_policy *other)
{
    return strcmp(bus_catalogue_version_view(one->catalogue), bus_catalogue_version_view(other->catalogue)) == 0;
}

static void tell_lines(struct bus_bytes text)
{
    for (size_t from = 0, end; from < text.length; from = end + 1) {
        for (end = from; end < text.length && text.data[end] != '\n';)
            end++;
        if (end > from)
            bus_log(BUS_LOG_INFO, "catalogue", "change=\"%.*s\"", (int)(end - from), (const char *)text.data + from);
    }
}

static enum bus_status compare(const struct gateway_policy *current, const struct gateway_policy *next, bool tell,
                               struct bus_error *error)
{
    struct bus_buffer text;
    bus_buffer_init(&text, DIFFERENCE_LIMIT);
    enum bus_status status = bus_catalogue_difference(current->catalogue, next->catalogue, &text, error);
    if (tell)
        tell_lines(bus_buffer_view(&text));
    bus_buffer_release(&text);
    return status == BUS_OK ? BUS_OK : BUS_FATAL;
}

enum bus_status gateway_policy_load_next(const struct gateway_policy *current, const char *path, bool tell,
                                         struct gateway_policy *out_next, bool *out_changed, struct bus_error *error)
{
    *out_changed = false;
    enum bus_status status = gateway_policy_load(path, out_next, error);
    if (status != BUS_OK)
        return status;
    if (!same_version(current, out_next))
        status = compare(current, out_next, tell, error);
    *out_changed = status == BUS_OK && !same_version(current, out_next);
    if (!*out_changed)
        gateway_policy_release(out_next);
    return status;
}

static void check_day(const struct bus_calendar *calendar, int32_t day)
{
    enum { DAYS_IN_400_YEARS = 146097 };
    int64_t year = 1970 + ((int64_t)day * 400 + 200) / DAYS_IN_400_YEARS; /* exact but for the days about New Year */
    if (!bus_calendar_knows(calendar, day))
        bus_log(
            BUS_LOG_WARN, "public holidays unknown",
            "year=%lld reason=\"节假日安排缺少该年，工作日按普通周计算 / calendar.cfg does not know this year: working "
            "days are counted as plain weeks\" then=\"add the State Council's notice to codes/calendar.cfg\"",
            (long long)year);
}

void gateway_policy_check_calendar(const struct gateway_policy *policy, int64_t now_ms)
{
    const struct bus_calendar *calendar = bus_catalogue_calendar_view(policy->catalogue);
    int32_t today = bus_calendar_day(now_ms);
    check_day(calendar, today);
    if (bus_calendar_knows(calendar, today))
        check_day(calendar, today + AHEAD_DAYS);
}
