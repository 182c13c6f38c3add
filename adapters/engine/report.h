/* Report: what a department reads beside its file: one line for the whole, then one for each row that was refused.
 *
 * CSV in UTF-8 with a byte order mark, so that a spreadsheet opens it: line, column, code, reason in Chinese, reason in English.
 * It never holds a value of the file, and nothing that a
 * spreadsheet would take for a formula. */
#ifndef ADAPTERS_ENGINE_REPORT_H
#define ADAPTERS_ENGINE_REPORT_H

#include "adapters/engine/row.h"

/* What was done with the file as a whole. */
struct adapters_report_summary {
    const char *encoding;
    int64_t rows, published, unchanged, quarantined;
    int64_t withdrawn;                   /* by absence from a full list; no row of the file */
    bool is_duplicate;                   /* taken before, under whatever name: nothing was done */
    const struct adapters_refusal *held; /* why the file was not taken, or NULL */
};

struct adapters_report {
    struct bus_buffer lines; /* of refused rows */
    int64_t left_out;        /* refused rows beyond ADAPTERS_REPORT_MAX_ROWS */
    int64_t count;
};

enum { ADAPTERS_REPORT_MAX_ROWS = 20000, ADAPTERS_REPORT_LIMIT = 32 * 1024 * 1024 };

void adapters_report_init(struct adapters_report *report);
void adapters_report_release(struct adapters_report *report);
void adapters_report_reset(struct adapters_report *report);
/* Adds a refused row. */
void adapters_report_add(struct adapters_report *report, int64_t line, const struct adapters_refusal *refusal);
/* Appends the whole report to `buffer`. */
void adapters_report_write(const struct adapters_report *report, const struct adapters_report_summary *summary,
                           struct bus_buffer *buffer);

#endif
