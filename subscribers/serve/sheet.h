/* Sheet: an answer as a page to be printed and put into a file, 信用核查单: Chinese first, no script, nothing loaded from elsewhere, every
 * text escaped, with the signed statement as a QR code. */
#ifndef SUBSCRIBERS_SERVE_SHEET_H
#define SUBSCRIBERS_SERVE_SHEET_H

#include "subscribers/serve/answer.h"

/* What a page may load and run, for its header too: nothing but its own style. */
#define SERVE_SHEET_POLICY                                                                                             \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* Appends the page; a buffer that fails keeps its mark. FATAL: the code cannot be drawn. */
BUS_MUST_CHECK enum bus_status serve_sheet_write(const struct serve_answer *answer, struct bus_buffer *page,
                                                 struct bus_error *error);

#endif
