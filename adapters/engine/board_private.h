/* Board, the inside that board.c and board_open.c share. */
#ifndef ADAPTERS_ENGINE_BOARD_PRIVATE_H
#define ADAPTERS_ENGINE_BOARD_PRIVATE_H

#include "adapters/engine/board.h"
#include "bus/consumer.h"
#include "bus/topics.h"

enum {
    ADAPTERS_BOARD_PARTITION = 0,
    ADAPTERS_BOARD_MAX_STALE = ADAPTERS_MAX_FEEDS,
    ADAPTERS_BOARD_KEY_SIZE = 2 * BUS_FEED_TEXT_SIZE,
};

struct adapters_board_feed {
    const char *name;
    struct bus_feed_status now, kept; /* kept: as last committed */
    bool is_changed;

    /* Of what officers ordered; not taken back with a transaction. */
    bool is_paused;
    uint8_t decided[BUS_DIGEST_SIZE];
    int64_t decided_held_at_ms;
    enum adapters_decision decision;
};

struct adapters_board {
    struct adapters_board_options options;
    char feeds_topic[BUS_TOPIC_SIZE], orders_topic[BUS_TOPIC_SIZE];
    struct bus_consumer *orders; /* NULL: nobody can order */
    bool is_seen;                /* statuses can be written */
    bool is_open;                /* what comes now is new */
    struct adapters_board_feed feeds[ADAPTERS_MAX_FEEDS];
    size_t count;
    char stale[ADAPTERS_BOARD_MAX_STALE][BUS_FEED_TEXT_SIZE]; /* feeds that this adapter had once */
    size_t stale_count;
    struct bus_buffer buffer;
};

/* What mappings and configuration say of every feed, whatever was told before; all are to be told. */
void adapters_board_describe(struct adapters_board *board);
/* NULL when this adapter has no such feed. */
struct adapters_board_feed *adapters_board_find(struct adapters_board *board, struct bus_bytes name);
/* A record of the orders' topic. */
void adapters_board_take_message(struct adapters_board *board, const struct bus_message *message);
void adapters_board_key(const struct adapters_board *board, const char *feed, char out_key[ADAPTERS_BOARD_KEY_SIZE]);
/* The status as a record; it borrows `key` and the board's buffer. */
BUS_MUST_CHECK enum bus_status adapters_board_record(struct adapters_board *board, struct adapters_board_feed *feed,
                                                     char key[ADAPTERS_BOARD_KEY_SIZE], struct bus_record *out_record,
                                                     struct bus_error *error);

#endif
