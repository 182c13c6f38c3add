#include "adapters/formats/xlsx/sheet.h"

#include <stdlib.h>

#include "adapters/formats/xlsx/quick.h"

/* worksheet > sheetData > row > c > v, f, is; is > t, is > r > t; is > rPh is phonetic. */
enum { DEPTH_DATA = 2, DEPTH_ROW, DEPTH_CELL, DEPTH_VALUE };

struct adapters_xlsx_sheet {
    const struct adapters_xlsx_tools *tools;
    struct adapters_xlsx_part part;
    struct adapters_xlsx_merged merged;
    struct adapters_xlsx_cells cells; /* of the row under way */
    bool is_in_data, is_in_value;
    int phonetic_depth; /* 0: not in a phonetic run */
};

struct adapters_xlsx_sheet *adapters_xlsx_sheet_create(void)
{
    struct adapters_xlsx_sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet == NULL)
        return NULL;
    if (adapters_xlsx_cells_init(&sheet->cells))
        return sheet;
    adapters_xlsx_sheet_destroy(sheet);
    return NULL;
}

void adapters_xlsx_sheet_destroy(struct adapters_xlsx_sheet *sheet)
{
    if (sheet == NULL)
        return;
    adapters_xlsx_sheet_close(sheet);
    adapters_xlsx_merged_release(&sheet->merged);
    adapters_xlsx_cells_release(&sheet->cells);
    free(sheet);
}

void adapters_xlsx_sheet_close(struct adapters_xlsx_sheet *sheet)
{
    adapters_xlsx_part_close(&sheet->part);
    adapters_xlsx_merged_reset(&sheet->merged);
}

uint64_t adapters_xlsx_sheet_size_bytes(const struct adapters_xlsx_sheet *sheet)
{
    const struct adapters_xlsx_part *part = &sheet->part;
    double share = part->told_bytes > 0 ? (double)part->read_bytes / (double)part->told_bytes : 0;
    return (uint64_t)(share < 1 ? share * (double)part->packed_bytes : (double)part->packed_bytes);
}

/* --- tags --- */

static void start_cell(struct adapters_xlsx_sheet *sheet, const char **attributes)
{
    adapters_xlsx_cells_begin_cell(&sheet->cells);
    for (; *attributes != NULL; attributes += 2) {
        if (attributes[0][1] == '\0')
            adapters_xlsx_cells_attribute(&sheet->cells, attributes[0][0], bus_bytes_text(attributes[1]));
    }
    adapters_xlsx_cells_place(&sheet->cells);
}

/* Anything below a cell: its value, its formula, or a text that stands in it. */
static void start_inside(struct adapters_xlsx_sheet *sheet, const char *name, int depth)
{
    if (depth == DEPTH_VALUE && strcmp(name, "v") == 0)
        sheet->is_in_value = sheet->cells.has_value = sheet->cells.type != ADAPTERS_XLSX_CELL_INLINE;
    else if (depth == DEPTH_VALUE && strcmp(name, "f") == 0)
        sheet->cells.has_formula = true;
    else if (sheet->phonetic_depth == 0 && strcmp(name, "rPh") == 0)
        sheet->phonetic_depth = depth;
    else if (depth > DEPTH_VALUE && strcmp(name, "t") == 0 && sheet->cells.type == ADAPTERS_XLSX_CELL_INLINE &&
             sheet->phonetic_depth == 0)
        sheet->is_in_value = sheet->cells.has_value = true;
}

static void on_start(void *self, const char *name, const char **attributes, int depth)
{
    struct adapters_xlsx_sheet *sheet = self;
    if (depth == DEPTH_DATA)
        sheet->is_in_data = strcmp(name, "sheetData") == 0;
    else if (!sheet->is_in_data)
        return;
    else if (depth == DEPTH_ROW)
        adapters_xlsx_cells_begin_row(&sheet->cells, adapters_xlsx_attribute_number(attributes, "r", 0));
    else if (depth == DEPTH_CELL && strcmp(name, "c") == 0)
        start_cell(sheet, attributes);
    else if (depth > DEPTH_CELL)
        start_inside(sheet, name, depth);
}

