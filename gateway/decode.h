/* Stage 1, decode: from bytes to spans, with the schema they were written with.
 *
 * The record's topic gives department and item, the frame's fingerprint the schema version. REJECT: SCHEMA_UNKNOWN, and the DATUM_…
 * codes of bus/datum.h. */
#ifndef GATEWAY_DECODE_H
#define GATEWAY_DECODE_H

#include "gateway/exchange.h"

struct gateway_decode; /* borrows the catalogue */

/* `prefix` is that of all topics. NULL when out of memory. */
struct gateway_decode *gateway_decode_create(const struct bus_catalogue *catalogue, const char *prefix);
void gateway_decode_destroy(struct gateway_decode *decode);

/* FATAL: a topic outside the catalogue (the worker subscribes only to those in it), or the batch's arena is full. */
BUS_MUST_CHECK enum bus_status gateway_decode(void *self, struct gateway_exchange *exchange, struct bus_error *error);

#endif
