#include "adapters/formats/xlsx/excel.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/formats/header.h"
#include "adapters/formats/xlsx/excel_book.h"
#include "adapters/formats/xlsx/other.h"

struct adapters_excel {
    struct adapters_excel_book book;
    size_t current; /* of the chosen sheets */
    bool is_over;   /* no row follows: the file is closed */
    struct adapters_header header;
};

enum { HEADER_ARENA_SIZE = 2 * ADAPTERS_ROW_MAX };

struct adapters_excel *adapters_excel_create(void)
{
    struct adapters_excel *excel = calloc(1, sizeof *excel);
    if (excel == NULL)
        return NULL;
    excel->book.tools = (struct adapters_xlsx_tools){
        .xml = adapters_xlsx_xml_create(),
        .strings = adapters_xlsx_strings_create(),
        .styles = &excel->book.styles,
    };
    excel->book.sheet = adapters_xlsx_sheet_create();
    excel->book.arena = bus_arena_create(HEADER_ARENA_SIZE);
    if (excel->book.tools.xml != NULL && excel->book.tools.strings != NULL && excel->book.sheet != NULL &&
        excel->book.arena != NULL)
        return excel;
    adapters_excel_destroy(excel);
    return NULL;
}

/* Gives back what a file holds: it, and its strings on the disk. */
static void leave_file(struct adapters_excel *excel)
{
    adapters_xlsx_strings_forget(excel->book.tools.strings);
    excel->is_over = true;
    adapters_xlsx_sheet_close(excel->book.sheet);
    adapters_xlsx_package_close(excel->book.tools.package);
    excel->book.tools.package = NULL;
}

void adapters_excel_destroy(struct adapters_excel *excel)
{
    if (excel == NULL)
        return;
    if (excel->book.sheet != NULL && excel->book.tools.strings != NULL)
        leave_file(excel);
    adapters_xlsx_sheet_destroy(excel->book.sheet);
    adapters_xlsx_strings_destroy(excel->book.tools.strings);
    adapters_xlsx_xml_destroy(excel->book.tools.xml);
    bus_arena_destroy(excel->book.arena);
    free(excel);
}

uint64_t adapters_excel_size_bytes(const struct adapters_excel *excel)
{
    return adapters_xlsx_sheet_size_bytes(excel->book.sheet);
}

/* --- rows --- */

/* Adds to a refusal which sheet it is about. */
static void name_sheet(const struct adapters_excel *excel, size_t sheet, int64_t line, struct adapters_refusal *refusal)
{
    const char *name = excel->book.workbook.sheets[sheet].name;
    size_t used_zh = strlen(refusal->zh), used_en = strlen(refusal->en);
    char zh[32] = "", en[32] = "";
    if (line > 0) {
        snprintf(zh, sizeof zh, "第 %lld 行", (long long)line);
        snprintf(en, sizeof en, ", row %lld", (long long)line);
    }
    snprintf(refusal->zh + used_zh, sizeof refusal->zh - used_zh, "（工作表“%s”%s）", name, zh);
    snprintf(refusal->en + used_en, sizeof refusal->en - used_en, " (sheet \"%s\"%s)", name, en);
}

static enum bus_status read_header(struct adapters_excel *excel, const struct adapters_xlsx_row *row,
                                   struct adapters_refusal *refusal)
{
    struct bus_bytes names[ADAPTERS_COLUMNS_MAX];
    adapters_excel_book_names(&excel->book, row, names);
    enum bus_status status = adapters_header_read(&excel->header, excel->book.layout, names, row->count, refusal);
    if (status == BUS_REJECT)
        name_sheet(excel, excel->book.chosen[excel->current].sheet, row->line, refusal);
    return status;
}

/* Opens the current one of the chosen sheets and passes what stands up to its header. */
static enum bus_status open_sheet(struct adapters_excel *excel, struct adapters_refusal *refusal,
                                  struct bus_error *error)
{
    const struct adapters_excel_chosen *chosen = &excel->book.chosen[excel->current];
    struct adapters_xlsx_row row;
    bool is_end = false;
    adapters_header_assume(&excel->header, excel->book.layout);
    enum bus_status status = adapters_xlsx_sheet_open(
        excel->book.sheet, &excel->book.tools, excel->book.workbook.sheets[chosen->sheet].path, true, refusal, error);
    while (status == BUS_OK && chosen->header_line > 0 && !is_end) {
        status = adapters_xlsx_sheet_next(excel->book.sheet, &row, &is_end, refusal, error);
        if (status == BUS_OK && !is_end && row.line == chosen->header_line)
            return read_header(excel, &row, refusal);
    }
    return status;
}

