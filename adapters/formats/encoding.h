/* Encoding: UTF-8 and GB18030 (with GBK in it) told apart, and GB18030 turned into UTF-8 a buffer at a time.
 *
 * GB 18030 by the tables of iconv, read once. A byte that is no text is written as ADAPTERS_BAD_BYTE and two
 * hex digits, which valid UTF-8 never contains, so that the row that holds it can be told and shown. */
#ifndef ADAPTERS_FORMATS_ENCODING_H
#define ADAPTERS_FORMATS_ENCODING_H

#include "bus/bytes.h"

enum adapters_encoding { ADAPTERS_ENCODING_AUTO, ADAPTERS_ENCODING_UTF8, ADAPTERS_ENCODING_GB18030 };

enum {
    ADAPTERS_BAD_BYTE = 0xff,
    ADAPTERS_DECODE_GROWTH = 3, /* a decoded byte becomes at most so many */
    ADAPTERS_CHARACTER_MAX = 4, /* bytes of a character in either encoding */
};

/* "UTF-8", "GB18030"; with `bom` "UTF-8-BOM". */
const char *adapters_encoding_name(enum adapters_encoding encoding, bool bom);

/* Counts, over a file read piece by piece, what speaks for UTF-8 and what against it. Starts zeroed. */
struct adapters_encoding_probe {
    uint64_t characters; /* well-formed characters of two bytes or more */
    uint64_t bad_bytes;
    uint64_t position;
    bool bom;
    uint8_t pending[ADAPTERS_CHARACTER_MAX];
    size_t pending_length;
};
void adapters_encoding_probe_add(struct adapters_encoding_probe *probe, struct bus_bytes bytes);
/* UTF-8 when it began with a byte order mark, when all of it is well formed, or when damage is rare among many well-formed
 * characters; else GB18030, in which Chinese text hardly ever looks like UTF-8. */
enum adapters_encoding adapters_encoding_probe_finish(struct adapters_encoding_probe *probe);

/* Bytes at the end of `text` that begin a character which may go on after it, 0 to 3. */
size_t adapters_utf8_tail(const uint8_t *text, size_t length);

/* Turns bytes into UTF-8; holds the table of two-byte characters. */
struct adapters_decoder;

/* FATAL when this machine's iconv does not know GB18030. */
BUS_MUST_CHECK enum bus_status adapters_decoder_create(struct adapters_decoder **out_decoder, struct bus_error *error);
void adapters_decoder_destroy(struct adapters_decoder *decoder);

/* Writes `input` as UTF-8 to `out_text`, which holds ADAPTERS_DECODE_GROWTH times as many bytes and ADAPTERS_CHARACTER_MAX more;
 * *out_length is how many were written. Unless `last`, a character cut off at the end is left: *out_taken says how much
 * of the input was used. */
void adapters_decoder_run(const struct adapters_decoder *decoder, enum adapters_encoding encoding,
                          struct bus_bytes input, bool last, uint8_t *out_text, size_t *out_length, size_t *out_taken);

#endif
