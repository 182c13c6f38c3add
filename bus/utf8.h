/* UTF-8: whether bytes are text, and how many characters they are (RFC 3629). */
#ifndef BUS_UTF8_H
#define BUS_UTF8_H

#include "bus/bytes.h"

/* Well-formed UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF) without U+0000, which databases cannot store. */
bool bus_utf8_valid(struct bus_bytes text);
/* Characters (code points) of good text. */
size_t bus_utf8_characters(struct bus_bytes text);
/* Length of the sequence that begins `text`, 1 to 4, or 0 when it is none (or `text` is empty). */
size_t bus_utf8_sequence(struct bus_bytes text);
/* Writes a code point (at most U+10FFFF, no surrogate); how many bytes it took, 1 to 4. */
size_t bus_utf8_put(uint8_t *to, uint32_t code_point);
/* Appends a code point (at most U+10FFFF, no surrogate). */
void bus_utf8_append(struct bus_buffer *buffer, uint32_t code_point);

#endif
