#include "adapters/formats/xlsx/cells.h"

#include <stdlib.h>

#include "adapters/formats/xlsx/value.h"
#include "adapters/mapping/transform.h"

enum {
    TEXT_SIZE = ADAPTERS_ROW_MAX,
    VALUE_SIZE = ADAPTERS_FIELD_MAX + 1, /* so that a value that is too long can be told */
    COLUMN_MAX = 16384,
};

bool adapters_xlsx_cells_init(struct adapters_xlsx_cells *cells)
{
    *cells = (struct adapters_xlsx_cells){.text = malloc(TEXT_SIZE), .value = malloc(VALUE_SIZE)};
    return cells->text != NULL && cells->value != NULL;
}

void adapters_xlsx_cells_release(struct adapters_xlsx_cells *cells)
{
    free(cells->text);
    free(cells->value);
    *cells = (struct adapters_xlsx_cells){0};
}

void adapters_xlsx_cells_begin(struct adapters_xlsx_cells *cells, const struct adapters_xlsx_tools *tools)
{
    cells->tools = tools;
    cells->last_line = 0;
}

static enum adapters_xlsx_cell_type read_type(struct bus_bytes type)
{
    switch (type.length > 0 ? type.data[0] : 'n') {
    case 's': return type.length == 1 ? ADAPTERS_XLSX_CELL_SHARED : ADAPTERS_XLSX_CELL_FORMULA_TEXT;
    case 'i': return ADAPTERS_XLSX_CELL_INLINE;
    case 'b': return ADAPTERS_XLSX_CELL_BOOLEAN;
    case 'e': return ADAPTERS_XLSX_CELL_ERROR;
    case 'd': return ADAPTERS_XLSX_CELL_DATE;
    default: return ADAPTERS_XLSX_CELL_NUMBER;
    }
}

void adapters_xlsx_cells_begin_cell(struct adapters_xlsx_cells *cells)
{
    cells->type = ADAPTERS_XLSX_CELL_NUMBER;
    cells->style = 0;
    cells->value_length = 0;
    cells->has_value = cells->has_formula = false;
    cells->place = cells->column + 1;
}

void adapters_xlsx_cells_attribute(struct adapters_xlsx_cells *cells, char name, struct bus_bytes value)
{
    int32_t row;
    if (name == 't')
        cells->type = read_type(value);
    else if (name == 's')
        cells->style = strtol((const char *)value.data, NULL, 10) & INT32_MAX;
    else if (name == 'r' && adapters_xlsx_reference((const char *)value.data, &cells->place, &row) == 0)
        cells->is_misplaced = true;
}

void adapters_xlsx_cells_place(struct adapters_xlsx_cells *cells)
{
    bool is_good = cells->place > cells->column && cells->place <= COLUMN_MAX;
    cells->is_misplaced = cells->is_misplaced || !is_good;
    cells->column = is_good ? cells->place : cells->column + (cells->column < COLUMN_MAX);
}

void adapters_xlsx_cells_begin_row(struct adapters_xlsx_cells *cells, int64_t line)
{
    if (line == 0)
        line = cells->last_line + 1;
    bool is_good = line > cells->last_line && line <= INT32_MAX / 2;
    cells->line = (int32_t)(is_good ? line : cells->last_line + (cells->last_line < INT32_MAX / 2));
    cells->last_line = cells->line;
    cells->column = 0;
    cells->written = cells->text_length = cells->count = 0;
    memset(cells->cells, 0, sizeof cells->cells);
    cells->has_content = cells->is_too_long = false;
    cells->is_misplaced = !is_good;
}

static void fault(struct adapters_xlsx_cells *cells, enum adapters_xlsx_fault what)
{
    size_t index = (size_t)cells->column - 1;
    cells->has_content = true;
    if (cells->count <= index)
        cells->count = index + 1;
    if (index < ADAPTERS_COLUMNS_MAX)
        cells->cells[index].fault = what;
}

/* Adds what the cell says to the row's text, behind the tabs that lead to its column. Blanks alone say nothing. */
static void add(struct adapters_xlsx_cells *cells, const void *text, size_t length)
{
    size_t index = (size_t)cells->column - 1;
    if (adapters_trim(bus_bytes_of(text, length)).length == 0)
        return;
    if (length > ADAPTERS_FIELD_MAX) {
        fault(cells, ADAPTERS_XLSX_FAULT_TOO_LONG);
        return;
    }
    cells->has_content = true;
    if (cells->count <= index)
        cells->count = index + 1;
    if (index >= ADAPTERS_COLUMNS_MAX)
        return;
    cells->is_too_long = cells->is_too_long || cells->text_length + length + (index - cells->written) > TEXT_SIZE;
    if (cells->is_too_long)
        return;
    for (; cells->written < index; cells->written++)
        cells->text[cells->text_length++] = '\t';
    memcpy(cells->text + cells->text_length, text, length);
    cells->cells[index].offset = (uint32_t)cells->text_length;
    cells->cells[index].length = (uint32_t)length;
    cells->text_length += length;
}

