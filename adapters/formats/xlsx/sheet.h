/* Sheet: the rows of one sheet, one after the other, as texts (ECMA-376 part 1, 18.3).
 *
 * A row that holds nothing, whatever its formatting, is passed over. */
#ifndef ADAPTERS_FORMATS_XLSX_SHEET_H
#define ADAPTERS_FORMATS_XLSX_SHEET_H

#include "adapters/formats/xlsx/cells.h"

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

/* REJECT, RETRY as adapters_xlsx_xml_run: the file is damaged from here on. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_sheet_next(struct adapters_xlsx_sheet *sheet,
                                                        struct adapters_xlsx_row *out_row, bool *out_end,
                                                        struct adapters_refusal *refusal, struct bus_error *error);
/* Bytes of the sheet's part in the file that were read, by estimate. */
uint64_t adapters_xlsx_sheet_size_bytes(const struct adapters_xlsx_sheet *sheet);

#endif
