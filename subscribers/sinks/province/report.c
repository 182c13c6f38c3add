#include "subscribers/sinks/province/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/file.h"
#include "bus/html.h"
#include "bus/identifier.h"
#include "bus/json.h"

enum { MAX_FILE_BYTES = 64 * 1024 * 1024, NAME_SIZE = 256, BEIJING_MS = 8 * 3600 * 1000, FIRST_FINDINGS = 256 };

const char *const province_finding_names[] = {"MISSING", "DIFFERENT", "NOT_WITHDRAWN", "UNKNOWN"};
static const char *const kinds_text[] = {"平台缺失 / missing there", "内容不同 / another content",
                                         "本侧已撤销而平台仍持有 / withdrawn here, held there",
                                         "非本侧上报 / never reported by us"};

void province_report_release(struct province_report *report)
{
    free(report->cells);
    free(report->findings);
    *report = (struct province_report){0};
}

enum bus_status province_report_find(struct province_report *report, const struct province_finding *finding,
                                     struct bus_error *error)
{
    if (report->finding_count == PROVINCE_MAX_FINDINGS) {
        report->is_cut = true;
        return BUS_OK;
    }
    if (report->finding_count == report->finding_capacity) {
        size_t capacity = report->finding_capacity > 0 ? 2 * report->finding_capacity : FIRST_FINDINGS;
        struct province_finding *findings = realloc(report->findings, capacity * sizeof *findings);
        if (findings == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory for a report");
        report->findings = findings;
        report->finding_capacity = capacity;
    }
    report->findings[report->finding_count++] = *finding;
    return BUS_OK;
}

static void add_cell(struct province_report *report, const struct province_cell *cell)
{
    for (size_t i = 0; i < report->cell_count; i++)
        if (report->cells[i].item == cell->item && report->cells[i].day == cell->day) {
            report->cells[i].count[PROVINCE_HERE] += cell->count[PROVINCE_HERE];
            report->cells[i].count[PROVINCE_THERE] += cell->count[PROVINCE_THERE];
            return;
        }
    if (report->cell_count == PROVINCE_MAX_CELLS_TOLD)
        report->is_cut = true;
    else
        report->cells[report->cell_count++] = *cell;
}

enum bus_status province_report_cells(struct province_report *report, const struct province_cell *cells, size_t count,
                                      struct bus_error *error)
{
    if (report->cells == NULL)
        report->cells = calloc(PROVINCE_MAX_CELLS_TOLD, sizeof *report->cells);
    if (report->cells == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for a report");
    for (size_t i = 0; i < count; i++)
        add_cell(report, &cells[i]);
    return BUS_OK;
}

size_t province_report_count(const struct province_report *report, enum province_finding_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < report->finding_count; i++)
        count += report->findings[i].kind == kind;
    return count;
}

size_t province_report_taken(const struct province_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->finding_count; i++)
        count += strcmp(report->findings[i].outcome, PROVINCE_TAKEN) == 0;
    return count;
}

/* ── writing ── */

void province_report_date(int32_t day, char out_text[PROVINCE_DATE_SIZE])
{
    int year, month, of_month;
    bus_date_civil(day, &year, &month, &of_month);
    snprintf(out_text, PROVINCE_DATE_SIZE, "%04d-%02d-%02d", year, month, of_month);
}

/* In Beijing. */
static void time_text(int64_t at_ms, char out_text[2 * PROVINCE_DATE_SIZE])
{
    int64_t local = at_ms + BEIJING_MS, minutes = local / 60000 % (24 * 60);
    char date[PROVINCE_DATE_SIZE];
    province_report_date((int32_t)(local / 86400000), date);
    snprintf(out_text, 2 * PROVINCE_DATE_SIZE, "%s %02d:%02d", date, (int)(minutes / 60), (int)(minutes % 60));
}

static void item_text(const struct bus_catalogue *catalogue, int32_t number, char out_text[NAME_SIZE])
{
    const struct bus_item *item = bus_catalogue_item_by_number(catalogue, number);
    if (item != NULL)
        snprintf(out_text, NAME_SIZE, "%s/%s", item->department->name, item->name);
    else
        snprintf(out_text, NAME_SIZE, "%d", (int)number);
}

