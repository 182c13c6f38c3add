/* Merged areas of a sheet. They stand behind its rows, so the part is gone through once for them before; that shows, too, that all of it is
 * there and nothing of it explodes. */
#ifndef ADAPTERS_FORMATS_XLSX_MERGED_H
#define ADAPTERS_FORMATS_XLSX_MERGED_H

#include "adapters/formats/xlsx/xml.h"

enum { ADAPTERS_XLSX_MERGED_MAX = 200000, ADAPTERS_XLSX_MERGED_AT_ONCE = 256 };

/* Rows and columns from 1, both ends included. */
struct adapters_xlsx_area {
    int32_t first_row, last_row;
    int32_t first_column, last_column;
};

struct adapters_xlsx_merged {
    struct adapters_xlsx_area *areas; /* by their first row */
    size_t count, room;

    struct adapters_xlsx_window *window; /* what the part is gone through by */

    size_t next;                               /* the first that begins behind the row asked last */
    size_t open[ADAPTERS_XLSX_MERGED_AT_ONCE]; /* those that cover it */
    size_t open_count;
};

void adapters_xlsx_merged_release(struct adapters_xlsx_merged *merged);
/* Forgets the areas, and keeps the memory for the next sheet. */
void adapters_xlsx_merged_reset(struct adapters_xlsx_merged *merged);
/* Goes through the whole part `path`. REJECT, RETRY as adapters_xlsx_part_read; REJECT FILE_DAMAGED when it is no UTF-8 text. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_merged_find(struct adapters_xlsx_merged *merged,
                                                         struct adapters_xlsx_package *package, const char *path,
                                                         struct adapters_refusal *refusal, struct bus_error *error);
/* The areas that cover `row`, their number in *out_count; valid until the next call. Rows are asked for in rising order. */
const size_t *adapters_xlsx_merged_at(struct adapters_xlsx_merged *merged, int32_t row, size_t *out_count);

/* "C5" -> column 3, row 5; digits may be missing (row 0). How many characters were taken; 0: no reference. */
size_t adapters_xlsx_reference(const char *text, int32_t *out_column, int32_t *out_row);
/* Column 28 -> "AB". */
enum { ADAPTERS_XLSX_COLUMN_SIZE = 8 };
void adapters_xlsx_column_name(int32_t column, char out_name[ADAPTERS_XLSX_COLUMN_SIZE]);

#endif
