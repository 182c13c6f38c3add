/* CSV: one record after the other out of a text, RFC 4180 with any separator, and tab-separated files.
 *
 * A field may be quoted and then hold separators, line ends and doubled quotes. Lines end with LF or CR LF; empty lines are passed
 * over. What is malformed is refused with the line where it began, and reading goes on at the next line that can be told: a
 * quote that is never closed costs its first line only, not what follows. */
#ifndef ADAPTERS_FORMATS_CSV_H
#define ADAPTERS_FORMATS_CSV_H

#include "adapters/formats/text.h"
#include "bus/arena.h"

struct adapters_csv {
    uint8_t separator;
    uint8_t quote;           /* 0: fields are never quoted */
    struct bus_arena *arena; /* of the caller: fields with doubled quotes are unfolded here */

    /* The record found; views into the text or the arena, valid until the next call. */
    int64_t line;
    struct bus_bytes original;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX];
    size_t field_count; /* may be more than were kept in `fields` */
};

/* The next record. OK with *out_end: there is none. REJECT (`line` and `original` filled): QUOTE_NOT_CLOSED, QUOTE_MISPLACED,
 * ROW_TOO_LONG, FIELD_TOO_LONG, ROW_NUL, ROW_ENCODING. RETRY when the file cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_csv_next(struct adapters_csv *csv, struct adapters_text *text, bool *out_end,
                                                 struct adapters_refusal *refusal, struct bus_error *error);

#endif
