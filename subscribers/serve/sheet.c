#include "subscribers/serve/sheet.h"

#include <stdio.h>

#include "bus/html.h"
#include "subscribers/serve/code.h"
#include "subscribers/serve/words.h"

enum { LONGEST_VALUE = 600 };

static const char style[] =
    "body{font-family:\"Noto Sans CJK SC\",\"Source Han Sans SC\",\"Microsoft YaHei\",SimSun,sans-serif;line-height:1.5;"
    "color:#1b1b1b;background:#fff;max-width:60em;margin:0 auto;padding:1.5em}"
    "h1{font-size:1.6em;margin:0 0 .4em;text-align:center}"
    "h2{font-size:1.15em;border-bottom:2px solid #235;margin-top:1.6em}h3{font-size:1em;margin:1.2em 0 .3em}"
    "table{border-collapse:collapse;width:100%;font-size:.88em}"
    "th,td{border:1px solid #aab;padding:.25em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eef1f6;font-weight:600;width:24%}.en{color:#556;font-size:.86em;font-weight:400}"
    ".alert{border:2px solid #a15c00;background:#fff6e5;padding:.4em .7em;margin:.6em 0}"
    ".disputed th,.disputed td{border-color:#a15c00}.mark{font-weight:700;color:#8a4b00}"
    ".seal{display:flex;gap:1.5em;align-items:flex-start;margin-top:1em}.code{width:52mm;height:52mm;flex:none}"
    ".seal pre{font-size:.72em;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}"
    "footer{margin-top:1.5em;border-top:1px solid #aab;font-size:.8em;color:#445}"
    "@page{size:A4;margin:16mm 14mm}"
    "@media print{body{max-width:none;padding:0;font-size:10pt}h2,h3{break-after:avoid}tr,.seal{break-inside:avoid}}";

static void text(struct bus_buffer *page, const char *words)
{
    bus_html_append(page, bus_bytes_text(words));
}

static void begin_pair(struct bus_buffer *page, const char *zh, const char *en)
{
    bus_buffer_printf(page, "<tr><th>%s <span class=\"en\">%s</span></th><td>", zh, en);
}

static void pair(struct bus_buffer *page, const char *zh, const char *en, const char *value)
{
    begin_pair(page, zh, en);
    text(page, value);
    bus_buffer_printf(page, "</td></tr>\n");
}

static void pair_moment(struct bus_buffer *page, const char *zh, const char *en, int64_t at_ms)
{
    char when[SERVE_MOMENT_SIZE];
    serve_moment(at_ms, when);
    pair(page, zh, en, when);
}

/* --- a record --- */

static const struct bus_field *field_of(const struct serve_record *record, const char *name)
{
    const struct bus_item *item = record->item != NULL ? record->item : record->table->item;
    for (size_t i = item->version_count; i-- > 0;) {
        int found = bus_schema_find(item->versions[i].schema, name);
        if (found >= 0)
            return bus_schema_field(item->versions[i].schema, (size_t)found);
    }
    return NULL;
}

static const char *value_of(const struct serve_record *record, const char *name)
{
    for (size_t i = 0; i < record->table->column_count; i++)
        if (strcmp(record->table->columns[i].name, name) == 0)
            return record->values[i];
    return NULL;
}

/* What the first code of a text means, NULL when it is none. */
static const char *meaning_of(const struct bus_catalogue *catalogue, const struct bus_field *field, const char *value)
{
    const struct bus_code_list *list =
        field != NULL && field->code_list[0] != '\0' ? bus_catalogue_code_list(catalogue, field->code_list) : NULL;
    for (size_t i = 0; list != NULL && i < list->count; i++)
        if (strcmp(list->codes[i].value, value) == 0)
            return list->codes[i].name_zh;
    return NULL;
}

/* Cut at a character. */
static void write_value(struct bus_buffer *page, const char *value)
{
    struct bus_bytes words = bus_bytes_text(value);
    if (words.length > LONGEST_VALUE) {
        words.length = LONGEST_VALUE;
        while (words.length > 0 && (words.data[words.length] & 0xc0) == 0x80)
            words.length--;
    }
    bus_html_append(page, words);
    if (value[words.length] != '\0')
        bus_buffer_printf(page, "……");
}

/* Who the company is stands on top; of people a sheet on paper says nothing that need not be there. */
static bool is_shown(const struct bus_field *field, const char *name)
{
    return strcmp(name, "subject_id") != 0 && strcmp(name, "subject_name") != 0 && strcmp(name, "credit_code") != 0 &&
           (field == NULL || !field->personal);
}

