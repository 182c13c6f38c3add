/* Province report: what a comparison with the province found, as a file for officers (HTML) and one for programs (JSON), from which the rows
 * that are approved are sent again.
 *
 * <folder>/compare-<day>.json and .html; the day is that on which the comparison was made, in Beijing. No field of any record stands in them. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_REPORT_H
#define SUBSCRIBERS_SINKS_PROVINCE_REPORT_H

#include "bus/catalogue.h"
#include "subscribers/sinks/province/memory.h"
#include "subscribers/sinks/province/tally.h"

enum {
    PROVINCE_MAX_FINDINGS = 20000, /* in one report; the rest is found when these are settled */
    PROVINCE_MAX_CELLS_TOLD = 1000,
    PROVINCE_OUTCOME_SIZE = 200,
    PROVINCE_DATE_SIZE = 40,
};

enum province_finding_kind {
    PROVINCE_MISSING,       /* reported, and not held there */
    PROVINCE_DIFFERENT,     /* held there with another content */
    PROVINCE_NOT_WITHDRAWN, /* withdrawn here, and held there still */
    PROVINCE_UNKNOWN,       /* held there, and never reported by us: told only */
    PROVINCE_FINDING_KINDS
};
extern const char *const province_finding_names[]; /* "MISSING", …; by kind */

struct province_finding {
    enum province_finding_kind kind;
    int32_t partition;
    int32_t item, day; /* as noted here; of UNKNOWN 0 */
    uint8_t record[BUS_IDENTITY_SIZE];
    int64_t offset; /* of the delivery, as noted when it was found; of UNKNOWN -1 */
    uint64_t leaf, named;
    char gov_id[PROVINCE_GOV_ID_SIZE];   /* there; "" = none */
    char outcome[PROVINCE_OUTCOME_SIZE]; /* of sending it again; "" = it was not */
};

struct province_report {
    char day[PROVINCE_DATE_SIZE]; /* YYYY-MM-DD */
    int64_t made_at_ms;
    int32_t from, to; /* days that were compared */
    uint64_t rows[PROVINCE_SIDES];
    uint64_t unknown_items;      /* rows there of items that the catalogue does not know */
    bool is_cut;                 /* there is more than a report holds */
    struct province_cell *cells; /* that differ */
    size_t cell_count;
    struct province_finding *findings;
    size_t finding_count, finding_capacity;
};

void province_report_release(struct province_report *report);
/* Appends; past the limit it only says that there is more. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_report_find(struct province_report *report,
                                                    const struct province_finding *finding, struct bus_error *error);
/* Cells that differ in one partition, added to those of the others. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_report_cells(struct province_report *report, const struct province_cell *cells,
                                                     size_t count, struct bus_error *error);
size_t province_report_count(const struct province_report *report, enum province_finding_kind kind);
/* How many were sent again and taken. */
size_t province_report_taken(const struct province_report *report);

/* Writes both files. RETRY: the folder cannot be written. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_report_write(const struct province_report *report, const char *folder,
                                                     const struct bus_catalogue *catalogue, struct bus_error *error);
/* Reads compare-<day>.json. REJECT: there is none, or it is no report. FATAL out of memory. Release whatever the status. */
BUS_MUST_CHECK enum bus_status province_report_read(const char *folder, const char *day,
                                                    struct province_report *out_report, struct bus_error *error);

/* "YYYY-MM-DD". */
void province_report_date(int32_t day, char out_text[PROVINCE_DATE_SIZE]);
/* The outcome of a row that the province took. */
#define PROVINCE_TAKEN "TAKEN"

#endif
