/* A subject report as one page that stands alone and can be printed: no script, nothing loaded from elsewhere, every text escaped. */
#include <stdio.h>

#include "bus/html.h"
#include "cli/rights.h"
#include "cli/subject_content.h"

enum { TEXT_LIMIT = 1024 * 1024, WHERE_SIZE = BUS_TOPIC_SIZE + 64 };

static const char style[] =
    "body{font-family:\"Noto Sans CJK SC\",\"Source Han Sans SC\",\"Microsoft YaHei\",SimSun,sans-serif;line-height:1.5;"
    "color:#1b1b1b;max-width:60em;margin:0 auto;padding:1.5em}"
    "h1{font-size:1.5em;margin:0 0 .3em}h2{font-size:1.2em;border-bottom:2px solid #235;margin-top:2em}"
    "h3{font-size:1.05em;margin:1.6em 0 .3em}h4{font-size:.95em;margin:1em 0 .2em}"
    "table{border-collapse:collapse;width:100%;font-size:.88em}"
    "th,td{border:1px solid #aab;padding:.25em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eef1f6;font-weight:600}table.pairs th{width:32%}"
    ".status{font-weight:600}.en{color:#556;font-size:.9em}.proof{font-family:monospace;font-size:.85em}"
    "footer{margin-top:2.5em;border-top:1px solid #aab;font-size:.82em;color:#445}"
    "@page{size:A4;margin:18mm 15mm 20mm}"
    "@media print{body{max-width:none;padding:0;font-size:10pt}h2,h3,h4{break-after:avoid}tr{break-inside:avoid}"
    "thead{display:table-header-group}footer{position:fixed;bottom:0;left:0;right:0;margin:0;background:#fff}"
    "main{padding-bottom:14mm}}";

/* --- escaping --- */

static void text(struct bus_buffer *page, const char *words)
{
    bus_html_append(page, bus_bytes_text(words));
}

/* "中文 <span>English</span>". */
static void both(struct bus_buffer *page, struct bus_bytes zh, struct bus_bytes en)
{
    bus_html_append(page, zh);
    if (en.length == 0)
        return;
    bus_buffer_printf(page, " <span class=\"en\">");
    bus_html_append(page, en);
    bus_buffer_printf(page, "</span>");
}

static void pair(struct bus_buffer *page, const char *zh, const char *en, const char *value)
{
    bus_buffer_printf(page, "<tr><th>");
    both(page, bus_bytes_text(zh), bus_bytes_text(en));
    bus_buffer_printf(page, "</th><td>");
    text(page, value);
    bus_buffer_printf(page, "</td></tr>\n");
}

static void pair_moment(struct bus_buffer *page, const char *zh, const char *en, int64_t at_ms)
{
    char when[CLI_MOMENT_SIZE];
    cli_moment(at_ms, when);
    pair(page, zh, en, when);
}

static void pair_day(struct bus_buffer *page, const char *zh, const char *en, int32_t days)
{
    char day[CLI_MOMENT_SIZE];
    cli_day(days, day);
    if (day[0] != '\0')
        pair(page, zh, en, day);
}

/* --- a record --- */

static void write_title(struct bus_buffer *page, const struct cli_subject_record *record, size_t number)
{
    const struct bus_item *item = record->item;
    bus_buffer_printf(page, "<h3>%zu. ", number);
    text(page, item != NULL ? item->department->name_zh : "?");
    bus_buffer_printf(page, " · ");
    both(page, bus_bytes_text(item != NULL ? item->name_zh : "目录已无此项"),
         bus_bytes_text(item != NULL ? item->name_en : "no longer in the catalogue"));
    bus_buffer_printf(page, "</h3>\n");
}

