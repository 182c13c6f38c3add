/* Taking: one file of a feed, from its first byte to its last row. */
#ifndef ADAPTERS_SOURCES_TAKING_H
#define ADAPTERS_SOURCES_TAKING_H

#include "adapters/engine/feeds.h"
#include "adapters/engine/report.h"

/* What taking a file needs, lent by the engine. */
struct adapters_taking_tools {
    struct adapters_feeds *feeds;
    struct adapters_drop *drop;
    struct adapters_publisher *publisher;
    struct adapters_rows *rows;
    struct bus_arena *arena;  /* reset with each row */
    struct bus_value *values; /* of a row: as many as the widest schema has fields */
    struct bus_clock clock;
    size_t batch_rows, batch_bytes;
    int64_t batch_ms;
    /* Commits what was added, and moves what was finished before. Any status. */
    enum bus_status (*commit)(void *self, struct bus_error *error);
    void *self;
};

/* A file that is finished, or needs nothing, and goes out of the inbox once the transaction is committed. */
struct adapters_taken {
    size_t feed;
    char name[ADAPTERS_FILE_NAME_SIZE];
    uint8_t digest[BUS_DIGEST_SIZE];
    int file; /* open */
    enum adapters_outcome outcome;
    struct bus_buffer report;
};
void adapters_taken_release(struct adapters_taken *taken);

enum adapters_taking_result {
    ADAPTERS_TAKEN,     /* *out_taken is filled; release it */
    ADAPTERS_NOT_TAKEN, /* gone, unreadable now, or a stop was requested: the file stays, *out_taken is not filled */
};

/* Takes the file. `is_taken_now`: a file of that content was taken in this transaction. Events and refused rows are added to
 * the publisher's transaction, which may be committed on the way. RETRY and FATAL are the publisher's: abort or start over. */
BUS_MUST_CHECK enum bus_status adapters_take_file(const struct adapters_taking_tools *tools, size_t feed,
                                                  const char *name,
                                                  bool (*is_taken_now)(void *self, const uint8_t *digest),
                                                  enum adapters_taking_result *out_result,
                                                  struct adapters_taken *out_taken, struct bus_error *error);

#endif
