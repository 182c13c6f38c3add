/* Styles: how each cell style shows a number (styles.xml). */
#ifndef ADAPTERS_FORMATS_XLSX_STYLES_H
#define ADAPTERS_FORMATS_XLSX_STYLES_H

#include "adapters/formats/xlsx/look.h"
#include "adapters/formats/xlsx/xml.h"

enum {
    ADAPTERS_XLSX_STYLES_MAX = 65536,
    ADAPTERS_XLSX_FORMATS_MAX = 65536,
    ADAPTERS_XLSX_STYLES_BYTES = 32 * 1024 * 1024,
};

struct adapters_xlsx_styles {
    uint8_t looks[ADAPTERS_XLSX_STYLES_MAX]; /* enum adapters_xlsx_look of each cell style */
    size_t count;
    uint8_t formats[ADAPTERS_XLSX_FORMATS_MAX]; /* of each number format, by its id */
    struct adapters_xlsx_xml *xml;              /* while it is read */
    bool is_in_cell_styles;
};

/* Reads the part `path`; NULL: the workbook has none, and every number is plain. REJECT, RETRY as adapters_xlsx_xml_run. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_styles_read(struct adapters_xlsx_styles *styles,
                                                         struct adapters_xlsx_xml *xml,
                                                         struct adapters_xlsx_package *package, const char *path,
                                                         struct adapters_refusal *refusal, struct bus_error *error);

#endif
