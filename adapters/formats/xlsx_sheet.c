#include "adapters/formats/xlsx_sheet.h"

#include <stdlib.h>

#include "adapters/engine/transform.h"
#include "adapters/formats/xlsx_quick.h"
#include "adapters/formats/xlsx_value.h"

enum {
    TEXT_SIZE = ADAPTERS_ROW_MAX,
    VALUE_SIZE = ADAPTERS_FIELD_MAX + 1, /* so that a value that is too long can be told */
    COLUMN_MAX = 16384,
};

/* worksheet > sheetData > row > c > v, f, is; is > t, is > r > t; is > rPh is phonetic. */
enum { DEPTH_DATA = 2, DEPTH_ROW, DEPTH_CELL, DEPTH_VALUE };

/* By the attribute t. */
enum cell_type { CELL_NUMBER, CELL_SHARED, CELL_INLINE, CELL_FORMULA_TEXT, CELL_BOOLEAN, CELL_ERROR, CELL_DATE };

struct adapters_xlsx_sheet {
    const struct adapters_xlsx_tools *tools;
    struct adapters_xlsx_part part;
    struct adapters_xlsx_merged merged;

    /* The row under way. */
    int32_t line;
    int32_t last_line; /* of the row before */
    int32_t column;    /* of the cell under way or before, from 1 */
    int32_t place;     /* what the cell under way says of its column */
    size_t written;    /* columns in the text */
    uint8_t *text;
    size_t text_length;
    struct adapters_xlsx_cell cells[ADAPTERS_COLUMNS_MAX];
    size_t count;
    bool is_in_data, has_content, is_too_long, is_misplaced;

    /* The cell under way. */
    enum cell_type type;
    int64_t style;
    uint8_t *value;
    size_t value_length;
    bool is_in_value, has_value, has_formula;
    int phonetic_depth; /* 0: not in a phonetic run */
};

struct adapters_xlsx_sheet *adapters_xlsx_sheet_create(void)
{
    struct adapters_xlsx_sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet == NULL)
        return NULL;
    sheet->text = malloc(TEXT_SIZE);
    sheet->value = malloc(VALUE_SIZE);
    if (sheet->text != NULL && sheet->value != NULL)
        return sheet;
    adapters_xlsx_sheet_destroy(sheet);
    return NULL;
}

void adapters_xlsx_sheet_destroy(struct adapters_xlsx_sheet *sheet)
{
    if (sheet == NULL)
        return;
    adapters_xlsx_sheet_close(sheet);
    free(sheet->text);
    free(sheet->value);
    free(sheet);
}

void adapters_xlsx_sheet_close(struct adapters_xlsx_sheet *sheet)
{
    adapters_xlsx_part_close(&sheet->part);
    adapters_xlsx_merged_release(&sheet->merged);
}

uint64_t adapters_xlsx_sheet_size_bytes(const struct adapters_xlsx_sheet *sheet)
{
    const struct adapters_xlsx_part *part = &sheet->part;
    double share = part->told_bytes > 0 ? (double)part->read_bytes / (double)part->told_bytes : 0;
    return (uint64_t)(share < 1 ? share * (double)part->packed_bytes : (double)part->packed_bytes);
}

/* --- the cells of a row --- */

static void fault(struct adapters_xlsx_sheet *sheet, enum adapters_xlsx_fault what)
{
    size_t index = (size_t)sheet->column - 1;
    sheet->has_content = true;
    if (sheet->count <= index)
        sheet->count = index + 1;
    if (index < ADAPTERS_COLUMNS_MAX)
        sheet->cells[index].fault = what;
}

