/* xinqiao rights show: one case, step by step, and the record that it is about. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/table.h"
#include "cli/rights_matter.h"
#include "cli/scan.h"

enum { ANSWER_LIMIT = 16 * 1024 * 1024, TEXT_LIMIT = 16 * 1024, MAX_STEPS = 10000 };

#define USAGE "rights show CASE [--kind K]"

/* An event of the case, as it lies in the in topic. */
struct step {
    int64_t offset;
    struct cli_rights_content content;
    struct bus_bytes officer;              /* empty: it came in a department's feed */
    const struct cli_quarantined *refused; /* NULL: it was not */
};

struct showing {
    struct cli_rights_matter matter;
    struct step *steps;
    size_t count;
    struct cli_quarantine_list quarantine;
};

/* --- the case --- */

static bool wants_case(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct cli_rights_matter *matter = self;
    enum bus_rights_kind named = matter->content.rights.kind;
    (void)entry;
    for (int kind = BUS_RIGHTS_NONE + 1; kind <= CLI_RIGHTS_KINDS; kind++) {
        uint8_t wanted[BUS_IDENTITY_SIZE];
        cli_rights_case_identity((enum bus_rights_kind)kind, matter->given->case_number, wanted);
        if ((named == BUS_RIGHTS_NONE || named == (enum bus_rights_kind)kind) &&
            memcmp(identity, wanted, BUS_IDENTITY_SIZE) == 0)
            return true;
    }
    return false;
}

static int find_case(struct cli_rights_matter *matter)
{
    struct bus_error error;
    enum bus_status status =
        cli_rights_read(matter->context, CLI_ALL_PARTITIONS, wants_case, matter, true, &matter->cases, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    if (matter->cases.count == 0)
        return cli_rights_say(CLI_NO,
                              "没有案件 %s；已有案件见 rights list，被拒绝的见 quarantine list --department rights",
                              "there is no case %s; `rights list` shows what there is, `quarantine list --department "
                              "rights` what was refused",
                              matter->given->case_number);
    if (matter->cases.count > 1)
        return cli_rights_say(CLI_WRONG_USE, "编号 %s 有不止一件案件，请加 --kind",
                              "there is more than one case %s; add --kind", matter->given->case_number);
    matter->known = &matter->cases.records[0];
    matter->item = bus_catalogue_item_by_number(matter->catalogue, matter->known->entry.item);
    if (matter->item == NULL)
        return cli_say(CLI_WRONG_USE, "本机目录没有这一类权益目录项，请更新目录",
                       "this catalogue lacks the case's item; use the exchange's current one");
    status = cli_rights_read_content(matter->item, matter->known->event, &matter->content, &error);
    return status == BUS_OK ? CLI_DONE : cli_fail(status, &error);
}

static bool wants_target(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    const struct cli_rights_matter *matter = self;
    (void)entry;
    return memcmp(identity, matter->target_identity, BUS_IDENTITY_SIZE) == 0;
}

/* --- its steps --- */

static enum bus_status take_step(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct showing *showing = self;
    struct cli_rights_content content;
    struct bus_error ignored;
    const struct cli_rights_matter *matter = &showing->matter;
    if (!bus_bytes_equal(message->key, bus_bytes_of(matter->known->subject_key, BUS_SUBJECT_KEY_SIZE)) ||
        cli_rights_read_content(matter->item, message->value, &content, &ignored) != BUS_OK ||
        !bus_bytes_equal_text(content.event.record_key, matter->case_key))
        return BUS_OK;
    struct bus_bytes kept = bus_arena_copy(matter->cases.arena, message->value);
    struct bus_bytes officer = bus_message_header(message, CLI_RIGHTS_OFFICER_HEADER);
    struct step *steps = showing->count == MAX_STEPS || kept.data == NULL
                             ? NULL
                             : realloc(showing->steps, (showing->count + 1) * sizeof *steps);
    if (steps == NULL)
        return bus_fail(error, BUS_FATAL, "read a case: more than %d steps, or out of memory", MAX_STEPS);
    showing->steps = steps;
    struct step *step = &steps[showing->count++];
    *step = (struct step){.offset = message->offset};
    if (officer.length > 0)
        step->officer = bus_arena_copy(matter->cases.arena, officer);
    return cli_rights_read_content(matter->item, kept, &step->content, error);
}

static const struct cli_quarantined *refusal_of(const struct showing *showing, const char *topic, int64_t offset)
{
    const struct cli_quarantine_list *list = &showing->quarantine;
    for (size_t i = 0; i < list->count; i++) {
        const struct bus_quarantined *record = &list->entries[i].record;
        if (record->severity == BUS_SEVERITY_REFUSED && record->offset == offset &&
            record->partition == showing->matter.known->partition && bus_bytes_equal_text(record->topic, topic))
            return &list->entries[i];
    }
    return NULL;
}

static enum bus_status read_steps(struct showing *showing, struct bus_error *error)
{
    struct cli_rights_matter *matter = &showing->matter;
    char topic[BUS_TOPIC_SIZE];
    struct cli_quarantine_filter filter = {.department = matter->item->department->name, .item = matter->item->name};
    bus_topic_in(matter->context->prefix, matter->item, topic);
    bus_event_identity(matter->content.rights.target_item, matter->content.rights.target_record_key,
                       matter->target_identity);
    enum bus_status status = cli_rights_read(matter->context, matter->known->partition, wants_target, matter, false,
                                             &matter->targets, error);
    if (status == BUS_OK)
        status = cli_scan(&matter->context->kafka, topic, matter->known->partition, take_step, showing, error);
    if (status == BUS_OK)
        status = cli_quarantine_read(matter->context, &filter, &showing->quarantine, error);
    for (size_t i = 0; status == BUS_OK && i < showing->count; i++)
        showing->steps[i].refused = refusal_of(showing, topic, showing->steps[i].offset);
    matter->target = cli_rights_find_of(&matter->targets, matter->target_identity, matter->known->subject_key);
    return status;
}

/* --- the answer --- */

static const char *result_of(const struct showing *showing, const struct step *step)
{
    if (step->refused != NULL)
        return "REFUSED";
    return step->content.event.version <= showing->matter.known->entry.version ? "ACCEPTED" : "PUBLISHED";
}

static void write_step(struct bus_json *json, const struct showing *showing, const struct step *step)
{
    char day[CLI_RIGHTS_DAY_SIZE];
    const struct bus_rights *rights = &step->content.rights;
    cli_rights_day(rights->decided_on, day);
    const struct {
        const char *name;
        struct bus_bytes text;
    } members[] = {
        {"step", bus_bytes_text(bus_rights_step_name(rights->step))},
        {"decided_on", bus_bytes_text(day)},
        {"authority", rights->authority},
        {"document_number", rights->document_number},
        {"officer", step->officer},
        {"result", bus_bytes_text(result_of(showing, step))},
        {"code", step->refused != NULL ? step->refused->record.code : bus_bytes_text("")},
    };
    bus_json_object(json);
    bus_json_name(json, "offset");
    bus_json_integer(json, step->offset);
    bus_json_name(json, "published_at_ms");
    bus_json_integer(json, step->content.event.published_at_ms);
    bus_json_name(json, "version");
    bus_json_integer(json, step->content.event.version);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        bus_json_name(json, members[i].name);
        bus_json_text(json, members[i].text);
    }
    bus_json_end_object(json);
}

