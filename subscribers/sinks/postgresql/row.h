/* PostgreSQL row: values in the binary format of COPY (PostgreSQL manual, COPY, "Binary Format"; the types' send formats). */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_ROW_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_ROW_H

#include "bus/datum.h"

enum { POSTGRESQL_TYPE_SIZE = 40, POSTGRESQL_MAX_PRECISION = 18 };

/* The column type of a field's value, spelled as format_type() spells it. */
void postgresql_row_type(const struct bus_schema_type *type, char out_type[POSTGRESQL_TYPE_SIZE]);

/* File header, start of a row of `columns` values, trailer. */
void postgresql_row_header(struct bus_buffer *buffer);
void postgresql_row_start(struct bus_buffer *buffer, size_t columns);
void postgresql_row_trailer(struct bus_buffer *buffer);

void postgresql_row_null(struct bus_buffer *buffer);
void postgresql_row_bytes(struct bus_buffer *buffer, struct bus_bytes bytes); /* bytea, text */
void postgresql_row_text(struct bus_buffer *buffer, const char *text);
void postgresql_row_boolean(struct bus_buffer *buffer, bool value);
void postgresql_row_integer(struct bus_buffer *buffer, int32_t value);
void postgresql_row_bigint(struct bus_buffer *buffer, int64_t value);
void postgresql_row_timestamp(struct bus_buffer *buffer, int64_t time_ms);
void postgresql_row_texts(struct bus_buffer *buffer, const char *const *texts, size_t count); /* text[] */
/* A value of `type`, as the column type of postgresql_row_type. False when it fits no column (a decimal of too many digits);
 * then the row must not be sent. */
BUS_MUST_CHECK bool postgresql_row_value(struct bus_buffer *buffer, const struct bus_schema_type *type,
                                         const struct bus_value *value);

#endif
