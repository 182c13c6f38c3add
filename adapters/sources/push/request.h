/* Push request: what a client may ask, and what it is told: POST /feeds/<feed>, GET /feeds/<feed>, GET /feeds, GET /openapi.yaml
 * (docs/openapi/push.yaml). */
#ifndef ADAPTERS_SOURCES_PUSH_REQUEST_H
#define ADAPTERS_SOURCES_PUSH_REQUEST_H

#include "adapters/sources/push/desk.h"
#include "bus/http_server.h"

struct adapters_push_front;

/* Borrows all three. NULL when out of memory. */
struct adapters_push_front *adapters_push_front_create(const struct adapters_push_settings *settings,
                                                       const struct adapters_feeds *feeds,
                                                       struct adapters_push_desk *desk);
void adapters_push_front_destroy(struct adapters_push_front *front);
struct bus_http_handler adapters_push_front_handler(struct adapters_push_front *front);

/* The key of a header: 1 to 255 visible characters, with or without quotes (a string of RFC 8941). False: it is none. */
bool adapters_push_read_key(const char *header, struct bus_bytes *out_key);
/* The form of a content type: application/json, application/x-ndjson, both UTF-8. False: another one. */
bool adapters_push_read_form(const char *header, enum adapters_push_form *out_form);

#endif
