/* Trial as text: a table a row of the file, for a terminal. */
#include <stdio.h>

#include "adapters/trial/show.h"
#include "bus/table.h"
#include "bus/utf8.h"

enum { CELL_WIDTH = 36, TEXT_LIMIT = 2 * ADAPTERS_ROW_MAX };

static void begin(const struct adapters_trial *trial, struct bus_buffer *out)
{
    const struct bus_item *item = adapters_mapping_item(trial->mapping);
    (void)out;
    printf("试映射，不发送任何数据 / a trial: nothing is sent\n"
           "文件 file      %s\n"
           "数据源 feed    %s → %s %s（%s）\n"
           "编码 encoding  %s\n",
           trial->options->file, adapters_mapping_feed_view(trial->mapping), item->department->name, item->name,
           item->name_zh, trial->encoding);
}

/* A cell of bounded width. */
static void put_cell(struct bus_table *table, struct bus_bytes text)
{
    size_t length = 0, width = 0;
    while (length < text.length) {
        size_t one = bus_utf8_sequence(bus_bytes_of(text.data + length, text.length - length));
        one = one == 0 ? 1 : one;
        width += bus_table_width(bus_bytes_of(text.data + length, one));
        if (width > CELL_WIDTH)
            break;
        length += one;
    }
    if (length == text.length)
        bus_table_text(table, text);
    else
        bus_table_cell(table, "%.*s…", (int)length, (const char *)text.data);
}

static void put_complaint(struct bus_table *table, const struct adapters_explained *line)
{
    if (line->complaint == ADAPTERS_NO_COMPLAINT)
        bus_table_string(table, line->field == NULL ? "（映射不用此列 not used）" : "");
    else
        bus_table_cell(table, "✗ %s%s %s", line->complaint == ADAPTERS_COMPLAINT_GATEWAY ? "网关将退回 gateway: " : "",
                       line->refusal.code, line->refusal.zh);
}

static void put_line(const struct adapters_trial *trial, struct bus_table *table, const struct adapters_explained *line,
                     struct bus_buffer *text)
{
    struct bus_bytes name, zh;
    adapters_trial_field(line, &name, &zh);
    put_cell(table, line->columns.length > 0 ? line->columns : bus_bytes_text("-"));
    adapters_trial_source(trial, line, text);
    put_cell(table, line->columns.length > 0 ? bus_buffer_view(text) : bus_bytes_text("（固定值 constant）"));
    bus_table_text(table, name.length > 0 ? name : bus_bytes_text("-"));
    put_cell(table, zh);
    adapters_trial_result(trial, line, text);
    put_cell(table, bus_buffer_view(text));
    put_complaint(table, line);
}

static const char *outcome(const struct adapters_trial_row *row)
{
    if (row->is_refused)
        return "✗ 退回 refused";
    if (row->is_foreseen)
        return "✗ 网关将退回 the gateway will refuse it";
    return row->is_withdrawal ? "✓ 撤回 WITHDRAW" : "✓ 通过 PUT";
}

static void show_row(const struct adapters_trial *trial, const struct adapters_trial_row *row, struct bus_buffer *out)
{
    struct bus_buffer text;
    (void)out;
    printf("\n第 %lld 行 line %lld：%s\n", (long long)row->line, (long long)row->line, outcome(row));
    if (row->whole.code[0] != '\0')
        printf("✗ %s%s%s %s\n  %s\n", row->whole.column, row->whole.column[0] != '\0' ? " " : "", row->whole.code,
               row->whole.zh, row->whole.en);
    if (row->line_count == 0)
        return;
    struct bus_table *table = bus_table_create();
    bus_buffer_init(&text, TEXT_LIMIT);
    bus_table_column(table, "列", "column", BUS_TABLE_LEFT);
    bus_table_column(table, "原值", "source value", BUS_TABLE_LEFT);
    bus_table_column(table, "字段", "field", BUS_TABLE_LEFT);
    bus_table_column(table, "名称", "name", BUS_TABLE_LEFT);
    bus_table_column(table, "结果", "result", BUS_TABLE_LEFT);
    bus_table_column(table, "意见", "complaint", BUS_TABLE_LEFT);
    for (size_t i = 0; i < row->line_count; i++)
        put_line(trial, table, &row->lines[i], &text);
    bus_table_print(table);
    bus_table_destroy(table);
    bus_buffer_release(&text);
}

static void end(const struct adapters_trial *trial, struct bus_buffer *out)
{
    (void)out;
    if (trial->is_held) {
        printf("\n✗ 整个文件不能接收 / the file as a whole is not taken: %s%s%s\n  %s\n  %s\n", trial->held.column,
               trial->held.column[0] != '\0' ? " " : "", trial->held.code, trial->held.zh, trial->held.en);
        return;
    }
    printf("\n共 %lld 行：通过 %lld，撤回 %lld，退回 %lld；网关还将退回 %lld\n", (long long)trial->rows,
           (long long)trial->put, (long long)trial->withdrawn, (long long)trial->refused, (long long)trial->foreseen);
    printf("%lld rows: %lld put, %lld withdrawn, %lld refused; the gateway will refuse %lld more\n",
           (long long)trial->rows, (long long)trial->put, (long long)trial->withdrawn, (long long)trial->refused,
           (long long)trial->foreseen);
    for (size_t i = 0; i < trial->complaint_count; i++) {
        const struct adapters_trial_complaint *complaint = &trial->complaints[i];
        printf("✗ %lld 处，首见第 %lld 行 / %lld, first in line %lld: %s%s%s%s\n  %s\n  %s\n",
               (long long)complaint->count, (long long)complaint->first_line, (long long)complaint->count,
               (long long)complaint->first_line, complaint->refusal.column,
               complaint->refusal.column[0] != '\0' ? " " : "", complaint->refusal.code,
               complaint->by == ADAPTERS_COMPLAINT_GATEWAY ? "（网关 gateway）" : "", complaint->refusal.zh,
               complaint->refusal.en);
    }
    if (trial->complaints_left_out > 0)
        printf("✗ 另有 %lld 处其他意见 / %lld other complaints\n", (long long)trial->complaints_left_out,
               (long long)trial->complaints_left_out);
    if (trial->options->html != NULL)
        printf("页面 page: %s\n", trial->options->html);
}

const struct adapters_trial_writer adapters_trial_text = {begin, show_row, end};