static void write_status(struct bus_buffer *page, const struct cli_subject_record *record)
{
    const struct cli_word *words[CLI_STATUS_MAX];
    size_t count = cli_status_words(&record->entry, words);
    bus_buffer_printf(page, "<tr><th>状态 <span class=\"en\">status</span></th><td class=\"status\">");
    for (size_t i = 0; i < count; i++) {
        bus_buffer_printf(page, i > 0 ? "；" : "");
        both(page, bus_bytes_text(words[i]->zh), bus_bytes_text(words[i]->en));
    }
    bus_buffer_printf(page, "</td></tr>\n");
}

static void write_versions(struct bus_buffer *page, const struct cli_subject_record *record)
{
    bus_buffer_printf(page, "<tr><th>各版本时间 <span class=\"en\">versions</span></th><td>");
    for (size_t i = 0; i < record->version_count; i++) {
        char when[CLI_MOMENT_SIZE];
        cli_moment(record->versions[i].accepted_ms, when);
        bus_buffer_printf(page, "%s%s %s", i > 0 ? "<br>" : "", when,
                          record->versions[i].withdrawn ? "撤回 <span class=\"en\">withdrawn</span>"
                                                        : "写入 <span class=\"en\">recorded</span>");
    }
    bus_buffer_printf(page, "</td></tr>\n");
}

static void write_content(struct bus_buffer *page, const struct cli_subject_report *report,
                          const struct cli_subject_record *record)
{
    struct bus_buffer value;
    struct cli_subject_field field;
    if (record->version == NULL) {
        bus_buffer_printf(page, "<p>内容已不再保存。<span class=\"en\">Its content is kept no more.</span></p>\n");
        return;
    }
    bus_buffer_init(&value, TEXT_LIMIT);
    bus_buffer_printf(page, "<h4>内容 <span class=\"en\">content</span></h4><table class=\"pairs\">\n");
    for (size_t index = 0; cli_subject_next_field(report, record, &index, &value, &field);) {
        if (field.value.length == 0)
            continue;
        bus_buffer_printf(page, "<tr><th>");
        both(page, field.zh, field.en);
        bus_buffer_printf(page, "</th><td>");
        bus_html_append(page, field.moment[0] != '\0' ? bus_bytes_text(field.moment) : field.value);
        if (field.meaning_zh != NULL) {
            bus_buffer_printf(page, "（");
            text(page, field.meaning_zh);
            bus_buffer_printf(page, "）");
        }
        bus_buffer_printf(page, "</td></tr>\n");
    }
    bus_buffer_printf(page, "</table>\n");
    bus_buffer_release(&value);
}

static void write_fields(struct bus_buffer *page, const struct cli_subject_report *report,
                         const struct cli_disclosure *disclosure)
{
    const struct cli_trail_grant *grant = disclosure->grant;
    if (disclosure->operation != BUS_DELIVERY_PUT)
        bus_buffer_printf(page, "无字段 <span class=\"en\">no fields</span>");
    for (size_t i = 0; disclosure->operation == BUS_DELIVERY_PUT && i < grant->field_count; i++) {
        struct bus_bytes zh, en;
        cli_subject_field_words(report, grant, grant->fields[i].name, &zh, &en);
        bus_buffer_printf(page, i > 0 ? "；" : "");
        bus_html_append(page, cli_subject_short(zh));
        if (grant->fields[i].transform != BUS_TRANSFORM_NONE)
            bus_buffer_printf(page, "（%s）", cli_transform_word(grant->fields[i].transform)->zh);
    }
}

