/* Feeds: how the adapters' feeds stand (xq.feeds) and what officers order about them (xq.orders). */
#ifndef CLI_FEEDS_H
#define CLI_FEEDS_H

#include "bus/feed_order.h"
#include "bus/feed_status.h"
#include "bus/json.h"
#include "cli/command.h"
#include "cli/words.h"

/* A feed as its adapter told last. */
struct cli_feed {
    struct bus_feed_status status;
    int64_t due_ms; /* 0: nothing is due */
    bool is_overdue;
};

/* By department, adapter and feed. */
struct cli_feeds {
    struct cli_feed *of;
    size_t count, capacity;
};

/* Reads all feeds and, with the catalogue's calendar (or NULL), when each is due. REJECT when there is no such topic, RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status cli_feeds_read(struct cli_context *context, const struct bus_calendar *calendar,
                                              struct cli_feeds *out_feeds, struct bus_error *error);
void cli_feeds_release(struct cli_feeds *feeds);
/* The feed that an officer calls FEED, DEPARTMENT/FEED or ADAPTER/FEED; NULL after saying that there is none, or which there are. */
const struct cli_feed *cli_feeds_find(const struct cli_feeds *feeds, const char *name);

/* What weighs most: PAUSED, HELD, TROUBLE, OVERDUE, NONE_YET, OK. */
const struct cli_word *cli_feed_state(const struct cli_feed *feed);
/* "每日 daily"; "-" when none is declared. */
const struct cli_word *cli_feed_cadence(const struct cli_feed *feed);
const struct cli_word *cli_feed_source(const struct cli_feed *feed);
const struct cli_word *cli_feed_order_word(enum bus_feed_order_kind kind);
/* Its members, in an object that the caller began. */
void cli_feed_json(const struct cli_feed *feed, struct bus_json *json);

int cli_feeds_list(struct cli_context *context, int argc, char **argv);
int cli_feeds_show(struct cli_context *context, int argc, char **argv);
/* pause, resume, approve, reject. */
int cli_feeds_order(struct cli_context *context, int argc, char **argv);
int cli_feeds_try(struct cli_context *context, int argc, char **argv);

#endif
