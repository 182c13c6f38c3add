/* What taking.c (files of changes) and taking_list.c (full lists) share. */
#ifndef ADAPTERS_SOURCES_FILES_TAKING_PRIVATE_H
#define ADAPTERS_SOURCES_FILES_TAKING_PRIVATE_H

#include <sys/stat.h>

#include "adapters/formats/rows.h"
#include "adapters/sources/files/taking.h"

enum { ADAPTERS_TAKING_LOOK_ROWS = 256 /* rows between two looks at the clock and the stop flag */ };

/* One file on its way. */
struct adapters_taking {
    const struct adapters_taking_tools *tools;
    size_t feed;
    const char *feed_name;
    const char *path, *name; /* below the feed's folder; without "held/" */
    bool is_approved;
    int file;
    struct stat before;
    struct adapters_file_position position; /* as it stands now */
    int64_t silent_rows; /* committed in an earlier run: mapped again for the report, not published */
    enum adapters_encoding encoding;
    bool has_mark; /* a byte order mark */
    struct adapters_report report;
    struct adapters_report_summary summary;
    int64_t told_ms;
    bool is_stopped;
};

/* Begins to read the file's rows, from its first byte. REJECT as adapters_rows_start, RETRY when it cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_taking_start(struct adapters_taking *taking, struct adapters_refusal *refusal,
                                                     struct bus_error *error);
/* Whether the row at hand was committed in an earlier run. */
bool adapters_taking_is_silent(const struct adapters_taking *taking);
void adapters_taking_note_refusal(struct adapters_taking *taking, const struct adapters_row *row,
                                  const struct adapters_refusal *refusal);
/* A row that could not be read, or does not count: into quarantine, unless it is there. */
BUS_MUST_CHECK enum bus_status adapters_taking_refuse(struct adapters_taking *taking, const struct adapters_row *row,
                                                      const struct adapters_refusal *refusal, struct bus_error *error);
void adapters_taking_tell_progress(struct adapters_taking *taking);
/* Whether the content is still the one that was digested. When the times say nothing of it, it is digested again. */
bool adapters_taking_is_same(const struct adapters_taking *taking);
/* FILE_CHANGED: it is not. */
void adapters_taking_refuse_changed(struct adapters_refusal *refusal);
/* FILE_UNREADABLE, with the reason of a reader that could not go on (NULL: none is known). */
void adapters_taking_refuse_unreadable(struct adapters_refusal *refusal, const struct bus_error *reason);
/* What the report says about the file's characters: their encoding, or that it is a workbook. */
const char *adapters_taking_encoding_view(const struct adapters_taking *taking);

/* The ends: held with its reason, told as the feed's trouble; or done, with the summary. */
BUS_MUST_CHECK enum bus_status adapters_taking_hold(struct adapters_taking *taking,
                                                    const struct adapters_refusal *refusal,
                                                    struct adapters_taken *out_taken, struct bus_error *error);
BUS_MUST_CHECK enum bus_status adapters_taking_done(struct adapters_taking *taking, struct adapters_taken *out_taken,
                                                    struct bus_error *error);

/* A full list whose digest is known. As adapters_take_file. */
BUS_MUST_CHECK enum bus_status adapters_taking_list(struct adapters_taking *taking,
                                                    enum adapters_taking_result *out_result,
                                                    struct adapters_taken *out_taken, struct bus_error *error);

#endif
