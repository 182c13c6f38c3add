/* Laggards: deliveries that tell a receiver to take something back, to correct it or to mark it, and for which it has not signed.
 *
 * Only what stands behind each log's last receipt is read, and of each delivery only the first bytes. */
#ifndef CLI_LAGGARDS_H
#define CLI_LAGGARDS_H

#include "cli/delivery.h"
#include "cli/receipts.h"

enum { CLI_LAGGARDS_MAX_SHOWN = 10000 };

/* How a receiver stands. */
enum cli_lagging_kind {
    CLI_LAGGING_SIGNS,  /* it signs: what it has not signed for is counted */
    CLI_LAGGING_SILENT, /* its key is pinned, and it has never signed: all its deliveries are unsigned */
    CLI_LAGGING_NO_KEY, /* no key of it is pinned: it is not expected to sign */
};

struct cli_lagging {
    const struct bus_subscriber *subscriber;
    enum cli_lagging_kind kind;
    uint64_t deliveries; /* not signed for, of any kind */
    uint64_t laggards;   /* of those that matter, older than asked for; of SIGNS alone */
    int64_t oldest_ms;   /* when the first of the laggards was delivered, 0 = none */
};

struct cli_laggard {
    const struct bus_subscriber *subscriber;
    int32_t partition;
    int64_t offset, leaf, at_ms;
    uint8_t record[BUS_IDENTITY_SIZE];
    struct cli_delivery_head head;
};

struct cli_laggards {
    int64_t now_ms, older_ms; /* given: only those that are at least so old */
    size_t limit;             /* given: how many are listed, at most CLI_LAGGARDS_MAX_SHOWN */
    struct cli_lagging *by;   /* in the catalogue's order; those without deliveries are left out */
    size_t by_count;
    struct cli_laggard *listed; /* the oldest first */
    size_t listed_count;
};

/* Of all subscribers or of `only`. RETRY: Kafka is away. Release whatever the status. */
BUS_MUST_CHECK enum bus_status cli_laggards_read(const struct cli_context *context,
                                                 const struct bus_catalogue *catalogue,
                                                 const struct bus_subscriber *only, struct cli_laggards *laggards,
                                                 struct bus_error *error);
void cli_laggards_release(struct cli_laggards *laggards);
/* Whether anyone who should have signed has not. */
bool cli_laggards_any(const struct cli_laggards *laggards);

/* --- for tests: one log as its deliveries come --- */

/* Keeps the laggard when it is among the `limit` oldest so far. */
void cli_laggards_list(struct cli_laggards *laggards, const struct cli_laggard *laggard);
/* "90s", "30m", "1h", "2d"; false when it is none. */
bool cli_duration_read(const char *text, int64_t *out_ms);

#endif
