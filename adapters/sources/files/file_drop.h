/* File drop: folders into which a department puts files, one a feed, and where each file ends.
 *
 *     <inbox>/<feed>/                 files to be taken, in the order of their names; not ".…", "….tmp", "….part"
 *     <inbox>/<feed>/done/<name>      taken, with <name>.report.csv beside it
 *     <inbox>/<feed>/held/<name>      not taken as a whole, with its reason beside it; a full list may be taken from there later
 *
 * A file is looked at only when it is complete: it came by rename, or has a mark `<name>.ok` beside it, or has not changed for
 * a set time. */
#ifndef ADAPTERS_SOURCES_FILES_FILE_DROP_H
#define ADAPTERS_SOURCES_FILES_FILE_DROP_H

#include "adapters/engine/position.h"
#include "bus/clock.h"

enum adapters_completion { ADAPTERS_COMPLETE_RENAME, ADAPTERS_COMPLETE_MARK, ADAPTERS_COMPLETE_STABLE };

enum { ADAPTERS_DROP_MAX_LISTED = 4096 };

struct adapters_drop_options {
    const char *inbox;
    struct {
        const char *name;
        enum adapters_completion completion;
    } feeds[ADAPTERS_MAX_FEEDS];
    size_t feed_count;
    int64_t stable_ms;
    bool removes_done; /* a spool: what is done is removed instead of kept with a report */
    struct bus_clock clock;
};

struct adapters_drop;

/* Makes the folders and watches them. Options are copied, names borrowed. FATAL with the folder and the reason. */
BUS_MUST_CHECK enum bus_status adapters_drop_open(const struct adapters_drop_options *options,
                                                  struct adapters_drop **out_drop, struct bus_error *error);
void adapters_drop_close(struct adapters_drop *drop);

/* Complete files of a feed, by name; at most ADAPTERS_DROP_MAX_LISTED, the first ones. Borrowed until the next list. RETRY when
 * the folder cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_drop_list(struct adapters_drop *drop, size_t feed,
                                                  const char *const **out_names, size_t *out_count,
                                                  struct bus_error *error);
/* Waits until something changes in a feed's folder, at most `timeout_ms`. */
void adapters_drop_wait(struct adapters_drop *drop, int64_t timeout_ms);

/* Opens a listed file, or "held/<name>", for reading. OK with *out_file -1 when it is gone since, or no plain file. RETRY when it
 * cannot be opened now. The caller closes. */
BUS_MUST_CHECK enum bus_status adapters_drop_open_file(const struct adapters_drop *drop, size_t feed, const char *path,
                                                       int *out_file, struct bus_error *error);
/* Whether the feed's folder, or its done/, holds a file of that name. */
bool adapters_drop_has(const struct adapters_drop *drop, size_t feed, const char *name);
bool adapters_drop_has_done(const struct adapters_drop *drop, size_t feed, const char *name);

enum adapters_outcome { ADAPTERS_OUTCOME_DONE, ADAPTERS_OUTCOME_HELD };

/* The name that a file of name `name` would have in held/ now: its own, or with a number behind it. */
BUS_MUST_CHECK enum bus_status adapters_drop_held_name(const struct adapters_drop *drop, size_t feed, const char *name,
                                                       char out_name[ADAPTERS_FILE_NAME_SIZE], struct bus_error *error);
/* Writes the report and moves the file, which is open as `file`, out of the inbox, or from held/ to done/; under a name of its own when
 * the folder has that name already. What is in held/ and stays there gets its report anew. A file that was removed or replaced meanwhile
 * is left as it is. On return report and move are on disk. RETRY when the disk refuses. */
BUS_MUST_CHECK enum bus_status adapters_drop_finish(const struct adapters_drop *drop, size_t feed, const char *path,
                                                    int file, enum adapters_outcome outcome, struct bus_bytes report,
                                                    struct bus_error *error);

#endif
