/* Rows: a file of any format that a mapping can name, as rows with the mapping's columns. */
#ifndef ADAPTERS_FORMATS_ROWS_H
#define ADAPTERS_FORMATS_ROWS_H

#include "adapters/formats/encoding.h"
#include "adapters/formats/layout.h"

struct adapters_rows; /* reads one file after the other */

/* NULL when out of memory. */
struct adapters_rows *adapters_rows_create(const struct adapters_decoder *decoder);
void adapters_rows_destroy(struct adapters_rows *rows);

/* Starts on an open file, which stays the caller's, and reads its header. REJECT, a reason to hold the file: FILE_EMPTY,
 * FILE_ENCODING (UTF-16), HEADER_MISSING, COLUMN_UNKNOWN, COLUMN_MISSING, COLUMN_TWICE, or as the header's own row; for workbooks as excel.h says. RETRY when
 * it cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_rows_start(struct adapters_rows *rows, const struct adapters_layout *layout,
                                                   int file, enum adapters_encoding encoding,
                                                   struct adapters_refusal *refusal, struct bus_error *error);
/* The next row; valid until the next call. OK with *out_end: there is none. REJECT: this row only (line and original are
 * filled): COLUMN_COUNT and all that csv, ndjson and excel refuse. RETRY when the file cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_rows_next(struct adapters_rows *rows, struct adapters_row *out_row,
                                                  bool *out_end, struct adapters_refusal *refusal,
                                                  struct bus_error *error);
/* Bytes read of the file so far. */
uint64_t adapters_rows_size_bytes(const struct adapters_rows *rows);

#endif