/* A row that says something is handed out. */
static void end_row(struct adapters_xlsx_sheet *sheet)
{
    if (sheet->merged.count > 0)
        adapters_xlsx_cells_note_merged(&sheet->cells, &sheet->merged);
    if (sheet->cells.has_content || sheet->cells.is_misplaced)
        adapters_xlsx_xml_pause(sheet->tools->xml);
}

static void on_end(void *self, const char *name, int depth)
{
    struct adapters_xlsx_sheet *sheet = self;
    sheet->is_in_value = false;
    if (depth == sheet->phonetic_depth)
        sheet->phonetic_depth = 0;
    if (!sheet->is_in_data)
        return;
    if (depth == DEPTH_CELL && strcmp(name, "c") == 0)
        adapters_xlsx_cells_end_cell(&sheet->cells);
    if (depth == DEPTH_ROW)
        end_row(sheet);
    if (depth == DEPTH_DATA)
        adapters_xlsx_xml_finish(sheet->tools->xml);
}

static void on_text(void *self, const char *text, size_t length)
{
    struct adapters_xlsx_sheet *sheet = self;
    if (sheet->is_in_value)
        adapters_xlsx_cells_value(&sheet->cells, text, length);
}

/* --- the same without the parser, for rows in their plainest form --- */

static void quick_value(struct adapters_xlsx_sheet *sheet, struct adapters_xlsx_quick *quick, const char *closing)
{
    struct bus_bytes text = adapters_xlsx_quick_text(quick);
    if (!adapters_xlsx_quick_take(quick, closing)) {
        quick->result = quick->result == ADAPTERS_XLSX_QUICK_GOOD ? ADAPTERS_XLSX_QUICK_OTHER : quick->result;
        return;
    }
    sheet->cells.has_value = true;
    adapters_xlsx_cells_value(&sheet->cells, text.data, text.length);
}

/* `<v>…</v></c>`, `<f>…</f><v>…</v></c>`, `<is><t>…</t></is></c>`. */
static void quick_content(struct adapters_xlsx_sheet *sheet, struct adapters_xlsx_quick *quick)
{
    if (sheet->cells.type == ADAPTERS_XLSX_CELL_INLINE) {
        if (adapters_xlsx_quick_take(quick, "<is><t>") ||
            adapters_xlsx_quick_take(quick, "<is><t xml:space=\"preserve\">"))
            quick_value(sheet, quick, "</t></is></c>");
        else if (quick->result == ADAPTERS_XLSX_QUICK_GOOD)
            quick->result = ADAPTERS_XLSX_QUICK_OTHER;
        return;
    }
    if (adapters_xlsx_quick_take(quick, "<f>")) {
        adapters_xlsx_quick_text(quick);
        if (!adapters_xlsx_quick_take(quick, "</f>") && quick->result == ADAPTERS_XLSX_QUICK_GOOD)
            quick->result = ADAPTERS_XLSX_QUICK_OTHER;
        sheet->cells.has_formula = true;
    }
    if (adapters_xlsx_quick_take(quick, "<v>"))
        quick_value(sheet, quick, "</v></c>");
    else if (!adapters_xlsx_quick_take(quick, "</c>") && quick->result == ADAPTERS_XLSX_QUICK_GOOD)
        quick->result = ADAPTERS_XLSX_QUICK_OTHER;
}

static void quick_cell(struct adapters_xlsx_sheet *sheet, struct adapters_xlsx_quick *quick)
{
    struct adapters_xlsx_quick_tag tag;
    adapters_xlsx_quick_tag(quick, &tag);
    if (quick->result != ADAPTERS_XLSX_QUICK_GOOD)
        return;
    adapters_xlsx_cells_begin_cell(&sheet->cells);
    for (size_t i = 0; i < tag.count; i++) {
        if (tag.attributes[i].name.length == 1)
            adapters_xlsx_cells_attribute(&sheet->cells, (char)tag.attributes[i].name.data[0], tag.attributes[i].value);
    }
    adapters_xlsx_cells_place(&sheet->cells);
    if (!tag.is_empty)
        quick_content(sheet, quick);
    if (quick->result == ADAPTERS_XLSX_QUICK_GOOD)
        adapters_xlsx_cells_end_cell(&sheet->cells);
}

