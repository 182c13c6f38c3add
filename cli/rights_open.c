/* xinqiao rights open: a new case about a record. */
#include <stdio.h>

#include "bus/calendar.h"
#include "cli/names.h"
#include "cli/rights_matter.h"
#include "cli/scan.h"

enum { MAX_CODES = 64 };

#define USAGE                                                                                                          \
    "rights open dispute|correction|repair|restriction IDENTITY --case NUMBER --document NUMBER --officer NAME "       \
    "--reason TEXT [--authority D] [--decided-on DATE] [--answer-due DATE] [--ground G --scope S [--until DATE]] "     \
    "[--no-wait]\n"                                                                                                    \
    "rights open KIND --department D --item I --key KEY …"

/* --- what was typed --- */

static enum bus_rights_step first_step(enum bus_rights_kind kind)
{
    switch (kind) {
    case BUS_RIGHTS_REPAIR: return BUS_RIGHTS_DECIDED;
    case BUS_RIGHTS_RESTRICTION: return BUS_RIGHTS_IMPOSED;
    case BUS_RIGHTS_NONE:
    case BUS_RIGHTS_DISPUTE:
    case BUS_RIGHTS_CORRECTION: break;
    }
    return BUS_RIGHTS_OPENED;
}

static int read_code(const struct cli_rights_matter *matter, const char *list_name, const char *what_zh,
                     const char *what_en, const char *value, struct bus_bytes *out_value)
{
    const char *names[MAX_CODES];
    const struct bus_code_list *list = bus_catalogue_code_list(matter->catalogue, list_name);
    size_t count = 0;
    for (; list != NULL && count < list->count && count < MAX_CODES; count++)
        names[count] = list->codes[count].value;
    if (!cli_is_known(what_zh, what_en, value, names, count))
        return CLI_WRONG_USE;
    *out_value = bus_bytes_text(value);
    return CLI_DONE;
}

/* Ground, scope and term belong to restrictions and to nothing else. */
static int read_restriction(struct cli_rights_matter *matter)
{
    const struct cli_rights_given *given = matter->given;
    struct cli_rights_content *content = &matter->content;
    if (content->rights.kind != BUS_RIGHTS_RESTRICTION) {
        if (given->ground == NULL && given->scope == NULL && given->until == NULL)
            return CLI_DONE;
        return cli_say(CLI_WRONG_USE, "--ground、--scope、--until 只用于 restriction",
                       "--ground, --scope and --until belong to a restriction");
    }
    if (given->ground == NULL || given->scope == NULL)
        return cli_say(CLI_WRONG_USE, "限制提供须给出 --ground 事由 和 --scope 范围（PUBLIC 或 ALL）",
                       "a restriction needs --ground G and --scope S (PUBLIC or ALL)");
    int code = read_code(matter, "rights_ground", "限制事由", "ground", given->ground, &content->ground);
    if (code == CLI_DONE)
        code = read_code(matter, "rights_scope", "限制范围", "scope", given->scope, &content->scope);
    if (code == CLI_DONE)
        code = cli_rights_read_day("until", given->until, 0, &content->until);
    content->has_until = given->until != NULL;
    content->rights.public_only = bus_bytes_equal_text(content->scope, "PUBLIC");
    if (code == CLI_DONE && content->has_until && content->until < content->rights.decided_on)
        return cli_say(CLI_WRONG_USE, "--until 早于决定日期，请核对", "--until lies before the decision; check it");
    return code;
}

