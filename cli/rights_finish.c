#include <stdio.h>

#include "cli/rights_matter.h"

enum { WAIT_MS = 30000, ANSWER_LIMIT = 256 * 1024, TEXT_LIMIT = 16 * 1024 };

/* --- may it be? --- */

const char *cli_rights_step_at(const struct cli_rights_record *known)
{
    unsigned step = known->entry.marks;
    return bus_rights_step_name(step < BUS_RIGHTS_STEP_COUNT ? (enum bus_rights_step)step : BUS_RIGHTS_NO_STEP);
}

int cli_rights_judge_authority(const struct cli_rights_matter *matter)
{
    const struct bus_rights *rights = &matter->content.rights;
    const struct bus_rights_rule *rule = bus_catalogue_rights(matter->catalogue, rights->kind);
    if (bus_rights_may(rule, rights->authority, matter->target_item))
        return CLI_DONE;
    return cli_rights_say(
        CLI_NO,
        "%.*s 无权对 %s/%s 的记录作出此项决定（%s）；请由作出原决定的部门（--authority %s）或目录规定的机关办理",
        "%.*s may not decide so about a record of %s/%s (%s): the department that determined it (--authority %s), or "
        "who the catalogue names, may",
        (int)rights->authority.length, (const char *)rights->authority.data, matter->target_item->department->name,
        matter->target_item->name, bus_rights_kind_name(rights->kind), matter->target_item->department->name);
}

/* --- the answer --- */

static void write_refusal(struct bus_json *json, const struct cli_rights_outcome *outcome)
{
    char id[CLI_QUARANTINE_ID_SIZE];
    cli_quarantine_print_id(outcome->quarantined, id);
    const char *const members[][2] = {{"code", outcome->code},
                                      {"reason_zh", outcome->reason_zh},
                                      {"reason_en", outcome->reason_en},
                                      {"quarantined", id}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        bus_json_name(json, members[i][0]);
        bus_json_string(json, members[i][1]);
    }
}

static int print_json(const struct cli_rights_matter *matter, const struct cli_rights_outcome *outcome)
{
    static const char *const results[] = {"PUBLISHED", "ACCEPTED", "REFUSED"};
    const struct bus_state_entry none = {.watch_days = INT32_MAX};
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "result");
    bus_json_string(&json, results[outcome->result]);
    if (outcome->result == CLI_RIGHTS_REFUSED)
        write_refusal(&json, outcome);
    cli_rights_write(&json, matter->catalogue, &matter->content, &none, matter->target_identity, NULL, matter->today);
    cli_rights_write_holders(&json, matter->catalogue, matter->target->entry.holders);
    bus_json_name(&json, "version");
    bus_json_integer(&json, matter->content.event.version);
    bus_json_name(&json, "partition");
    bus_json_integer(&json, outcome->partition);
    bus_json_name(&json, "offset");
    bus_json_integer(&json, outcome->offset);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* What the step does to the record, beside the flag or the withdrawal that its holders see. */
static const char *effect_text(const struct cli_rights_matter *matter)
{
    enum bus_rights_step step = matter->content.rights.step;
    if (matter->known != NULL && matter->known->entry.marks == step)
        return "仅更正案件内容，记录不变 / only the case's particulars are corrected, the record is as before";
    if (matter->known != NULL && matter->known->entry.life != matter->target->entry.life)
        return "记录此后重新列入，本案对其无效 / the record has been listed again since: the case does nothing to it";
    switch (step) {
    case BUS_RIGHTS_UPHELD: return "待部门更正或撤回 / the department is to correct or withdraw it";
    case BUS_RIGHTS_REVOKED:
    case BUS_RIGHTS_LIFTED: return "随下一版本或重新投递再次发出 / goes out again with its next version or a resync";
    default: return "已告知各持有方 / every holder is told";
    }
}

