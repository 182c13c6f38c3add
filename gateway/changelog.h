/* Changelog: xq.state as a resync reads it from Kafka, with a consumer of its own.
 *
 * The reader stays where it is between slices, and what it has prefetched stays at hand; it is put elsewhere only when it is asked
 * for something else. Prefetch is bounded, and given back by rest. */
#ifndef GATEWAY_CHANGELOG_H
#define GATEWAY_CHANGELOG_H

#include "bus/consumer.h"
#include "gateway/resync.h"

struct gateway_changelog_reader;

/* Both are borrowed; `topic` is xq.state with its prefix. NULL when out of memory. Nothing is opened before the first read. */
struct gateway_changelog_reader *gateway_changelog_create(const struct bus_kafka *kafka, const char *topic);
void gateway_changelog_destroy(struct gateway_changelog_reader *reader);
/* Its reading side, for gateway_resync_create. FATAL beside what gateway/resync.h says: refused by Kafka. */
struct gateway_changelog gateway_changelog_of(struct gateway_changelog_reader *reader);
/* Nothing more is to be read for now. Called again and again while that is so: a while after the first time memory goes back to the system. */
void gateway_changelog_rest(struct gateway_changelog_reader *reader);

#endif
