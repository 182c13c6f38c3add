#include "cli/members.h"

#include "cli/command.h"

void cli_member_text(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

void cli_member_number(struct bus_json *json, const char *name, int64_t number)
{
    bus_json_name(json, name);
    bus_json_integer(json, number);
}

void cli_member_flag(struct bus_json *json, const char *name, bool flag)
{
    bus_json_name(json, name);
    bus_json_boolean(json, flag);
}

void cli_member_time(struct bus_json *json, const char *name, int64_t at_ms)
{
    char text[CLI_TIME_SIZE];
    bus_json_name(json, name);
    if (at_ms == 0) {
        bus_json_null(json);
        return;
    }
    cli_time(at_ms, text);
    bus_json_string(json, text);
}