static void write_text(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_number(struct bus_json *json, const char *name, int64_t value)
{
    bus_json_name(json, name);
    bus_json_integer(json, value);
}

static void write_date(struct bus_json *json, const char *name, int32_t day)
{
    char text[PROVINCE_DATE_SIZE];
    province_report_date(day, text);
    write_text(json, name, text);
}

static void write_cell(struct bus_json *json, const struct province_cell *cell, const struct bus_catalogue *catalogue)
{
    char item[NAME_SIZE];
    item_text(catalogue, cell->item, item);
    bus_json_object(json);
    write_text(json, "item", item);
    write_number(json, "itemNumber", cell->item);
    write_date(json, "day", cell->day);
    write_number(json, "dayNumber", cell->day);
    write_number(json, "here", (int64_t)cell->count[PROVINCE_HERE]);
    write_number(json, "there", (int64_t)cell->count[PROVINCE_THERE]);
    bus_json_end_object(json);
}

static void write_finding(struct bus_json *json, const struct province_finding *finding,
                          const struct bus_catalogue *catalogue)
{
    char item[NAME_SIZE], key[2 * BUS_IDENTITY_SIZE + 1];
    item_text(catalogue, finding->item, item);
    bus_hex(finding->record, BUS_IDENTITY_SIZE, key);
    bus_json_object(json);
    write_text(json, "kind", province_finding_names[finding->kind]);
    write_text(json, "rowKey", key);
    write_text(json, "item", item);
    write_number(json, "itemNumber", finding->item);
    write_date(json, "day", finding->day);
    write_number(json, "dayNumber", finding->day);
    write_number(json, "partition", finding->partition);
    write_number(json, "offset", finding->offset);
    write_number(json, "leaf", (int64_t)finding->leaf);
    write_number(json, "named", (int64_t)finding->named);
    write_text(json, "govId", finding->gov_id);
    write_text(json, "outcome", finding->outcome);
    bus_json_end_object(json);
}

static void write_json(const struct province_report *report, const struct bus_catalogue *catalogue,
                       struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    write_text(&json, "day", report->day);
    write_number(&json, "madeAt", report->made_at_ms);
    write_date(&json, "from", report->from);
    write_number(&json, "fromNumber", report->from);
    write_date(&json, "to", report->to);
    write_number(&json, "toNumber", report->to);
    write_number(&json, "here", (int64_t)report->rows[PROVINCE_HERE]);
    write_number(&json, "there", (int64_t)report->rows[PROVINCE_THERE]);
    write_number(&json, "unknownItems", (int64_t)report->unknown_items);
    bus_json_name(&json, "isCut");
    bus_json_boolean(&json, report->is_cut);
    bus_json_name(&json, "items");
    bus_json_array(&json);
    for (size_t i = 0; i < report->cell_count; i++)
        write_cell(&json, &report->cells[i], catalogue);
    bus_json_end_array(&json);
    bus_json_name(&json, "rows");
    bus_json_array(&json);
    for (size_t i = 0; i < report->finding_count; i++)
        write_finding(&json, &report->findings[i], catalogue);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    bus_buffer_u8(buffer, '\n');
}

static void cell(struct bus_buffer *page, const char *text)
{
    bus_buffer_printf(page, "<td>");
    bus_html_append(page, bus_bytes_text(text));
    bus_buffer_printf(page, "</td>");
}

static void page_head(const struct province_report *report, struct bus_buffer *page)
{
    char from[PROVINCE_DATE_SIZE], to[PROVINCE_DATE_SIZE], made_at[2 * PROVINCE_DATE_SIZE];
    province_report_date(report->from, from);
    province_report_date(report->to, to);
    time_text(report->made_at_ms, made_at);
    bus_buffer_printf(page,
                      "<!DOCTYPE html><html lang=\"zh\"><meta charset=\"utf-8\"><title>省级平台对账 %s</title>"
                      "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
                      "td,th{border:1px solid #999;padding:.2em .6em;text-align:left}</style>"
                      "<h1>省级平台对账 / comparison with the province</h1>"
                      "<p>作于 / made at %s（北京时间 / Beijing）；对账日期 / days compared: %s – %s</p>"
                      "<p>本侧 / here: %llu 行；平台 / there: %llu 行",
                      report->day, made_at, from, to, (unsigned long long)report->rows[PROVINCE_HERE],
                      (unsigned long long)report->rows[PROVINCE_THERE]);
    if (report->unknown_items > 0)
        bus_buffer_printf(page, "，其中 %llu 行的目录项本侧不识别 / of items that are not known here",
                          (unsigned long long)report->unknown_items);
    bus_buffer_printf(page, "</p>");
    if (report->finding_count == 0)
        bus_buffer_printf(page, "<p><strong>一致 / equal</strong></p>");
    if (report->is_cut)
        bus_buffer_printf(
            page,
            "<p>差异过多，未全部列出；处理后请再次对账 / more than is listed: settle these, then compare again</p>");
}

static void page_cells(const struct province_report *report, const struct bus_catalogue *catalogue,
                       struct bus_buffer *page)
{
    if (report->cell_count == 0)
        return;
    bus_buffer_printf(page, "<table><tr><th>目录项 / item<th>日期 / day<th>本侧 / here<th>平台 / there</tr>");
    for (size_t i = 0; i < report->cell_count; i++) {
        char item[NAME_SIZE], date[PROVINCE_DATE_SIZE];
        item_text(catalogue, report->cells[i].item, item);
        province_report_date(report->cells[i].day, date);
        bus_buffer_printf(page, "<tr>");
        cell(page, item);
        cell(page, date);
        bus_buffer_printf(page, "<td>%llu</td><td>%llu</td></tr>",
                          (unsigned long long)report->cells[i].count[PROVINCE_HERE],
                          (unsigned long long)report->cells[i].count[PROVINCE_THERE]);
    }
    bus_buffer_printf(page, "</table>");
}

static void page_findings(const struct province_report *report, const struct bus_catalogue *catalogue,
                          struct bus_buffer *page)
{
    if (report->finding_count == 0)
        return;
    bus_buffer_printf(
        page,
        "<p>核准重报 / to approve that these are sent again: <code>xinqiao agents resend SUBSCRIBER %s --officer … --reason …</code></p>"
        "<table><tr><th>差异 / difference<th>目录项 / item<th>日期 / day<th>rowKey<th>govId<th>重报结果 / sent again</tr>",
        report->day);
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct province_finding *finding = &report->findings[i];
        char item[NAME_SIZE], date[PROVINCE_DATE_SIZE], key[2 * BUS_IDENTITY_SIZE + 1];
        item_text(catalogue, finding->item, item);
        province_report_date(finding->day, date);
        bus_hex(finding->record, BUS_IDENTITY_SIZE, key);
        bus_buffer_printf(page, "<tr>");
        cell(page, kinds_text[finding->kind]);
        cell(page, finding->kind == PROVINCE_UNKNOWN ? "" : item);
        cell(page, finding->kind == PROVINCE_UNKNOWN ? "" : date);
        cell(page, key);
        cell(page, finding->gov_id);
        cell(page, finding->outcome);
        bus_buffer_printf(page, "</tr>");
    }
    bus_buffer_printf(page, "</table>");
}

