/* Subject access: who asked for a report about whom is written down before anything is shown. */
#ifndef CLI_SUBJECT_ACCESS_H
#define CLI_SUBJECT_ACCESS_H

#include "cli/subject_report.h"

#define CLI_SUBJECT_ACCESS_CODE "ACCESS_REPORT"

/* A notice in xq.quarantine to the exchange: officer, reason, time and, as its key, the subject key. RETRY or FATAL: it is not written, and
 * no report may be shown. */
BUS_MUST_CHECK enum bus_status cli_subject_note_access(const struct cli_context *context,
                                                       const struct cli_subject_report *report,
                                                       struct bus_error *error);

#endif
