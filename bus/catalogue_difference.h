/* Catalogue difference: what another catalogue changes, told to the operator, and whether it may take the place of the one in force
 * without a restart. */
#ifndef BUS_CATALOGUE_DIFFERENCE_H
#define BUS_CATALOGUE_DIFFERENCE_H

#include "bus/catalogue.h"

/* Appends one line for each change, Chinese first, '+' new, '~' changed, '✗' refused; a single line when there is none.
 * REJECT (code CATALOGUE_RELOAD) with the first of the refused changes: another exchange; a department or item that is new, gone or
 * has another number or key; a published version that is gone or another; a subscriber that is gone or has another number; a grant that is
 * gone or is about another item (end it with `to`, and its holders are told), or gives a field in another type. */
BUS_MUST_CHECK enum bus_status bus_catalogue_difference(const struct bus_catalogue *old,
                                                        const struct bus_catalogue *new_one, struct bus_buffer *text,
                                                        struct bus_error *error);

#endif
