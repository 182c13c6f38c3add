#include "bus/catalogue_document.h"

#include "bus/rights.h"
#include <stdio.h>

#include "bus/grant_text.h"

enum { CELL_LIMIT = 256 * 1024 };

/* A table cell: '|' would end it. */
static void write_cell(struct bus_buffer *buffer, const char *text)
{
    bus_buffer_printf(buffer, " ");
    for (; *text != '\0'; text++) {
        if (*text == '|')
            bus_buffer_u8(buffer, '\\');
        bus_buffer_u8(buffer, *text == '\n' ? ' ' : (uint8_t)*text);
    }
    bus_buffer_printf(buffer, " |");
}

static const char *classification_zh(enum bus_classification classification)
{
    static const char *const names[] = {"", "公开 public", "共享 shared", "授权 authorised", "保密 secret"};
    return names[classification];
}

static const char *openness_zh(const char *openness)
{
    return strcmp(openness, "public") == 0 ? "公开" : strcmp(openness, "shared") == 0 ? "共享" : "依授权查询";
}

static void write_departments(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    bus_buffer_printf(buffer, "## 部门 Departments\n\n| 代号 name | 部门 | department |\n|---|---|---|\n");
    for (size_t i = 0; i < bus_catalogue_department_count(catalogue); i++) {
        const struct bus_department *department = bus_catalogue_department(catalogue, i);
        bus_buffer_printf(buffer, "| `%s` |", department->name);
        write_cell(buffer, department->name_zh);
        write_cell(buffer, department->name_en);
        bus_buffer_printf(buffer, "\n");
    }
}

static void write_items(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    bus_buffer_printf(
        buffer,
        "\n## 目录项 Items\n\n| 编号 | 部门.目录项 item | 名称 | name | 类别 class | 具体行为 conduct | 公开属性 openness | "
        "共享范围 sharing | 归集来源 source | 更新频次 cadence | 版本 version |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        bus_buffer_printf(buffer, "| %d | [`%s.%s`](#%d) |", item->number, item->department->name, item->name,
                          item->number);
        write_cell(buffer, item->name_zh);
        write_cell(buffer, item->name_en);
        write_cell(buffer, item->class_zh);
        write_cell(buffer, item->conduct_zh);
        bus_buffer_printf(buffer, " %s %s |", openness_zh(item->openness), item->openness);
        write_cell(buffer, item->sharing);
        write_cell(buffer, item->source);
        write_cell(buffer, item->cadence);
        bus_buffer_printf(buffer, " %d |\n", bus_item_current(item)->number);
    }
}

static void write_type(struct bus_buffer *buffer, const struct bus_field *field)
{
    const struct bus_schema_type *type = field->value;
    switch (type->logical) {
    case BUS_LOGICAL_DATE: bus_buffer_printf(buffer, " date"); break;
    case BUS_LOGICAL_TIMESTAMP_MILLIS: bus_buffer_printf(buffer, " timestamp"); break;
    case BUS_LOGICAL_DECIMAL: bus_buffer_printf(buffer, " decimal(%d,%d)", type->precision, type->scale); break;
    case BUS_LOGICAL_NONE: bus_buffer_printf(buffer, " %s", bus_type_name(type->type)); break;
    }
    if (type->type == BUS_TYPE_FIXED)
        bus_buffer_printf(buffer, "(%zu)", type->fixed_size);
    for (size_t i = 0; i < type->symbol_count; i++)
        bus_buffer_printf(buffer, "%s%s", i == 0 ? ": " : ", ", type->symbols[i]);
    if (field->max_length > 0)
        bus_buffer_printf(buffer, "(%zu)", field->max_length);
    bus_buffer_printf(buffer, " |");
}

static void write_field(struct bus_buffer *buffer, const struct bus_field *field)
{
    bus_buffer_printf(buffer, "| `%s` |", field->name);
    write_cell(buffer, field->doc);
    write_type(buffer, field);
    bus_buffer_printf(buffer, " %s | %s | %s |", field->required ? "是 yes" : "",
                      classification_zh(field->classification), field->personal ? "是 yes" : "");
    bus_buffer_printf(buffer, " %s%s%s%s%s |\n", field->check,
                      field->check[0] != '\0' && field->code_list[0] != '\0' ? ", " : "",
                      field->code_list[0] != '\0' ? "[" : "", field->code_list,
                      field->code_list[0] != '\0' ? "](#代码表-code-lists)" : "");
}