static void write_disclosure(struct bus_buffer *page, const struct cli_subject_report *report,
                             const struct cli_disclosure *disclosure)
{
    char when[CLI_MOMENT_SIZE], topic[BUS_TOPIC_SIZE], where[WHERE_SIZE], name[CLI_SUBJECT_PROOF_NAME_SIZE];
    const char *zh, *en;
    cli_moment(disclosure->at_ms, when);
    cli_subject_subscriber_words(report, disclosure->grant->subscriber, &zh, &en);
    bus_buffer_printf(page, "<tr><td>%s</td><td>", when);
    both(page, bus_bytes_text(zh), bus_bytes_text(en));
    bus_buffer_printf(page, "</td><td>%s", cli_operation_word(disclosure->operation)->zh);
    if (disclosure->reason != BUS_REASON_NONE)
        bus_buffer_printf(page, "：%s", cli_reason_word(disclosure->reason)->zh);
    bus_buffer_printf(page, "</td><td>");
    write_fields(page, report, disclosure);
    bus_buffer_printf(page, "</td><td>");
    text(page, disclosure->grant->purpose);
    bus_buffer_printf(page, "<br>");
    text(page, disclosure->grant->legal_basis);
    bus_topic_out(report->prefix, disclosure->grant->subscriber, topic);
    snprintf(where, sizeof where, "%s %d %llu", topic, (int)report->partition, (unsigned long long)disclosure->leaf);
    bus_buffer_printf(page, "</td><td class=\"proof\">");
    text(page, where);
    if (disclosure->proved) {
        cli_subject_proof_name(disclosure, report->partition, name);
        bus_buffer_printf(page, "<br>");
        text(page, name);
    }
    bus_buffer_printf(page, "</td></tr>\n");
}

static void write_disclosures(struct bus_buffer *page, const struct cli_subject_report *report,
                              const struct cli_trail *trail)
{
    bus_buffer_printf(page, "<h4>提供情况 <span class=\"en\">disclosures</span>（%zu）</h4>\n", trail->count);
    if (trail->count > 0) {
        bus_buffer_printf(page, "<table><thead><tr><th>时间<br><span class=\"en\">when</span></th>"
                                "<th>提供给<br><span class=\"en\">to whom</span></th>"
                                "<th>事项<br><span class=\"en\">what</span></th>"
                                "<th>信息项<br><span class=\"en\">fields</span></th>"
                                "<th>用途与法律依据<br><span class=\"en\">purpose, legal basis</span></th>"
                                "<th>证明：日志 分区 序号<br><span class=\"en\">proof: log, partition, leaf</span></th>"
                                "</tr></thead><tbody>\n");
        for (size_t i = 0; i < trail->count; i++)
            write_disclosure(page, report, &trail->disclosures[i]);
        bus_buffer_printf(page, "</tbody></table>\n");
    }
    if (trail->cut)
        bus_buffer_printf(page,
                          "<p>更早的提供情况已超过审计保存期。<span class=\"en\">Older disclosures are beyond what "
                          "the audit keeps.</span></p>\n");
    else if (trail->count == 0)
        bus_buffer_printf(page, "<p>未向任何单位提供。<span class=\"en\">Disclosed to nobody.</span></p>\n");
}

static void write_record(struct bus_buffer *page, const struct cli_subject_report *report,
                         const struct cli_subject_record *record, size_t number)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    write_title(page, record, number);
    bus_buffer_printf(page, "<table class=\"pairs\">\n");
    write_status(page, record);
    pair_moment(page, "首次归集", "first recorded", record->entry.first_seen_ms);
    pair_moment(page, "最近变更", "last changed", record->entry.changed_ms);
    pair_day(page, "公示至", "public until", record->entry.publicity_days);
    pair_day(page, "保存至", "kept until", record->entry.retention_days);
    write_versions(page, record);
    bus_hex(record->identity, sizeof record->identity, identity);
    pair(page, "记录标识", "identity", identity);
    bus_buffer_printf(page, "</table>\n");
    write_content(page, report, record);
    write_disclosures(page, report, record->trail);
}

/* --- cases --- */

