/* HTML: text as a page shows it. */
#ifndef BUS_HTML_H
#define BUS_HTML_H

#include "bus/bytes.h"

/* Appends text with what HTML would read as markup escaped, line ends as <br>, and characters left out that no page may hold. */
void bus_html_append(struct bus_buffer *page, struct bus_bytes text);

#endif
