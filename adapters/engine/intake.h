/* Intake: what becomes of a row, whatever source it comes from: mapped, held against what its feed said before, published or
 * set aside. Rows and the source's own position commit in one transaction. */
#ifndef ADAPTERS_ENGINE_INTAKE_H
#define ADAPTERS_ENGINE_INTAKE_H

#include "adapters/engine/board.h"
#include "adapters/engine/feeds.h"
#include "adapters/engine/image.h"

enum adapters_row_outcome {
    ADAPTERS_ROW_PUBLISHED,
    ADAPTERS_ROW_UNCHANGED, /* the feed said exactly this before: nothing is published */
    ADAPTERS_ROW_REFUSED,   /* in quarantine, with its reason */
};

/* Lent to sources by the engine; one thread. */
struct adapters_intake {
    const struct adapters_settings *settings;
    struct adapters_feeds *feeds;
    struct adapters_publisher *publisher;
    struct adapters_image *image; /* NULL: no feed of this adapter needs one */
    struct adapters_board *board; /* how the feeds stand; a source takes nothing of a feed that is paused there */
    struct adapters_decoder *decoder;
    struct bus_arena *arena;  /* reset with each row */
    struct bus_value *values; /* of a row: as many as the widest schema has fields */
    struct bus_clock clock;
    /* Commits what was added, and tells the source. Any status. */
    enum bus_status (*commit)(void *self, struct bus_error *error);
    void *self;
};

/* Takes one row of a feed. `source`: the name of its file, or its place in the source, for quarantine. *out_refusal is filled when it
 * is refused. RETRY and FATAL are the publisher's: return them, and the transaction is given up. */
BUS_MUST_CHECK enum bus_status adapters_intake_row(const struct adapters_intake *intake, size_t feed,
                                                   const char *source, const struct adapters_row *row,
                                                   enum adapters_row_outcome *out_outcome,
                                                   struct adapters_refusal *out_refusal, struct bus_error *error);
/* Whether the row would be refused, without publishing anything: BUS_OK or BUS_REJECT with its refusal. */
BUS_MUST_CHECK enum bus_status adapters_intake_check(const struct adapters_intake *intake, size_t feed,
                                                     const struct adapters_row *row,
                                                     struct adapters_refusal *out_refusal);
/* What a row says, without publishing anything and whatever the image holds. BUS_OK, or BUS_REJECT with its refusal; then has_key says whether
 * its record could be told nevertheless. */
struct adapters_look {
    bool has_key, is_withdrawal;
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE], content[ADAPTERS_IMAGE_CONTENT_SIZE];
};
BUS_MUST_CHECK enum bus_status adapters_intake_look(const struct adapters_intake *intake, size_t feed,
                                                    const struct adapters_row *row, struct adapters_look *out_look,
                                                    struct adapters_refusal *out_refusal);
/* Takes a row that the source itself could not read (stage adapter.read). */
BUS_MUST_CHECK enum bus_status adapters_intake_refuse(const struct adapters_intake *intake, size_t feed,
                                                      const char *source, const struct adapters_row *row,
                                                      const struct adapters_refusal *refusal, struct bus_error *error);
/* Withdraws a record that the image holds as current, by what the image kept of it; nothing when it does not. `version` 0: the clock's.
 * The version published is above the image's in any case. */
BUS_MUST_CHECK enum bus_status adapters_intake_withdraw(const struct adapters_intake *intake, size_t feed,
                                                        const uint8_t record[ADAPTERS_IMAGE_KEY_SIZE], int64_t version,
                                                        int64_t committed_at_ms, struct bus_error *error);
/* Whether the transaction is full or old and should be committed now. */
bool adapters_intake_is_due(const struct adapters_intake *intake);
BUS_MUST_CHECK enum bus_status adapters_intake_commit(const struct adapters_intake *intake, struct bus_error *error);

#endif
