/* Header: which column of a file is which of the mapping, by the names in its first row. */
#ifndef ADAPTERS_FORMATS_HEADER_H
#define ADAPTERS_FORMATS_HEADER_H

#include "adapters/formats/layout.h"

enum { ADAPTERS_COLUMN_UNUSED = -1 };

struct adapters_header {
    int place[ADAPTERS_COLUMNS_MAX]; /* of a column of the file: its index in the mapping, or ADAPTERS_COLUMN_UNUSED */
    size_t count;                    /* columns of the file */
};

/* For files without a header: the columns stand in the mapping's order. */
void adapters_header_assume(struct adapters_header *header, const struct adapters_layout *layout);
/* Reads the names of `fields`, compared without regard to ASCII case and outer blanks. REJECT: HEADER_MISSING, COLUMN_UNKNOWN,
 * COLUMN_MISSING, COLUMN_TWICE, COLUMN_COUNT (more than ADAPTERS_COLUMNS_MAX). */
BUS_MUST_CHECK enum bus_status adapters_header_read(struct adapters_header *header,
                                                    const struct adapters_layout *layout,
                                                    const struct bus_bytes *fields, size_t count,
                                                    struct adapters_refusal *refusal);
/* The column of the mapping that a header's field names, or -1. */
int adapters_header_find(const struct adapters_layout *layout, struct bus_bytes field);

#endif
