/* Province mapping, field: one field of a layout as its file tells it. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_MAPPING_FIELD_H
#define SUBSCRIBERS_SINKS_PROVINCE_MAPPING_FIELD_H

#include "subscribers/sinks/province/mapping.h"

/* What a field may refer to, and where it goes. */
struct province_field_place {
    const struct province_table *tables;
    size_t table_count;
    struct province_field *fields; /* of the layout; those in front of it are read */
};

/* Reads the node into place->fields[index]. FATAL with file and line. */
BUS_MUST_CHECK enum bus_status province_field_read(const struct bus_settings_node *node,
                                                   const struct province_field_place *place, size_t index,
                                                   struct bus_error *error);
/* Indexes of the fields, ascending by code. */
void province_fields_order(const struct province_field *fields, size_t count, uint8_t *out_order);

#endif