static void add_shared(struct adapters_xlsx_cells *cells)
{
    struct bus_bytes text;
    uint64_t number = 0;
    bool is_number = cells->value_length > 0 && cells->value_length < 10;
    for (size_t i = 0; is_number && i < cells->value_length; i++) {
        is_number = cells->value[i] >= '0' && cells->value[i] <= '9';
        number = number * 10 + (uint64_t)(cells->value[i] - '0');
    }
    if (is_number && adapters_xlsx_strings_get(cells->tools->strings, number, &text))
        add(cells, text.data, text.length);
    else
        fault(cells, ADAPTERS_XLSX_FAULT_VALUE);
}

static void add_number(struct adapters_xlsx_cells *cells)
{
    const struct adapters_xlsx_styles *styles = cells->tools->styles;
    char text[ADAPTERS_XLSX_VALUE_SIZE];
    size_t length;
    int look = cells->style < (int64_t)styles->count ? styles->looks[cells->style] : ADAPTERS_XLSX_PLAIN;
    struct bus_bytes written = adapters_trim(bus_bytes_of(cells->value, cells->value_length));
    if (written.length == 0)
        return;
    switch (adapters_xlsx_number_text(written, look, cells->tools->is_1904, text, &length)) {
    case ADAPTERS_XLSX_NUMBER_GOOD: add(cells, text, length); break;
    case ADAPTERS_XLSX_NUMBER_LONG: fault(cells, ADAPTERS_XLSX_FAULT_LONG); break;
    case ADAPTERS_XLSX_NUMBER_BAD: fault(cells, ADAPTERS_XLSX_FAULT_VALUE); break;
    }
}

static void add_boolean(struct adapters_xlsx_cells *cells)
{
    struct bus_bytes text = bus_bytes_of(cells->value, cells->value_length);
    if (bus_bytes_equal_text(text, "1") || bus_bytes_equal_text(text, "true"))
        add(cells, "TRUE", 4);
    else if (bus_bytes_equal_text(text, "0") || bus_bytes_equal_text(text, "false"))
        add(cells, "FALSE", 5);
    else if (text.length > 0)
        fault(cells, ADAPTERS_XLSX_FAULT_VALUE);
}

void adapters_xlsx_cells_end_cell(struct adapters_xlsx_cells *cells)
{
    bool is_without = !cells->has_value || (cells->value_length == 0 && cells->type == ADAPTERS_XLSX_CELL_NUMBER);
    if (cells->has_formula && is_without) {
        fault(cells, ADAPTERS_XLSX_FAULT_FORMULA);
        return;
    }
    if (!cells->has_value)
        return;
    switch (cells->type) {
    case ADAPTERS_XLSX_CELL_NUMBER: add_number(cells); break;
    case ADAPTERS_XLSX_CELL_SHARED: add_shared(cells); break;
    case ADAPTERS_XLSX_CELL_BOOLEAN: add_boolean(cells); break;
    case ADAPTERS_XLSX_CELL_ERROR: fault(cells, ADAPTERS_XLSX_FAULT_ERROR); break;
    case ADAPTERS_XLSX_CELL_DATE: add(cells, cells->value, cells->value_length); break;
    case ADAPTERS_XLSX_CELL_INLINE:
    case ADAPTERS_XLSX_CELL_FORMULA_TEXT:
        cells->value_length = adapters_xlsx_unescape(cells->value, cells->value_length);
        add(cells, cells->value, cells->value_length);
        break;
    }
}

void adapters_xlsx_cells_value(struct adapters_xlsx_cells *cells, const void *text, size_t length)
{
    size_t room = VALUE_SIZE - cells->value_length, taken = length < room ? length : room;
    memcpy(cells->value + cells->value_length, text, taken);
    cells->value_length += taken;
}

void adapters_xlsx_cells_note_merged(struct adapters_xlsx_cells *cells, struct adapters_xlsx_merged *merged)
{
    size_t count;
    const size_t *open = adapters_xlsx_merged_at(merged, cells->line, &count);
    for (size_t i = 0; i < count; i++) {
        const struct adapters_xlsx_area *area = &merged->areas[open[i]];
        int32_t column = area->first_column + (area->first_row == cells->line);
        for (; column <= area->last_column && column <= ADAPTERS_COLUMNS_MAX; column++)
            cells->cells[column - 1].fault = ADAPTERS_XLSX_FAULT_MERGED;
    }
}

void adapters_xlsx_cells_row(const struct adapters_xlsx_cells *cells, struct adapters_xlsx_row *out_row)
{
    *out_row = (struct adapters_xlsx_row){
        .line = cells->line,
        .text = bus_bytes_of(cells->text, cells->text_length),
        .cells = cells->cells,
        .count = cells->count,
        .is_too_long = cells->is_too_long,
        .is_misplaced = cells->is_misplaced,
    };
}

struct bus_bytes adapters_xlsx_row_field(const struct adapters_xlsx_row *row, size_t column)
{
    const struct adapters_xlsx_cell *cell = &row->cells[column];
    return cell->length > 0 ? bus_bytes_of(row->text.data + cell->offset, cell->length) : bus_bytes_of(NULL, 0);
}
