/* NDJSON line: one delivery as one line of JSON (docs/formats-sinks.md). */
#ifndef SUBSCRIBERS_SINKS_NDJSON_LINE_H
#define SUBSCRIBERS_SINKS_NDJSON_LINE_H

#include "subscribers/engine/batch.h"

/* Appends the line (delivery_json.h) with its newline. */
void subscribers_ndjson_line(const struct subscribers_delivery *delivery, struct bus_buffer *buffer);

#endif
