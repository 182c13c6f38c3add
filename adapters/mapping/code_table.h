/* Code table: what a department's codes mean in the exchange's words, in a file of its own beside the mapping.
 *
 * UTF-8 CSV with the header `from,to`: a clerk keeps it in a spreadsheet, and two feeds may share it. Read once, at the start. */
#ifndef ADAPTERS_MAPPING_CODE_TABLE_H
#define ADAPTERS_MAPPING_CODE_TABLE_H

#include "bus/bytes.h"

enum {
    ADAPTERS_CODE_TABLE_PAIRS_MAX = 16384,
    ADAPTERS_CODE_TABLE_VALUE_MAX = 1024, /* bytes of one value */
    ADAPTERS_CODE_TABLE_FILE_MAX = 1024 * 1024,
};

struct adapters_code_table; /* immutable */

/* FATAL with file and line: not there, too large, no UTF-8, another header, a row without `from`, a value too long, the same `from`
 * twice. Blanks around a value are left out; an empty `to` means nothing. */
BUS_MUST_CHECK enum bus_status adapters_code_table_load(const char *path, struct adapters_code_table **out_table,
                                                        struct bus_error *error);
void adapters_code_table_destroy(struct adapters_code_table *table);

/* What `text` means: a view into the table, or `text` itself when the table does not list it. */
struct bus_bytes adapters_code_table_find(const struct adapters_code_table *table, struct bus_bytes text);
/* Bytes of the longest meaning. */
size_t adapters_code_table_longest(const struct adapters_code_table *table);

#endif
