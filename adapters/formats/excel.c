#include "adapters/formats/excel.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/transform.h"
#include "adapters/formats/header.h"
#include "adapters/formats/xlsx_other.h"
#include "adapters/formats/xlsx_sheet.h"
#include "adapters/formats/xlsx_workbook.h"

/* A sheet that is read, and where its header was found; 0: it has none. */
struct chosen {
    size_t sheet;
    int64_t header_line;
};

struct adapters_excel {
    const struct adapters_layout *layout;
    struct adapters_xlsx_tools tools;
    struct adapters_xlsx_styles styles;
    struct adapters_xlsx_workbook workbook;
    struct adapters_xlsx_sheet *sheet;
    struct chosen chosen[ADAPTERS_XLSX_SHEETS_MAX];
    size_t chosen_count, current;
    struct adapters_header header;
    struct bus_arena *arena; /* of the names in a header */
};

enum { HEADER_ARENA_SIZE = 2 * ADAPTERS_ROW_MAX };

struct adapters_excel *adapters_excel_create(void)
{
    struct adapters_excel *excel = calloc(1, sizeof *excel);
    if (excel == NULL)
        return NULL;
    excel->tools = (struct adapters_xlsx_tools){
        .xml = adapters_xlsx_xml_create(),
        .strings = adapters_xlsx_strings_create(),
        .styles = &excel->styles,
    };
    excel->sheet = adapters_xlsx_sheet_create();
    excel->arena = bus_arena_create(HEADER_ARENA_SIZE);
    if (excel->tools.xml != NULL && excel->tools.strings != NULL && excel->sheet != NULL && excel->arena != NULL)
        return excel;
    adapters_excel_destroy(excel);
    return NULL;
}

/* What the last file still holds. */
static void leave_file(struct adapters_excel *excel)
{
    adapters_xlsx_sheet_close(excel->sheet);
    adapters_xlsx_package_close(excel->tools.package);
    excel->tools.package = NULL;
}

void adapters_excel_destroy(struct adapters_excel *excel)
{
    if (excel == NULL)
        return;
    if (excel->sheet != NULL)
        leave_file(excel);
    adapters_xlsx_sheet_destroy(excel->sheet);
    adapters_xlsx_strings_destroy(excel->tools.strings);
    adapters_xlsx_xml_destroy(excel->tools.xml);
    bus_arena_destroy(excel->arena);
    free(excel);
}

uint64_t adapters_excel_size_bytes(const struct adapters_excel *excel)
{
    return adapters_xlsx_sheet_size_bytes(excel->sheet);
}

/* --- headers --- */

/* Names in a header are often broken into lines. */
static struct bus_bytes name_in(struct adapters_excel *excel, const struct adapters_xlsx_row *row, size_t column)
{
    struct bus_bytes text = adapters_xlsx_row_field(row, column);
    uint8_t *name = text.length > 0 ? bus_arena_allocate(excel->arena, text.length) : NULL;
    size_t length = 0;
    for (size_t i = 0; name != NULL && i < text.length; i++) {
        if (text.data[i] != '\n' && text.data[i] != '\r')
            name[length++] = text.data[i];
    }
    return bus_bytes_of(name, length);
}

static size_t count_known(struct adapters_excel *excel, const struct adapters_xlsx_row *row)
{
    size_t known = 0;
    bus_arena_reset(excel->arena);
    for (size_t i = 0; i < row->count && i < ADAPTERS_COLUMNS_MAX; i++)
        known += adapters_header_find(excel->layout, name_in(excel, row, i)) >= 0;
    return known;
}

/* How many known names make a row the header: half of those that must be there, and more than the one that a title may happen to be. */
static size_t count_needed(const struct adapters_layout *layout)
{
    size_t required = 0;
    for (size_t i = 0; i < layout->column_count; i++)
        required += !layout->is_optional[i];
    return required <= 2 ? required : (required + 1) / 2;
}

/* The row of the sheet's first ones that is its header: the first that holds half of the columns that must be there, else (with *out_whole false)
 * the one that holds most. 0: none holds any. */
static enum bus_status find_header(struct adapters_excel *excel, size_t sheet, int64_t *out_line, bool *out_whole,
                                   struct adapters_refusal *refusal, struct bus_error *error)
{
    size_t needed = count_needed(excel->layout), best = 0;
    struct adapters_xlsx_row row;
    bool is_end = false;
    *out_line = 0;
    *out_whole = false;
    enum bus_status status = adapters_xlsx_sheet_open(excel->sheet, &excel->tools, excel->workbook.sheets[sheet].path,
                                                      false, refusal, error);
    while (status == BUS_OK && !*out_whole) {
        status = adapters_xlsx_sheet_next(excel->sheet, &row, &is_end, refusal, error);
        if (status != BUS_OK || is_end || row.line > excel->layout->excel.header_rows)
            break;
        size_t known = count_known(excel, &row);
        *out_whole = known > 0 && known >= needed;
        if (known > best || *out_whole) {
            best = known;
            *out_line = row.line;
        }
    }
    adapters_xlsx_sheet_close(excel->sheet);
    return status;
}

