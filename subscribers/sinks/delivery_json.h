/* Delivery as JSON, the same in files and requests (docs/formats-sinks.md).
 *
 * Dates and times are text, decimals keep their digits, enums are symbols, fields are null unless the delivery is a PUT. A marker has no
 * `record`. A refused delivery has `refused` (its code) instead of content. */
#ifndef SUBSCRIBERS_SINKS_DELIVERY_JSON_H
#define SUBSCRIBERS_SINKS_DELIVERY_JSON_H

#include "bus/json.h"
#include "subscribers/engine/batch.h"

/* Appends the members to an object that is open. */
void delivery_json_members(struct bus_json *json, const struct subscribers_delivery *delivery);
/* A member whose value is a time, in UTC with milliseconds (RFC 3339). */
void delivery_json_time(struct bus_json *json, const char *name, int64_t time_ms);

#endif
