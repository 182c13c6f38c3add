/* Trial, the inside that its writers share: what is shown of a trial, and how: as text, JSON or a page. */
#ifndef ADAPTERS_TRIAL_SHOW_H
#define ADAPTERS_TRIAL_SHOW_H

#include "adapters/trial/explain.h"
#include "adapters/trial/trial.h"

enum { ADAPTERS_TRIAL_COMPLAINTS = 128 };

/* The same complaint about the same column, over the whole file. */
struct adapters_trial_complaint {
    struct adapters_refusal refusal;
    enum adapters_complaint by;
    int64_t count, first_line;
};

/* What is known of the whole file. */
struct adapters_trial {
    const struct adapters_trial_options *options;
    const struct adapters_mapping *mapping;
    const char *encoding;
    int64_t rows, put, withdrawn, refused, foreseen; /* foreseen: taken here, refused by the gateway */
    bool is_held;                                    /* the file as a whole is no file of this feed */
    struct adapters_refusal held;
    struct adapters_trial_complaint complaints[ADAPTERS_TRIAL_COMPLAINTS];
    size_t complaint_count;
    int64_t complaints_left_out;
};

/* A row to be shown. */
struct adapters_trial_row {
    int64_t line;
    bool is_refused, is_withdrawal;
    bool is_foreseen; /* only the gateway will refuse it */
    const struct adapters_explained *lines;
    size_t line_count;
    struct adapters_refusal whole; /* about the row as a whole; code "": none */
};

/* A cell's text as it is shown: masked where it tells of a person, cut, on one line. `out_text` is reset first. */
void adapters_trial_source(const struct adapters_trial *trial, const struct adapters_explained *line,
                           struct bus_buffer *out_text);
void adapters_trial_result(const struct adapters_trial *trial, const struct adapters_explained *line,
                           struct bus_buffer *out_text);
/* A field's name, and its Chinese name. */
void adapters_trial_field(const struct adapters_explained *line, struct bus_bytes *out_name, struct bus_bytes *out_zh);

/* How a trial is shown; each appends to `out` and never fails but by the buffer. */
struct adapters_trial_writer {
    void (*begin)(const struct adapters_trial *trial, struct bus_buffer *out);
    void (*row)(const struct adapters_trial *trial, const struct adapters_trial_row *row, struct bus_buffer *out);
    void (*end)(const struct adapters_trial *trial, struct bus_buffer *out);
};
extern const struct adapters_trial_writer adapters_trial_text, adapters_trial_json, adapters_trial_html;

#endif
