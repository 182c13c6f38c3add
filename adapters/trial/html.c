/* Trial as a page to be shown to a bureau: it stands alone and can be printed; no script, nothing loaded from elsewhere, every text escaped. */
#include "bus/html.h"
#include "adapters/trial/show.h"

enum { TEXT_LIMIT = 2 * ADAPTERS_ROW_MAX };

static const char style[] =
    "body{font-family:\"Noto Sans CJK SC\",\"Source Han Sans SC\",\"Microsoft YaHei\",SimSun,sans-serif;line-height:1.5;"
    "color:#1b1b1b;max-width:76em;margin:0 auto;padding:1.5em;display:flex;flex-direction:column}"
    "h1{font-size:1.4em;margin:0 0 .3em}h2{font-size:1.05em;margin:1.6em 0 .3em}"
    "table{border-collapse:collapse;width:100%;font-size:.86em}"
    "th,td{border:1px solid #aab;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eef1f6;font-weight:600}.no td,.no{background:#fdecea}.en{color:#556;font-size:.9em}"
    ".code{font-family:monospace;font-size:.92em}header,#sum{order:-1}"
    "@page{size:A4 landscape;margin:14mm}"
    "@media print{body{max-width:none;padding:0;font-size:9pt}h2{break-after:avoid}tr{break-inside:avoid}"
    "thead{display:table-header-group}}";

static void put(struct bus_buffer *page, const char *text)
{
    bus_html_append(page, bus_bytes_text(text));
}

static void put_cell(struct bus_buffer *page, struct bus_bytes text)
{
    bus_buffer_printf(page, "<td>");
    bus_html_append(page, text);
    bus_buffer_printf(page, "</td>");
}

static void put_refusal(struct bus_buffer *page, const struct adapters_refusal *refusal)
{
    put(page, refusal->zh);
    bus_buffer_printf(page, " <span class=\"code\">");
    put(page, refusal->code);
    bus_buffer_printf(page, "</span><br><span class=\"en\">");
    put(page, refusal->en);
    bus_buffer_printf(page, "</span>");
}

static void begin(const struct adapters_trial *trial, struct bus_buffer *out)
{
    const struct bus_item *item = adapters_mapping_item(trial->mapping);
    const char *slash = strrchr(trial->options->file, '/');
    bus_buffer_printf(
        out,
        "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>试映射 / a trial of a "
        "mapping</title><style>%s</style></head><body>\n<header><h1>试映射 <span class=\"en\">a trial of a "
        "mapping: nothing was sent</span></h1><p>",
        style);
    put(out, slash != NULL ? slash + 1 : trial->options->file);
    bus_buffer_printf(out, " → ");
    put(out, item->department->name_zh);
    bus_buffer_printf(out, " ");
    put(out, item->name_zh);
    bus_buffer_printf(out, " <span class=\"code\">");
    put(out, item->department->name);
    bus_buffer_printf(out, "/");
    put(out, item->name);
    bus_buffer_printf(out, "</span>，数据源 feed <span class=\"code\">");
    put(out, adapters_mapping_feed_view(trial->mapping));
    bus_buffer_printf(out, "</span>，编码 encoding %s</p></header>\n", trial->encoding);
}

static void put_line(const struct adapters_trial *trial, const struct adapters_explained *line, struct bus_buffer *out,
                     struct bus_buffer *text)
{
    struct bus_bytes name, zh;
    adapters_trial_field(line, &name, &zh);
    bus_buffer_printf(out, line->complaint != ADAPTERS_NO_COMPLAINT ? "<tr class=\"no\">" : "<tr>");
    put_cell(out, line->columns);
    adapters_trial_source(trial, line, text);
    put_cell(out, line->columns.length > 0 ? bus_buffer_view(text) : bus_bytes_text("（固定值 constant）"));
    bus_buffer_printf(out, "<td>");
    bus_html_append(out, zh);
    bus_buffer_printf(out, " <span class=\"code\">");
    bus_html_append(out, name);
    bus_buffer_printf(out, "</span></td>");
    adapters_trial_result(trial, line, text);
    put_cell(out, bus_buffer_view(text));
    bus_buffer_printf(out, "<td>");
    if (line->complaint == ADAPTERS_COMPLAINT_GATEWAY)
        bus_buffer_printf(out, "网关将退回 the gateway will refuse it：");
    if (line->complaint != ADAPTERS_NO_COMPLAINT)
        put_refusal(out, &line->refusal);
    else if (line->field == NULL)
        bus_buffer_printf(out, "映射不用此列 <span class=\"en\">not used</span>");
    bus_buffer_printf(out, "</td></tr>\n");
}

