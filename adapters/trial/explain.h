/* Explain: what a mapping makes of a row, column by column, for people: where each value comes from, what became of it, and every complaint, not
 * only the first. The values are made by the very code that takes rows. */
#ifndef ADAPTERS_TRIAL_EXPLAIN_H
#define ADAPTERS_TRIAL_EXPLAIN_H

#include "adapters/mapping/mapping.h"

enum { ADAPTERS_EXPLAINED_MAX = 2 * ADAPTERS_COLUMNS_MAX + 8 };

enum adapters_complaint {
    ADAPTERS_NO_COMPLAINT,
    ADAPTERS_COMPLAINT_HERE,    /* the adapter refuses the row for it */
    ADAPTERS_COMPLAINT_GATEWAY, /* the adapter lets it pass, the gateway will refuse the event */
};

/* One line: a field with the columns that it comes from, or a column that no field uses. */
struct adapters_explained {
    struct bus_bytes columns;      /* "shxydm", "a + b" of joined ones; empty of a constant */
    struct bus_bytes source;       /* as the row has it */
    const struct bus_field *field; /* NULL: no field uses the column */
    struct bus_value value;        /* BUS_TYPE_NULL: none */
    bool is_personal;              /* information on a person */
    enum adapters_complaint complaint;
    struct adapters_refusal refusal;
};

/* Fills at most ADAPTERS_EXPLAINED_MAX lines, in the order of the item's schema, columns without a field last; returns how many. What the
 * gateway would refuse by code lists, lengths and check digits is told as well. All lives in the row, the arena and the mapping. `values` is
 * room for as many as the schema has fields. */
size_t adapters_explain(const struct adapters_mapping *mapping, const struct bus_catalogue *catalogue,
                        const struct adapters_row *row, struct bus_arena *arena, struct bus_value *values,
                        struct adapters_explained *out_lines);

#endif
