/* Workbook: an .xlsx file without its rows: which sheets there are, where they lie, and how days are counted (ECMA-376, strict and
 * transitional). */
#ifndef ADAPTERS_FORMATS_XLSX_WORKBOOK_H
#define ADAPTERS_FORMATS_XLSX_WORKBOOK_H

#include "adapters/formats/xlsx/xml.h"

enum {
    ADAPTERS_XLSX_SHEETS_MAX = 256,
    ADAPTERS_XLSX_SHEET_NAME_SIZE = 128, /* Excel's own limit is 31 characters */
};

struct adapters_xlsx_sheet_entry {
    char name[ADAPTERS_XLSX_SHEET_NAME_SIZE];
    char path[ADAPTERS_XLSX_PATH_SIZE]; /* "": no sheet of cells, such as a chart */
    char relation[64];
    bool is_hidden;
};

struct adapters_xlsx_workbook {
    struct adapters_xlsx_sheet_entry sheets[ADAPTERS_XLSX_SHEETS_MAX]; /* in the order of their tabs */
    size_t sheet_count;
    bool is_1904;
    char path[ADAPTERS_XLSX_PATH_SIZE], styles[ADAPTERS_XLSX_PATH_SIZE], strings[ADAPTERS_XLSX_PATH_SIZE];
    struct adapters_xlsx_xml *xml; /* while it is read */
};

/* REJECT: FILE_XLSB, FILE_ODS, FILE_NOT_XLSX (a zip archive of something else), FILE_DAMAGED, and as adapters_xlsx_xml_run. RETRY likewise. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_workbook_read(struct adapters_xlsx_workbook *workbook,
                                                           struct adapters_xlsx_xml *xml,
                                                           struct adapters_xlsx_package *package,
                                                           struct adapters_refusal *refusal, struct bus_error *error);

#endif
