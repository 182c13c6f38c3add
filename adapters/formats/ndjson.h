/* NDJSON: one flat JSON object a line (RFC 8259), its members found by the mapping's column names.
 *
 * Numbers keep the text they are written with; true and false are their words; null and a missing member are absent. Nested
 * objects and arrays, unknown members and a member given twice are refused. */
#ifndef ADAPTERS_FORMATS_NDJSON_H
#define ADAPTERS_FORMATS_NDJSON_H

#include "adapters/formats/text.h"

struct adapters_ndjson {
    const char *const *columns;
    size_t column_count;
    struct bus_arena *arena; /* of the caller: strings with escapes are unfolded here */

    /* The row found; views into the text or the arena, valid until the next call. */
    int64_t line;
    struct bus_bytes original;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX]; /* in the order of `columns` */
};

/* The next row. OK with *out_end: there is none. REJECT (`line` and `original` filled): JSON_SYNTAX, JSON_NESTED, COLUMN_UNKNOWN,
 * COLUMN_TWICE, ROW_TOO_LONG, FIELD_TOO_LONG, ROW_NUL, ROW_ENCODING. RETRY when the file cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_ndjson_next(struct adapters_ndjson *ndjson, struct adapters_text *text,
                                                    bool *out_end, struct adapters_refusal *refusal,
                                                    struct bus_error *error);
/* Reads one object that is at hand, with blanks or line ends around and in it. Bytes that are no UTF-8 are shown as `decoder` shows them.
 * REJECT as above. */
BUS_MUST_CHECK enum bus_status adapters_ndjson_read(struct adapters_ndjson *ndjson,
                                                    const struct adapters_decoder *decoder, struct bus_bytes text,
                                                    int64_t line, struct adapters_refusal *refusal);

#endif