/* Adds what the cell says to the row's text, behind the tabs that lead to its column. Blanks alone say nothing. */
static void add(struct adapters_xlsx_sheet *sheet, const void *text, size_t length)
{
    size_t index = (size_t)sheet->column - 1;
    if (adapters_trim(bus_bytes_of(text, length)).length == 0)
        return;
    if (length > ADAPTERS_FIELD_MAX) {
        fault(sheet, ADAPTERS_XLSX_FAULT_TOO_LONG);
        return;
    }
    sheet->has_content = true;
    if (sheet->count <= index)
        sheet->count = index + 1;
    if (index >= ADAPTERS_COLUMNS_MAX)
        return;
    sheet->is_too_long = sheet->is_too_long || sheet->text_length + length + (index - sheet->written) > TEXT_SIZE;
    if (sheet->is_too_long)
        return;
    for (; sheet->written < index; sheet->written++)
        sheet->text[sheet->text_length++] = '\t';
    memcpy(sheet->text + sheet->text_length, text, length);
    sheet->cells[index].offset = (uint32_t)sheet->text_length;
    sheet->cells[index].length = (uint32_t)length;
    sheet->text_length += length;
}

static void add_shared(struct adapters_xlsx_sheet *sheet)
{
    struct bus_bytes text;
    uint64_t number = 0;
    bool is_number = sheet->value_length > 0 && sheet->value_length < 10;
    for (size_t i = 0; is_number && i < sheet->value_length; i++) {
        is_number = sheet->value[i] >= '0' && sheet->value[i] <= '9';
        number = number * 10 + (uint64_t)(sheet->value[i] - '0');
    }
    if (is_number && adapters_xlsx_strings_get(sheet->tools->strings, number, &text))
        add(sheet, text.data, text.length);
    else
        fault(sheet, ADAPTERS_XLSX_FAULT_VALUE);
}

static void add_number(struct adapters_xlsx_sheet *sheet)
{
    const struct adapters_xlsx_styles *styles = sheet->tools->styles;
    char text[ADAPTERS_XLSX_VALUE_SIZE];
    size_t length;
    int look = sheet->style < (int64_t)styles->count ? styles->looks[sheet->style] : ADAPTERS_XLSX_PLAIN;
    struct bus_bytes written = adapters_trim(bus_bytes_of(sheet->value, sheet->value_length));
    if (written.length == 0)
        return;
    switch (adapters_xlsx_number_text(written, look, sheet->tools->is_1904, text, &length)) {
    case ADAPTERS_XLSX_NUMBER_GOOD: add(sheet, text, length); break;
    case ADAPTERS_XLSX_NUMBER_LONG: fault(sheet, ADAPTERS_XLSX_FAULT_LONG); break;
    case ADAPTERS_XLSX_NUMBER_BAD: fault(sheet, ADAPTERS_XLSX_FAULT_VALUE); break;
    }
}

static void add_boolean(struct adapters_xlsx_sheet *sheet)
{
    struct bus_bytes text = bus_bytes_of(sheet->value, sheet->value_length);
    if (bus_bytes_equal_text(text, "1") || bus_bytes_equal_text(text, "true"))
        add(sheet, "TRUE", 4);
    else if (bus_bytes_equal_text(text, "0") || bus_bytes_equal_text(text, "false"))
        add(sheet, "FALSE", 5);
    else if (text.length > 0)
        fault(sheet, ADAPTERS_XLSX_FAULT_VALUE);
}

static void end_cell(struct adapters_xlsx_sheet *sheet)
{
    bool is_without = !sheet->has_value || (sheet->value_length == 0 && sheet->type == CELL_NUMBER);
    if (sheet->has_formula && is_without) {
        fault(sheet, ADAPTERS_XLSX_FAULT_FORMULA);
        return;
    }
    if (!sheet->has_value)
        return;
    switch (sheet->type) {
    case CELL_NUMBER: add_number(sheet); break;
    case CELL_SHARED: add_shared(sheet); break;
    case CELL_BOOLEAN: add_boolean(sheet); break;
    case CELL_ERROR: fault(sheet, ADAPTERS_XLSX_FAULT_ERROR); break;
    case CELL_DATE: add(sheet, sheet->value, sheet->value_length); break;
    case CELL_INLINE:
    case CELL_FORMULA_TEXT:
        sheet->value_length = adapters_xlsx_unescape(sheet->value, sheet->value_length);
        add(sheet, sheet->value, sheet->value_length);
        break;
    }
}

/* --- tags --- */

