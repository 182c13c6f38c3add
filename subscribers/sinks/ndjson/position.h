/* NDJSON position: the file .position beside the NDJSON files, one JSON object (docs/formats.md):
 *
 *     {"topic": …, "serial": number of the last file, "partitions": [{"partition", "next", "hash", "size", "peaks": [hex], "book": hex}]} */
#ifndef SUBSCRIBERS_SINKS_NDJSON_POSITION_H
#define SUBSCRIBERS_SINKS_NDJSON_POSITION_H

#include "subscribers/engine/batch.h"

struct ndjson_positions;

/* `topic` is copied. NULL when out of memory. */
struct ndjson_positions *ndjson_positions_create(const char *topic);
void ndjson_positions_destroy(struct ndjson_positions *positions);

/* Reads .position in the folder; a folder without one is new. RETRY: cannot be read. FATAL: it is damaged, or another topic's. */
BUS_MUST_CHECK enum bus_status ndjson_positions_read(struct ndjson_positions *positions, int folder_descriptor,
                                                     struct bus_error *error);
/* Copies what is known of position->partition; leaves `next` -1 when nothing is. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status ndjson_positions_get(const struct ndjson_positions *positions,
                                                    struct subscribers_position *position, struct bus_error *error);
/* FATAL unless every advance of the batch starts where the positions stand. */
BUS_MUST_CHECK enum bus_status ndjson_positions_check(const struct ndjson_positions *positions,
                                                      const struct subscribers_batch *batch, struct bus_error *error);
/* Writes .position with the batch's advances and the next serial, synced and renamed into place: the commit. RETRY: not (or not
 * known to be) committed; read again. */
BUS_MUST_CHECK enum bus_status ndjson_positions_commit(struct ndjson_positions *positions,
                                                       const struct subscribers_batch *batch, int folder_descriptor,
                                                       struct bus_error *error);
/* Of the last file, 0 = none yet. */
uint64_t ndjson_positions_serial(const struct ndjson_positions *positions);

#endif