/* Whole or not at all. */
static enum bus_status save(const char *folder, const char *day, const char *ending, const struct bus_buffer *buffer,
                            struct bus_error *error)
{
    char path[PATH_MAX + NAME_SIZE], part[PATH_MAX + NAME_SIZE];
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "out of memory for a report");
    snprintf(path, sizeof path, "%s/compare-%s.%s", folder, day, ending);
    snprintf(part, sizeof part, "%s/compare-%s.%s.part", folder, day, ending);
    int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool is_saved = file >= 0 && bus_file_write(file, bus_buffer_view(buffer)) && bus_file_settle(file, part, path);
    enum bus_status status = is_saved ? BUS_OK : bus_fail(error, BUS_RETRY, "write %s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return status;
}

enum bus_status province_report_write(const struct province_report *report, const char *folder,
                                      const struct bus_catalogue *catalogue, struct bus_error *error)
{
    struct bus_buffer json, page;
    bus_buffer_init(&json, MAX_FILE_BYTES);
    bus_buffer_init(&page, MAX_FILE_BYTES);
    write_json(report, catalogue, &json);
    page_head(report, &page);
    page_cells(report, catalogue, &page);
    page_findings(report, catalogue, &page);
    bus_buffer_printf(&page, "</html>\n");
    enum bus_status status = save(folder, report->day, "html", &page, error);
    if (status == BUS_OK)
        status = save(folder, report->day, "json", &json, error);
    bus_buffer_release(&json);
    bus_buffer_release(&page);
    return status;
}