static void write_case(struct bus_buffer *page, const struct cli_subject_report *report,
                       const struct cli_subject_record *matter, size_t number)
{
    enum bus_rights_step step = (enum bus_rights_step)matter->entry.marks;
    write_title(page, matter, number);
    bus_buffer_printf(page,
                      "<table class=\"pairs\"><tr><th>办理环节 <span class=\"en\">step</span></th>"
                      "<td class=\"status\">%s <span class=\"en\">%s</span>%s</td></tr>\n",
                      cli_rights_step_zh(step), bus_rights_step_name(step),
                      cli_subject_is_open(report, matter) ? "（办理中 <span class=\"en\">open</span>）" : "");
    pair_day(page, "期限", "due on", matter->entry.watch_days);
    write_versions(page, matter);
    bus_buffer_printf(page, "</table>\n");
    write_content(page, report, matter);
}

/* --- the page --- */

static void write_head(struct bus_buffer *page, const struct cli_subject_report *report)
{
    const char *exchange = bus_catalogue_exchange_view(report->catalogue);
    bool is_person = report->kind == BUS_SUBJECT_PERSON;
    bus_buffer_printf(
        page,
        "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
        "<meta name=\"robots\" content=\"noindex\">"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>信用信息查询报告</title>\n<style>%s",
        style);
    bus_buffer_printf(page,
                      "</style></head>\n<body><main><h1>信用信息查询报告 <span class=\"en\">access report</span></h1>\n"
                      "<table class=\"pairs\">\n");
    pair(page, "平台", "exchange", exchange);
    pair(page, "信用主体", "subject", report->identifier);
    pair(page, "主体类别", "kind", is_person ? "自然人 natural person" : "组织 organisation");
    pair_moment(page, "出具时间（北京）", "made at (Beijing)", report->at_ms);
    pair(page, "经办人", "officer", report->officer);
    pair(page, "事由", "reason", report->reason);
    pair(page, "目录版本", "catalogue", bus_catalogue_version_view(report->catalogue));
    bus_buffer_printf(page, "</table>\n");
}

static void write_foot(struct bus_buffer *page, const struct cli_subject_report *report)
{
    char when[CLI_MOMENT_SIZE];
    cli_moment(report->at_ms, when);
    bus_buffer_printf(
        page,
        "<h2>如何核验 <span class=\"en\">how to check</span></h2>\n"
        "<p>每次提供都在提供给该单位的日志中占一个序号，由平台的电子签章覆盖，事后不能增删改。"
        "执行 <code>xinqiao prove 日志 分区 序号</code> 写出证明文件，持平台公钥即可用 <code>xinqiao verify</code> "
        "离线核验。</p>\n"
        "<p class=\"en\">Each disclosure has a place in the log of what its receiver was sent, under the exchange's seal; it "
        "cannot be added, taken out or changed afterwards. <code>xinqiao prove LOG PARTITION LEAF</code> writes the proof, "
        "which anyone who has the exchange's public key checks offline with <code>xinqiao verify</code>.</p>\n"
        "<p>如认为信息有误，可以提出异议；符合条件的可以申请信用修复。"
        "<span class=\"en\">You may dispute what is wrong here, and ask for repair where the law allows it.</span></p>\n"
        "</main>\n<footer>");
    text(page, bus_catalogue_exchange_view(report->catalogue));
    bus_buffer_printf(page,
                      " · 信用信息查询报告 · %s · 含个人信息，请妥善保管 "
                      "<span class=\"en\">holds personal data: keep it safe</span></footer></body></html>\n",
                      when);
}

void cli_subject_write_html(const struct cli_subject_report *report, struct bus_buffer *page)
{
    write_head(page, report);
    bus_buffer_printf(page, "<h2>记录 <span class=\"en\">records</span>（%zu）</h2>\n", report->record_count);
    for (size_t i = 0; i < report->record_count; i++)
        write_record(page, report, &report->records[i], i + 1);
    bus_buffer_printf(page, "<h2>权益案件 <span class=\"en\">rights cases</span>（%zu）</h2>\n", report->case_count);
    for (size_t i = 0; i < report->case_count; i++)
        write_case(page, report, &report->cases[i], i + 1);
    write_foot(page, report);
}
