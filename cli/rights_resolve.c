/* xinqiao rights resolve: the next step of a case that is there. */
#include <ctype.h>
#include <stdio.h>

#include "cli/names.h"
#include "cli/rights_matter.h"
#include "cli/scan.h"

enum { STEP_SIZE = 32 };

#define USAGE                                                                                                          \
    "rights resolve CASE --step UPHELD|REJECTED|REVOKED|LIFTED --document NUMBER --officer NAME --reason TEXT "        \
    "[--kind K] [--authority D] [--decided-on DATE] [--no-wait]"

/* The steps that end or go on with a case. */
static const struct {
    enum bus_rights_step step;
    enum bus_rights_kind kinds[2];
} steps[] = {
    {BUS_RIGHTS_UPHELD, {BUS_RIGHTS_DISPUTE, BUS_RIGHTS_CORRECTION}},
    {BUS_RIGHTS_REJECTED, {BUS_RIGHTS_DISPUTE, BUS_RIGHTS_CORRECTION}},
    {BUS_RIGHTS_REVOKED, {BUS_RIGHTS_REPAIR, BUS_RIGHTS_NONE}},
    {BUS_RIGHTS_LIFTED, {BUS_RIGHTS_RESTRICTION, BUS_RIGHTS_NONE}},
};
enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

/* --- what was typed --- */

