/* Book: an open workbook, and which of its sheets are read because they hold the feed's header. Shared by excel.c and excel_book.c. */
#ifndef ADAPTERS_FORMATS_XLSX_EXCEL_BOOK_H
#define ADAPTERS_FORMATS_XLSX_EXCEL_BOOK_H

#include "adapters/formats/layout.h"
#include "adapters/formats/xlsx/sheet.h"
#include "adapters/formats/xlsx/workbook.h"
#include "bus/arena.h"

/* A sheet that is read, and where its header was found; 0: it has none. */
struct adapters_excel_chosen {
    size_t sheet;
    int64_t header_line;
};

struct adapters_excel_book {
    const struct adapters_layout *layout;
    struct adapters_xlsx_tools tools;
    struct adapters_xlsx_styles styles;
    struct adapters_xlsx_workbook workbook;
    struct adapters_xlsx_sheet *sheet; /* what sheets are read by, one at a time */
    struct adapters_excel_chosen chosen[ADAPTERS_XLSX_SHEETS_MAX];
    size_t chosen_count;
    struct bus_arena *arena; /* of the names in a header */
};

/* Fills `chosen`, at least one, as the layout says. REJECT: SHEET_MISSING, SHEET_SEVERAL, HEADER_MISSING, and as adapters_xlsx_sheet_next. */
BUS_MUST_CHECK enum bus_status adapters_excel_book_choose(struct adapters_excel_book *book,
                                                          struct adapters_refusal *refusal, struct bus_error *error);
/* The names in a row that is or may be a header; valid until the next call. */
void adapters_excel_book_names(struct adapters_excel_book *book, const struct adapters_xlsx_row *row,
                               struct bus_bytes out_names[ADAPTERS_COLUMNS_MAX]);

#endif
