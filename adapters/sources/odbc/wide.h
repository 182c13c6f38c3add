/* Wide: UTF-16 as drivers speak it, to and from UTF-8. */
#ifndef ADAPTERS_SOURCES_ODBC_WIDE_H
#define ADAPTERS_SOURCES_ODBC_WIDE_H

#include "bus/bytes.h"

/* Appends a text as UTF-16 of this machine's byte order, with a terminator; bytes that are no UTF-8 become U+FFFD. */
void odbc_wide_append(const char *text, struct bus_buffer *buffer);

/* A text that comes in pieces; starts zeroed. */
struct odbc_narrow {
    uint16_t high; /* half of a character, at the end of the last piece */
    bool is_bad;   /* half a character without its other half, or U+0000 */
};
/* Appends a piece as UTF-8. */
void odbc_narrow_append(struct odbc_narrow *narrow, const uint16_t *units, size_t count, struct bus_buffer *buffer);
/* The text is over. */
void odbc_narrow_finish(struct odbc_narrow *narrow);

#endif
