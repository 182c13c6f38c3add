/* Inbox: a folder of feeds, from which files are taken into the intake, and to whose ends they are moved once that is durable.
 *
 * Into a department's inbox the department puts them; a spool is the adapter's own: a source that asks a database writes what it was
 * answered there, as full lists. */
#ifndef ADAPTERS_SOURCES_FILES_INBOX_H
#define ADAPTERS_SOURCES_FILES_INBOX_H

#include "adapters/engine/intake.h"

struct adapters_inbox_options {
    const char *folder;
    /* Its files are full lists whatever the mapping says: CSV in UTF-8 with commas, double quotes and a header of the mapping's columns,
     * put there complete, on disk and by rename. They are removed when they are done, not kept; so each needs a name of its own, or one that
     * ends as the last one did would be taken for it, though changes came between them. */
    bool is_spool;
};

struct adapters_inbox;

/* FATAL with the folder and the reason. */
BUS_MUST_CHECK enum bus_status adapters_inbox_open(const struct adapters_intake *intake,
                                                   const struct adapters_inbox_options *options,
                                                   struct adapters_inbox **out_inbox, struct bus_error *error);
void adapters_inbox_close(struct adapters_inbox *inbox);

/* Takes every complete file of a feed by name, a list that an operator approved before them; commits on the way. *out_count grows by the
 * files taken. RETRY and FATAL as the intake's. */
BUS_MUST_CHECK enum bus_status adapters_inbox_take(struct adapters_inbox *inbox, size_t feed, size_t *out_count,
                                                   struct bus_error *error);
/* As struct adapters_source_type says: of the source that has the inbox. */
bool adapters_inbox_committed(struct adapters_inbox *inbox);
void adapters_inbox_aborted(struct adapters_inbox *inbox);
/* Until something is put in, at most `timeout_ms`. */
void adapters_inbox_wait(struct adapters_inbox *inbox, int64_t timeout_ms);

/* Whether a complete file waits that was not taken; whether the feed's last list waits for an operator's word. */
bool adapters_inbox_waits(struct adapters_inbox *inbox, size_t feed);
bool adapters_inbox_is_held(const struct adapters_inbox *inbox, size_t feed);

#endif
