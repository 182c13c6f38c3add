/* Balance: all books folded into one row an item, and what does not balance.
 *
 *     read                 = published + quarantined by the adapter
 *     consumed - replayed  = published
 *     consumed             = accepted + duplicate + stale + quarantined by the gateway
 *     delivered            = applied + refused                                          for each subscriber */
#ifndef BUS_BALANCE_H
#define BUS_BALANCE_H

#include "bus/books.h"

enum { BUS_BALANCE_NAME_SIZE = 128, BUS_BALANCE_MAX_SUBSCRIBERS = 64, BUS_BALANCE_TEXT_SIZE = 240 };

/* Counts of one subscriber in one row, at the subscriber's place in bus_balance_subscriber. */
struct bus_balance_share {
    int64_t delivered, applied, refused;
};

struct bus_balance_row {
    char department[BUS_BALANCE_NAME_SIZE], item[BUS_BALANCE_NAME_SIZE];
    int64_t read, published, refused_rows; /* adapters; refused rows are in quarantine */
    int64_t consumed, replayed, accepted, duplicate, stale,
        refused_events; /* gateway; refused events are in quarantine */
    int64_t gaps, notices;
    struct bus_balance_share shares[BUS_BALANCE_MAX_SUBSCRIBERS];
};

/* One equation that does not hold. */
struct bus_mismatch {
    size_t row;
    const char *equation;   /* "read = published + quarantined" … */
    const char *subscriber; /* of the last equation, otherwise "" */
    int64_t left, right;    /* what its sides come to */
    char text_zh[BUS_BALANCE_TEXT_SIZE], text_en[BUS_BALANCE_TEXT_SIZE];
};

struct bus_balance;

/* NULL when out of memory. */
struct bus_balance *bus_balance_create(void);
void bus_balance_destroy(struct bus_balance *balance);
/* Adds one writer's book; its name says whose it is. REJECT when the name is of no known kind, FATAL out of memory or with more
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
/* Fills at most `limit` mismatches and returns how many there are in all. */
size_t bus_balance_mismatches(const struct bus_balance *balance, struct bus_mismatch *out_mismatches, size_t limit);

#endif
