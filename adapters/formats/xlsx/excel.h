/* Excel: the rows of an .xlsx file that a feed's layout asks for: the right sheets, from below their headers on. */
#ifndef ADAPTERS_FORMATS_XLSX_EXCEL_H
#define ADAPTERS_FORMATS_XLSX_EXCEL_H

#include "adapters/formats/layout.h"

struct adapters_excel; /* reads one file after the other */

/* NULL when out of memory. */
struct adapters_excel *adapters_excel_create(void);
void adapters_excel_destroy(struct adapters_excel *excel);

/* Starts on an open file, which stays the caller's; finds its sheets and headers, and proves that all of these is there. REJECT, a reason to hold
 * the file: FILE_EMPTY, FILE_XLS, FILE_XLSB, FILE_ODS, FILE_HTML, FILE_XML, FILE_TEXT, FILE_NOT_XLSX, FILE_ENCRYPTED, FILE_DAMAGED, FILE_DTD,
 * FILE_BOMB, SHEET_MISSING, SHEET_SEVERAL, and what a header is refused for. RETRY when it cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_excel_start(struct adapters_excel *excel, const struct adapters_layout *layout,
                                                    int file, struct adapters_refusal *refusal,
                                                    struct bus_error *error);
/* The next row: its line is that of the sheet, its original the cells parted by tabs. `fields` has room for ADAPTERS_COLUMNS_MAX. OK with
 * *out_end: there is none. REJECT: this row only (line and original are filled): CELL_ERROR, CELL_FORMULA, CELL_VALUE, CELL_MERGED, CELL_PLACE,
 * VALUE_SCIENTIFIC, FIELD_TOO_LONG, ROW_TOO_LONG, COLUMN_COUNT. RETRY when the file cannot be read on. */
BUS_MUST_CHECK enum bus_status adapters_excel_next(struct adapters_excel *excel, struct bus_bytes *fields,
                                                   struct adapters_row *out_row, bool *out_end,
                                                   struct adapters_refusal *refusal, struct bus_error *error);
/* Bytes of the file that were read so far, by estimate. */
uint64_t adapters_excel_size_bytes(const struct adapters_excel *excel);

#endif
