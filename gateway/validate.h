/* Stage 2, validate: the event against the standards its item stands on.
 *
 * The envelope: event id, record key, subject identifier and key, partition, area and dates. Then each field by the attributes of its
 * schema: required (PUT only), max_length, check, code_list. REJECT names the field; codes: EVENT_ID, RECORD_KEY, VERSION,
 * SUBJECT_ID and the codes of bus/identifier.h, SUBJECT_KEY, PARTITION, AREA_UNKNOWN, DATE_RANGE (dates and times, 1900 to
 * 2199), NUMBER_RANGE (more digits than the schema's precision), FIELD_REQUIRED, FIELD_TOO_LONG, CODE_UNKNOWN. Days are days in
 * Beijing. What is doubtful but may go on becomes a flag. */
#ifndef GATEWAY_VALIDATE_H
#define GATEWAY_VALIDATE_H

#include "gateway/exchange.h"

struct gateway_validate; /* borrows the catalogue */

/* FATAL when a schema names a check or code list that does not exist, or out of memory. */
BUS_MUST_CHECK enum bus_status gateway_validate_create(const struct bus_catalogue *catalogue, int32_t partitions,
                                                       struct gateway_validate **out_validate, struct bus_error *error);
void gateway_validate_destroy(struct gateway_validate *validate);

/* Of an event that gateway_identify has been through. */
BUS_MUST_CHECK enum bus_status gateway_validate(void *self, struct gateway_exchange *exchange, struct bus_error *error);

#endif
