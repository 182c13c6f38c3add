/* NDJSON line: one delivery as one line of JSON (docs/formats.md). */
#ifndef SUBSCRIBERS_SINKS_NDJSON_LINE_H
#define SUBSCRIBERS_SINKS_NDJSON_LINE_H

#include "subscribers/engine/batch.h"

/* Appends the line with its newline. Dates and times are text, decimals keep their digits, enums are symbols, fields are null
 * unless the delivery is a PUT. A marker has no `record`. A refused delivery has `refused` (its code) instead of content. */
void subscribers_ndjson_line(const struct subscribers_delivery *delivery, struct bus_buffer *buffer);

#endif
