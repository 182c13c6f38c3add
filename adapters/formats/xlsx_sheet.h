/* Sheet: the rows of one sheet, one after the other, as texts (ECMA-376 part 1, 18.3).
 *
 * A row that holds nothing, whatever its formatting, is passed over. What is wrong with a cell is noted beside it: only who knows which columns are
 * used can say whether it matters. */
#ifndef ADAPTERS_FORMATS_XLSX_SHEET_H
#define ADAPTERS_FORMATS_XLSX_SHEET_H

#include "adapters/formats/xlsx_merged.h"
#include "adapters/formats/xlsx_strings.h"
#include "adapters/formats/xlsx_styles.h"

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

struct adapters_xlsx_sheet;

/* NULL when out of memory. */
struct adapters_xlsx_sheet *adapters_xlsx_sheet_create(void);
void adapters_xlsx_sheet_destroy(struct adapters_xlsx_sheet *sheet);

/* Begins the sheet in the part `path`, which must live until the close. `with_merged`: goes through all of it first, for its merged areas
 * and to prove it whole. REJECT, RETRY as adapters_xlsx_merged_find and adapters_xlsx_part_open. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_sheet_open(struct adapters_xlsx_sheet *sheet,
                                                        const struct adapters_xlsx_tools *tools, const char *path,
                                                        bool with_merged, struct adapters_refusal *refusal,
                                                        struct bus_error *error);
void adapters_xlsx_sheet_close(struct adapters_xlsx_sheet *sheet);

/* A row; valid until the next. */
struct adapters_xlsx_row {
    int64_t line;          /* its number in the sheet, from 1 */
    struct bus_bytes text; /* its cells, parted by tabs */
    const struct adapters_xlsx_cell
        *cells;        /* ADAPTERS_COLUMNS_MAX; those behind `count` are empty, but may be merged */
    size_t count;      /* up to the last that is not empty; may be more than ADAPTERS_COLUMNS_MAX */
    bool is_too_long;  /* more than ADAPTERS_ROW_MAX: some cells are left out */
    bool is_misplaced; /* row or cells are not in rising order, or their references are none */
};

/* REJECT, RETRY as adapters_xlsx_xml_run: the file is damaged from here on. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_sheet_next(struct adapters_xlsx_sheet *sheet,
                                                        struct adapters_xlsx_row *out_row, bool *out_end,
                                                        struct adapters_refusal *refusal, struct bus_error *error);
struct bus_bytes adapters_xlsx_row_field(const struct adapters_xlsx_row *row, size_t column);
/* Bytes of the sheet's part in the file that were read, by estimate. */
uint64_t adapters_xlsx_sheet_size_bytes(const struct adapters_xlsx_sheet *sheet);

#endif
