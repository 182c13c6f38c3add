/* Mapping: how the rows of one feed become events of one item, as a department's <feed>.cfg says.
 *
 * Every value is cleaned by what the item's schema says it is (docs/mapping.md): blanks, full width and case of codes
 * and identifiers, dates, numbers and amounts of many writings, words that mean "nothing". The file says which column goes where
 * and what is particular to the feed. */
#ifndef ADAPTERS_MAPPING_MAPPING_H
#define ADAPTERS_MAPPING_MAPPING_H

#include "adapters/formats/rows.h"
#include "adapters/mapping/poll.h"
#include "adapters/sources/files/file_drop.h"
#include "bus/arena.h"
#include "bus/settings.h"

/* Options of a mapping's file, of its groups and of its lists; for docs/configuration.md. */
extern const struct bus_option adapters_mapping_options[];
extern const struct bus_option adapters_mapping_excel_options[];
extern const struct bus_option adapters_mapping_operation_options[];
extern const struct bus_option adapters_mapping_subject_options[];
extern const struct bus_option adapters_mapping_refuse_options[];
extern const struct bus_option adapters_mapping_field_options[];
extern const struct bus_option adapters_mapping_target_options[];

/* How a department delivers the feed; texts borrow from the mapping. */
struct adapters_delivery {
    bool is_full_list;
    int64_t max_withdraw_percent, max_withdraw_rows; /* a full list that withdraws more than both is held */
    const char *table;                               /* "" unless the rows come from a database */
    const char *cadence, *due_by;                    /* "" = none declared */
};

struct adapters_mapping; /* immutable; borrows from the catalogue */

/* FATAL with file and line: unknown option, column, step or field, an item that the department does not have (its own, or a
 * right: "rights/repair"), a field of the item that nothing fills, a target whose key is not whole. */
BUS_MUST_CHECK enum bus_status adapters_mapping_load(const char *path, const struct bus_catalogue *catalogue,
                                                     const char *department, struct adapters_mapping **out_mapping,
                                                     struct bus_error *error);
void adapters_mapping_destroy(struct adapters_mapping *mapping);

/* The file's name without ".cfg". */
const char *adapters_mapping_feed_view(const struct adapters_mapping *mapping);
const struct bus_item *adapters_mapping_item(const struct adapters_mapping *mapping);
const struct adapters_layout *adapters_mapping_layout(const struct adapters_mapping *mapping);
enum adapters_encoding adapters_mapping_encoding(const struct adapters_mapping *mapping);
enum adapters_completion adapters_mapping_completion(const struct adapters_mapping *mapping);
const struct adapters_delivery *adapters_mapping_delivery(const struct adapters_mapping *mapping);
/* How its table is asked. */
const struct adapters_poll *adapters_mapping_poll(const struct adapters_mapping *mapping);
/* Whether a column tells a row's version. */
bool adapters_mapping_has_changed_at(const struct adapters_mapping *mapping);

/* Fills `values`, one for each field of the item's current schema, but for event_id, sequence and published_at. subject_id is as the
 * row has it; the version is 0 when neither row nor mapping says it. Bytes live in the row, the arena or the mapping. REJECT with `refusal`: VALUE_MISSING, VALUE_DATE, VALUE_NUMBER,
 * VALUE_AMOUNT, VALUE_SCIENTIFIC, OPERATION_UNKNOWN, SUBJECT_KIND, SUBJECT_MISSING, the mapping's own codes, MEMORY. */
BUS_MUST_CHECK enum bus_status adapters_mapping_apply(const struct adapters_mapping *mapping,
                                                      const struct adapters_row *row, struct bus_arena *arena,
                                                      struct bus_value *values, struct adapters_refusal *refusal);

/* The record key alone, of a row that may hold no more than the columns it is made of. It lives in the arena. REJECT as above. */
BUS_MUST_CHECK enum bus_status adapters_mapping_key(const struct adapters_mapping *mapping,
                                                    const struct adapters_row *row, struct bus_arena *arena,
                                                    struct bus_bytes *out_key, struct adapters_refusal *refusal);
/* Which columns that takes. */
void adapters_mapping_key_columns(const struct adapters_mapping *mapping, bool out_needed[ADAPTERS_COLUMNS_MAX]);

#endif
