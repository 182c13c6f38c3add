/* Base64 (RFC 4648 section 4), with padding. */
#ifndef BUS_BASE64_H
#define BUS_BASE64_H

#include "bus/bytes.h"

/* Appends the text of `bytes`. */
void bus_base64_append(struct bus_buffer *buffer, struct bus_bytes bytes);
/* Appends the bytes of a text; false when it is not exactly what append writes for some bytes (or the buffer is full). */
BUS_MUST_CHECK bool bus_base64_read(struct bus_bytes text, struct bus_buffer *buffer);

#endif
