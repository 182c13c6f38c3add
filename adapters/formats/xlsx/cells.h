/* Cells: a row of a sheet as it is gathered, cell by cell, as texts.
 *
 * What is wrong with a cell is noted beside it: only who knows which columns are used can say whether it matters. */
#ifndef ADAPTERS_FORMATS_XLSX_CELLS_H
#define ADAPTERS_FORMATS_XLSX_CELLS_H

#include "adapters/formats/xlsx/merged.h"
#include "adapters/formats/xlsx/strings.h"
#include "adapters/formats/xlsx/styles.h"

enum adapters_xlsx_fault {
    ADAPTERS_XLSX_FAULT_NONE,
    ADAPTERS_XLSX_FAULT_ERROR,   /* #N/A, #REF! and the like */
    ADAPTERS_XLSX_FAULT_FORMULA, /* a formula that was never calculated */
    ADAPTERS_XLSX_FAULT_LONG,    /* a number of more than 15 digits */
    ADAPTERS_XLSX_FAULT_VALUE,   /* no number where one must be, a day before 1900, a shared string that is not there */
    ADAPTERS_XLSX_FAULT_TOO_LONG, /* more than ADAPTERS_FIELD_MAX */
    ADAPTERS_XLSX_FAULT_MERGED,   /* of a merged area, and not its first cell */
};

struct adapters_xlsx_cell {
    uint32_t offset, length; /* in the row's text */
    enum adapters_xlsx_fault fault;
};

/* What sheets are read with, for one workbook after the other. */
struct adapters_xlsx_tools {
    struct adapters_xlsx_xml *xml;
    struct adapters_xlsx_strings *strings;
    struct adapters_xlsx_styles *styles;
    struct adapters_xlsx_package *package;
    bool is_1904;
};

/* A row; valid until the next is begun. */
struct adapters_xlsx_row {
    int64_t line;          /* its number in the sheet, from 1 */
    struct bus_bytes text; /* its cells, parted by tabs */
    const struct adapters_xlsx_cell
        *cells;        /* ADAPTERS_COLUMNS_MAX; those behind `count` are empty, but may be merged */
    size_t count;      /* up to the last that is not empty; may be more than ADAPTERS_COLUMNS_MAX */
    bool is_too_long;  /* more than ADAPTERS_ROW_MAX: some cells are left out */
    bool is_misplaced; /* row or cells are not in rising order, or their references are none */
};

struct bus_bytes adapters_xlsx_row_field(const struct adapters_xlsx_row *row, size_t column);

/* By the attribute t. */
enum adapters_xlsx_cell_type {
    ADAPTERS_XLSX_CELL_NUMBER,
    ADAPTERS_XLSX_CELL_SHARED,
    ADAPTERS_XLSX_CELL_INLINE,
    ADAPTERS_XLSX_CELL_FORMULA_TEXT,
    ADAPTERS_XLSX_CELL_BOOLEAN,
    ADAPTERS_XLSX_CELL_ERROR,
    ADAPTERS_XLSX_CELL_DATE
};

struct adapters_xlsx_cells {
    const struct adapters_xlsx_tools *tools;

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
    bool has_content, is_too_long, is_misplaced;

    /* The cell under way. */
    enum adapters_xlsx_cell_type type;
    int64_t style;
    uint8_t *value;
    size_t value_length;
    bool has_value, has_formula;
};

/* False when out of memory; release it all the same. */
BUS_MUST_CHECK bool adapters_xlsx_cells_init(struct adapters_xlsx_cells *cells);
void adapters_xlsx_cells_release(struct adapters_xlsx_cells *cells);

/* Before the first row of a sheet. */
void adapters_xlsx_cells_begin(struct adapters_xlsx_cells *cells, const struct adapters_xlsx_tools *tools);
/* `line`: as the row says, or 0. */
void adapters_xlsx_cells_begin_row(struct adapters_xlsx_cells *cells, int64_t line);
/* A cell: begun, its attributes of one letter (the value ends with something that is neither letter nor digit), put in its place, its value in
 * pieces, ended. */
void adapters_xlsx_cells_begin_cell(struct adapters_xlsx_cells *cells);
void adapters_xlsx_cells_attribute(struct adapters_xlsx_cells *cells, char name, struct bus_bytes value);
void adapters_xlsx_cells_place(struct adapters_xlsx_cells *cells);
void adapters_xlsx_cells_value(struct adapters_xlsx_cells *cells, const void *text, size_t length);
void adapters_xlsx_cells_end_cell(struct adapters_xlsx_cells *cells);
/* At the end of a row, of a sheet with merged areas. */
void adapters_xlsx_cells_note_merged(struct adapters_xlsx_cells *cells, struct adapters_xlsx_merged *merged);
/* The row as it stands. */
void adapters_xlsx_cells_row(const struct adapters_xlsx_cells *cells, struct adapters_xlsx_row *out_row);

#endif
