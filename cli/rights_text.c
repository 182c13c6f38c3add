#include <stdio.h>

#include "bus/books.h"
#include "cli/rights.h"

const char *cli_rights_kind_zh(enum bus_rights_kind kind)
{
    switch (kind) {
    case BUS_RIGHTS_NONE: break;
    case BUS_RIGHTS_DISPUTE: return "异议";
    case BUS_RIGHTS_CORRECTION: return "更正";
    case BUS_RIGHTS_REPAIR: return "修复";
    case BUS_RIGHTS_RESTRICTION: return "限制";
    }
    return "";
}

const char *cli_rights_step_zh(enum bus_rights_step step)
{
    switch (step) {
    case BUS_RIGHTS_OPENED: return "已受理";
    case BUS_RIGHTS_UPHELD: return "成立";
    case BUS_RIGHTS_REJECTED: return "不成立";
    case BUS_RIGHTS_DECIDED: return "准予修复";
    case BUS_RIGHTS_REVOKED: return "撤销修复";
    case BUS_RIGHTS_IMPOSED: return "限制提供";
    case BUS_RIGHTS_LIFTED: return "解除限制";
    case BUS_RIGHTS_NO_STEP:
    case BUS_RIGHTS_STEP_COUNT: break;
    }
    return "";
}

void cli_rights_day(int32_t day, char out_text[CLI_RIGHTS_DAY_SIZE])
{
    if (day == INT32_MAX)
        snprintf(out_text, CLI_RIGHTS_DAY_SIZE, "-");
    else
        bus_book_day_text(day, out_text);
}

int32_t cli_rights_due(const struct cli_rights_content *content, const struct bus_state_entry *entry)
{
    if (content->rights.step != BUS_RIGHTS_OPENED)
        return INT32_MAX;
    return content->has_answer_due ? content->answer_due : entry->watch_days;
}

/* --- the record's standing --- */

static const struct {
    enum bus_mark mark;
    const char *name, *text_zh;
} marks[] = {
    {BUS_MARK_CORRECTING, "CORRECTING", "待更正"},
    {BUS_MARK_REPAIRED, "REPAIRED", "已修复"},
    {BUS_MARK_RESTRICTED, "RESTRICTED", "限制提供"},
    {BUS_MARK_RESTRICTED_PUBLIC, "RESTRICTED_PUBLIC", "不得公开"},
    {BUS_MARK_PUBLICITY_ENDED, "PUBLICITY_ENDED", "公示期满"},
    {BUS_MARK_RETENTION_ENDED, "RETENTION_ENDED", "保存期满"},
    {BUS_MARK_MINOR, "MINOR", "未成年"},
};
enum { MARK_COUNT = sizeof marks / sizeof marks[0] };

static bool has_mark(const struct bus_state_entry *entry, size_t index)
{
    return bus_state_has_mark(entry, marks[index].mark);
}

static const char *status_name(const struct bus_state_entry *entry)
{
    return entry->status == BUS_RECORD_WITHDRAWN ? "WITHDRAWN" : "LIVE";
}

void cli_rights_status(const struct bus_state_entry *entry, struct bus_buffer *text)
{
    bus_buffer_reset(text);
    if (entry == NULL) {
        bus_buffer_printf(text, "?");
        return;
    }
    bus_buffer_printf(text, "%s", entry->status == BUS_RECORD_WITHDRAWN ? "已撤回 withdrawn" : "有效 live");
    if (entry->disputes > 0)
        bus_buffer_printf(text, " 异议中 disputed");
    for (size_t i = 0; i < MARK_COUNT; i++)
        if (has_mark(entry, i))
            bus_buffer_printf(text, " %s %s", marks[i].text_zh, marks[i].name);
}

static const struct bus_subscriber *holder(const struct bus_catalogue *catalogue, uint64_t holders, size_t index)
{
    const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, index);
    return (holders >> subscriber->number & 1) != 0 ? subscriber : NULL;
}

void cli_rights_holders(const struct bus_catalogue *catalogue, uint64_t holders, struct bus_buffer *text)
{
    bus_buffer_reset(text);
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        if (holder(catalogue, holders, i) != NULL)
            bus_buffer_printf(text, "%s%s", text->length > 0 ? " " : "", holder(catalogue, holders, i)->name);
    if (text->length == 0)
        bus_buffer_printf(text, "-");
}

/* --- JSON --- */

static void write_text(struct bus_json *json, const char *name, struct bus_bytes text)
{
    bus_json_name(json, name);
    bus_json_text(json, text);
}

/* null for INT32_MAX. */
static void write_day(struct bus_json *json, const char *name, int32_t day)
{
    char text[CLI_RIGHTS_DAY_SIZE];
    bus_json_name(json, name);
    cli_rights_day(day, text);
    if (day == INT32_MAX)
        bus_json_null(json);
    else
        bus_json_string(json, text);
}

static void write_case(struct bus_json *json, const struct cli_rights_content *content)
{
    const struct bus_rights *rights = &content->rights;
    write_text(json, "case", rights->case_number);
    write_text(json, "kind", bus_bytes_text(bus_rights_kind_name(rights->kind)));
    write_text(json, "step", bus_bytes_text(bus_rights_step_name(rights->step)));
    write_text(json, "authority", rights->authority);
    write_text(json, "document_number", rights->document_number);
    write_day(json, "decided_on", rights->decided_on);
    if (rights->kind != BUS_RIGHTS_RESTRICTION)
        return;
    write_text(json, "ground", content->ground);
    write_text(json, "scope", content->scope);
    write_day(json, "until", content->has_until ? content->until : INT32_MAX);
}

void cli_rights_write_holders(struct bus_json *json, const struct bus_catalogue *catalogue, uint64_t holders)
{
    bus_json_name(json, "holders");
    bus_json_array(json);
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        if (holder(catalogue, holders, i) != NULL)
            bus_json_string(json, holder(catalogue, holders, i)->name);
    bus_json_end_array(json);
}

static void write_target(struct bus_json *json, const struct bus_catalogue *catalogue,
                         const struct bus_state_entry *entry)
{
    write_text(json, "status", bus_bytes_text(status_name(entry)));
    bus_json_name(json, "disputes");
    bus_json_integer(json, entry->disputes);
    bus_json_name(json, "marks");
    bus_json_array(json);
    for (size_t i = 0; i < MARK_COUNT; i++)
        if (has_mark(entry, i))
            bus_json_string(json, marks[i].name);
    bus_json_end_array(json);
    cli_rights_write_holders(json, catalogue, entry->holders);
}

void cli_rights_write(struct bus_json *json, const struct bus_catalogue *catalogue,
                      const struct cli_rights_content *content, const struct bus_state_entry *case_entry,
                      const uint8_t target_identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *target_entry,
                      int32_t today)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    int32_t due = cli_rights_due(content, case_entry);
    write_case(json, content);
    write_day(json, "answer_due_on", due);
    bus_json_name(json, "days_left");
    if (due == INT32_MAX)
        bus_json_null(json);
    else
        bus_json_integer(json, due - today);
    bus_hex(target_identity, BUS_IDENTITY_SIZE, identity);
    bus_json_name(json, "record");
    bus_json_object(json);
    write_text(json, "identity", bus_bytes_text(identity));
    write_text(json, "department", content->rights.target_department);
    write_text(json, "item", content->rights.target_item);
    if (target_entry != NULL)
        write_target(json, catalogue, target_entry);
    bus_json_end_object(json);
}
