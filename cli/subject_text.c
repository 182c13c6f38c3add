/* A subject report at the officer's terminal: the subject and what is personal masked. */
#include <stdio.h>

#include "bus/table.h"
#include "bus/transform.h"
#include "cli/rights.h"
#include "cli/subject_content.h"

enum { TEXT_LIMIT = 1024 * 1024, STATUS_SIZE = 256 };

static void print_clean(const char *before, struct bus_bytes text)
{
    struct bus_buffer clean;
    bus_buffer_init(&clean, TEXT_LIMIT);
    bus_table_clean(&clean, text, false);
    printf("%s%.*s", before, (int)clean.length, (const char *)clean.data);
    bus_buffer_release(&clean);
}

static void print_head(const struct cli_subject_report *report)
{
    struct bus_buffer masked;
    char when[CLI_MOMENT_SIZE];
    cli_moment(report->at_ms, when);
    bus_buffer_init(&masked, TEXT_LIMIT);
    cli_subject_mask(report, &masked);
    printf("信用信息查询报告 / access report\n");
    printf("信用主体 / subject: %.*s (%s)\n", (int)masked.length, (const char *)masked.data,
           report->kind == BUS_SUBJECT_PERSON ? "自然人 / natural person" : "组织 / organisation");
    print_clean("经办人 / officer: ", bus_bytes_text(report->officer));
    print_clean("    事由 / reason: ", bus_bytes_text(report->reason));
    printf("\n时间 / made at: %s (北京 / Beijing)\n", when);
    printf("记录 / records: %zu    权益案件 / rights cases: %zu    %s\n", report->record_count, report->case_count,
           report->from_state ? "" : "（未用状态目录，读取了整个分区 / read from the topic: no state folder）");
    bus_buffer_release(&masked);
}

static void status_text(const struct bus_state_entry *entry, char out_text[STATUS_SIZE])
{
    const struct cli_word *words[CLI_STATUS_MAX];
    size_t count = cli_status_words(entry, words), length = 0;
    out_text[0] = '\0';
    for (size_t i = 0; i < count && length < STATUS_SIZE; i++)
        length += (size_t)snprintf(out_text + length, STATUS_SIZE - length, "%s%s / %s", i > 0 ? "；" : "",
                                   words[i]->zh, words[i]->en);
}

static void print_title(const struct cli_subject_record *record, size_t number)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(record->identity, sizeof record->identity, identity);
    if (record->item != NULL)
        printf("\n%zu. %s · %s / %s    %s\n", number, record->item->department->name_zh, record->item->name_zh,
               record->item->name_en, identity);
    else
        printf("\n%zu. 目录已无此项 / an item that the catalogue has no more: %u    %s\n", number, record->entry.item,
               identity);
}

static void print_content(const struct cli_subject_report *report, const struct cli_subject_record *record)
{
    struct bus_buffer value, masked;
    struct cli_subject_field field;
    bus_buffer_init(&value, TEXT_LIMIT);
    bus_buffer_init(&masked, TEXT_LIMIT);
    for (size_t index = 0; cli_subject_next_field(report, record, &index, &value, &field);) {
        if (field.value.length == 0)
            continue;
        bus_buffer_reset(&masked);
        if (field.hides)
            bus_transform_mask(field.value, &masked);
        else
            bus_buffer_append_bytes(&masked, field.moment[0] != '\0' ? bus_bytes_text(field.moment) : field.value);
        print_clean("     ", cli_subject_short(field.zh));
        print_clean(": ", bus_buffer_view(&masked));
        if (field.meaning_zh != NULL)
            printf("（%s）", field.meaning_zh);
        putchar('\n');
    }
    if (record->version == NULL)
        printf("     内容已不再保存 / its content is kept no more\n");
    bus_buffer_release(&masked);
    bus_buffer_release(&value);
}

static void fields_cell(struct bus_table *table, const struct cli_subject_report *report,
                        const struct cli_disclosure *disclosure)
{
    const struct cli_trail_grant *grant = disclosure->grant;
    struct bus_buffer text;
    bus_buffer_init(&text, TEXT_LIMIT);
    for (size_t i = 0; disclosure->operation == BUS_DELIVERY_PUT && i < grant->field_count; i++) {
        struct bus_bytes zh, en;
        cli_subject_field_words(report, grant, grant->fields[i].name, &zh, &en);
        bus_buffer_printf(&text, i > 0 ? "、" : "");
        bus_buffer_append_bytes(&text, cli_subject_short(zh));
        if (grant->fields[i].transform != BUS_TRANSFORM_NONE)
            bus_buffer_printf(&text, "（%s）", cli_transform_word(grant->fields[i].transform)->zh);
    }
    bus_table_text(table, bus_buffer_view(&text));
    bus_buffer_release(&text);
}

