/* Shared strings: the texts that cells name by number (sharedStrings.xml), in bounded memory.
 *
 * They may be larger than what may be held: beyond a megabyte they lie in a nameless file in TMPDIR (by default /var/tmp), mapped, of which little
 * stays resident. Rich text is joined, phonetic runs are left out. */
#ifndef ADAPTERS_FORMATS_XLSX_STRINGS_H
#define ADAPTERS_FORMATS_XLSX_STRINGS_H

#include "adapters/formats/xlsx/xml.h"

enum { ADAPTERS_XLSX_STRINGS_MAX = 32 * 1024 * 1024 };
#define ADAPTERS_XLSX_STRINGS_BYTES (2LL * 1024 * 1024 * 1024)

struct adapters_xlsx_strings;

/* NULL when out of memory. */
struct adapters_xlsx_strings *adapters_xlsx_strings_create(void);
void adapters_xlsx_strings_destroy(struct adapters_xlsx_strings *strings);

/* Gives back the texts, and their file. */
void adapters_xlsx_strings_forget(struct adapters_xlsx_strings *strings);
/* Reads the part `path`; NULL: the workbook has none. REJECT, RETRY as adapters_xlsx_xml_run; RETRY when the temporary file cannot be written. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_strings_read(struct adapters_xlsx_strings *strings,
                                                          struct adapters_xlsx_xml *xml,
                                                          struct adapters_xlsx_package *package, const char *path,
                                                          struct adapters_refusal *refusal, struct bus_error *error);
/* The text of that number, cut one byte behind ADAPTERS_FIELD_MAX; valid until the next read. False: there is none. */
bool adapters_xlsx_strings_get(struct adapters_xlsx_strings *strings, uint64_t number, struct bus_bytes *out_text);

#endif
