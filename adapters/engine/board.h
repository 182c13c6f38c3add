/* Board: what operators see of an adapter's feeds, and what they order: topics xq.feeds (status, written in the adapter's transactions,
 * compacted) and xq.orders (pause, resume, approve, reject; written by `xinqiao feeds`, kept for ever). Both have one partition, key
 * "<adapter>/<feed>".
 *
 * A broker that lacks a topic or gives no right on it does not stop the adapter: it is told once, as WARN, and the feeds run without
 * that half of the board: nobody sees them, or nobody orders. */
#ifndef ADAPTERS_ENGINE_BOARD_H
#define ADAPTERS_ENGINE_BOARD_H

#include "adapters/engine/feeds.h"
#include "bus/feed_order.h"
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

/* Reads the orders and this adapter's last statuses; call it after the publisher was opened. All feeds are told at once, with the
 * trouble that was told last: who finds that all is well says so.
 * Options are copied, what they point to is borrowed. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status adapters_board_open(const struct adapters_board_options *options,
                                                   struct adapters_board **out_board, struct bus_error *error);
/* A board of feeds without Kafka, for tests: nothing is read and nothing is published. NULL when out of memory. */
struct adapters_board *adapters_board_create(const struct adapters_board_options *options);
void adapters_board_close(struct adapters_board *board);
/* Reads what was ordered since, never waits and never fails: an order that cannot be read now is read later. */
void adapters_board_poll(struct adapters_board *board);
/* Takes one order, as poll does with each. Orders for other adapters and unknown feeds are passed over. */
void adapters_board_take_order(struct adapters_board *board, const struct bus_feed_order *order);

bool adapters_board_is_paused(const struct adapters_board *board, size_t feed);
enum adapters_decision { ADAPTERS_UNDECIDED, ADAPTERS_APPROVED, ADAPTERS_REJECTED };
/* What was ordered about the list that the feed's status says is held, if it has this digest. An order about the same list held at another
 * time does not count: what it would withdraw may differ by now. */
enum adapters_decision adapters_board_decision(const struct adapters_board *board, size_t feed,
                                               const uint8_t digest[BUS_DIGEST_SIZE]);

/* The status of a feed, to be changed by the caller; what changed is published with the next commit (adapters_board_publish). */
struct bus_feed_status *adapters_board_status(struct adapters_board *board, size_t feed);
/* Marks a feed's status as changed. */
void adapters_board_tell(struct adapters_board *board, size_t feed);
/* What was last taken of a feed: a file, a list, a batch. `name` says which; of a withdrawal by absence too. */
struct adapters_delivered {
    const char *name;
    int64_t rows, published, unchanged, withdrawn, quarantined;
};
/* Notes it in the status, told with the next commit, and that all is well with the feed. */
void adapters_board_delivered(struct adapters_board *board, size_t feed, const struct adapters_delivered *delivered);
/* Why nothing comes from a feed, in both languages; empty texts: all is well again. Told only when it differs from what is said now. */
void adapters_board_trouble(struct adapters_board *board, size_t feed, const char *zh, const char *en);
/* Whether a status waits to be published. */
bool adapters_board_is_changed(const struct adapters_board *board);
/* Adds the changed statuses to the publisher's transaction, begun when none is. RETRY: abort. */
BUS_MUST_CHECK enum bus_status adapters_board_publish(struct adapters_board *board,
                                                      struct adapters_publisher *publisher, struct bus_error *error);
/* They are durable. */
void adapters_board_keep(struct adapters_board *board);
/* The transaction was given up: the statuses are as they were at the last commit, and are told again. */
void adapters_board_forget(struct adapters_board *board);

#endif
