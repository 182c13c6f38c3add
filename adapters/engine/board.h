/* Board: what operators see of an adapter's feeds, and what they order: topics xq.feeds (status, written in the adapter's transactions or
 * alone) and xq.orders (pause, resume, approve, reject; written by `xinqiao feeds`). Both compacted, one partition, key
 * "<adapter>/<feed>". */
#ifndef ADAPTERS_ENGINE_BOARD_H
#define ADAPTERS_ENGINE_BOARD_H

#include "adapters/engine/feeds.h"
#include "bus/feed_status.h"

struct adapters_board;

struct adapters_board_options {
    const struct bus_kafka *kafka;
    const char *prefix;
    const char *adapter, *department;
    const char *source; /* struct adapters_source_type's name */
    const struct adapters_feeds *feeds;
    struct bus_clock clock;
};

/* Reads the orders and this adapter's last statuses. Options are copied, what they point to is borrowed. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status adapters_board_open(const struct adapters_board_options *options,
                                                   struct adapters_board **out_board, struct bus_error *error);
void adapters_board_close(struct adapters_board *board);
/* Reads what was ordered since; never waits. */
BUS_MUST_CHECK enum bus_status adapters_board_poll(struct adapters_board *board, struct bus_error *error);

bool adapters_board_is_paused(const struct adapters_board *board, size_t feed);
enum adapters_decision { ADAPTERS_UNDECIDED, ADAPTERS_APPROVED, ADAPTERS_REJECTED };
/* What was ordered about a delivery that is held for approval, by the digest of its content. */
enum adapters_decision adapters_board_decision(const struct adapters_board *board, size_t feed,
                                               const uint8_t digest[BUS_DIGEST_SIZE]);

/* The status of a feed, to be changed by the caller; what changed is published with the next commit (adapters_board_publish). */
struct bus_feed_status *adapters_board_status(struct adapters_board *board, size_t feed);
/* Marks a feed's status as changed. */
void adapters_board_tell(struct adapters_board *board, size_t feed);
/* Adds the changed statuses to the publisher's transaction, by `produce`. / They are durable. / They are gone. */
BUS_MUST_CHECK enum bus_status adapters_board_publish(struct adapters_board *board,
                                                      struct adapters_publisher *publisher, struct bus_error *error);
void adapters_board_keep(struct adapters_board *board);
void adapters_board_forget(struct adapters_board *board);

#endif
