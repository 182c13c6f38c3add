/* NDJSON position text: one partition's position as a JSON object of the file .position (docs/formats-sinks.md). */
#ifndef SUBSCRIBERS_SINKS_NDJSON_POSITION_TEXT_H
#define SUBSCRIBERS_SINKS_NDJSON_POSITION_TEXT_H

#include "bus/json.h"
#include "subscribers/engine/batch.h"

/* Appends the object. */
void ndjson_position_write(struct bus_json *json, const struct subscribers_position *position);
/* Which partition the object is about. False when it does not say. */
BUS_MUST_CHECK bool ndjson_position_partition(const struct bus_json_value *object, int32_t *out_partition);
/* Fills all but the partition. False when the object is damaged, or out of memory. */
BUS_MUST_CHECK bool ndjson_position_read(const struct bus_json_value *object, struct subscribers_position *position);

#endif
