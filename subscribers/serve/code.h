/* Code: a text as a QR code (GB/T 18284), drawn as SVG inside a page. */
#ifndef SUBSCRIBERS_SERVE_CODE_H
#define SUBSCRIBERS_SERVE_CODE_H

#include "bus/bytes.h"

/* Appends an <svg> of one unit a module, with the quiet zone of four around it. FATAL: the text is too long for a code, or out of memory. */
BUS_MUST_CHECK enum bus_status serve_code_append(struct bus_buffer *page, struct bus_bytes text,
                                                 struct bus_error *error);

#endif
