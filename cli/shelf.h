/* Shelf: the last record of every book in xq.books, to be folded whole or in part. */
#ifndef CLI_SHELF_H
#define CLI_SHELF_H

#include "bus/balance.h"
#include "cli/command.h"

/* What is known of a book's signature (cli/signatures.h). */
enum cli_signature {
    CLI_NOT_CHECKED, /* nobody has looked, or nobody signs such a book */
    CLI_SIGNED,
    CLI_UNSIGNED, /* its subscriber signs books, and this one bears no signature */
    CLI_FORGED,   /* it bears one that is not the subscriber's over this book */
};

/* Part of the books; zero = all of them. */
struct cli_shelf_part {
    bool of_day;
    int32_t day;
    const char *adapter; /* only the books of the adapter of that name */
    bool of_partition;   /* only the gateway's and the agents' of that partition */
    int32_t partition;
    bool only_signed; /* only agents' books whose signature was found good */
};

struct cli_shelf;

/* REJECT: a key is no book's name. RETRY when the broker is away. */
BUS_MUST_CHECK enum bus_status cli_shelf_read(const struct cli_context *context, struct cli_shelf **out_shelf,
                                              struct bus_error *error);
void cli_shelf_destroy(struct cli_shelf *shelf);

/* Adds the books of the part to a new balance, which is the caller's. */
BUS_MUST_CHECK enum bus_status cli_shelf_fold(const struct cli_shelf *shelf, const struct cli_shelf_part *part,
                                              struct bus_balance **out_balance, struct bus_error *error);
/* The days that have books, each once, in order; valid as long as the shelf. */
const int32_t *cli_shelf_days(const struct cli_shelf *shelf, size_t *out_count);
/* The names of the adapters that have books, each once; partitions are 0 to the highest one. */
const char *const *cli_shelf_adapters(const struct cli_shelf *shelf, size_t *out_count);
int32_t cli_shelf_partitions(const struct cli_shelf *shelf);

/* Each book that is there. Views live as long as the shelf. */
struct cli_shelf_book {
    const char *name, *writer;
    int32_t day;
    struct bus_bytes value, receipt; /* receipt: header xq-receipt, data NULL = none */
    enum cli_signature signature;
};
size_t cli_shelf_count(const struct cli_shelf *shelf);
/* False when the book at that place was taken away. */
BUS_MUST_CHECK bool cli_shelf_book(const struct cli_shelf *shelf, size_t index, struct cli_shelf_book *out_book);
void cli_shelf_mark(struct cli_shelf *shelf, size_t index, enum cli_signature signature);
/* Whether the book lies in the part. */
bool cli_shelf_is_in(const struct cli_shelf *shelf, size_t index, const struct cli_shelf_part *part);

#endif
