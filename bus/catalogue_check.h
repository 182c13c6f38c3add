/* Catalogue check: proves more than loading does: that what was published never changed, and that data of every older version can
 * be read with the newer one (Avro schema resolution). */
#ifndef BUS_CATALOGUE_CHECK_H
#define BUS_CATALOGUE_CHECK_H

#include "bus/catalogue.h"

enum bus_finding {
    BUS_FINDING_GOOD,  /* proved */
    BUS_FINDING_NOTE,  /* worth knowing: a schema that is not published yet, a version that older readers cannot read */
    BUS_FINDING_WRONG, /* the catalogue must not go into use */
};

/* Called for each finding, in order; texts live during the call only. */
struct bus_catalogue_report {
    void (*found)(void *self, enum bus_finding finding, const char *text_zh, const char *text_en);
    void *self;
};

/* Checks the catalogue at `path`:
 *  1. it loads (bus/catalogue.h: every item has a schema, envelope first, granted fields exist and may be granted);
 *  2. every file in `published` beside it (lines of sha256sum: digest, two spaces, path from there) is unchanged;
 *  3. every newer version of an item can read the one before it (BACKWARD); whether the reverse holds is a note (FORWARD);
 *  4. every grant makes a view;
 *  5. portfolios: how many subjects each has; refused lines, or a file that lies on another machine, are notes.
 * OK when nothing is wrong, REJECT with the number of wrong findings. */
BUS_MUST_CHECK enum bus_status bus_catalogue_check(const char *path, const struct bus_catalogue_report *report,
                                                   struct bus_error *error);

#endif
