/* Layout: how the files of a feed are laid out, as its mapping says. */
#ifndef ADAPTERS_FORMATS_LAYOUT_H
#define ADAPTERS_FORMATS_LAYOUT_H

#include "adapters/engine/row.h"

/* TABLE: rows of a database; a list of them is a CSV file with a header. */
enum adapters_format {
    ADAPTERS_FORMAT_CSV,
    ADAPTERS_FORMAT_TSV,
    ADAPTERS_FORMAT_NDJSON,
    ADAPTERS_FORMAT_TABLE,
    ADAPTERS_FORMAT_XLSX
};

/* Which sheets of a workbook are read. Hidden ones only when they are named. */
enum adapters_sheets {
    ADAPTERS_SHEETS_ONE,   /* the one that holds the header; several are refused */
    ADAPTERS_SHEETS_FIRST, /* the first */
    ADAPTERS_SHEETS_ALL    /* all that hold the header */
};

struct adapters_excel_layout {
    const char *sheet; /* its name; "": chosen by `sheets` */
    enum adapters_sheets sheets;
    int64_t header_rows; /* the header is among the first so many rows */
};

/* Borrowed from the mapping. */
struct adapters_layout {
    enum adapters_format format;
    uint8_t separator, quote; /* quote 0: none */
    bool has_header;          /* else the columns stand in the mapping's order */
    const char *const *columns;
    const bool *is_optional; /* may be missing in the header */
    size_t column_count;
    const char *const *ignored; /* columns that there may be besides */
    size_t ignored_count;
    struct adapters_excel_layout excel;
};

#endif