/* The number that a row says it has; 0: none. */
static int64_t quick_line(const struct adapters_xlsx_quick_tag *tag)
{
    char text[20];
    for (size_t i = 0; i < tag->count; i++) {
        const struct adapters_xlsx_quick_attribute *attribute = &tag->attributes[i];
        if (!bus_bytes_equal_text(attribute->name, "r") || attribute->value.length >= sizeof text)
            continue;
        memcpy(text, attribute->value.data, attribute->value.length);
        text[attribute->value.length] = '\0';
        const char *attributes[] = {"r", text, NULL};
        return adapters_xlsx_attribute_number(attributes, "r", 0);
    }
    return 0;
}

static long on_quick(void *self, const uint8_t *bytes, size_t length, int depth)
{
    struct adapters_xlsx_sheet *sheet = self;
    struct adapters_xlsx_quick quick = {.at = bytes, .end = bytes + length};
    struct adapters_xlsx_quick_tag tag;
    int32_t last_line = sheet->cells.last_line;
    if (!sheet->is_in_data || depth != DEPTH_DATA || !adapters_xlsx_quick_take(&quick, "<row"))
        return quick.result == ADAPTERS_XLSX_QUICK_SHORT ? ADAPTERS_XLSX_XML_MORE : 0;
    adapters_xlsx_quick_tag(&quick, &tag);
    if (quick.result == ADAPTERS_XLSX_QUICK_GOOD)
        adapters_xlsx_cells_begin_row(&sheet->cells, quick_line(&tag));
    while (quick.result == ADAPTERS_XLSX_QUICK_GOOD && !tag.is_empty && !adapters_xlsx_quick_take(&quick, "</row>")) {
        if (adapters_xlsx_quick_take(&quick, "<c"))
            quick_cell(sheet, &quick);
        else if (quick.result == ADAPTERS_XLSX_QUICK_GOOD)
            quick.result = ADAPTERS_XLSX_QUICK_OTHER;
    }
    if (quick.result == ADAPTERS_XLSX_QUICK_GOOD) {
        end_row(sheet);
        return quick.at - bytes;
    }
    sheet->cells.last_line = last_line;
    return quick.result == ADAPTERS_XLSX_QUICK_SHORT ? ADAPTERS_XLSX_XML_MORE : 0;
}

/* --- the whole --- */

enum bus_status adapters_xlsx_sheet_open(struct adapters_xlsx_sheet *sheet, const struct adapters_xlsx_tools *tools,
                                         const char *path, bool with_merged, struct adapters_refusal *refusal,
                                         struct bus_error *error)
{
    static const struct adapters_xlsx_handler handler = {
        .start = on_start, .end = on_end, .text = on_text, .quick_token = "<row", .quick = on_quick};
    enum bus_status status = BUS_OK;
    adapters_xlsx_sheet_close(sheet);
    sheet->tools = tools;
    adapters_xlsx_cells_begin(&sheet->cells, tools);
    sheet->is_in_data = sheet->is_in_value = false;
    sheet->phonetic_depth = 0;
    if (with_merged)
        status = adapters_xlsx_merged_find(&sheet->merged, tools->package, path, refusal, error);
    if (status == BUS_OK)
        status = adapters_xlsx_part_open(tools->package, path, 0, &sheet->part, refusal, error);
    return status == BUS_OK ? adapters_xlsx_xml_begin(tools->xml, &sheet->part, &handler, sheet, error) : status;
}

enum bus_status adapters_xlsx_sheet_next(struct adapters_xlsx_sheet *sheet, struct adapters_xlsx_row *out_row,
                                         bool *out_end, struct adapters_refusal *refusal, struct bus_error *error)
{
    enum bus_status status = adapters_xlsx_xml_run(sheet->tools->xml, out_end, refusal, error);
    adapters_xlsx_cells_row(&sheet->cells, out_row);
    return status;
}