static void disclosure_row(struct bus_table *table, const struct cli_subject_report *report,
                           const struct cli_disclosure *disclosure)
{
    const struct cli_trail_grant *grant = disclosure->grant;
    char when[CLI_MOMENT_SIZE], topic[BUS_TOPIC_SIZE];
    const char *zh, *en, *reason = cli_reason_word(disclosure->reason)->zh;
    cli_moment(disclosure->at_ms, when);
    cli_subject_subscriber_words(report, grant->subscriber, &zh, &en);
    bus_topic_out(report->prefix, grant->subscriber, topic);
    bus_table_string(table, when);
    bus_table_string(table, zh);
    bus_table_cell(table, "%s%s%s", cli_operation_word(disclosure->operation)->zh, reason[0] != '\0' ? "：" : "",
                   reason);
    bus_table_string(table, grant->purpose);
    bus_table_string(table, grant->legal_basis);
    bus_table_cell(table, "%s %d %llu", topic, (int)report->partition, (unsigned long long)disclosure->leaf);
    fields_cell(table, report, disclosure);
}

static bool print_disclosures(const struct cli_subject_report *report, const struct cli_trail *trail)
{
    bool whole = true;
    if (trail->count > 0) {
        struct bus_table *table = bus_table_create();
        bus_table_column(table, "时间", "when", BUS_TABLE_LEFT);
        bus_table_column(table, "提供给", "to whom", BUS_TABLE_LEFT);
        bus_table_column(table, "事项", "what", BUS_TABLE_LEFT);
        bus_table_column(table, "用途", "purpose", BUS_TABLE_LEFT);
        bus_table_column(table, "法律依据", "legal basis", BUS_TABLE_LEFT);
        bus_table_column(table, "证明", "xinqiao prove", BUS_TABLE_LEFT);
        bus_table_column(table, "信息项", "fields", BUS_TABLE_LEFT);
        for (size_t i = 0; i < trail->count; i++)
            disclosure_row(table, report, &trail->disclosures[i]);
        whole = bus_table_print(table);
        bus_table_destroy(table);
    }
    if (trail->cut)
        printf("   更早的提供情况已超过审计保存期 / older disclosures are beyond what the audit keeps\n");
    else if (trail->count == 0)
        printf("   未向任何单位提供 / disclosed to nobody\n");
    return whole;
}

static bool print_record(const struct cli_subject_report *report, const struct cli_subject_record *record,
                         size_t number)
{
    char status[STATUS_SIZE], first[CLI_MOMENT_SIZE], last[CLI_MOMENT_SIZE], day[CLI_MOMENT_SIZE];
    status_text(&record->entry, status);
    cli_moment(record->entry.first_seen_ms, first);
    cli_moment(record->entry.changed_ms, last);
    print_title(record, number);
    printf("   状态 / status: %s\n", status);
    printf("   首次归集 / first recorded: %s    最近变更 / last changed: %s    版本 / versions kept: %zu\n", first,
           last, record->version_count);
    cli_day(record->entry.publicity_days, day);
    if (day[0] != '\0')
        printf("   公示至 / public until: %s\n", day);
    cli_day(record->entry.retention_days, day);
    if (day[0] != '\0')
        printf("   保存至 / kept until: %s\n", day);
    print_content(report, record);
    return print_disclosures(report, record->trail);
}

static void print_case(const struct cli_subject_report *report, const struct cli_subject_record *matter, size_t number)
{
    enum bus_rights_step step = (enum bus_rights_step)matter->entry.marks;
    char day[CLI_MOMENT_SIZE];
    print_title(matter, number);
    printf("   办理环节 / step: %s %s%s\n", cli_rights_step_zh(step), bus_rights_step_name(step),
           cli_subject_is_open(report, matter) ? "（办理中 / open）" : "");
    cli_day(matter->entry.watch_days, day);
    if (day[0] != '\0')
        printf("   期限 / due on: %s\n", day);
    print_content(report, matter);
}

bool cli_subject_print(const struct cli_subject_report *report)
{
    bool whole = true;
    print_head(report);
    for (size_t i = 0; i < report->record_count && whole; i++)
        whole = print_record(report, &report->records[i], i + 1);
    if (report->case_count > 0)
        printf("\n权益案件 / rights cases\n");
    for (size_t i = 0; i < report->case_count; i++)
        print_case(report, &report->cases[i], i + 1);
    return whole && fflush(stdout) == 0;
}