static void write_field(struct bus_buffer *page, const struct serve_answer *answer, const struct serve_record *record,
                        size_t column)
{
    const char *name = record->table->columns[column].name, *value = record->values[column];
    const struct bus_field *field = field_of(record, name);
    if (value == NULL || value[0] == '\0' || !is_shown(field, name))
        return;
    bus_buffer_printf(page, "<tr><th>");
    bus_html_append(page, serve_doc_zh(field != NULL ? field->doc : name));
    bus_buffer_printf(page, "</th><td>");
    char when[SERVE_MOMENT_SIZE];
    const char *meaning = meaning_of(answer->shelf->catalogue, field, value);
    if (strcmp(record->table->columns[column].type, "timestamp with time zone") == 0) {
        serve_moment_of(value, when);
        value = when;
    }
    write_value(page, value);
    if (meaning != NULL && strcmp(meaning, value) != 0) {
        bus_buffer_printf(page, " ");
        text(page, meaning);
    }
    bus_buffer_printf(page, "</td></tr>\n");
}

static void write_status(struct bus_buffer *page, const struct serve_record *record)
{
    struct serve_word word = serve_status_word(record->fixed[POSTGRESQL_STATUS]);
    bool is_disputed = serve_record_is_disputed(record);
    begin_pair(page, "状态", "status");
    bus_buffer_printf(page, "<span class=\"%s\">", is_disputed ? "mark" : "plain");
    text(page, is_disputed ? "异议中" : word.zh);
    bus_buffer_printf(page, "</span> <span class=\"en\">");
    text(page, is_disputed ? "disputed" : word.en);
    bus_buffer_printf(page, "</span>");
    for (const char *flag = record->fixed[POSTGRESQL_FLAGS]; *flag != '\0';) {
        char name[64];
        size_t length = strcspn(flag, " ");
        word = serve_flag_word(bus_bytes_of(flag, length), name);
        if (strcmp(word.name, "DISPUTED") != 0) {
            bus_buffer_printf(page, "；");
            text(page, word.zh);
        }
        flag += length + (flag[length] == ' ');
    }
    bus_buffer_printf(page, "</td></tr>\n");
}

static void write_record(struct bus_buffer *page, const struct serve_answer *answer, const struct serve_record *record,
                         size_t number)
{
    const struct bus_item *item = record->item;
    char place[BUS_TOPIC_SIZE + 64], when[SERVE_MOMENT_SIZE];
    bus_buffer_printf(page, "<h3>%zu. ", number);
    text(page, item != NULL ? item->name_zh : record->table->item->name);
    bus_buffer_printf(page, "</h3>\n<table%s>\n", serve_record_is_disputed(record) ? " class=\"disputed\"" : "");
    write_status(page, record);
    pair(page, "来源部门", "source", item != NULL ? item->department->name_zh : record->fixed[POSTGRESQL_DEPARTMENT]);
    for (size_t i = 0; i < record->table->column_count; i++)
        write_field(page, answer, record, i);
    pair(page, "提供的法律依据", "legal basis", record->fixed[POSTGRESQL_LEGAL_BASIS]);
    pair(page, "提供的用途", "granted for", record->fixed[POSTGRESQL_PURPOSE]);
    begin_pair(page, "送达", "delivered");
    serve_moment_of(record->fixed[POSTGRESQL_DELIVERED_AT], when);
    text(page, when);
    snprintf(place, sizeof place, " · %s %d %llu", answer->topic, (int)record->partition,
             (unsigned long long)record->leaf);
    text(page, place);
    bus_buffer_printf(page, "</td></tr>\n</table>\n");
}

/* --- by class --- */

static const char *class_of(const struct serve_record *record)
{
    return record->item != NULL && record->item->class_zh[0] != '\0' ? record->item->class_zh : "其他信息";
}

static bool is_first_of_class(const struct serve_holding *holding, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(class_of(&holding->records[i]), class_of(&holding->records[index])) == 0)
            return false;
    return true;
}

static void write_records(struct bus_buffer *page, const struct serve_answer *answer)
{
    const struct serve_holding *holding = &answer->holding;
    size_t number = 0;
    for (size_t i = 0; i < holding->count; i++) {
        const char *class = class_of(&holding->records[i]);
        if (!is_first_of_class(holding, i))
            continue;
        bus_buffer_printf(page, "<h2>");
        text(page, class);
        bus_buffer_printf(page, "</h2>\n");
        for (size_t j = i; j < holding->count; j++)
            if (strcmp(class_of(&holding->records[j]), class) == 0)
                write_record(page, answer, &holding->records[j], ++number);
    }
    if (holding->count == 0)
        bus_buffer_printf(page,
                          "<p>本单位未持有该主体的有效记录。"
                          "<span class=\"en\">Nothing in force is on record here about this subject.</span></p>\n");
}

/* --- the page --- */

static const char *name_of_subject(const struct serve_holding *holding)
{
    for (size_t i = 0; i < holding->count; i++) {
        const char *name = value_of(&holding->records[i], "subject_name");
        if (name != NULL && name[0] != '\0')
            return name;
    }
    return "—";
}