/* Only a dispute and a request for correction are answered; the rule says by when, unless the officer does. */
static int read_answer_due(struct cli_rights_matter *matter)
{
    const struct cli_rights_given *given = matter->given;
    struct cli_rights_content *content = &matter->content;
    const struct bus_rights_rule *rule = bus_catalogue_rights(matter->catalogue, content->rights.kind);
    bool is_answered = content->rights.step == BUS_RIGHTS_OPENED;
    int32_t decided_on = content->rights.decided_on, day = decided_on;
    if (given->answer_due != NULL && !is_answered)
        return cli_say(CLI_WRONG_USE, "--answer-due 只用于 dispute 和 correction",
                       "--answer-due belongs to a dispute or a correction");
    if (is_answered && rule->answer_days > 0)
        day = rule->working_days ? bus_calendar_add_working_days(bus_catalogue_calendar_view(matter->catalogue),
                                                                 decided_on, rule->answer_days)
                                 : bus_calendar_add(decided_on, 0, 0, rule->answer_days);
    content->has_answer_due = given->answer_due != NULL || (is_answered && rule->answer_days > 0);
    int code = cli_rights_read_day("answer-due", given->answer_due, day, &content->answer_due);
    if (code == CLI_DONE && content->answer_due < decided_on)
        return cli_say(CLI_WRONG_USE, "--answer-due 早于受理日期，请核对",
                       "--answer-due lies before the opening; check it");
    return code;
}

static int read_record(struct cli_rights_matter *matter, const char *identity)
{
    const struct cli_rights_given *given = matter->given;
    bool named = given->department != NULL && given->item != NULL && given->key != NULL;
    if (identity != NULL ? !bus_unhex(identity, matter->target_identity, BUS_IDENTITY_SIZE) : !named)
        return cli_usage(USAGE);
    if (identity == NULL &&
        !cli_record_identity(matter->catalogue, given->department, given->item, given->key, matter->target_identity))
        return CLI_WRONG_USE;
    return CLI_DONE;
}

static int read_opening(struct cli_rights_matter *matter, const char *kind, const char *identity)
{
    struct bus_rights *rights = &matter->content.rights;
    int code = cli_rights_read_kind(kind, &rights->kind);
    if (code == CLI_DONE)
        code = cli_rights_read_item(matter);
    if (code == CLI_DONE)
        code = read_record(matter, identity);
    if (code == CLI_DONE)
        code = cli_rights_read_case(matter, matter->given->case_number);
    if (code != CLI_DONE)
        return code;
    rights->step = first_step(rights->kind);
    rights->authority =
        bus_bytes_text(matter->given->authority != NULL ? matter->given->authority : BUS_RIGHTS_EXCHANGE);
    code = cli_rights_read_step(matter);
    if (code == CLI_DONE)
        code = read_restriction(matter);
    if (code == CLI_DONE)
        code = read_answer_due(matter);
    cli_rights_case_identity(rights->kind, matter->given->case_number, matter->case_identity);
    return code;
}

/* --- the record, and the case if there is one --- */

static enum bus_status read_target_event(const struct cli_rights_matter *matter, struct bus_event *out_event,
                                         struct bus_error *error)
{
    if (matter->target->event.length > 0)
        return cli_rights_read_event(matter->target_item, matter->target->event, out_event, error);
    return bus_reject(error, "RIGHTS_GONE", "记录的保存期已满，内容已不再保存",
                      "the record's term of retention is over: its content is kept no longer");
}

static bool wants_opening(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct cli_rights_matter *matter = self;
    (void)entry;
    return memcmp(identity, matter->target_identity, BUS_IDENTITY_SIZE) == 0 ||
           memcmp(identity, matter->case_identity, BUS_IDENTITY_SIZE) == 0;
}

static int find_target(struct cli_rights_matter *matter)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(matter->target_identity, BUS_IDENTITY_SIZE, identity);
    matter->target = cli_rights_find(&matter->targets, matter->target_identity);
    if (matter->target == NULL)
        return cli_rights_say(CLI_NO, "没有这条记录：%s；请核对标识，或部门、目录项与记录键",
                              "the exchange knows no record %s; check the identity, or department, item and key",
                              identity);
    matter->target_item = bus_catalogue_item_by_number(matter->catalogue, matter->target->entry.item);
    if (matter->target_item == NULL)
        return cli_rights_say(CLI_WRONG_USE, "本机目录没有记录 %s 的目录项，请更新目录",
                              "this catalogue lacks the item of record %s; use the exchange's current one", identity);
    if (matter->target_item->rights != BUS_RIGHTS_NONE)
        return cli_rights_say(CLI_NO, "%s 本身是权益案件，不能再对其提出；请用 rights resolve 办理",
                              "%s is itself a case; go on with `rights resolve`", identity);
    return CLI_DONE;
}

