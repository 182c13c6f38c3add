/* Push OpenAPI: docs/openapi/push.yaml, as it is served. */
#ifndef ADAPTERS_SOURCES_PUSH_OPENAPI_H
#define ADAPTERS_SOURCES_PUSH_OPENAPI_H

#include "bus/bytes.h"

struct bus_bytes adapters_push_openapi_view(void);

#endif
