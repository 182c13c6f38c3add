#include "cli/rights_matter.h"

#include <stdarg.h>
#include <stdio.h>

#include "bus/books.h"
#include "bus/calendar.h"
#include "bus/identifier.h"
#include "cli/names.h"

enum { MAX_OFFICER = 300 };

bool cli_rights_begin(struct cli_rights_matter *matter, struct cli_context *context,
                      const struct cli_rights_given *given)
{
    matter->context = context;
    matter->given = given;
    matter->now_ms = bus_clock_now_ms(&context->clock);
    matter->today = bus_calendar_day(matter->now_ms);
    matter->catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    return matter->catalogue != NULL;
}

int cli_rights_say(int code, const char *format_zh, const char *format_en, ...)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format_en);
    vsnprintf(zh, sizeof zh, format_zh, arguments);
    va_end(arguments);
    va_start(arguments, format_en);
    vsnprintf(en, sizeof en, format_en, arguments);
    va_end(arguments);
    return cli_say(code, zh, en);
}

bool cli_rights_is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

int cli_rights_read_kind(const char *name, enum bus_rights_kind *out_kind)
{
    const char *names[CLI_RIGHTS_KINDS];
    for (int i = 0; i < CLI_RIGHTS_KINDS; i++)
        names[i] = bus_rights_kind_name((enum bus_rights_kind)(i + 1));
    if (!cli_is_known("权益类别", "kind of right", name, names, CLI_RIGHTS_KINDS))
        return CLI_WRONG_USE;
    *out_kind = bus_rights_kind_parse(bus_bytes_text(name));
    return CLI_DONE;
}

int cli_rights_read_day(const char *option, const char *text, int32_t otherwise, int32_t *out_day)
{
    int32_t earliest = 0, latest = 0;
    bus_date_days(1900, 1, 1, &earliest);
    bus_date_days(2199, 12, 31, &latest);
    *out_day = otherwise;
    if (text == NULL ||
        (bus_book_day_read(bus_bytes_text(text), out_day) && *out_day >= earliest && *out_day <= latest))
        return CLI_DONE;
    return cli_rights_say(CLI_WRONG_USE, "--%s：%s 不是日期，应写作 2026-11-24，在1900至2199年之间",
                          "--%s: %s is no date; write it as 2026-11-24, between 1900 and 2199", option, text);
}

int cli_rights_read_item(struct cli_rights_matter *matter)
{
    struct cli_rights_content *content = &matter->content;
    matter->item = cli_rights_item(matter->catalogue, content->rights.kind);
    if (matter->item != NULL)
        return CLI_DONE;
    return cli_say(CLI_WRONG_USE, "目录中没有这一类权益目录项", "the catalogue has no item of this kind of right");
}

int cli_rights_read_case(struct cli_rights_matter *matter, const char *case_number)
{
    if (!cli_rights_is_given(case_number) || !cli_rights_case_key(case_number, matter->case_key))
        return cli_say(CLI_WRONG_USE, "请给出案件编号（--case）", "give the number of the case (--case)");
    matter->content.rights.case_number = bus_bytes_text(case_number);
    return CLI_DONE;
}

int cli_rights_read_step(struct cli_rights_matter *matter)
{
    const struct cli_rights_given *given = matter->given;
    struct cli_rights_content *content = &matter->content;
    if (!cli_rights_is_given(given->document) || !cli_rights_is_given(given->officer) ||
        !cli_rights_is_given(given->reason) || strlen(given->officer) > MAX_OFFICER)
        return cli_say(CLI_WRONG_USE, "请给出 --document 文号、--officer 经办人（不超过300字节）和 --reason 事由",
                       "give --document NUMBER, --officer NAME (at most 300 bytes) and --reason TEXT");
    int code = cli_rights_read_day("decided-on", given->decided_on, matter->today, &content->rights.decided_on);
    if (code != CLI_DONE)
        return code;
    if (content->rights.decided_on > matter->today)
        return cli_rights_say(CLI_WRONG_USE, "--decided-on：%s 晚于今天，请核对日期",
                              "--decided-on: %s lies in the future; check the date", given->decided_on);
    if (given->authority != NULL && strcmp(given->authority, BUS_RIGHTS_EXCHANGE) != 0 &&
        cli_department(matter->catalogue, given->authority) == NULL)
        return CLI_WRONG_USE;
    content->rights.document_number = bus_bytes_text(given->document);
    content->reason = bus_bytes_text(given->reason);
    return CLI_DONE;
}