/* Adds to a refusal which sheet it is about. */
static void name_sheet(const struct adapters_excel *excel, size_t sheet, int64_t line, struct adapters_refusal *refusal)
{
    const char *name = excel->workbook.sheets[sheet].name;
    size_t used_zh = strlen(refusal->zh), used_en = strlen(refusal->en);
    char zh[32] = "", en[32] = "";
    if (line > 0) {
        snprintf(zh, sizeof zh, "第 %lld 行", (long long)line);
        snprintf(en, sizeof en, ", row %lld", (long long)line);
    }
    snprintf(refusal->zh + used_zh, sizeof refusal->zh - used_zh, "（工作表“%s”%s）", name, zh);
    snprintf(refusal->en + used_en, sizeof refusal->en - used_en, " (sheet \"%s\"%s)", name, en);
}

static enum bus_status refuse_headerless(const struct adapters_excel *excel, struct adapters_refusal *refusal)
{
    adapters_refuse(refusal, "HEADER_MISSING", "", "");
    snprintf(refusal->zh, sizeof refusal->zh,
             "可见工作表的前 %lld 行中没有表头，没有一个已知的列名；请加上表头后重新报送",
             (long long)excel->layout->excel.header_rows);
    snprintf(refusal->en, sizeof refusal->en,
             "none of the first %lld rows of a visible sheet is a header with known column names; add one and send the "
             "file again",
             (long long)excel->layout->excel.header_rows);
    return BUS_REJECT;
}

/* --- which sheets --- */

static bool is_readable(const struct adapters_excel *excel, size_t sheet)
{
    return excel->workbook.sheets[sheet].path[0] != '\0';
}

static enum bus_status refuse_names(const struct adapters_excel *excel, const char *code, const char *zh,
                                    const char *en, struct adapters_refusal *refusal)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < excel->workbook.sheet_count && used < sizeof names / 2; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.60s", i > 0 ? "、" : "",
                                 excel->workbook.sheets[i].name);
    adapters_refuse(refusal, code, "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s；工作簿中有：%s", zh, names);
    snprintf(refusal->en, sizeof refusal->en, "%s; the workbook has: %s", en, names);
    return BUS_REJECT;
}

static enum bus_status choose_named(struct adapters_excel *excel, struct adapters_refusal *refusal)
{
    struct bus_bytes wanted = bus_bytes_text(excel->layout->excel.sheet);
    for (size_t i = 0; i < excel->workbook.sheet_count; i++) {
        struct bus_bytes name = adapters_trim(bus_bytes_text(excel->workbook.sheets[i].name));
        if (!is_readable(excel, i) || !bus_bytes_equal(name, wanted))
            continue;
        excel->chosen[excel->chosen_count++].sheet = i;
        return BUS_OK;
    }
    return refuse_names(excel, "SHEET_MISSING", "没有映射指定的工作表",
                        "there is no sheet of the name that the mapping gives", refusal);
}

static void choose_visible(struct adapters_excel *excel)
{
    size_t most = excel->layout->excel.sheets == ADAPTERS_SHEETS_FIRST ? 1 : ADAPTERS_XLSX_SHEETS_MAX;
    for (size_t i = 0; i < excel->workbook.sheet_count && excel->chosen_count < most; i++) {
        if (is_readable(excel, i) && !excel->workbook.sheets[i].is_hidden)
            excel->chosen[excel->chosen_count++].sheet = i;
    }
}

/* Keeps of the chosen sheets those that hold the header; when none does, the one that comes nearest, so that it can be told why. */
static enum bus_status keep_with_header(struct adapters_excel *excel, struct adapters_refusal *refusal,
                                        struct bus_error *error)
{
    size_t kept = 0;
    struct chosen nearest = {0};
    for (size_t i = 0; i < excel->chosen_count; i++) {
        struct chosen found = excel->chosen[i];
        bool is_whole;
        enum bus_status status = find_header(excel, found.sheet, &found.header_line, &is_whole, refusal, error);
        if (status != BUS_OK)
            return status;
        if (is_whole)
            excel->chosen[kept++] = found;
        else if (nearest.header_line == 0)
            nearest = found;
    }
    if (kept == 0 && nearest.header_line == 0)
        return refuse_headerless(excel, refusal);
    if (kept == 0)
        excel->chosen[kept++] = nearest;
    excel->chosen_count = kept;
    return BUS_OK;
}

