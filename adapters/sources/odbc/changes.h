/* Changes: the rows of a table whose rising column says that they are new, page by page, into the intake. */
#ifndef ADAPTERS_SOURCES_ODBC_CHANGES_H
#define ADAPTERS_SOURCES_ODBC_CHANGES_H

#include "adapters/engine/intake.h"
#include "adapters/sources/odbc/refused.h"
#include "adapters/sources/odbc/table.h"

/* One feed's, lent by the source. */
struct odbc_changes {
    const struct adapters_intake *intake;
    size_t feed;
    struct odbc_client *client;
    const struct odbc_table *table; /* looked at */
    int64_t page_rows;
    struct odbc_place *place; /* moves on with the rows */
    struct odbc_refused *refused;
    /* Notes place and refused rows for the next commit. */
    enum bus_status (*note)(void *self, struct bus_error *error);
    void *self;
};

struct odbc_changes_count {
    int64_t rows, published, unchanged, quarantined; /* rows that were refused before count as unchanged */
    bool went_back;                                  /* there was a mark, and nothing at or behind it any more */
    bool is_too_late;                                /* a mark lies in the future: it is not gone by */
};

/* Asks from the overlap on until there is nothing more, or a stop is requested; commits on the way. REJECT: this table only; what was
 * taken before stands. */
BUS_MUST_CHECK enum bus_status odbc_changes_take(const struct odbc_changes *changes,
                                                 struct odbc_changes_count *out_count, struct bus_error *error);

#endif
