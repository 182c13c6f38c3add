/* Catalogues: the catalogue in force and those before it, by whose views deliveries may still come.
 *
 * A delivery can only be read in the view in which it was made. While a log is read up to a change of the catalogue, and logs of several
 * partitions reach it at different times, deliveries of the old and the new one come side by side: both are known. */
#ifndef SUBSCRIBERS_ENGINE_CATALOGUES_H
#define SUBSCRIBERS_ENGINE_CATALOGUES_H

#include "bus/view.h"

struct subscribers_catalogues;

/* Loads the file. FATAL with file and line; also when the catalogue has no grants for `subscriber`. Both texts are borrowed. */
BUS_MUST_CHECK enum bus_status subscribers_catalogues_open(const char *path, const char *subscriber,
                                                           struct subscribers_catalogues **out_catalogues,
                                                           struct bus_error *error);
void subscribers_catalogues_close(struct subscribers_catalogues *catalogues);

/* Loads the file anew and puts it in front; *out_changed false: it is the version in force. FATAL: it is bad, or another exchange's;
 * what was stays. Views that were found before stay good until the settle that follows. */
BUS_MUST_CHECK enum bus_status subscribers_catalogues_load(struct subscribers_catalogues *catalogues, bool *out_changed,
                                                           struct bus_error *error);
/* Ends a load that changed something: keeps the new one (and lets the oldest go), or takes it away again. */
void subscribers_catalogues_settle(struct subscribers_catalogues *catalogues, bool keep);

/* The view of one of the subscriber's deliveries, NULL when no catalogue has it. */
const struct bus_view *subscribers_catalogues_find(const struct subscribers_catalogues *catalogues,
                                                   uint64_t fingerprint);
const char *subscribers_catalogues_subscriber_view(const struct subscribers_catalogues *catalogues);
/* 0 is the one in force. */
size_t subscribers_catalogues_count(const struct subscribers_catalogues *catalogues);
const struct bus_catalogue *subscribers_catalogues_at(const struct subscribers_catalogues *catalogues, size_t index);
const struct bus_views *subscribers_catalogues_views_at(const struct subscribers_catalogues *catalogues, size_t index);

#endif