static enum bus_status choose_sheets(struct adapters_excel *excel, struct adapters_refusal *refusal,
                                     struct bus_error *error)
{
    const struct adapters_layout *layout = excel->layout;
    excel->chosen_count = excel->current = 0;
    memset(excel->chosen, 0, sizeof excel->chosen);
    if (layout->excel.sheet[0] != '\0') {
        enum bus_status status = choose_named(excel, refusal);
        if (status != BUS_OK)
            return status;
    } else {
        choose_visible(excel);
    }
    if (excel->chosen_count == 0)
        return refuse_names(excel, "SHEET_MISSING", "没有可见的工作表", "there is no visible sheet", refusal);
    bool is_one = layout->excel.sheets == ADAPTERS_SHEETS_ONE;
    if (!layout->has_header) {
        excel->chosen_count = is_one ? 1 : excel->chosen_count;
        return BUS_OK;
    }
    enum bus_status status = keep_with_header(excel, refusal, error);
    if (status == BUS_OK && is_one && excel->chosen_count > 1)
        return refuse_names(excel, "SHEET_SEVERAL",
                            "有多个可见工作表含有表头，无法判断报送哪一个；请只保留一个，或请交换中心在映射中指定",
                            "several visible sheets hold the header, and which one is meant cannot be told; keep one "
                            "only, or have the mapping say which",
                            refusal);
    return status;
}

/* --- rows --- */

static enum bus_status read_header(struct adapters_excel *excel, const struct adapters_xlsx_row *row,
                                   struct adapters_refusal *refusal)
{
    struct bus_bytes names[ADAPTERS_COLUMNS_MAX];
    bus_arena_reset(excel->arena);
    for (size_t i = 0; i < row->count && i < ADAPTERS_COLUMNS_MAX; i++)
        names[i] = name_in(excel, row, i);
    enum bus_status status = adapters_header_read(&excel->header, excel->layout, names, row->count, refusal);
    if (status == BUS_REJECT)
        name_sheet(excel, excel->chosen[excel->current].sheet, row->line, refusal);
    return status;
}

/* Opens the current one of the chosen sheets and passes what stands up to its header. */
static enum bus_status open_sheet(struct adapters_excel *excel, struct adapters_refusal *refusal,
                                  struct bus_error *error)
{
    const struct chosen *chosen = &excel->chosen[excel->current];
    struct adapters_xlsx_row row;
    bool is_end = false;
    adapters_header_assume(&excel->header, excel->layout);
    enum bus_status status = adapters_xlsx_sheet_open(excel->sheet, &excel->tools,
                                                      excel->workbook.sheets[chosen->sheet].path, true, refusal, error);
    while (status == BUS_OK && chosen->header_line > 0 && !is_end) {
        status = adapters_xlsx_sheet_next(excel->sheet, &row, &is_end, refusal, error);
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
    for (excel->current = excel->chosen_count; status == BUS_OK && excel->current > 0;) {
        excel->current--;
        status = open_sheet(excel, refusal, error);
    }
    return status;
}

enum bus_status adapters_excel_start(struct adapters_excel *excel, const struct adapters_layout *layout, int file,
                                     struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_xlsx_tools *tools = &excel->tools;
    const struct adapters_xlsx_workbook *workbook = &excel->workbook;
    leave_file(excel);
    excel->layout = layout;
    enum bus_status status = adapters_xlsx_other_check(file, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_package_open(file, &tools->package, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_workbook_read(&excel->workbook, tools->xml, tools->package, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_styles_read(&excel->styles, tools->xml, tools->package,
                                           workbook->styles[0] != '\0' ? workbook->styles : NULL, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_strings_read(tools->strings, tools->xml, tools->package,
                                            workbook->strings[0] != '\0' ? workbook->strings : NULL, refusal, error);
    tools->is_1904 = workbook->is_1904;
    if (status == BUS_OK)
        status = choose_sheets(excel, refusal, error);
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
    const char *sheet = excel->workbook.sheets[excel->chosen[excel->current].sheet].name;
    adapters_xlsx_column_name((int32_t)column + 1, name);
    if (excel->chosen_count > 1) {
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
    adapters_refuse_column(refusal, faults[fault].code, excel->layout->columns[excel->header.place[column]], "", "");
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
        enum bus_status status = adapters_xlsx_sheet_next(excel->sheet, row, out_end, refusal, error);
        if (status != BUS_OK || !*out_end || excel->current + 1 >= excel->chosen_count)
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
    enum bus_status status = next_row(excel, &row, out_end, refusal, error);
    *out_row = (struct adapters_row){.line = row.line, .original = row.text, .fields = fields};
    if (status == BUS_REJECT) /* the file, not the row */
        return bus_fail(error, BUS_RETRY, "%s", refusal->en);
    if (status != BUS_OK || *out_end)
        return status;
    status = check_row(excel, &row, refusal);
    if (status != BUS_OK)
        return status;
    memset(fields, 0, excel->layout->column_count * sizeof *fields);
    for (size_t i = 0; i < excel->header.count; i++) {
        if (excel->header.place[i] != ADAPTERS_COLUMN_UNUSED)
            fields[excel->header.place[i]] = adapters_xlsx_row_field(&row, i);
    }
    return BUS_OK;
}
