/* HTTPS event: a batch as the body of one request: CloudEvents 1.0 in a JSON batch, one event a delivery in the order of the log, then one
 * with the seal and the proof (docs/recipes/https-receiver.md, docs/openapi/receiver.yaml). */
#ifndef SUBSCRIBERS_SINKS_HTTPS_EVENT_H
#define SUBSCRIBERS_SINKS_HTTPS_EVENT_H

#include "subscribers/engine/batch.h"

enum { HTTPS_EVENT_KEY_SIZE = 2 * BUS_DIGEST_SIZE + 1 };

enum https_event_format {
    HTTPS_EVENT_JSON, /* `data` says it, and xqvalue holds the bytes that are sealed */
    HTTPS_EVENT_AVRO, /* the sealed bytes are the data */
};

/* Appends the body. The batch is of a courier: one piece, with its leaves and seal. FATAL: too long, or `arena` is full. */
BUS_MUST_CHECK enum bus_status https_event_body(const struct subscribers_batch *batch, enum https_event_format format,
                                                struct bus_arena *arena, struct bus_buffer *buffer,
                                                struct bus_error *error);
/* The request's Idempotency-Key: hex of a digest over what it is about: the log, its leaves, and which of them are not to be applied. */
void https_event_key(const struct subscribers_batch *batch, char out_key[HTTPS_EVENT_KEY_SIZE]);

#endif
