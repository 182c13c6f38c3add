/* Province value: one value as the province writes it. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_VALUE_H
#define SUBSCRIBERS_SINKS_PROVINCE_VALUE_H

#include "bus/datum.h"
#include "subscribers/sinks/province/mapping.h"

/* Appends the value by the field's transform and table; nothing for null or an empty text. REJECT PROVINCE_CODE: a code that the table does
 * not have; PROVINCE_FORMAT: no date or amount that can be written. */
BUS_MUST_CHECK enum bus_status province_value_append(const struct province_field *field,
                                                     const struct bus_schema_type *type, const struct bus_value *value,
                                                     struct bus_buffer *buffer, struct bus_error *error);
/* REJECT with the code, and "<what_zh>" and "<what_en>" said of the field. */
enum bus_status province_value_refuse(const struct province_field *field, const char *code, const char *what_zh,
                                      const char *what_en, struct bus_error *error);

#endif