static int print_json(const struct showing *showing)
{
    const struct cli_rights_matter *matter = &showing->matter;
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    cli_rights_write(&json, matter->catalogue, &matter->content, &matter->known->entry, matter->target_identity,
                     matter->target != NULL ? &matter->target->entry : NULL, matter->today);
    bus_json_name(&json, "steps");
    bus_json_array(&json);
    for (size_t i = 0; i < showing->count; i++)
        write_step(&json, showing, &showing->steps[i]);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static void line(const char *name_zh, const char *name_en, struct bus_bytes text, struct bus_buffer *scratch)
{
    bus_buffer_reset(scratch);
    bus_table_clean(scratch, text, false);
    printf("%s / %s: %.*s\n", name_zh, name_en, (int)scratch->length, (const char *)scratch->data);
}

static void print_restriction(const struct cli_rights_content *content, struct bus_buffer *scratch)
{
    char day[CLI_RIGHTS_DAY_SIZE];
    if (content->rights.kind != BUS_RIGHTS_RESTRICTION)
        return;
    cli_rights_day(content->has_until ? content->until : INT32_MAX, day);
    line("限制事由", "ground", content->ground, scratch);
    line("限制范围", "scope", content->scope, scratch);
    line("限制至", "until", bus_bytes_text(day), scratch);
}

static void print_target(const struct cli_rights_matter *matter, struct bus_buffer *text)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    const struct bus_rights *rights = &matter->content.rights;
    bus_hex(matter->target_identity, BUS_IDENTITY_SIZE, identity);
    printf("记录标识 / record: %s  %.*s/%.*s\n", identity, (int)rights->target_department.length,
           (const char *)rights->target_department.data, (int)rights->target_item.length,
           (const char *)rights->target_item.data);
    cli_rights_status(matter->target != NULL ? &matter->target->entry : NULL, text);
    printf("记录状态 / status: %.*s\n", (int)text->length, (const char *)text->data);
    cli_rights_holders(matter->catalogue, matter->target != NULL ? matter->target->entry.holders : 0, text);
    printf("持有方 / holders: %.*s\n", (int)text->length, (const char *)text->data);
    if (matter->target != NULL && matter->known->entry.life != matter->target->entry.life)
        printf(
            "记录此后重新列入，本案对其无效 / the record has been listed again since: the case does nothing to it\n");
}

