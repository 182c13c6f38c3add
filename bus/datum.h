/* Datum: Avro binary data and its single-object framing, written and read without building objects.
 *
 * Reading is one bounded pass with the writer's schema that finds for each top-level field its span; values are then read
 * through spans, and a view is projected by copying spans. Layout: Avro specification 1.11; framing: C3 01, then the
 * little-endian CRC-64-AVRO fingerprint of the schema. */
#ifndef BUS_DATUM_H
#define BUS_DATUM_H

#include "bus/schema.h"

enum {
    BUS_FRAME_SIZE = 10,
    BUS_DATUM_MAX_SIZE = 1024 * 1024, /* framed */
    BUS_DATUM_MAX_ITEMS = 100000,     /* array and map items in one datum, all together */
};

/* The encoded bytes of one field, union branch included. */
struct bus_span {
    uint32_t offset; /* from the datum's first byte, the frame included */
    uint32_t length;
};

/* A field's value, null branch resolved. `bytes` borrows from the datum. */
struct bus_value {
    enum bus_type type;     /* BUS_TYPE_NULL for null */
    int64_t integer;        /* boolean, int, long, enum index */
    double real;            /* float, double */
    struct bus_bytes bytes; /* string, bytes, fixed; array, map, record: the encoded bytes */
};

/* Appends C3 01 and the fingerprint. */
void bus_frame_append(struct bus_buffer *buffer, uint64_t fingerprint);
/* The fingerprint of a framed datum. REJECT DATUM_FRAME when it is shorter than the frame or does not begin with C3 01,
 * DATUM_TOO_LONG past BUS_DATUM_MAX_SIZE. */
BUS_MUST_CHECK enum bus_status bus_frame_fingerprint(struct bus_bytes datum, uint64_t *out_fingerprint,
                                                     struct bus_error *error);

/* Walks `datum` (framed, fingerprint already matched) and fills bus_schema_field_count(schema) spans. REJECT with the field's
 * name: DATUM_TRUNCATED, DATUM_TRAILING (not consumed to its last byte), DATUM_ENUM_RANGE, DATUM_UNION_RANGE, DATUM_LENGTH
 * (negative or beyond the end), DATUM_ITEMS (too many), DATUM_VARINT, DATUM_UTF8 (a string that is not UTF-8, or holds U+0000,
 * which databases cannot store). */
BUS_MUST_CHECK enum bus_status bus_datum_walk(const struct bus_schema *schema, struct bus_bytes datum,
                                              struct bus_span *out_spans, struct bus_error *error);

/* The same for the fields of a nested record: `span` is the record's own bytes, behind a union's branch; `out_spans` has
 * record->field_count spans, offsets from the datum's first byte. */
BUS_MUST_CHECK enum bus_status bus_datum_walk_record(const struct bus_schema_type *record, struct bus_bytes datum,
                                                     struct bus_span span, struct bus_span *out_spans,
                                                     struct bus_error *error);

/* The value in a span that the walk has proved good. */
struct bus_value bus_datum_value(const struct bus_field *field, struct bus_bytes datum, struct bus_span span);

/* Appends the Avro encoding of one value of `field`: null branch when value->type is BUS_TYPE_NULL. REJECT when the value does
 * not fit the field's type (DATUM_TYPE), is null where null is not allowed (DATUM_NULL), or an enum index is out of range. */
BUS_MUST_CHECK enum bus_status bus_datum_append(struct bus_buffer *buffer, const struct bus_field *field,
                                                const struct bus_value *value, struct bus_error *error);
/* Appends the frame and all fields in order; `values` has one value a field. FATAL when the buffer's limit is reached. */
BUS_MUST_CHECK enum bus_status bus_datum_encode(struct bus_buffer *buffer, const struct bus_schema *schema,
                                                const struct bus_value *values, struct bus_error *error);

/* Appends a string or bytes: length, then the bytes. For internal records that are written by hand. */
void bus_datum_append_bytes(struct bus_buffer *buffer, struct bus_bytes bytes);
/* Reads a string or bytes of at most `limit`; sets cursor->failed otherwise. */
struct bus_bytes bus_datum_take_bytes(struct bus_cursor *cursor, size_t limit);
/* Reads the head of an array or map block: the number of items, 0 at the end; sets cursor->failed when the count is negative
 * and malformed or above `limit`. */
size_t bus_datum_take_block(struct bus_cursor *cursor, size_t limit);

/* Decimal: big-endian two's complement of the unscaled value, at most 16 digits for our layouts. */
void bus_decimal_bytes(int64_t unscaled, uint8_t out_bytes[8], size_t *out_length);
/* False when it does not fit 64 bits. */
bool bus_decimal_value(struct bus_bytes bytes, int64_t *out_unscaled);

/* A value as people and databases read it: dates YYYY-MM-DD, timestamps RFC 3339 in UTC with milliseconds, decimals with their
 * scale, enums by symbol, bytes and fixed in hex, null as nothing. Arrays as JSON. */
void bus_datum_text(const struct bus_schema_type *type, const struct bus_value *value, struct bus_buffer *buffer);

#endif