static void show_row(const struct adapters_trial *trial, const struct adapters_trial_row *row, struct bus_buffer *out)
{
    struct bus_buffer text;
    const char *outcome = row->is_refused      ? "✗ 退回 refused"
                          : row->is_foreseen   ? "✗ 网关将退回 the gateway will refuse it"
                          : row->is_withdrawal ? "✓ 撤回 withdrawn"
                                               : "✓ 通过 taken";
    bus_buffer_printf(out, "<section><h2>第 %lld 行 line %lld：%s</h2>\n", (long long)row->line, (long long)row->line,
                      outcome);
    if (row->whole.code[0] != '\0') {
        bus_buffer_printf(out, "<p class=\"no\">");
        put(out, row->whole.column);
        bus_buffer_printf(out, " ");
        put_refusal(out, &row->whole);
        bus_buffer_printf(out, "</p>\n");
    }
    if (row->line_count > 0)
        bus_buffer_printf(out, "<table><thead><tr><th>列 column</th><th>原值 source value</th><th>字段 field</th>"
                               "<th>结果 result</th><th>意见 complaint</th></tr></thead><tbody>\n");
    bus_buffer_init(&text, TEXT_LIMIT);
    for (size_t i = 0; i < row->line_count; i++)
        put_line(trial, &row->lines[i], out, &text);
    bus_buffer_release(&text);
    bus_buffer_printf(out, "%s</section>\n", row->line_count > 0 ? "</tbody></table>" : "");
}

static void put_complaint(const struct adapters_trial_complaint *complaint, struct bus_buffer *out)
{
    bus_buffer_printf(out, "<tr><td>%lld</td><td>%lld</td><td>", (long long)complaint->count,
                      (long long)complaint->first_line);
    put(out, complaint->refusal.column);
    bus_buffer_printf(out, "</td><td>%s",
                      complaint->by == ADAPTERS_COMPLAINT_GATEWAY ? "网关将退回 the gateway will refuse it：" : "");
    put_refusal(out, &complaint->refusal);
    bus_buffer_printf(out, "</td></tr>\n");
}

/* Known last, shown first: the style puts it there. */
static void end(const struct adapters_trial *trial, struct bus_buffer *out)
{
    bus_buffer_printf(out, "<section id=\"sum\">\n");
    if (trial->is_held) {
        bus_buffer_printf(
            out, "<p class=\"no\">整个文件不能接收 <span class=\"en\">the file as a whole is not taken</span>：");
        put(out, trial->held.column);
        bus_buffer_printf(out, " ");
        put_refusal(out, &trial->held);
        bus_buffer_printf(out, "</p>\n");
    } else {
        bus_buffer_printf(
            out,
            "<p>共 %lld 行：通过 %lld，撤回 %lld，退回 %lld；网关还将退回 %lld <span class=\"en\">%lld rows: %lld "
            "taken, %lld withdrawn, %lld refused; the gateway will refuse %lld more</span></p>\n",
            (long long)trial->rows, (long long)trial->put, (long long)trial->withdrawn, (long long)trial->refused,
            (long long)trial->foreseen, (long long)trial->rows, (long long)trial->put, (long long)trial->withdrawn,
            (long long)trial->refused, (long long)trial->foreseen);
    }
    if (trial->complaint_count > 0)
        bus_buffer_printf(out, "<table><thead><tr><th>处数 count</th><th>首见行 first line</th><th>列 column</th>"
                               "<th>意见 complaint</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < trial->complaint_count; i++)
        put_complaint(&trial->complaints[i], out);
    bus_buffer_printf(out, "%s</section></body></html>\n", trial->complaint_count > 0 ? "</tbody></table>" : "");
}

const struct adapters_trial_writer adapters_trial_html = {begin, show_row, end};