static int read_step_name(const char *text, size_t *out_index)
{
    const char *names[STEP_COUNT];
    char name[STEP_SIZE];
    size_t length = 0;
    for (; text[length] != '\0' && length < STEP_SIZE - 1; length++)
        name[length] = (char)toupper((unsigned char)text[length]);
    name[length] = '\0';
    for (size_t i = 0; i < STEP_COUNT; i++)
        names[i] = bus_rights_step_name(steps[i].step);
    if (!cli_is_known("办理环节", "step", name, names, STEP_COUNT))
        return CLI_WRONG_USE;
    for (size_t i = 0; i < STEP_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            *out_index = i;
    return CLI_DONE;
}

/* --- the case --- */

/* Cases of the number, of every kind: each kind counts its own. */
static bool wants_case(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct cli_rights_matter *matter = self;
    (void)entry;
    for (int kind = BUS_RIGHTS_NONE + 1; kind <= CLI_RIGHTS_KINDS; kind++) {
        uint8_t wanted[BUS_IDENTITY_SIZE];
        cli_rights_case_identity((enum bus_rights_kind)kind, matter->given->case_number, wanted);
        if (memcmp(identity, wanted, BUS_IDENTITY_SIZE) == 0)
            return true;
    }
    return false;
}

static const struct cli_rights_record *case_of(const struct cli_rights_matter *matter, enum bus_rights_kind kind)
{
    uint8_t identity[BUS_IDENTITY_SIZE];
    cli_rights_case_identity(kind, matter->given->case_number, identity);
    return cli_rights_find(&matter->cases, identity);
}

/* Which case of that number is meant: of the kind that was named, or the only one that has such a step. */
static int choose_case(struct cli_rights_matter *matter, size_t step, enum bus_rights_kind named)
{
    struct bus_rights *rights = &matter->content.rights;
    for (size_t i = 0; i < 2; i++) {
        enum bus_rights_kind kind = steps[step].kinds[i];
        const struct cli_rights_record *known =
            kind == BUS_RIGHTS_NONE || (named != BUS_RIGHTS_NONE && named != kind) ? NULL : case_of(matter, kind);
        if (known != NULL && matter->known != NULL)
            return cli_rights_say(CLI_WRONG_USE, "异议和更正申请各有一件编号 %s，请加 --kind",
                                  "a dispute and a correction both have the number %s; add --kind",
                                  matter->given->case_number);
        if (known == NULL)
            continue;
        matter->known = known;
        rights->kind = kind;
    }
    if (matter->known != NULL)
        return CLI_DONE;
    if (matter->cases.count > 0)
        return cli_rights_say(CLI_NO, "案件 %s 不属于可作 %s 的类别；请用 rights show 查看",
                              "case %s is of a kind that has no step %s; see `rights show`", matter->given->case_number,
                              bus_rights_step_name(steps[step].step));
    return cli_rights_say(CLI_NO, "没有案件 %s；请核对编号，已有案件见 rights list",
                          "there is no case %s; check the number, `rights list` shows what there is",
                          matter->given->case_number);
}

/* What the case says already, with the new step's own particulars. */
static int take_over(struct cli_rights_matter *matter, enum bus_rights_step step)
{
    struct bus_error error;
    struct cli_rights_content before, *content = &matter->content;
    enum bus_status status = cli_rights_read_content(matter->item, matter->known->event, &before, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (content->rights.decided_on < before.rights.decided_on)
        return cli_say(CLI_WRONG_USE, "--decided-on 早于该案件的上一环节，请核对",
                       "--decided-on lies before the case's last step; check it");
    struct cli_rights_content next = before;
    next.rights.step = step;
    next.rights.document_number = content->rights.document_number;
    next.rights.decided_on = content->rights.decided_on;
    next.reason = content->reason;
    next.has_answer_due = false;
    if (matter->given->authority != NULL)
        next.rights.authority = bus_bytes_text(matter->given->authority);
    *content = next;
    return CLI_DONE;
}

static int judge_step(const struct cli_rights_matter *matter, enum bus_rights_step step)
{
    if (bus_rights_may_follow(matter->content.rights.kind, (enum bus_rights_step)matter->known->entry.marks, step))
        return CLI_DONE;
    return cli_rights_say(CLI_NO, "案件 %s 的环节为 %s，不能再作 %s；如有新情况请另立案件",
                          "case %s stands at %s and cannot become %s; if there is something new, open another case",
                          matter->given->case_number, cli_rights_step_at(matter->known), bus_rights_step_name(step));
}

/* --- the record that it is about --- */

static bool wants_target(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct cli_rights_matter *matter = self;
    (void)entry;
    return memcmp(identity, matter->target_identity, BUS_IDENTITY_SIZE) == 0;
}

static int find_target_item(struct cli_rights_matter *matter)
{
    const struct bus_rights *rights = &matter->content.rights;
    for (size_t i = 0; i < bus_catalogue_item_count(matter->catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(matter->catalogue, i);
        if (bus_bytes_equal_text(rights->target_department, item->department->name) &&
            bus_bytes_equal_text(rights->target_item, item->name))
            matter->target_item = item;
    }
    bus_event_identity(rights->target_item, rights->target_record_key, matter->target_identity);
    if (matter->target_item != NULL)
        return CLI_DONE;
    return cli_say(CLI_WRONG_USE, "本机目录没有该记录的目录项，请更新目录",
                   "this catalogue lacks the item of the record; use the exchange's current one");
}

static int read_target(struct cli_rights_matter *matter)
{
    struct bus_error error;
    enum bus_status status = cli_rights_read(matter->context, matter->known->partition, wants_target, matter, false,
                                             &matter->targets, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    matter->target = cli_rights_find_of(&matter->targets, matter->target_identity, matter->known->subject_key);
    if (matter->target != NULL)
        return CLI_DONE;
    return cli_say(CLI_NO, "案件所涉的记录已不在状态中", "the record that the case is about is no longer in the state");
}

/* --- the form --- */

static int resolve_found(struct cli_rights_matter *matter, size_t step, enum bus_rights_kind named)
{
    int code = choose_case(matter, step, named);
    if (code == CLI_DONE)
        code = cli_rights_read_item(matter);
    if (code == CLI_DONE)
        code = judge_step(matter, steps[step].step);
    if (code == CLI_DONE)
        code = take_over(matter, steps[step].step);
    if (code == CLI_DONE)
        code = find_target_item(matter);
    if (code == CLI_DONE)
        code = cli_rights_judge_authority(matter);
    if (code == CLI_DONE)
        code = read_target(matter);
    return code == CLI_DONE ? cli_rights_finish(matter) : code;
}

static int resolve(struct cli_rights_matter *matter)
{
    struct bus_error error;
    size_t step = 0;
    enum bus_rights_kind named = BUS_RIGHTS_NONE;
    int code = read_step_name(matter->given->step, &step);
    if (code == CLI_DONE && matter->given->kind != NULL)
        code = cli_rights_read_kind(matter->given->kind, &named);
    if (code == CLI_DONE)
        code = cli_rights_read_case(matter, matter->given->case_number);
    if (code == CLI_DONE)
        code = cli_rights_read_step(matter);
    if (code != CLI_DONE)
        return code;
    enum bus_status status =
        cli_rights_read(matter->context, CLI_ALL_PARTITIONS, wants_case, matter, true, &matter->cases, &error);
    code = status == BUS_OK ? resolve_found(matter, step, named) : cli_fail(status, &error);
    cli_rights_release(&matter->cases);
    cli_rights_release(&matter->targets);
    return code;
}

int cli_rights_resolve(struct cli_context *context, int argc, char **argv)
{
    struct cli_rights_given given = {0};
    struct cli_rights_matter matter = {0};
    const struct cli_option options[] = {
        {"step", CLI_OPTION_TEXT, &given.step},
        {"kind", CLI_OPTION_TEXT, &given.kind},
        {"document", CLI_OPTION_TEXT, &given.document},
        {"officer", CLI_OPTION_TEXT, &given.officer},
        {"reason", CLI_OPTION_TEXT, &given.reason},
        {"authority", CLI_OPTION_TEXT, &given.authority},
        {"decided-on", CLI_OPTION_TEXT, &given.decided_on},
        {"no-wait", CLI_OPTION_FLAG, &given.no_wait},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest != 1 || given.step == NULL)
        return cli_usage(USAGE);
    given.case_number = argv[1];
    return cli_rights_begin(&matter, context, &given) ? resolve(&matter) : CLI_WRONG_USE;
}
