/* Engine: takes the files of an adapter's inbox, row by row, into Kafka.
 *
 * Every row ends published or in quarantine, once: events, sequence numbers, the book and how far each file was taken commit
 * together, and a restart goes on behind the last commit. Many small files share one transaction; a large file takes many. */
#ifndef ADAPTERS_ENGINE_ENGINE_H
#define ADAPTERS_ENGINE_ENGINE_H

#include "adapters/engine/settings.h"

struct adapters_engine;

/* Checks everything that can be known to be wrong before anything starts: catalogue, mappings, pepper. Settings are
 * borrowed. FATAL with the place and what to do. */
BUS_MUST_CHECK enum bus_status adapters_engine_create(const struct adapters_settings *settings,
                                                      struct adapters_engine **out_engine, struct bus_error *error);
void adapters_engine_destroy(struct adapters_engine *engine);

/* Takes files until a stop is requested, or, with `once`, until none is left; commits what it has and returns OK. Waits out a
 * broker or disk that is away. FATAL: the process must start over. */
BUS_MUST_CHECK enum bus_status adapters_engine_run(struct adapters_engine *engine, bool once, struct bus_error *error);

#endif
