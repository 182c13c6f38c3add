/* Schema, the inside that its own files and the walk of a datum share. */
#ifndef BUS_SCHEMA_PRIVATE_H
#define BUS_SCHEMA_PRIVATE_H

#include "bus/arena.h"
#include "bus/json.h"
#include "bus/schema.h"

/* What the walk does for one field: the type of its value, and which union branch is null (-1 = not nullable). Flat fields need
 * no more than this; nested ones go through `type`. */
struct bus_schema_step {
    uint8_t type; /* enum bus_type */
    int8_t null_branch;
    uint32_t argument;                   /* fixed: size; enum: symbols */
    const struct bus_schema_type *whole; /* of the value */
};

struct bus_schema {
    struct bus_arena *arena; /* holds everything below */
    struct bus_bytes text;
    struct bus_bytes canonical;
    uint64_t fingerprint;
    struct bus_schema_type root;
};

/* Builds schema->root from parsed JSON. REJECT with `source` in the message. */
BUS_MUST_CHECK enum bus_status bus_schema_read_types(struct bus_schema *schema, const struct bus_json_value *json,
                                                     const char *source, struct bus_error *error);

#endif
