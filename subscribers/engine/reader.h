/* Reader: the partitions of the subscriber's topic that this agent holds, verified seal by seal.
 *
 * Agents of one subscriber form a consumer group and share the partitions; each is a static member, so that one that is killed finds its
 * partitions again at once. Where a partition begins is the owner's: nothing is remembered here, and what keeps two agents apart is the
 * receiver's own position, or the group's generation in the transaction that moves it. */
#ifndef SUBSCRIBERS_ENGINE_READER_H
#define SUBSCRIBERS_ENGINE_READER_H

#include "bus/consumer.h"
#include "subscribers/engine/batch.h"
#include "subscribers/engine/piece.h"
#include "subscribers/engine/settings.h"

struct subscribers_reader;

/* Who works with the partitions. A status other than OK comes out of the poll. */
struct subscribers_owner {
    /* It is ours: fills `position`, which is initialised, with where to begin (next -1: at the beginning). */
    enum bus_status (*take)(void *self, struct subscribers_position *position, struct bus_error *error);
    /* Partitions are about to be another's (`lost`: they are already, nothing may be written for them); give_up follows for each. */
    void (*on_change)(void *self, bool lost);
    void (*give_up)(void *self, int32_t partition);
    /* Whether more of a partition should be read now. */
    bool (*wants)(const void *self, int32_t partition);
    void *self;
};

/* Waits until the broker has the topic. `settings` and `topic` are borrowed, `exchange` (whose seals count) is copied. RETRY: we were
 * stopped. FATAL: also when the topic has another number of partitions. */
BUS_MUST_CHECK enum bus_status subscribers_reader_open(const struct subscribers_settings *settings, const char *topic,
                                                       const char *exchange, const struct subscribers_owner *owner,
                                                       struct subscribers_reader **out_reader, struct bus_error *error);
/* Joins the group. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_reader_join(struct subscribers_reader *reader, struct bus_error *error);
/* Gives up what is held. */
void subscribers_reader_close(struct subscribers_reader *reader);

/* Waits at most `timeout_ms` for a record; *out_came tells whether one came, and *out_piece is what it completed (the caller's) or
 * NULL. A broker that is away is waited for. REJECT: what was read is not what was sealed. FATAL. */
BUS_MUST_CHECK enum bus_status subscribers_reader_poll(struct subscribers_reader *reader, int timeout_ms,
                                                       bool *out_came, struct subscribers_piece **out_piece,
                                                       struct bus_error *error);
/* Lives as long as the reader. */
struct bus_consumer *subscribers_reader_consumer(struct subscribers_reader *reader);
/* When the newest seal that was verified was made; 0 = none yet. */
int64_t subscribers_reader_sealed_at(const struct subscribers_reader *reader);

#endif
