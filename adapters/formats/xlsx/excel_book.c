#include "adapters/formats/xlsx/excel_book.h"

#include <stdio.h>

#include "adapters/formats/header.h"
#include "adapters/mapping/transform.h"

/* Names in a header are often broken into lines. */
static struct bus_bytes name_in(struct adapters_excel_book *book, const struct adapters_xlsx_row *row, size_t column)
{
    struct bus_bytes text = adapters_xlsx_row_field(row, column);
    uint8_t *name = text.length > 0 ? bus_arena_allocate(book->arena, text.length) : NULL;
    size_t length = 0;
    for (size_t i = 0; name != NULL && i < text.length; i++) {
        if (text.data[i] != '\n' && text.data[i] != '\r')
            name[length++] = text.data[i];
    }
    return bus_bytes_of(name, length);
}

void adapters_excel_book_names(struct adapters_excel_book *book, const struct adapters_xlsx_row *row,
                               struct bus_bytes out_names[ADAPTERS_COLUMNS_MAX])
{
    bus_arena_reset(book->arena);
    for (size_t i = 0; i < row->count && i < ADAPTERS_COLUMNS_MAX; i++)
        out_names[i] = name_in(book, row, i);
}

/* --- headers --- */

static size_t count_known(struct adapters_excel_book *book, const struct adapters_xlsx_row *row)
{
    size_t known = 0;
    struct bus_bytes names[ADAPTERS_COLUMNS_MAX];
    adapters_excel_book_names(book, row, names);
    for (size_t i = 0; i < row->count && i < ADAPTERS_COLUMNS_MAX; i++)
        known += adapters_header_find(book->layout, names[i]) >= 0;
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
static enum bus_status find_header(struct adapters_excel_book *book, size_t sheet, int64_t *out_line, bool *out_whole,
                                   struct adapters_refusal *refusal, struct bus_error *error)
{
    size_t needed = count_needed(book->layout), best = 0;
    struct adapters_xlsx_row row;
    bool is_end = false;
    *out_line = 0;
    *out_whole = false;
    enum bus_status status =
        adapters_xlsx_sheet_open(book->sheet, &book->tools, book->workbook.sheets[sheet].path, false, refusal, error);
    while (status == BUS_OK && !*out_whole) {
        status = adapters_xlsx_sheet_next(book->sheet, &row, &is_end, refusal, error);
        if (status != BUS_OK || is_end || row.line > book->layout->excel.header_rows)
            break;
        size_t known = count_known(book, &row);
        *out_whole = known > 0 && known >= needed;
        if (known > best || *out_whole) {
            best = known;
            *out_line = row.line;
        }
    }
    adapters_xlsx_sheet_close(book->sheet);
    return status;
}

static enum bus_status refuse_headerless(const struct adapters_excel_book *book, struct adapters_refusal *refusal)
{
    adapters_refuse(refusal, "HEADER_MISSING", "", "");
    snprintf(refusal->zh, sizeof refusal->zh,
             "可见工作表的前 %lld 行中没有表头，没有一个已知的列名；请加上表头后重新报送",
             (long long)book->layout->excel.header_rows);
    snprintf(refusal->en, sizeof refusal->en,
             "none of the first %lld rows of a visible sheet is a header with known column names; add one and send the "
             "file again",
             (long long)book->layout->excel.header_rows);
    return BUS_REJECT;
}

/* --- which sheets --- */

static bool is_readable(const struct adapters_excel_book *book, size_t sheet)
{
    return book->workbook.sheets[sheet].path[0] != '\0';
}

static enum bus_status refuse_names(const struct adapters_excel_book *book, const char *code, const char *zh,
                                    const char *en, struct adapters_refusal *refusal)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < book->workbook.sheet_count && used < sizeof names / 2; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.60s", i > 0 ? "、" : "",
                                 book->workbook.sheets[i].name);
    adapters_refuse(refusal, code, "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s；工作簿中有：%s", zh, names);
    snprintf(refusal->en, sizeof refusal->en, "%s; the workbook has: %s", en, names);
    return BUS_REJECT;
}

static enum bus_status choose_named(struct adapters_excel_book *book, struct adapters_refusal *refusal)
{
    struct bus_bytes wanted = bus_bytes_text(book->layout->excel.sheet);
    for (size_t i = 0; i < book->workbook.sheet_count; i++) {
        struct bus_bytes name = adapters_trim(bus_bytes_text(book->workbook.sheets[i].name));
        if (!is_readable(book, i) || !bus_bytes_equal(name, wanted))
            continue;
        book->chosen[book->chosen_count++].sheet = i;
        return BUS_OK;
    }
    return refuse_names(book, "SHEET_MISSING", "没有映射指定的工作表",
                        "there is no sheet of the name that the mapping gives", refusal);
}

static void choose_visible(struct adapters_excel_book *book)
{
    size_t most = book->layout->excel.sheets == ADAPTERS_SHEETS_FIRST ? 1 : ADAPTERS_XLSX_SHEETS_MAX;
    for (size_t i = 0; i < book->workbook.sheet_count && book->chosen_count < most; i++) {
        if (is_readable(book, i) && !book->workbook.sheets[i].is_hidden)
            book->chosen[book->chosen_count++].sheet = i;
    }
}

/* Keeps of the chosen sheets those that hold the header; when none does, the one that comes nearest, so that it can be told why. */
static enum bus_status keep_with_header(struct adapters_excel_book *book, struct adapters_refusal *refusal,
                                        struct bus_error *error)
{
    size_t kept = 0;
    struct adapters_excel_chosen nearest = {0};
    for (size_t i = 0; i < book->chosen_count; i++) {
        struct adapters_excel_chosen found = book->chosen[i];
        bool is_whole;
        enum bus_status status = find_header(book, found.sheet, &found.header_line, &is_whole, refusal, error);
        if (status != BUS_OK)
            return status;
        if (is_whole)
            book->chosen[kept++] = found;
        else if (nearest.header_line == 0)
            nearest = found;
    }
    if (kept == 0 && nearest.header_line == 0)
        return refuse_headerless(book, refusal);
    if (kept == 0)
        book->chosen[kept++] = nearest;
    book->chosen_count = kept;
    return BUS_OK;
}

enum bus_status adapters_excel_book_choose(struct adapters_excel_book *book, struct adapters_refusal *refusal,
                                           struct bus_error *error)
{
    const struct adapters_layout *layout = book->layout;
    book->chosen_count = 0;
    memset(book->chosen, 0, sizeof book->chosen);
    if (layout->excel.sheet[0] != '\0') {
        enum bus_status status = choose_named(book, refusal);
        if (status != BUS_OK)
            return status;
    } else {
        choose_visible(book);
    }
    if (book->chosen_count == 0)
        return refuse_names(book, "SHEET_MISSING", "没有可见的工作表", "there is no visible sheet", refusal);
    bool is_one = layout->excel.sheets == ADAPTERS_SHEETS_ONE;
    if (!layout->has_header) {
        book->chosen_count = is_one ? 1 : book->chosen_count;
        return BUS_OK;
    }
    enum bus_status status = keep_with_header(book, refusal, error);
    if (status == BUS_OK && is_one && book->chosen_count > 1)
        return refuse_names(book, "SHEET_SEVERAL",
                            "有多个可见工作表含有表头，无法判断报送哪一个；请只保留一个，或请交换中心在映射中指定",
                            "several visible sheets hold the header, and which one is meant cannot be told; keep one "
                            "only, or have the mapping say which",
                            refusal);
    return status;
}
