/* OpenAPI: docs/openapi/check.yaml, built into the program. */
#ifndef SUBSCRIBERS_SERVE_OPENAPI_H
#define SUBSCRIBERS_SERVE_OPENAPI_H

#include "bus/bytes.h"

struct bus_bytes serve_openapi_view(void);

#endif
