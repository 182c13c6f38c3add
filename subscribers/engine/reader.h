/* Reader: all partitions of the subscriber's topic, verified seal by seal.
 *
 * Where to begin is the caller's: nothing is remembered here. The consumer group holds offsets for lag figures and has no members: there is
 * nothing to rebalance, and what keeps two agents apart is the sink's own position. */
#ifndef SUBSCRIBERS_ENGINE_READER_H
#define SUBSCRIBERS_ENGINE_READER_H

#include "bus/consumer.h"
#include "subscribers/engine/batch.h"
#include "subscribers/engine/piece.h"
#include "subscribers/engine/settings.h"

struct subscribers_reader;

/* Waits until the broker has the topic. `settings` and `topic` are borrowed, `exchange` (whose seals count) is copied. RETRY: we were
 * stopped. FATAL: also when the topic has another number of partitions. */
BUS_MUST_CHECK enum bus_status subscribers_reader_open(const struct subscribers_settings *settings, const char *topic,
                                                       const char *exchange, struct subscribers_reader **out_reader,
                                                       struct bus_error *error);
void subscribers_reader_close(struct subscribers_reader *reader);

/* Begins at the positions, one a partition in order. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_reader_start(struct subscribers_reader *reader,
                                                        const struct subscribers_position *positions,
                                                        struct bus_error *error);
/* Waits at most `timeout_ms` for a record; *out_came tells whether one came, and *out_piece is what it completed (the caller's) or
 * NULL. A broker that is away is waited for. REJECT: what was read is not what was sealed. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_reader_poll(struct subscribers_reader *reader, int timeout_ms,
                                                       bool *out_came, struct subscribers_piece **out_piece,
                                                       struct bus_error *error);
/* For the report; lives as long as the reader. */
struct bus_consumer *subscribers_reader_consumer(struct subscribers_reader *reader);

#endif
