/* The values of cells as Excel shows them: numbers, days and times, and the text of ECMA-376 with its escapes. */
#ifndef ADAPTERS_FORMATS_XLSX_VALUE_H
#define ADAPTERS_FORMATS_XLSX_VALUE_H

#include "adapters/formats/xlsx/look.h"

enum adapters_xlsx_number {
    ADAPTERS_XLSX_NUMBER_GOOD,
    ADAPTERS_XLSX_NUMBER_LONG, /* more than 15 digits before the point: Excel has put zeros in place of the last ones */
    ADAPTERS_XLSX_NUMBER_BAD,  /* no number, or one that no day or time stands for */
};

enum { ADAPTERS_XLSX_VALUE_SIZE = 64 };

/* The text of a cell's number, without terminator. A number of up to 15 digits is left as it is written; a longer one is rounded to 15
 * as Excel does, never in scientific notation. Days are YYYY-MM-DD, with HH:MM:SS when there is a time; a day of 0 is 0000-00-00. The
 * 29 February 1900, which Excel counts and which never was, stays as it is. */
enum adapters_xlsx_number adapters_xlsx_number_text(struct bus_bytes written, int look, bool is_1904,
                                                    char out_text[ADAPTERS_XLSX_VALUE_SIZE], size_t *out_length);

/* Replaces the escapes _xHHHH_ of ST_Xstring in place; gives the new length. Surrogates are joined; those that stand alone, and _x0000_, stay
 * as they are written. */
size_t adapters_xlsx_unescape(uint8_t *text, size_t length);

#endif
