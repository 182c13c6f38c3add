/* Push rows: the body of a delivery as the texts of its rows: the elements of a JSON array (RFC 8259), or lines (NDJSON). */
#ifndef ADAPTERS_SOURCES_PUSH_ROWS_H
#define ADAPTERS_SOURCES_PUSH_ROWS_H

#include "bus/bytes.h"

enum adapters_push_form { ADAPTERS_PUSH_ARRAY, ADAPTERS_PUSH_LINES };

/* Whether rows can be told apart in the whole body, and how many there are. REJECT: JSON_SYNTAX with line and column, JSON_NO_ARRAY,
 * ROWS_TOO_MANY. What is wrong in a line, or inside an element that is JSON, is the row's own matter. */
BUS_MUST_CHECK enum bus_status adapters_push_rows_check(enum adapters_push_form form, struct bus_bytes body,
                                                        size_t max_rows, size_t *out_count, struct bus_error *error);

/* Goes through a body that was checked. */
struct adapters_push_rows {
    enum adapters_push_form form;
    const uint8_t *at, *end;
    const uint8_t *counted; /* up to where `line` is counted */
    int64_t line;           /* where the row at hand begins, 1-based */
};

void adapters_push_rows_start(struct adapters_push_rows *rows, enum adapters_push_form form, struct bus_bytes body);
/* The text of the next row, without blanks around it. False: there is none. */
bool adapters_push_rows_next(struct adapters_push_rows *rows, struct bus_bytes *out_text);

#endif
