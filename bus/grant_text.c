#include "bus/grant_text.h"

#include "bus/calendar.h"
#include "bus/identifier.h"
#include "bus/transform.h"

void bus_grant_text_item(const struct bus_grant *grant, struct bus_buffer *text)
{
    bus_buffer_printf(text, "%s.%s", grant->department != NULL ? grant->department->name : "*", grant->item);
}

void bus_grant_text_field(const struct bus_grant *grant, size_t index, struct bus_buffer *text)
{
    enum bus_transform transform = grant->transforms[index];
    bus_buffer_printf(text, "%s%s%s", grant->fields[index], transform != BUS_TRANSFORM_NONE ? ":" : "",
                      bus_transform_name(transform));
}

void bus_grant_text_fields(const struct bus_grant *grant, struct bus_buffer *text)
{
    for (size_t i = 0; i < grant->field_count; i++) {
        bus_buffer_printf(text, i > 0 ? ", " : "");
        bus_grant_text_field(grant, i, text);
    }
}

static void write_day(int64_t ms, struct bus_buffer *text)
{
    int year, month, day;
    bus_date_civil(bus_calendar_day(ms), &year, &month, &day);
    bus_buffer_printf(text, "%04d-%02d-%02d", year, month, day);
}

void bus_grant_text_period(const struct bus_grant *grant, struct bus_buffer *text)
{
    write_day(grant->from_ms, text);
    bus_buffer_printf(text, " – ");
    if (grant->to_ms != INT64_MAX)
        write_day(grant->to_ms - 1, text);
}

void bus_grant_text_subjects(const struct bus_grant *grant, struct bus_buffer *text)
{
    bus_buffer_printf(text, "%s%s%s", grant->organisations ? "组织 organisations" : "",
                      grant->organisations && grant->persons ? ", " : "", grant->persons ? "自然人 persons" : "");
}

void bus_grant_text_areas(const struct bus_grant *grant, struct bus_buffer *text)
{
    for (size_t i = 0; i < grant->area_count; i++)
        bus_buffer_printf(text, "%s%s", i > 0 ? ", " : "", grant->areas[i]);
    bus_buffer_printf(text, "%s", grant->area_count == 0 ? "全部 all" : "");
}

void bus_grant_text_conditions(const struct bus_grant *grant, struct bus_buffer *text)
{
    for (size_t i = 0; i < grant->condition_count; i++)
        bus_buffer_printf(text, "%s%s", i > 0 ? "; " : "", grant->conditions[i].text);
    bus_buffer_printf(text, "%s", grant->condition_count == 0 ? "无 none" : "");
}

void bus_grant_text_portfolio(const struct bus_grant *grant, struct bus_buffer *text)
{
    const char *slash = grant->portfolio != NULL ? strrchr(grant->portfolio, '/') : NULL;
    bus_buffer_printf(text, "%s", slash != NULL ? slash + 1 : grant->portfolio != NULL ? grant->portfolio : "无 none");
}

void bus_grant_text_end(const struct bus_grant *grant, struct bus_buffer *text)
{
    bus_buffer_printf(text, "%s", grant->keeps_at_end ? "保留 keep" : "撤回 withdraw");
}