static void print_accepted(const struct cli_rights_matter *matter)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1], due[CLI_RIGHTS_DAY_SIZE];
    const struct cli_rights_content *content = &matter->content;
    struct bus_buffer text;
    bus_buffer_init(&text, TEXT_LIMIT);
    bus_hex(matter->target_identity, BUS_IDENTITY_SIZE, identity);
    printf("  记录 / record: %s  %s/%s %s / %s\n", identity, matter->target_item->department->name,
           matter->target_item->name, matter->target_item->name_zh, matter->target_item->name_en);
    cli_rights_holders(matter->catalogue, matter->target->entry.holders, &text);
    printf("  持有方 / held by: %.*s\n  %s\n", (int)text.length, (const char *)text.data, effect_text(matter));
    if (content->has_answer_due) {
        cli_rights_day(content->answer_due, due);
        printf("  答复期限 / to be answered by: %s（%d 天 / days）\n", due, (int)(content->answer_due - matter->today));
    }
    bus_buffer_release(&text);
}

static int tell_refusal(const struct cli_rights_outcome *outcome)
{
    char id[CLI_QUARANTINE_ID_SIZE];
    cli_quarantine_print_id(outcome->quarantined, id);
    fprintf(stderr, "✗ 网关拒绝 / refused by the gateway: %s\n  %s\n  %s\n  隔离区 / quarantine: %s\n", outcome->code,
            outcome->reason_zh, outcome->reason_en, id);
    return CLI_NO;
}

static int tell(const struct cli_rights_matter *matter, const struct cli_rights_outcome *outcome)
{
    const struct bus_rights *rights = &matter->content.rights;
    bool waited = !matter->given->no_wait;
    int code = matter->context->json ? print_json(matter, outcome) : CLI_DONE;
    if (outcome->result == CLI_RIGHTS_REFUSED)
        return code == CLI_DONE ? tell_refusal(outcome) : code;
    if (outcome->result == CLI_RIGHTS_PUBLISHED && waited)
        return cli_say(
            CLI_CANNOT_REACH, "已发布，但网关在30秒内尚未处理；请勿重发，稍后用 rights show 查看",
            "published, but the gateway has not taken it within 30 seconds; do not send it again, see `rights "
            "show` later");
    if (matter->context->json)
        return code;
    printf("✓ %s：%s %.*s %s / %s: %s %s\n", waited ? "网关已接受" : "已发布", cli_rights_kind_zh(rights->kind),
           (int)rights->case_number.length, (const char *)rights->case_number.data, cli_rights_step_zh(rights->step),
           waited ? "accepted" : "published", bus_rights_kind_name(rights->kind), bus_rights_step_name(rights->step));
    if (waited)
        print_accepted(matter);
    return CLI_DONE;
}

/* --- sending --- */

/* Its version rises above that of the case, whatever the clocks say. */
static void stamp(struct cli_rights_matter *matter)
{
    struct bus_event *event = &matter->content.event;
    event->version = matter->now_ms;
    if (matter->known != NULL && matter->known->entry.version >= event->version)
        event->version = matter->known->entry.version + 1;
    event->operation = BUS_OPERATION_PUT;
    event->record_key = bus_bytes_text(matter->case_key);
    event->source_committed_at_ms = event->published_at_ms = matter->now_ms;
    event->rule_version = bus_bytes_text("");
}

int cli_rights_finish(struct cli_rights_matter *matter)
{
    struct bus_error error;
    struct cli_rights_outcome outcome;
    struct bus_buffer probe;
    stamp(matter);
    bus_buffer_init(&probe, CLI_RIGHTS_RECORD_LIMIT);
    enum bus_status status = cli_rights_encode(matter->item, &matter->content, &probe, &error);
    bus_buffer_release(&probe);
    if (status != BUS_OK) /* a text that was typed does not fit */
        return cli_fail(status, &error), CLI_WRONG_USE;
    status = cli_rights_send(matter->context, matter->item, matter->target, &matter->content, matter->given->officer,
                             matter->given->no_wait ? 0 : WAIT_MS, &outcome, &error);
    return status == BUS_OK ? tell(matter, &outcome) : cli_fail(status, &error);
}
