/* Push kept: the answers in xq.positions, under "<adapter>/push/<id in hex>". */
#ifndef ADAPTERS_SOURCES_PUSH_KEPT_H
#define ADAPTERS_SOURCES_PUSH_KEPT_H

#include "adapters/engine/intake.h"
#include "adapters/sources/push/desk.h"

/* Reads what is kept into the desk. Call it after the adapter's producer was opened. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status adapters_push_kept_load(const struct adapters_intake *intake,
                                                       struct adapters_push_desk *desk, struct bus_error *error);
/* Adds an answer to the transaction, or, with data NULL, lets go of it. RETRY: abort. */
BUS_MUST_CHECK enum bus_status adapters_push_kept_add(const struct adapters_intake *intake,
                                                      const uint8_t id[ADAPTERS_PUSH_ID_SIZE], struct bus_bytes record,
                                                      struct bus_error *error);

#endif