static enum cell_type read_type(struct bus_bytes type)
{
    switch (type.length > 0 ? type.data[0] : 'n') {
    case 's': return type.length == 1 ? CELL_SHARED : CELL_FORMULA_TEXT;
    case 'i': return CELL_INLINE;
    case 'b': return CELL_BOOLEAN;
    case 'e': return CELL_ERROR;
    case 'd': return CELL_DATE;
    default: return CELL_NUMBER;
    }
}

static void begin_cell(struct adapters_xlsx_sheet *sheet)
{
    sheet->type = CELL_NUMBER;
    sheet->style = 0;
    sheet->value_length = 0;
    sheet->is_in_value = sheet->has_value = sheet->has_formula = false;
    sheet->place = sheet->column + 1;
}

/* An attribute of a cell; the value ends with something that is neither letter nor digit. */
static void take_attribute(struct adapters_xlsx_sheet *sheet, char name, struct bus_bytes value)
{
    int32_t row;
    if (name == 't')
        sheet->type = read_type(value);
    else if (name == 's')
        sheet->style = strtol((const char *)value.data, NULL, 10) & INT32_MAX;
    else if (name == 'r' && adapters_xlsx_reference((const char *)value.data, &sheet->place, &row) == 0)
        sheet->is_misplaced = true;
}

static void place_cell(struct adapters_xlsx_sheet *sheet)
{
    bool is_good = sheet->place > sheet->column && sheet->place <= COLUMN_MAX;
    sheet->is_misplaced = sheet->is_misplaced || !is_good;
    sheet->column = is_good ? sheet->place : sheet->column + (sheet->column < COLUMN_MAX);
}

static void start_cell(struct adapters_xlsx_sheet *sheet, const char **attributes)
{
    begin_cell(sheet);
    for (; *attributes != NULL; attributes += 2) {
        if (attributes[0][1] == '\0')
            take_attribute(sheet, attributes[0][0], bus_bytes_text(attributes[1]));
    }
    place_cell(sheet);
}

/* `line`: as the row says, or 0. */
static void start_row(struct adapters_xlsx_sheet *sheet, int64_t line)
{
    if (line == 0)
        line = sheet->last_line + 1;
    bool is_good = line > sheet->last_line && line <= INT32_MAX / 2;
    sheet->line = (int32_t)(is_good ? line : sheet->last_line + (sheet->last_line < INT32_MAX / 2));
    sheet->last_line = sheet->line;
    sheet->column = 0;
    sheet->written = sheet->text_length = sheet->count = 0;
    memset(sheet->cells, 0, sizeof sheet->cells);
    sheet->has_content = sheet->is_too_long = false;
    sheet->is_misplaced = !is_good;
}

/* Anything below a cell: its value, its formula, or a text that stands in it. */
static void start_inside(struct adapters_xlsx_sheet *sheet, const char *name, int depth)
{
    if (depth == DEPTH_VALUE && strcmp(name, "v") == 0)
        sheet->is_in_value = sheet->has_value = sheet->type != CELL_INLINE;
    else if (depth == DEPTH_VALUE && strcmp(name, "f") == 0)
        sheet->has_formula = true;
    else if (sheet->phonetic_depth == 0 && strcmp(name, "rPh") == 0)
        sheet->phonetic_depth = depth;
    else if (depth > DEPTH_VALUE && strcmp(name, "t") == 0 && sheet->type == CELL_INLINE && sheet->phonetic_depth == 0)
        sheet->is_in_value = sheet->has_value = true;
}

static void on_start(void *self, const char *name, const char **attributes, int depth)
{
    struct adapters_xlsx_sheet *sheet = self;
    if (depth == DEPTH_DATA)
        sheet->is_in_data = strcmp(name, "sheetData") == 0;
    else if (!sheet->is_in_data)
        return;
    else if (depth == DEPTH_ROW)
        start_row(sheet, adapters_xlsx_attribute_number(attributes, "r", 0));
    else if (depth == DEPTH_CELL && strcmp(name, "c") == 0)
        start_cell(sheet, attributes);
    else if (depth > DEPTH_CELL)
        start_inside(sheet, name, depth);
}