/* Opens every chosen sheet once, so that a damage in the last is told before a row of the first is taken. */
static enum bus_status prove_sheets(struct adapters_excel *excel, struct adapters_refusal *refusal,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (excel->current = excel->book.chosen_count; status == BUS_OK && excel->current > 0;) {
        excel->current--;
        status = open_sheet(excel, refusal, error);
    }
    return status;
}

enum bus_status adapters_excel_start(struct adapters_excel *excel, const struct adapters_layout *layout, int file,
                                     struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_xlsx_tools *tools = &excel->book.tools;
    const struct adapters_xlsx_workbook *workbook = &excel->book.workbook;
    leave_file(excel);
    excel->is_over = false;
    excel->book.layout = layout;
    enum bus_status status = adapters_xlsx_other_check(file, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_package_open(file, &tools->package, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_workbook_read(&excel->book.workbook, tools->xml, tools->package, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_styles_read(&excel->book.styles, tools->xml, tools->package,
                                           workbook->styles[0] != '\0' ? workbook->styles : NULL, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_strings_read(tools->strings, tools->xml, tools->package,
                                            workbook->strings[0] != '\0' ? workbook->strings : NULL, refusal, error);
    tools->is_1904 = workbook->is_1904;
    if (status == BUS_OK)
        status = adapters_excel_book_choose(&excel->book, refusal, error);
    return status == BUS_OK ? prove_sheets(excel, refusal, error) : status;
}

/* --- what is wrong with a row --- */

static const struct {
    const char *code, *zh, *en;
} faults[] = {
    [ADAPTERS_XLSX_FAULT_ERROR] = {"CELL_ERROR", "是公式的错误值（如 #N/A、#REF!）；请改正后重新报送",
                                   "holds the error of a formula, such as #N/A or #REF!; correct it and send it again"},
    [ADAPTERS_XLSX_FAULT_FORMULA] = {"CELL_FORMULA", "是公式，但没有计算结果；请用 Excel 打开并保存后重新报送",
                                     "holds a formula without its result; open the file in Excel, save it and send it "
                                     "again"},
    [ADAPTERS_XLSX_FAULT_LONG] =
        {"VALUE_SCIENTIFIC", "是数字，超过 15 位的数字已被 Excel 改写，无法还原；请将该列设为文本后重新录入",
         "is a number: Excel has overwritten its digits from the sixteenth on, and they cannot "
         "be restored; make the column text and enter it again"},
    [ADAPTERS_XLSX_FAULT_VALUE] = {"CELL_VALUE", "的内容无法解读，不是有效的数字或日期；请改正后重新报送",
                                   "cannot be read as the number or day that it claims to be; correct it and send it "
                                   "again"},
    [ADAPTERS_XLSX_FAULT_TOO_LONG] = {"FIELD_TOO_LONG", "的内容超过 1 MiB", "is longer than 1 MiB"},
    [ADAPTERS_XLSX_FAULT_MERGED] = {"CELL_MERGED",
                                    "属于合并单元格，值只在合并区域的第一格；请取消合并，逐行填写后重新报送",
                                    "is part of a merged area, whose value is in its first cell only; take the merge "
                                    "apart, fill in every row and send it again"},
};

/* "单元格 C5", with the sheet when several are read. */
static void place_text(const struct adapters_excel *excel, const struct adapters_xlsx_row *row, size_t column,
                       char *out_zh, char *out_en, size_t size)
{
    char name[ADAPTERS_XLSX_COLUMN_SIZE];
    const char *sheet = excel->book.workbook.sheets[excel->book.chosen[excel->current].sheet].name;
    adapters_xlsx_column_name((int32_t)column + 1, name);
    if (excel->book.chosen_count > 1) {
        snprintf(out_zh, size, "工作表“%s”单元格 %s%lld ", sheet, name, (long long)row->line);
        snprintf(out_en, size, "cell %s%lld of sheet \"%s\"", name, (long long)row->line, sheet);
    } else {
        snprintf(out_zh, size, "单元格 %s%lld ", name, (long long)row->line);
        snprintf(out_en, size, "cell %s%lld", name, (long long)row->line);
    }
}

enum { PLACE_SIZE = 2 * ADAPTERS_XLSX_SHEET_NAME_SIZE };

static enum bus_status refuse_cell(const struct adapters_excel *excel, const struct adapters_xlsx_row *row,
                                   size_t column, struct adapters_refusal *refusal)
{
    enum adapters_xlsx_fault fault = row->cells[column].fault;
    char zh[PLACE_SIZE], en[PLACE_SIZE];
    place_text(excel, row, column, zh, en, PLACE_SIZE);
    adapters_refuse_column(refusal, faults[fault].code, excel->book.layout->columns[excel->header.place[column]], "",
                           "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s%s", zh, faults[fault].zh);
    snprintf(refusal->en, sizeof refusal->en, "%s %s", en, faults[fault].en);
    return BUS_REJECT;
}

static enum bus_status refuse_width(const struct adapters_excel *excel, const struct adapters_xlsx_row *row,
                                    struct adapters_refusal *refusal)
{
    char zh[PLACE_SIZE], en[PLACE_SIZE];
    place_text(excel, row, row->count - 1, zh, en, PLACE_SIZE);
    adapters_refuse(refusal, "COLUMN_COUNT", "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s有内容，但表头只有 %zu 列", zh, excel->header.count);
    snprintf(refusal->en, sizeof refusal->en, "%s is not empty, but the header has only %zu columns", en,
             excel->header.count);
    return BUS_REJECT;
}

static enum bus_status check_row(const struct adapters_excel *excel, const struct adapters_xlsx_row *row,
                                 struct adapters_refusal *refusal)
{
    if (row->is_misplaced)
        return adapters_refuse(refusal, "CELL_PLACE", "该行或其单元格的位置有误；请用 Excel 打开并另存后重新报送",
                               "the row or its cells are not where they say; save the file anew in Excel and send it "
                               "again");
    for (size_t i = 0; i < excel->header.count; i++) {
        if (row->cells[i].fault != ADAPTERS_XLSX_FAULT_NONE && excel->header.place[i] != ADAPTERS_COLUMN_UNUSED)
            return refuse_cell(excel, row, i, refusal);
    }
    if (row->is_too_long)
        return adapters_refuse(refusal, "ROW_TOO_LONG", "该行超过 2 MiB", "the row is longer than 2 MiB");
    return row->count > excel->header.count ? refuse_width(excel, row, refusal) : BUS_OK;
}

/* The next row of the sheets, from one to the next. */
static enum bus_status next_row(struct adapters_excel *excel, struct adapters_xlsx_row *row, bool *out_end,
                                struct adapters_refusal *refusal, struct bus_error *error)
{
    for (;;) {
        enum bus_status status = adapters_xlsx_sheet_next(excel->book.sheet, row, out_end, refusal, error);
        if (status != BUS_OK || !*out_end || excel->current + 1 >= excel->book.chosen_count)
            return status;
        excel->current++;
        status = open_sheet(excel, refusal, error);
        if (status != BUS_OK)
            return status;
    }
}

enum bus_status adapters_excel_next(struct adapters_excel *excel, struct bus_bytes *fields,
                                    struct adapters_row *out_row, bool *out_end, struct adapters_refusal *refusal,
                                    struct bus_error *error)
{
    struct adapters_xlsx_row row = {0};
    enum bus_status status = BUS_OK;
    *out_end = excel->is_over;
    if (!excel->is_over)
        status = next_row(excel, &row, out_end, refusal, error);
    *out_row = (struct adapters_row){.line = row.line, .original = row.text, .fields = fields};
    if (status == BUS_REJECT) { /* the file, not the row */
        (void)bus_reject(error, refusal->code, refusal->zh, refusal->en);
        return BUS_RETRY;
    }
    if (*out_end)
        leave_file(excel);
    if (status != BUS_OK || *out_end)
        return status;
    status = check_row(excel, &row, refusal);
    if (status != BUS_OK)
        return status;
    memset(fields, 0, excel->book.layout->column_count * sizeof *fields);
    for (size_t i = 0; i < excel->header.count; i++) {
        if (excel->header.place[i] != ADAPTERS_COLUMN_UNUSED)
            fields[excel->header.place[i]] = adapters_xlsx_row_field(&row, i);
    }
    return BUS_OK;
}
