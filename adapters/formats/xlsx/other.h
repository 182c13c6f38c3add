/* Other: what a file that calls itself .xlsx is when it is none. */
#ifndef ADAPTERS_FORMATS_XLSX_OTHER_H
#define ADAPTERS_FORMATS_XLSX_OTHER_H

#include "adapters/engine/row.h"

/* OK: it begins like a zip archive. REJECT, by its first bytes: FILE_EMPTY, FILE_XLS, FILE_ENCRYPTED, FILE_HTML, FILE_XML (Excel 2003),
 * FILE_TEXT (such as CSV), FILE_NOT_XLSX. RETRY when it cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_other_check(int file, struct adapters_refusal *refusal,
                                                         struct bus_error *error);

#endif
