/* XML: a part of a package read by expat in bounded memory, with pauses.
 *
 * Names come without their prefix, so that the strict and the transitional namespaces of ECMA-376 are one. Refused: a document type (and with it
 * every entity), more than 64 levels, more than 3,000 different names, a single tag of more than 1 MiB. */
#ifndef ADAPTERS_FORMATS_XLSX_XML_H
#define ADAPTERS_FORMATS_XLSX_XML_H

#include "adapters/formats/xlsx/package.h"

struct adapters_xlsx_xml;

/* Called for each tag and piece of text; what is not needed is NULL. `depth`: 1 for the outermost element. `attributes`: names (with their
 * prefixes) and values by turns, ended by NULL. */
struct adapters_xlsx_handler {
    void (*start)(void *self, const char *name, const char **attributes, int depth);
    void (*end)(void *self, const char *name, int depth);
    void (*text)(void *self, const char *text, size_t length);
    /* Whoever can read some elements without the parser says in `quick_token` how these begin, such as "<row". Where one begins and the
     * parser waits between two tags, `quick` gets the bytes: it gives how many it took (all of one element), 0 when it leaves this one to the
     * parser, or ADAPTERS_XLSX_XML_MORE when it needs more of it. `depth`: of the elements that are open. */
    const char *quick_token;
    long (*quick)(void *self, const uint8_t *bytes, size_t length, int depth);
};
enum { ADAPTERS_XLSX_XML_MORE = -1 };

/* NULL when out of memory. */
struct adapters_xlsx_xml *adapters_xlsx_xml_create(void);
void adapters_xlsx_xml_destroy(struct adapters_xlsx_xml *xml);

/* Begins a part; all that is lent must live until the next begin. RETRY when out of memory. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_xml_begin(struct adapters_xlsx_xml *xml, struct adapters_xlsx_part *part,
                                                       const struct adapters_xlsx_handler *handler, void *self,
                                                       struct bus_error *error);
/* Reads on to a pause, or with *out_end to the end. REJECT: FILE_DTD, FILE_DAMAGED, what a handler refused, and what the part does. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_xml_run(struct adapters_xlsx_xml *xml, bool *out_end,
                                                     struct adapters_refusal *refusal, struct bus_error *error);
/* From the next begin on, `quick` is never asked: what the parser alone reads is what quick reading is held against. */
void adapters_xlsx_xml_without_quick(struct adapters_xlsx_xml *xml, bool is_without);
/* For handlers: run ends here, and goes on when it is called again. */
void adapters_xlsx_xml_pause(struct adapters_xlsx_xml *xml);
/* For handlers: the rest of the part is not read. */
void adapters_xlsx_xml_finish(struct adapters_xlsx_xml *xml);
/* For handlers: the file is refused, FILE_DAMAGED. The texts must live on. */
void adapters_xlsx_xml_refuse(struct adapters_xlsx_xml *xml, const char *zh, const char *en);

/* The value of an attribute, named without prefix, or NULL. */
const char *adapters_xlsx_attribute(const char **attributes, const char *name);
/* It as a whole number from 0; `missing` when it is absent or none. */
int64_t adapters_xlsx_attribute_number(const char **attributes, const char *name, int64_t missing);
bool adapters_xlsx_attribute_true(const char **attributes, const char *name);

/* Opens the part `name`, lets `handler` see all of it (or until it finishes), and closes it. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_xml_read(struct adapters_xlsx_xml *xml,
                                                      struct adapters_xlsx_package *package, const char *name,
                                                      int64_t limit_bytes, const struct adapters_xlsx_handler *handler,
                                                      void *self, struct adapters_refusal *refusal,
                                                      struct bus_error *error);

#endif