static void write_field_table(struct bus_buffer *buffer, const struct bus_schema *schema, size_t first, size_t end)
{
    bus_buffer_printf(
        buffer, "| 字段 field | 说明 meaning | 类型 type | 必填 required | 属性 classification | 个人信息 personal | "
                "校验 check |\n|---|---|---|---|---|---|---|\n");
    for (size_t i = first; i < end; i++)
        write_field(buffer, bus_schema_field(schema, i));
}

static void write_duration(struct bus_buffer *buffer, const struct bus_term *term)
{
    const struct {
        int count;
        const char *unit;
    } parts[] = {{term->years, "年 years"},
                 {term->months, "个月 months"},
                 {term->days, "日 days"},
                 {term->grace_working_days, "个工作日 working days"}};
    bool is_first = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].count == 0)
            continue;
        bus_buffer_printf(buffer, "%s%d %s", is_first ? " " : " + ", parts[i].count, parts[i].unit);
        is_first = false;
    }
    bus_buffer_printf(buffer, "%s |", is_first ? " 当日 that day" : "");
}

/* In the order in which they are asked. */
static void write_terms(struct bus_buffer *buffer, const struct bus_item *item)
{
    static const char *const kinds[] = {"公示 publicity", "保存 retention", "提醒 watch"};
    if (item->term_count == 0)
        return;
    bus_buffer_printf(buffer, "\n| 期限 term | 起算 from | 时长 lasts | 仅限 only for |\n|---|---|---|---|\n");
    for (size_t i = 0; i < item->term_count; i++) {
        const struct bus_term *term = &item->terms[i];
        bus_buffer_printf(buffer, "| %s | `%s` |", kinds[term->kind], term->from);
        write_duration(buffer, term);
        if (term->rule_version[0] != '\0')
            bus_buffer_printf(buffer, " `rule_version` = %s", term->rule_version);
        for (size_t j = 0; j < term->value_count; j++)
            bus_buffer_printf(buffer, "%s%s", j > 0 ? ", " : " · ", term->values[j]);
        bus_buffer_printf(buffer, " |\n");
    }
}

static void write_rights(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    bus_buffer_printf(
        buffer, "\n## 信用主体权益 Rights of subjects\n\n| 类别 kind | 可由谁办理 by | 答复期限 to be answered in "
                "|\n|---|---|---|\n");
    for (int kind = BUS_RIGHTS_NONE + 1; kind <= BUS_RIGHTS_RESTRICTION; kind++) {
        const struct bus_rights_rule *rule = bus_catalogue_rights(catalogue, (enum bus_rights_kind)kind);
        if (rule == NULL)
            continue;
        bus_buffer_printf(buffer, "| `%s` |%s%s", bus_rights_kind_name(rule->kind),
                          rule->by_own ? " 记录所属部门 own;" : "", rule->by_exchange ? " 交换平台 exchange;" : "");
        for (size_t i = 0; i < rule->department_count; i++)
            bus_buffer_printf(buffer, " %s `%s`;", rule->departments[i]->name_zh, rule->departments[i]->name);
        if (rule->answer_days > 0)
            bus_buffer_printf(buffer, " | %d %s |\n", rule->answer_days,
                              rule->working_days ? "个工作日 working days" : "日 days");
        else
            bus_buffer_printf(buffer, " | – |\n");
    }
}

static void write_item_fields(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    if (bus_catalogue_item_count(catalogue) > 0) {
        bus_buffer_printf(
            buffer, "\n## 信封字段 Envelope\n\n每个目录项都以这些字段开头。Every item begins with these fields.\n\n");
        write_field_table(buffer, bus_item_current(bus_catalogue_item(catalogue, 0))->schema, 0, BUS_ENVELOPE_FIELDS);
    }
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        const struct bus_schema *schema = bus_item_current(item)->schema;
        bus_buffer_printf(buffer, "\n<a id=\"%d\"></a>\n\n### %d `%s.%s` %s %s\n\n", item->number, item->number,
                          item->department->name, item->name, item->name_zh, item->name_en);
        bus_buffer_printf(buffer, "记录键 key:");
        for (size_t j = 0; j < item->key_field_count; j++)
            bus_buffer_printf(buffer, "%s `%s`", j > 0 ? "," : "", item->key_fields[j]);
        bus_buffer_printf(buffer, " · 模式 schema: `%s/%s-%d.avsc` · 指纹 fingerprint: `%016llx`\n\n", item->folder,
                          item->name, bus_item_current(item)->number,
                          (unsigned long long)bus_schema_fingerprint(schema));
        write_field_table(buffer, schema, BUS_ENVELOPE_FIELDS, bus_schema_field_count(schema));
        write_terms(buffer, item);
    }
}

