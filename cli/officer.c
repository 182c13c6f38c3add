#include "cli/officer.h"

#include <stdio.h>
#include <string.h>

static bool is_good_text(const char *text)
{
    return text != NULL && text[0] != '\0' && strlen(text) <= CLI_OFFICER_MAX_TEXT;
}

bool cli_is_answered_for(const char *what_zh, const char *what_en, const char *officer, const char *reason)
{
    if (is_good_text(officer) && is_good_text(reason))
        return true;
    fprintf(stderr,
            "✗ %s要有人负责：请给出 --officer 姓名 和 --reason 事由（各不超过%d字节）\n"
            "  %s needs someone to answer for it: give --officer NAME and --reason TEXT (at most %d bytes each)\n",
            what_zh, CLI_OFFICER_MAX_TEXT, what_en, CLI_OFFICER_MAX_TEXT);
    return false;
}
