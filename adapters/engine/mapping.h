/* Mapping: how the rows of one feed become events of one item, as a department's <feed>.cfg says.
 *
 * Every value is cleaned by what the item's schema says it is (docs/mapping.md): blanks, full width and case of codes
 * and identifiers, dates, numbers and amounts of many writings, words that mean "nothing". The file says which column goes where
 * and what is particular to the feed. */
#ifndef ADAPTERS_ENGINE_MAPPING_H
#define ADAPTERS_ENGINE_MAPPING_H

#include "adapters/sources/file_drop.h"
#include "adapters/formats/rows.h"
#include "bus/settings.h"

/* Options of a mapping's file, of its groups and of its lists; for docs/configuration.md. */
extern const struct bus_option adapters_mapping_options[];
extern const struct bus_option adapters_mapping_operation_options[];
extern const struct bus_option adapters_mapping_subject_options[];
extern const struct bus_option adapters_mapping_refuse_options[];
extern const struct bus_option adapters_mapping_field_options[];
extern const struct bus_option adapters_mapping_target_options[];

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

/* Fills `values`, one for each field of the item's current schema, but for event_id, sequence and published_at. subject_id is as the
 * row has it. Bytes live in the row, the arena or the mapping. REJECT with `refusal`: VALUE_MISSING, VALUE_DATE, VALUE_NUMBER,
 * VALUE_AMOUNT, VALUE_SCIENTIFIC, OPERATION_UNKNOWN, SUBJECT_KIND, SUBJECT_MISSING, the mapping's own codes, MEMORY. */
BUS_MUST_CHECK enum bus_status adapters_mapping_apply(const struct adapters_mapping *mapping,
                                                      const struct adapters_row *row, struct bus_arena *arena,
                                                      struct bus_value *values, struct adapters_refusal *refusal);

#endif
