/* Quick: the few forms of XML that rows of a sheet are written in, read without a parser.
 *
 * Nearly all of a workbook is `<c r="A1" s="2"><v>12</v></c>`, ten million times. Whatever is not written in the plainest form (an entity, another
 * quote, a comment, a carriage return, a character that XML forbids, an attribute twice) is left to the parser: what this accepts, the parser accepts
 * and reads alike, which a fuzzer holds against each other. */
#ifndef ADAPTERS_FORMATS_XLSX_QUICK_H
#define ADAPTERS_FORMATS_XLSX_QUICK_H

#include "bus/bytes.h"

enum adapters_xlsx_quick_result {
    ADAPTERS_XLSX_QUICK_GOOD,
    ADAPTERS_XLSX_QUICK_OTHER, /* not in the plain form */
    ADAPTERS_XLSX_QUICK_SHORT, /* cut off: more bytes are needed to tell */
};

struct adapters_xlsx_quick {
    const uint8_t *at, *end;
    enum adapters_xlsx_quick_result result; /* once it is not GOOD, nothing is taken any more */
};

enum { ADAPTERS_XLSX_QUICK_ATTRIBUTES = 16 };
struct adapters_xlsx_quick_attribute {
    struct bus_bytes name, value; /* behind the value stands a quote */
};
struct adapters_xlsx_quick_tag {
    struct adapters_xlsx_quick_attribute attributes[ADAPTERS_XLSX_QUICK_ATTRIBUTES];
    size_t count;
    bool is_empty; /* ends in "/>" */
};

/* Takes `token` when it is there. False, with nothing taken and the result as it was, when something else is there. */
bool adapters_xlsx_quick_take(struct adapters_xlsx_quick *quick, const char *token);
/* Takes a tag from behind its name to its end. */
void adapters_xlsx_quick_tag(struct adapters_xlsx_quick *quick, struct adapters_xlsx_quick_tag *tag);
/* Takes the text up to the next tag. */
struct bus_bytes adapters_xlsx_quick_text(struct adapters_xlsx_quick *quick);

#endif
