/* Fields, part of stage 2: an item's own fields held against the attributes of its schema, and what the envelope's values have in common
 * with them. Codes and sentences are those of gateway/validate.h; what is doubtful but may go on becomes a flag of the exchange. */
#ifndef GATEWAY_FIELDS_H
#define GATEWAY_FIELDS_H

#include "gateway/exchange.h"

struct gateway_fields; /* what every version of every item asks of its fields */

/* Borrows the catalogue. FATAL when a schema names a check or code list that does not exist, or out of memory. */
BUS_MUST_CHECK enum bus_status gateway_fields_create(const struct bus_catalogue *catalogue,
                                                     struct gateway_fields **out_fields, struct bus_error *error);
void gateway_fields_destroy(struct gateway_fields *fields);

/* Every field of a decoded event; the sentences name the field. */
BUS_MUST_CHECK enum bus_status gateway_fields_validate(struct gateway_fields *fields, struct gateway_exchange *exchange,
                                                       struct bus_error *error);

/* REJECT AREA_UNKNOWN; flag AREA_ENDED. */
BUS_MUST_CHECK enum bus_status gateway_fields_area(const struct gateway_fields *fields,
                                                   struct gateway_exchange *exchange, struct bus_bytes code,
                                                   struct bus_error *error);
/* REJECT DATE_RANGE: outside 1900 to 2199. A moment by its day in UTC, so that no receiver's calendar lacks it. */
BUS_MUST_CHECK enum bus_status gateway_fields_date(int64_t days, struct bus_error *error);
BUS_MUST_CHECK enum bus_status gateway_fields_moment(int64_t ms, struct bus_error *error);
/* REJECT FIELD_TOO_LONG: more characters. */
BUS_MUST_CHECK enum bus_status gateway_fields_length(struct bus_bytes text, size_t max_length, struct bus_error *error);

#endif
