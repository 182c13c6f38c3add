/* Condition: whether a record meets what a grant asks of one of its fields (docs/policy.md). */
#ifndef BUS_CONDITION_H
#define BUS_CONDITION_H

#include "bus/catalogue.h"

/* What of a field may be asked: IS and IS_NOT of texts, symbols, whole numbers, booleans and dates; AT_LEAST and AT_MOST of numbers,
 * decimals, dates and timestamps; PRESENT and ABSENT of everything. */
bool bus_condition_fits(enum bus_comparison comparison, const struct bus_field *field);
/* The number of AT_LEAST and AT_MOST as `field` has it: at most six decimals, or a day YYYY-MM-DD in Beijing, of a timestamp its
 * first moment (AT_LEAST) or its last (AT_MOST). False when `text` is none. */
bool bus_condition_number(enum bus_comparison comparison, const struct bus_field *field, const char *text,
                          int64_t *out_number);
/* `field` is NULL when the record's version has no such field: it is absent, then. */
bool bus_condition_holds(const struct bus_condition *condition, const struct bus_field *field, struct bus_bytes datum,
                         struct bus_span span);

#endif