static void print_head(const struct cli_rights_matter *matter)
{
    const struct cli_rights_content *content = &matter->content;
    int32_t due = cli_rights_due(content, &matter->known->entry);
    struct bus_buffer text;
    char day[CLI_RIGHTS_DAY_SIZE];
    bus_buffer_init(&text, TEXT_LIMIT);
    line("编号", "case", content->rights.case_number, &text);
    printf("类别 / kind: %s %s\n", cli_rights_kind_zh(content->rights.kind),
           bus_rights_kind_name(content->rights.kind));
    printf("环节 / step: %s %s\n", cli_rights_step_zh(content->rights.step),
           bus_rights_step_name(content->rights.step));
    print_restriction(content, &text);
    cli_rights_day(due, day);
    if (due != INT32_MAX)
        printf("答复期限 / answer due: %s（剩余 %d 天 / days left）\n", day, (int)(due - matter->today));
    print_target(matter, &text);
    bus_buffer_release(&text);
}

static void print_step(struct bus_table *table, const struct showing *showing, const struct step *step)
{
    char when[CLI_TIME_SIZE], day[CLI_RIGHTS_DAY_SIZE];
    const struct bus_rights *rights = &step->content.rights;
    cli_time(step->content.event.published_at_ms, when);
    cli_rights_day(rights->decided_on, day);
    bus_table_cell(table, "%lld", (long long)step->offset);
    bus_table_string(table, when);
    bus_table_cell(table, "%s %s", cli_rights_step_zh(rights->step), bus_rights_step_name(rights->step));
    bus_table_string(table, day);
    bus_table_text(table, rights->document_number);
    bus_table_text(table, rights->authority);
    bus_table_text(table, step->officer.length > 0 ? step->officer : bus_bytes_text("-"));
    if (step->refused != NULL)
        bus_table_cell(table, "拒绝 refused: %.*s", (int)step->refused->record.code.length,
                       (const char *)step->refused->record.code.data);
    else
        bus_table_string(table, step->content.event.version <= showing->matter.known->entry.version ? "接受 accepted"
                                                                                                    : "待处理 waiting");
}

static int print_case(const struct showing *showing)
{
    struct bus_table *table = bus_table_create();
    print_head(&showing->matter);
    printf("\n各环节 / steps: %zu\n", showing->count);
    bus_table_column(table, "位点", "offset", BUS_TABLE_RIGHT);
    bus_table_column(table, "发布时间", "published", BUS_TABLE_LEFT);
    bus_table_column(table, "环节", "step", BUS_TABLE_LEFT);
    bus_table_column(table, "日期", "decided on", BUS_TABLE_LEFT);
    bus_table_column(table, "文号", "document", BUS_TABLE_LEFT);
    bus_table_column(table, "办理机关", "authority", BUS_TABLE_LEFT);
    bus_table_column(table, "经办人", "officer", BUS_TABLE_LEFT);
    bus_table_column(table, "结果", "result", BUS_TABLE_LEFT);
    for (size_t i = 0; i < showing->count; i++)
        print_step(table, showing, &showing->steps[i]);
    bool whole = showing->count == 0 || bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- the form --- */

static int show(struct showing *showing)
{
    struct bus_error error;
    struct cli_rights_matter *matter = &showing->matter;
    int code = CLI_DONE;
    if (matter->given->kind != NULL)
        code = cli_rights_read_kind(matter->given->kind, &matter->content.rights.kind);
    if (code == CLI_DONE)
        code = cli_rights_read_case(matter, matter->given->case_number);
    if (code == CLI_DONE)
        code = find_case(matter);
    if (code != CLI_DONE)
        return code;
    enum bus_status status = read_steps(showing, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    return matter->context->json ? print_json(showing) : print_case(showing);
}

int cli_rights_show(struct cli_context *context, int argc, char **argv)
{
    struct cli_rights_given given = {0};
    struct showing showing = {0};
    const struct cli_option options[] = {{"kind", CLI_OPTION_TEXT, &given.kind}, {0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest != 1)
        return cli_usage(USAGE);
    given.case_number = argv[1];
    int code = cli_rights_begin(&showing.matter, context, &given) ? show(&showing) : CLI_WRONG_USE;
    free(showing.steps);
    cli_quarantine_release(&showing.quarantine);
    cli_rights_release(&showing.matter.cases);
    cli_rights_release(&showing.matter.targets);
    return code;
}
