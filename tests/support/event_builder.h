/* Event builder: a framed event of any item, from names and values as text. */
#ifndef TEST_SUPPORT_EVENT_BUILDER_H
#define TEST_SUPPORT_EVENT_BUILDER_H

#include "bus/catalogue.h"

struct test_field {
    const char *name, *value; /* value as text; NULL = null */
};

/* Appends the framed event of `version` to `buffer`. `fields` ends with a NULL name: integers and timestamps in decimal, dates as days
 * since 1970-01-01, enums by index, decimals by their unscaled value. What is not named is null where it may be, else 0 or "".
 * event_id is made from item, record_key and version unless named. Aborts on a name that the schema lacks. */
void test_event_build(const struct bus_item *item, const struct bus_item_version *version,
                      const struct test_field *fields, struct bus_buffer *buffer);

#endif