static void note_merged(struct adapters_xlsx_sheet *sheet)
{
    size_t count;
    const size_t *open = adapters_xlsx_merged_at(&sheet->merged, sheet->line, &count);
    for (size_t i = 0; i < count; i++) {
        const struct adapters_xlsx_area *area = &sheet->merged.areas[open[i]];
        int32_t column = area->first_column + (area->first_row == sheet->line);
        for (; column <= area->last_column && column <= ADAPTERS_COLUMNS_MAX; column++)
            sheet->cells[column - 1].fault = ADAPTERS_XLSX_FAULT_MERGED;
    }
}

/* A row that says something is handed out. */
static void end_row(struct adapters_xlsx_sheet *sheet)
{
    if (sheet->merged.count > 0)
        note_merged(sheet);
    if (sheet->has_content || sheet->is_misplaced)
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
        end_cell(sheet);
    if (depth == DEPTH_ROW)
        end_row(sheet);
    if (depth == DEPTH_DATA)
        adapters_xlsx_xml_finish(sheet->tools->xml);
}

static void take_value(struct adapters_xlsx_sheet *sheet, const void *text, size_t length)
{
    size_t room = VALUE_SIZE - sheet->value_length, taken = length < room ? length : room;
    memcpy(sheet->value + sheet->value_length, text, taken);
    sheet->value_length += taken;
}

static void on_text(void *self, const char *text, size_t length)
{
    struct adapters_xlsx_sheet *sheet = self;
    if (sheet->is_in_value)
        take_value(sheet, text, length);
}

/* --- the same without the parser, for rows in their plainest form --- */

static void quick_value(struct adapters_xlsx_sheet *sheet, struct adapters_xlsx_quick *quick, const char *closing)
{
    struct bus_bytes text = adapters_xlsx_quick_text(quick);
    if (!adapters_xlsx_quick_take(quick, closing)) {
        quick->result = quick->result == ADAPTERS_XLSX_QUICK_GOOD ? ADAPTERS_XLSX_QUICK_OTHER : quick->result;
        return;
    }
    sheet->has_value = true;
    take_value(sheet, text.data, text.length);
}

/* `<v>…</v></c>`, `<f>…</f><v>…</v></c>`, `<is><t>…</t></is></c>`. */
static void quick_content(struct adapters_xlsx_sheet *sheet, struct adapters_xlsx_quick *quick)
{
    if (sheet->type == CELL_INLINE) {
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
        sheet->has_formula = true;
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
    begin_cell(sheet);
    for (size_t i = 0; i < tag.count; i++) {
        if (tag.attributes[i].name.length == 1)
            take_attribute(sheet, (char)tag.attributes[i].name.data[0], tag.attributes[i].value);
    }
    place_cell(sheet);
    if (!tag.is_empty)
        quick_content(sheet, quick);
    if (quick->result == ADAPTERS_XLSX_QUICK_GOOD)
        end_cell(sheet);
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
    int32_t last_line = sheet->last_line;
    if (!sheet->is_in_data || depth != DEPTH_DATA || !adapters_xlsx_quick_take(&quick, "<row"))
        return quick.result == ADAPTERS_XLSX_QUICK_SHORT ? ADAPTERS_XLSX_XML_MORE : 0;
    adapters_xlsx_quick_tag(&quick, &tag);
    if (quick.result == ADAPTERS_XLSX_QUICK_GOOD)
        start_row(sheet, quick_line(&tag));
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
    sheet->last_line = last_line;
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
    sheet->last_line = 0;
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
    *out_row = (struct adapters_xlsx_row){
        .line = sheet->line,
        .text = bus_bytes_of(sheet->text, sheet->text_length),
        .cells = sheet->cells,
        .count = sheet->count,
        .is_too_long = sheet->is_too_long,
        .is_misplaced = sheet->is_misplaced,
    };
    return status;
}

struct bus_bytes adapters_xlsx_row_field(const struct adapters_xlsx_row *row, size_t column)
{
    const struct adapters_xlsx_cell *cell = &row->cells[column];
    return cell->length > 0 ? bus_bytes_of(row->text.data + cell->offset, cell->length) : bus_bytes_of(NULL, 0);
}
