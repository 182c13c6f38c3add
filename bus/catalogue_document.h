/* Catalogue document: the catalogue as a page for people, in Chinese and English (Markdown). */
#ifndef BUS_CATALOGUE_DOCUMENT_H
#define BUS_CATALOGUE_DOCUMENT_H

#include "bus/catalogue.h"

/* Appends the page: departments, items, each item's fields, subscribers with their grants, code lists. The same catalogue gives
 * the same text. Look at buffer->failed. */
void bus_catalogue_document(const struct bus_catalogue *catalogue, struct bus_buffer *buffer);

#endif
