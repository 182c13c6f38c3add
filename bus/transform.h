/* Transform: how a granted field leaves when it does not leave as it is (docs/policy.md). */
#ifndef BUS_TRANSFORM_H
#define BUS_TRANSFORM_H

#include "bus/catalogue.h"

/* "mask", "year", "present"; "" for NONE. */
const char *bus_transform_name(enum bus_transform transform);
/* False when it is none of the three. */
bool bus_transform_parse(const char *name, enum bus_transform *out_transform);
/* The names, for those who look for the nearest; `out_count` of them. */
const char *const *bus_transform_names(size_t *out_count);
/* mask: strings; year: dates and timestamps; present: anything. */
bool bus_transform_fits(enum bus_transform transform, const struct bus_field *field);

/* Whether a field leaves in the same type by both: mask leaves a text a text. */
bool bus_transform_same_type(enum bus_transform left, enum bus_transform right);

/* Whether there is a value: not null, and no empty text. */
bool bus_transform_is_present(const struct bus_value *value);
/* Appends the masked text: 15 or 18 letters and digits (citizen numbers, credit codes) keep the first six and last four; other
 * numbers longer than eight keep two at each end; of everything else, names above all, the first character stays. A text of one
 * character keeps none. Each hidden character is one '*'. */
void bus_transform_mask(struct bus_bytes text, struct bus_buffer *buffer);

/* Appends the type of the transformed field in a view's schema, not of NONE: a nullable field stays nullable, but for present. */
void bus_transform_write_type(enum bus_transform transform, const struct bus_field *field, struct bus_buffer *text);
/* Whether null is its default there. */
bool bus_transform_is_nullable(enum bus_transform transform, const struct bus_field *field);
/* What its doc says of it, behind the field's own Chinese and English words; "" for NONE. */
const char *bus_transform_zh(enum bus_transform transform);
const char *bus_transform_en(enum bus_transform transform);
/* Appends what leaves of the value of `field` in `span`, Avro-encoded in the type that
 * write_type gives it. */
void bus_transform_append(enum bus_transform transform, const struct bus_field *field, struct bus_bytes datum,
                          struct bus_span span, struct bus_buffer *buffer);

#endif
