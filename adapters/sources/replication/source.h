/* The replication source, the inside that its files share: one database whose tables are followed by a slot. */
#ifndef ADAPTERS_SOURCES_REPLICATION_SOURCE_H
#define ADAPTERS_SOURCES_REPLICATION_SOURCE_H

#include "adapters/engine/board.h"
#include "adapters/engine/intake.h"
#include "adapters/sources/files/inbox.h"
#include "adapters/sources/replication/settings.h"
#include "adapters/sources/replication/spool.h"
#include "adapters/sources/replication/stream.h"

enum { REPLICATION_SOURCE_NAME_SIZE = 2 * REPLICATION_NAME_SIZE + REPLICATION_LSN_TEXT_SIZE + 8 };

enum replication_stage {
    REPLICATION_APART,  /* not connected, or the position is to be read anew */
    REPLICATION_LISTS,  /* the lists of a snapshot are being taken */
    REPLICATION_STREAM, /* changes are */
};

struct replication {
    const struct adapters_intake *intake;
    struct replication_settings settings;
    const char *state;                      /* the adapter's folder */
    char cursor[ADAPTERS_CURSOR_NAME_SIZE]; /* its name in the journal */
    struct replication_client *database;    /* ordinary connection */
    struct replication_client *walsender;
    struct adapters_inbox *inbox; /* of the lists of a snapshot */
    struct replication_tables tables;
    struct replication_stream stream;

    enum replication_stage stage;         /* changed by replication_connect and the source itself only */
    struct replication_position position; /* as far as rows were given to the intake */
    uint64_t noted_end;                   /* `end` of the cursor as it was set last */
    uint64_t target;                      /* end of the log when the stream began */
    int64_t moved_at_ms;                  /* when the cursor was set last */

    /* The transaction at hand. */
    bool is_inside;
    uint64_t commit_lsn;
    uint32_t transaction;
    bool is_visible; /* other connections see what it did */
    int64_t committed_at_ms;
    uint64_t change_lsn, change_nth; /* of the next change: changes seen at that place of the log */
    bool has_news;                   /* something was given to the intake since the cursor was set */

    struct adapters_delivered delivered[ADAPTERS_MAX_FEEDS]; /* since the cursor was set */

    struct adapters_pgoutput_message *message;
    struct bus_bytes *fields; /* one for each column of a mapping */
    struct bus_buffer original;
};

/* Connects, holds the database against what the cursor says of it, makes the slot and its snapshot when there is none yet, and leaves the
 * stage LISTS or STREAM. RETRY and FATAL with what to do. */
BUS_MUST_CHECK enum bus_status replication_connect(struct replication *self, struct bus_error *error);

/* Makes the slot, which is marked as being made, and copies every table as of its beginning into the spool; the position is that of the
 * snapshot. */
BUS_MUST_CHECK enum bus_status replication_snapshot(struct replication *self, struct bus_error *error);

/* Takes the lists of a snapshot; with the last one the position is noted and the stage goes to APART, from where changes are followed. */
BUS_MUST_CHECK enum bus_status replication_take_lists(struct replication *self, size_t *out_count,
                                                      struct bus_error *error);

/* Takes the message at hand, found at `lsn` of the log; commits on the way what is full. FATAL: a table is not what it was; what was given
 * to the intake before may be committed. */
BUS_MUST_CHECK enum bus_status replication_take_message(struct replication *self, uint64_t lsn,
                                                        struct bus_error *error);
/* Sets the cursor to the position. */
BUS_MUST_CHECK enum bus_status replication_note(struct replication *self, struct bus_error *error);
/* Sets it and commits. */
BUS_MUST_CHECK enum bus_status replication_commit(struct replication *self, struct bus_error *error);

/* Asks for the row as it is now, over the ordinary connection, by the key of the tuple at hand. *out_rows: its columns in the order of the
 * table's, NULL when it is gone. */
BUS_MUST_CHECK enum bus_status replication_fetch(struct replication *self, const struct replication_table *table,
                                                 struct replication_rows **out_rows, struct bus_error *error);

#endif