/* What is written by `write`, in a cell. */
static void write_grant_cell(struct bus_buffer *buffer, const struct bus_grant *grant,
                             void (*write)(const struct bus_grant *grant, struct bus_buffer *text))
{
    struct bus_buffer text;
    bus_buffer_init(&text, CELL_LIMIT);
    write(grant, &text);
    bus_buffer_u8(&text, 0);
    write_cell(buffer, text.failed ? "…" : (const char *)text.data);
    bus_buffer_release(&text);
}

static void write_grant(struct bus_buffer *buffer, const struct bus_grant *grant)
{
    bus_buffer_printf(buffer, "| `%s` | `", grant->name);
    bus_grant_text_item(grant, buffer);
    bus_buffer_printf(buffer, "` |");
    for (size_t i = 0; i < grant->field_count; i++) {
        bus_buffer_printf(buffer, "%s `", i > 0 ? "," : "");
        bus_grant_text_field(grant, i, buffer);
        bus_buffer_printf(buffer, "`");
    }
    bus_buffer_printf(buffer, " |");
    write_cell(buffer, grant->purpose);
    write_cell(buffer, grant->legal_basis);
    write_grant_cell(buffer, grant, bus_grant_text_period);
    write_grant_cell(buffer, grant, bus_grant_text_subjects);
    write_grant_cell(buffer, grant, bus_grant_text_areas);
    write_grant_cell(buffer, grant, bus_grant_text_conditions);
    write_grant_cell(buffer, grant, bus_grant_text_portfolio);
    write_grant_cell(buffer, grant, bus_grant_text_end);
    bus_buffer_printf(buffer, "\n");
}

static void write_subscribers(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    bus_buffer_printf(buffer, "\n## 订阅方与授权 Subscribers and grants\n");
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, i);
        bus_buffer_printf(
            buffer,
            "\n### `%s` %s %s%s\n\n| 授权 grant | 目录项 item | 字段 fields | 用途 purpose | 法律依据 legal basis | "
            "期限 in force | 主体 subjects | 区域 areas | 条件 where | 名单 portfolio | 到期处理 on_end |\n"
            "|---|---|---|---|---|---|---|---|---|---|---|\n",
            subscriber->name, subscriber->name_zh, subscriber->name_en,
            subscriber->is_public ? "（面向社会公开 open to everyone）" : "");
        for (size_t j = 0; j < subscriber->grant_count; j++)
            write_grant(buffer, &subscriber->grants[j]);
    }
}

static void write_code_lists(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    bus_buffer_printf(buffer, "\n## 代码表 Code lists\n");
    for (size_t i = 0; i < bus_catalogue_code_list_count(catalogue); i++) {
        const struct bus_code_list *list = bus_catalogue_code_list_at(catalogue, i);
        bus_buffer_printf(buffer, "\n### `%s` %s %s\n\n| 代码 code | 含义 | meaning |\n|---|---|---|\n", list->name,
                          list->name_zh, list->name_en);
        for (size_t j = 0; j < list->count; j++) {
            bus_buffer_printf(buffer, "|");
            write_cell(buffer, list->codes[j].value);
            write_cell(buffer, list->codes[j].name_zh);
            write_cell(buffer, list->codes[j].name_en);
            bus_buffer_printf(buffer, "\n");
        }
    }
}

void bus_catalogue_document(const struct bus_catalogue *catalogue, struct bus_buffer *buffer)
{
    bus_buffer_printf(buffer,
                      "# 信用信息目录 Catalogue of credit information: %s\n\n"
                      "由 `xinqiao catalogue doc` 生成。Generated by `xinqiao catalogue doc`.\n\n",
                      bus_catalogue_exchange_view(catalogue));
    write_departments(catalogue, buffer);
    write_items(catalogue, buffer);
    write_item_fields(catalogue, buffer);
    write_rights(catalogue, buffer);
    write_subscribers(catalogue, buffer);
    write_code_lists(catalogue, buffer);
}
