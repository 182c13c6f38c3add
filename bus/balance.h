/* Balance: books folded into one row an item, of a day or of all days, and what does not balance.
 *
 *     read                 = published + quarantined by the adapter
 *     consumed - replayed  = published                                  what is lost explains a difference, and never balances
 *     consumed             = accepted + duplicate + stale + quarantined by the gateway
 *     delivered            = applied + refused + under way              for each subscriber; under way is never less than nothing
 *     lost                 = 0                                          what sequence numbers prove to be missing */
#ifndef BUS_BALANCE_H
#define BUS_BALANCE_H

#include "bus/books.h"

enum { BUS_BALANCE_NAME_SIZE = 128, BUS_BALANCE_MAX_SUBSCRIBERS = 64, BUS_BALANCE_TEXT_SIZE = 240 };

/* Counts of one subscriber in one row, at the subscriber's place in bus_balance_subscriber. */
struct bus_balance_share {
    int64_t delivered, applied, refused;
};
static inline int64_t bus_balance_under_way(const struct bus_balance_share *share)
{
    return share->delivered - share->applied - share->refused;
}

struct bus_balance_row {
    char department[BUS_BALANCE_NAME_SIZE], item[BUS_BALANCE_NAME_SIZE];
    int64_t read, published, refused_rows; /* adapters; refused rows are in quarantine */
    int64_t consumed, replayed, accepted, duplicate, stale,
        refused_events; /* gateway; refused events are in quarantine */
    int64_t lost, notices;
    struct bus_balance_share shares[BUS_BALANCE_MAX_SUBSCRIBERS];
};

enum bus_equation {
    BUS_EQUATION_READ,
    BUS_EQUATION_TAKEN,
    BUS_EQUATION_ENDED,
    BUS_EQUATION_DELIVERED,
    BUS_EQUATION_LOST
};
const char *bus_equation_text(enum bus_equation equation); /* "read = published + quarantined" … */

/* One equation that does not hold. */
struct bus_mismatch {
    size_t row;
    enum bus_equation equation;
    const char *subscriber; /* of BUS_EQUATION_DELIVERED, otherwise "" */
    int64_t left, right;    /* what its sides come to */
    char text_zh[BUS_BALANCE_TEXT_SIZE], text_en[BUS_BALANCE_TEXT_SIZE];
};

struct bus_balance;

/* NULL when out of memory. */
struct bus_balance *bus_balance_create(void);
void bus_balance_destroy(struct bus_balance *balance);
/* Adds a book; its name says whose it is. REJECT when the name is of no known kind, FATAL out of memory or with more
 * than BUS_BALANCE_MAX_SUBSCRIBERS subscribers. */
BUS_MUST_CHECK enum bus_status bus_balance_add(struct bus_balance *balance, const struct bus_book *book,
                                               struct bus_error *error);
/* Rows by department and item. Views live until the next add. */
size_t bus_balance_row_count(const struct bus_balance *balance);
const struct bus_balance_row *bus_balance_row_view(const struct bus_balance *balance, size_t index);
size_t bus_balance_subscriber_count(const struct bus_balance *balance);
const char *bus_balance_subscriber_view(const struct bus_balance *balance, size_t index);
/* The sum of all rows, names empty. */
void bus_balance_total(const struct bus_balance *balance, struct bus_balance_row *out_row);
/* What is delivered and neither applied nor refused yet, to all subscribers. */
int64_t bus_balance_all_under_way(const struct bus_balance *balance);
/* Fills at most `limit` mismatches and returns how many there are in all. */
size_t bus_balance_mismatches(const struct bus_balance *balance, struct bus_mismatch *out_mismatches, size_t limit);
/* Whether this one equation fails; how is in `out_mismatch`, whose subscriber borrows from the balance. `subscriber` "" but for
 * BUS_EQUATION_DELIVERED. */
BUS_MUST_CHECK bool bus_balance_fails(const struct bus_balance *balance, const char *department, const char *item,
                                      enum bus_equation equation, const char *subscriber,
                                      struct bus_mismatch *out_mismatch);

#endif
