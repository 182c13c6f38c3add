/* Places: where in the exchange it is that books do not balance, as near as can be known.
 *
 * An equation is held against each part of the books alone (a day, an adapter, a partition); what was published and not taken is looked
 * for in the topic itself: does it wait to be read, or was it deleted; and what is lost has its sequence numbers. */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include "cli/losses.h"
#include "cli/shelf.h"

enum cli_place_kind {
    CLI_PLACE_BOOK,     /* a part of the books in which the equation fails */
    CLI_PLACE_LOST,     /* sequence numbers that never reached the gateway */
    CLI_PLACE_WAITING,  /* offsets of a topic that its reader has not read yet */
    CLI_PLACE_GONE,     /* offsets of a topic that were deleted before its reader read them */
    CLI_PLACE_UNSIGNED, /* an agent's book without the signature of its subscriber, which signs others */
    CLI_PLACE_FORGED,   /* an agent's book with a signature that is not its subscriber's over it */
};

struct cli_place {
    enum cli_place_kind kind;
    char name[BUS_TOPIC_SIZE]; /* of a book: the writer, "" for all; else the topic */
    char adapter[CLI_LOSS_NAME_SIZE];
    int32_t day;         /* of a book */
    int32_t partition;   /* not of a book */
    int64_t from, to;    /* not of a book */
    int64_t left, right; /* BOOK: the sides of the equation */
    int64_t at_ms;       /* LOST: when it was found */
};

enum { CLI_PLACES_MAX = 32 };

/* The first of them, and how many there are. */
struct cli_places {
    struct cli_place of[CLI_PLACES_MAX];
    size_t count, all;
};

/* Places of one mismatch of `balance`, which was folded of the shelf's day `part` or all of it. `losses` may be empty. RETRY when the
 * broker is away. */
BUS_MUST_CHECK enum bus_status cli_places_of_mismatch(const struct cli_context *context, const struct cli_shelf *shelf,
                                                      const struct cli_shelf_part *part,
                                                      const struct cli_losses *losses,
                                                      const struct bus_balance *balance,
                                                      const struct bus_mismatch *mismatch,
                                                      struct cli_places *out_places, struct bus_error *error);
/* Where deliveries to a subscriber wait, or are gone. */
BUS_MUST_CHECK enum bus_status cli_places_of_subscriber(const struct cli_context *context, const char *subscriber,
                                                        struct cli_places *out_places, struct bus_error *error);

/* The agents' books of the part that are not signed as they should be; nothing when nobody has looked. */
void cli_places_of_signatures(const struct cli_shelf *shelf, const struct cli_shelf_part *part,
                              struct cli_places *out_places);

/* The place in words, in both languages, without a line's end. */
void cli_place_describe(const struct cli_place *place, struct bus_buffer *zh, struct bus_buffer *en);
/* Whether it names a book: BOOK, UNSIGNED, FORGED. */
bool cli_place_is_book(enum cli_place_kind kind);
/* "BOOK", "LOST", "WAITING", "GONE", "UNSIGNED", "FORGED". */
const char *cli_place_kind_name(enum cli_place_kind kind);

#endif
