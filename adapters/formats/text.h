/* Text: a file as a window of UTF-8 that moves forward, whatever its encoding, in bounded memory. */
#ifndef ADAPTERS_FORMATS_TEXT_H
#define ADAPTERS_FORMATS_TEXT_H

#include "adapters/engine/row.h"
#include "adapters/formats/encoding.h"
#include "bus/arena.h"

/* `at` to `end` is the window: read it directly, move `at` forward over what is taken. */
struct adapters_text {
    const uint8_t *at, *end;
    bool at_end;  /* nothing follows the window */
    int64_t line; /* of `at`, 1-based; kept by who takes */

    int file;
    uint64_t size_bytes; /* read so far, of the file as it is */
    enum adapters_encoding encoding;
    const struct adapters_decoder *decoder;
    uint8_t *raw, *window; /* the bytes read last; their text */
    size_t raw_length;     /* a character cut off, carried over */
    bool is_begun;
};

/* Memory for a text, used for one file after the other. False when out of memory. */
BUS_MUST_CHECK bool adapters_text_init(struct adapters_text *text, const struct adapters_decoder *decoder);
void adapters_text_release(struct adapters_text *text);

/* Starts on an open file, which stays the caller's. A byte order mark is left out. */
void adapters_text_start(struct adapters_text *text, int file, enum adapters_encoding encoding);
/* Adds what comes next in the file to the window, which moves: views into it are void. Call only while !at_end and the window is at
 * most ADAPTERS_ROW_MAX long. RETRY when the file cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_text_more(struct adapters_text *text, struct bus_error *error);

/* Takes everything up to and with the next line end, however long; *out_original is its beginning, copied to `arena`. RETRY when
 * the file cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_text_skip_line(struct adapters_text *text, struct bus_arena *arena,
                                                       struct bus_bytes *out_original, struct bus_error *error);
/* REJECT for a row that holds a NUL byte (ROW_NUL) or a byte that is no text (ROW_ENCODING). */
BUS_MUST_CHECK enum bus_status adapters_text_check(struct bus_bytes original, struct adapters_refusal *refusal);

#endif
