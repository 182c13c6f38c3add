/* Front: what an officer's program may ask of the server, request by request (docs/openapi/check.yaml). */
#ifndef SUBSCRIBERS_SERVE_FRONT_H
#define SUBSCRIBERS_SERVE_FRONT_H

#include "subscribers/serve/desk.h"

struct serve_front;

/* All is borrowed. NULL when out of memory. */
struct serve_front *serve_front_create(const struct serve_settings *settings, struct serve_desk *desk);
void serve_front_destroy(struct serve_front *front);
struct bus_http_handler serve_front_handler(struct serve_front *front);

/* "/subjects/CODE" or "/subjects/CODE/sheet": false when the path is neither. */
bool serve_front_path(const char *path, char out_code[SERVE_CODE_SIZE], enum serve_form *out_form);

#endif
