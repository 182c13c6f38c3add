/* Books: what `xinqiao books` has found, and how it says it. */
#ifndef CLI_BOOKS_H
#define CLI_BOOKS_H

#include "cli/places.h"

enum { CLI_BOOKS_SHOWN = 200 }; /* mismatches that are shown */

struct cli_books_found {
    struct cli_shelf *shelf;
    struct cli_shelf_part part; /* the day that was asked for, or all */
    struct bus_balance *balance;
    struct cli_losses losses;
    struct bus_mismatch mismatches[CLI_BOOKS_SHOWN];
    size_t mismatch_count; /* in all */
    int64_t under_way;
    bool has_signatures;            /* somebody's keys are known: books were held against them */
    struct bus_balance *signed_for; /* of the books whose signature is good */
    struct cli_places signatures;   /* of the others that should have one */
    bool has_forged;
    struct cli_places *places;  /* of each mismatch shown, NULL when they were not looked for */
    struct cli_places *waiting; /* of each subscriber, the same */
};

/* Nothing is amiss or forged and nothing under way. */
static inline bool cli_books_balance(const struct cli_books_found *found)
{
    return found->mismatch_count == 0 && found->under_way == 0 && !found->has_forged;
}
static inline size_t cli_books_shown(const struct cli_books_found *found)
{
    return found->mismatch_count < CLI_BOOKS_SHOWN ? found->mismatch_count : CLI_BOOKS_SHOWN;
}

/* What the subscriber has signed for in this row: applied and refused in its books whose signature is good. */
int64_t cli_books_signed(const struct cli_books_found *found, const struct bus_balance_row *row,
                         const char *subscriber);

/* CLI_DONE, or CLI_CANNOT_REACH when it could not be written. */
int cli_books_print_json(const struct cli_books_found *found);

#endif
