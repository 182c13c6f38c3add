/* Taking: one file of a feed, from its first byte to its last row. */
#ifndef ADAPTERS_SOURCES_FILES_TAKING_H
#define ADAPTERS_SOURCES_FILES_TAKING_H

#include "adapters/engine/intake.h"
#include "adapters/engine/list.h"
#include "adapters/engine/memo.h"
#include "adapters/engine/report.h"
#include "adapters/formats/layout.h"
#include "adapters/sources/files/file_drop.h"

/* What taking a file needs, lent by the inbox. */
struct adapters_taking_tools {
    const struct adapters_intake *intake;
    struct adapters_drop *drop;
    struct adapters_rows *rows;
    struct adapters_list *list;           /* NULL: no feed delivers full lists */
    struct adapters_memo *memo;           /* of the feed at hand, when it delivers full lists */
    const struct adapters_layout *layout; /* of the file at hand */
    enum adapters_encoding encoding;
    bool is_list; /* the file says all that the department holds; its feed has an image */
    /* Whether a file of that content was taken in this transaction. */
    bool (*is_taken_now)(void *self, const uint8_t *digest);
    void *self;
};

/* A file that is finished, or needs nothing, and goes out of the inbox once the transaction is committed. */
struct adapters_taken {
    size_t feed;
    char path[ADAPTERS_FILE_NAME_SIZE + 8]; /* below the feed's folder */
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

/* Takes the file <feed>/<path>; "held/<name>" is a list that an operator approved. Events and refused rows are added to the publisher's
 * transaction, which may be committed on the way. RETRY and FATAL are the publisher's: abort or start over. */
BUS_MUST_CHECK enum bus_status adapters_take_file(const struct adapters_taking_tools *tools, size_t feed,
                                                  const char *path, enum adapters_taking_result *out_result,
                                                  struct adapters_taken *out_taken, struct bus_error *error);
/* Settles a held list that is not to be taken, by its reason: the report beside it says so, and the feed's status holds it no more. */
BUS_MUST_CHECK enum bus_status adapters_settle_held(const struct adapters_taking_tools *tools, size_t feed,
                                                    const struct adapters_refusal *reason, struct bus_error *error);

#endif
