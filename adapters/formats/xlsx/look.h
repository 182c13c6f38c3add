/* Looks: how a cell's number is shown, told from its number format (ECMA-376 part 1, 18.8.30 and 18.8.31). */
#ifndef ADAPTERS_FORMATS_XLSX_LOOK_H
#define ADAPTERS_FORMATS_XLSX_LOOK_H

#include "bus/bytes.h"

/* How the number of a cell is shown. PADDED + n: with zeros in front up to n digits. */
enum adapters_xlsx_look {
    ADAPTERS_XLSX_PLAIN,
    ADAPTERS_XLSX_DATE,    /* a day, with its time when it has one */
    ADAPTERS_XLSX_TIME,    /* a time of day */
    ADAPTERS_XLSX_ELAPSED, /* hours, minutes and seconds that may exceed a day */
    ADAPTERS_XLSX_PADDED,
};
enum { ADAPTERS_XLSX_PADDED_MAX = 15 };

/* How a number format of styles.xml shows a number; of `id` when Excel knows it by itself, else PLAIN. */
int adapters_xlsx_look_of_format(struct bus_bytes code);
int adapters_xlsx_look_of_id(int64_t id);

#endif
