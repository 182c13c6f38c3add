/* Trial: maps a file without sending anything and without Kafka, and shows what becomes of each row: source value, field, result and every
 * complaint. The tool with which a bureau's clerk and the exchange's engineer agree on a mapping.
 *
 * What is shown is made by the code that takes files: the same reading, mapping and encoding. Values that tell of a person are masked unless
 * asked for. */
#ifndef ADAPTERS_TRIAL_TRIAL_H
#define ADAPTERS_TRIAL_TRIAL_H

#include "adapters/engine/settings.h"

enum { ADAPTERS_TRIAL_ROWS = 20 };

struct adapters_trial_options {
    const char *feed, *file;
    int64_t rows;         /* that are shown; all are mapped and counted */
    bool only_complaints; /* shows the rows that have some */
    bool show_personal;
    bool json;
    const char *html; /* a page for the bureau is written there, NULL: none */
};

/* Prints to standard output. *out_is_clean: no row was refused, here or foreseeably by the gateway. FATAL: the file or the mapping cannot be
 * read, with what to do. */
BUS_MUST_CHECK enum bus_status adapters_trial_run(const struct adapters_settings *settings,
                                                  const struct adapters_trial_options *options, bool *out_is_clean,
                                                  struct bus_error *error);

#endif