/* A case that exists may be sent again with other particulars, but not about another record, and not back to its beginning. */
static int judge_known(const struct cli_rights_matter *matter)
{
    struct bus_error error;
    struct cli_rights_content before;
    uint8_t before_target[BUS_IDENTITY_SIZE];
    if (matter->known == NULL)
        return CLI_DONE;
    if (!bus_rights_may_follow(matter->content.rights.kind, (enum bus_rights_step)matter->known->entry.marks,
                               matter->content.rights.step))
        return cli_rights_say(
            CLI_NO, "案件 %s 已存在，环节为 %s；请用 rights resolve 办理，或另用编号",
            "case %s exists already and stands at %s; go on with `rights resolve`, or use another number",
            matter->given->case_number, cli_rights_step_at(matter->known));
    enum bus_status status = cli_rights_read_content(matter->item, matter->known->event, &before, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    bus_event_identity(before.rights.target_item, before.rights.target_record_key, before_target);
    if (memcmp(before_target, matter->target_identity, BUS_IDENTITY_SIZE) == 0)
        return CLI_DONE;
    return cli_rights_say(CLI_NO, "案件 %s 已用于另一条记录，请另用编号",
                          "case %s is about another record already; use another number", matter->given->case_number);
}

static int open_found(struct cli_rights_matter *matter)
{
    struct bus_error error;
    struct bus_event *event = &matter->content.event;
    struct bus_rights *rights = &matter->content.rights;
    int code = find_target(matter);
    if (code == CLI_DONE)
        code = cli_rights_judge_authority(matter);
    if (code != CLI_DONE)
        return code;
    matter->known = cli_rights_find(&matter->targets, matter->case_identity);
    code = judge_known(matter);
    if (code != CLI_DONE)
        return code;
    enum bus_status status = read_target_event(matter, event, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    rights->target_department = bus_bytes_text(matter->target_item->department->name);
    rights->target_item = bus_bytes_text(matter->target_item->name);
    rights->target_record_key = event->record_key;
    return cli_rights_finish(matter);
}

static int open_matter(struct cli_rights_matter *matter)
{
    struct bus_error error;
    enum bus_status status =
        cli_rights_read(matter->context, CLI_ALL_PARTITIONS, wants_opening, matter, true, &matter->targets, &error);
    int code = status == BUS_OK ? open_found(matter) : cli_fail(status, &error);
    cli_rights_release(&matter->targets);
    return code;
}

/* --- the form --- */

int cli_rights_open(struct cli_context *context, int argc, char **argv)
{
    struct cli_rights_given given = {0};
    struct cli_rights_matter matter = {0};
    const struct cli_option options[] = {
        {"case", CLI_OPTION_TEXT, &given.case_number},
        {"document", CLI_OPTION_TEXT, &given.document},
        {"officer", CLI_OPTION_TEXT, &given.officer},
        {"reason", CLI_OPTION_TEXT, &given.reason},
        {"authority", CLI_OPTION_TEXT, &given.authority},
        {"decided-on", CLI_OPTION_TEXT, &given.decided_on},
        {"answer-due", CLI_OPTION_TEXT, &given.answer_due},
        {"ground", CLI_OPTION_TEXT, &given.ground},
        {"scope", CLI_OPTION_TEXT, &given.scope},
        {"until", CLI_OPTION_TEXT, &given.until},
        {"department", CLI_OPTION_TEXT, &given.department},
        {"item", CLI_OPTION_TEXT, &given.item},
        {"key", CLI_OPTION_TEXT, &given.key},
        {"no-wait", CLI_OPTION_FLAG, &given.no_wait},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest < 1 || rest > 2)
        return cli_usage(USAGE);
    if (!cli_rights_begin(&matter, context, &given))
        return CLI_WRONG_USE;
    int code = read_opening(&matter, argv[1], rest == 2 ? argv[2] : NULL);
    return code == CLI_DONE ? open_matter(&matter) : code;
}
