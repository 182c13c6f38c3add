/* Members: of a JSON object, as the command's answers have them. */
#ifndef CLI_MEMBERS_H
#define CLI_MEMBERS_H

#include "bus/json.h"

void cli_member_text(struct bus_json *json, const char *name, const char *text);
void cli_member_number(struct bus_json *json, const char *name, int64_t number);
void cli_member_flag(struct bus_json *json, const char *name, bool flag);
/* A time as cli_time writes it; null of 0. */
void cli_member_time(struct bus_json *json, const char *name, int64_t at_ms);

#endif