static void write_alerts(struct bus_buffer *page, const struct serve_answer *answer)
{
    size_t disputed = 0;
    char when[SERVE_MOMENT_SIZE];
    for (size_t i = 0; i < answer->holding.count; i++)
        disputed += serve_record_is_disputed(&answer->holding.records[i]);
    if (disputed > 0)
        bus_buffer_printf(page,
                          "<p class=\"alert\">其中 %zu 条存在异议，正在处理，使用时请注意。"
                          "<span class=\"en\">%zu of the records are disputed.</span></p>\n",
                          disputed, disputed);
    if (answer->holding.is_cut)
        bus_buffer_printf(page, "<p class=\"alert\">记录较多，本单只列出一部分。"
                                "<span class=\"en\">There are more records than this sheet lists.</span></p>\n");
    if (answer->pulse.pace == SERVE_PACE_BEHIND) {
        serve_moment(answer->pulse.waiting_since_ms, when);
        bus_buffer_printf(page,
                          "<p class=\"alert\">接收有积压：自 %s 起的投递尚未写入，本单可能不含最新变更。"
                          "<span class=\"en\">What was delivered since then is not in this sheet yet.</span></p>\n",
                          when);
    }
    if (answer->pulse.pace == SERVE_PACE_UNKNOWN)
        bus_buffer_printf(page, "<p class=\"alert\">暂时无法确认是否有未写入的投递。"
                                "<span class=\"en\">Whether deliveries are waiting cannot be told now.</span></p>\n");
}

static void write_head(struct bus_buffer *page, const struct serve_answer *answer)
{
    const struct serve_question *question = answer->question;
    const struct bus_subscriber *subscriber =
        bus_catalogue_find_subscriber(answer->shelf->catalogue, answer->subscriber);
    bus_buffer_printf(page,
                      "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
                      "<meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light\">"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                      "'unsafe-inline'\"><title>信用核查单</title>\n<style>%s",
                      style);
    bus_buffer_printf(
        page, "</style></head>\n<body>\n<h1>信用核查单 <span class=\"en\">credit check sheet</span></h1>\n<table>\n");
    pair(page, "主体名称", "subject", name_of_subject(&answer->holding));
    pair(page, question->kind == BUS_SUBJECT_PERSON ? "公民身份号码" : "信用代码", "code", question->code);
    pair(page, "核查单位", "asked by", subscriber != NULL ? subscriber->name_zh : answer->subscriber);
    pair(page, "经办人", "officer", question->officer[0] != '\0' ? question->officer : question->client);
    pair(page, "用途", "purpose", question->purpose);
    pair_moment(page, "核查时间（北京）", "asked at", question->asked_at_ms);
    pair_moment(page, "数据截至（最近一次签章）", "last seal", answer->holding.sealed_at_ms);
    begin_pair(page, "记录数", "records");
    bus_buffer_printf(page, "%zu</td></tr>\n</table>\n", answer->holding.count);
}

static enum bus_status write_seal(struct bus_buffer *page, const struct serve_answer *answer, struct bus_error *error)
{
    struct bus_buffer statement;
    if (!answer->is_signed) {
        bus_buffer_printf(page, "<p class=\"alert\">本单未签名：接收端没有配置签名密钥。"
                                "<span class=\"en\">Not signed: the agent has no receipt_key.</span></p>\n");
        return BUS_OK;
    }
    bus_buffer_init(&statement, BUS_CHECK_MAX_SIZE);
    bus_check_write(&answer->check, &statement);
    bus_buffer_printf(page, "<h2>核验 <span class=\"en\">how to check</span></h2>\n<div class=\"seal\">");
    enum bus_status status = serve_code_append(page, bus_buffer_view(&statement), error);
    bus_buffer_printf(
        page, "<div><p>扫描二维码，把所得文本存成文件，持本单位公钥执行 <code>xinqiao verify 文件 --keys 文件夹</code> "
              "即可离线核验；连同 JSON 答复（<code>--answer</code>）可核对各条记录。"
              "<span class=\"en\">Scan the code, save its text, and check it offline with xinqiao verify.</span>"
              "</p><pre>");
    for (size_t from = 0, at = 0; at < statement.length; at++)
        if (statement.data[at] == '\n') {
            bus_html_append(page, bus_bytes_of(statement.data + from, at - from));
            bus_buffer_u8(page, '\n');
            from = at + 1;
        }
    bus_buffer_printf(page, "</pre></div></div>\n");
    bus_buffer_release(&statement);
    return status;
}

enum bus_status serve_sheet_write(const struct serve_answer *answer, struct bus_buffer *page, struct bus_error *error)
{
    write_head(page, answer);
    write_alerts(page, answer);
    write_records(page, answer);
    enum bus_status status = write_seal(page, answer, error);
    bus_buffer_printf(
        page, "<footer>本单只列出本单位依授权持有的记录，不作评价，不是信用评分或评级。记录有误的，主体可以提出异议。"
              "<span class=\"en\">This sheet lists what this body holds under its grants. It scores nobody. "
              "Who finds a record wrong may dispute it.</span></footer>\n</body></html>\n");
    return status;
}
