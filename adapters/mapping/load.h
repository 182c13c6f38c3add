/* Loading a mapping, the inside that its files share: what a mapping's file says, resolved into a plan. */
#ifndef ADAPTERS_MAPPING_LOAD_H
#define ADAPTERS_MAPPING_LOAD_H

#include "adapters/mapping/plan.h"

/* The texts of the array `name` of `group`; none when it is absent. */
BUS_MUST_CHECK enum bus_status adapters_load_words(const struct bus_settings_node *group, const char *name,
                                                   struct adapters_words *words, struct bus_error *error);
void adapters_load_measure(struct adapters_words *words);
/* A column of the feed by its name. */
BUS_MUST_CHECK enum bus_status adapters_load_column(const struct adapters_mapping *mapping,
                                                    const struct bus_settings_node *node, const char *name,
                                                    size_t *out_column, struct bus_error *error);
BUS_MUST_CHECK enum bus_status adapters_load_sources(const struct adapters_mapping *mapping,
                                                     const struct bus_settings_node *group, const char *name,
                                                     struct adapters_sources *sources, struct bus_error *error);
/* enum bus_subject_kind, -1 for "". */
int adapters_load_kind(const char *name);

/* How the files are laid out, and when one is complete. */
BUS_MUST_CHECK enum bus_status adapters_load_layout(struct adapters_mapping *mapping,
                                                    const struct bus_settings_node *root, struct bus_error *error);
/* The group `target`, when there is one; before the fields. */
BUS_MUST_CHECK enum bus_status adapters_load_target(struct adapters_mapping *mapping,
                                                    const struct bus_catalogue *catalogue, const char *department,
                                                    const struct bus_settings_node *root, struct bus_error *error);
/* The list `fields`, and where the key's fields stand. */
BUS_MUST_CHECK enum bus_status adapters_load_fields(struct adapters_mapping *mapping,
                                                    const struct bus_catalogue *catalogue,
                                                    const struct bus_settings_node *root, struct bus_error *error);

#endif
