/* Schema: a published Avro schema with what Xinqiao adds to its fields.
 *
 * Avro C checks that the text is a schema; the fields, logical types, docs and attributes are read from the original text,
 * because Avro C drops them (pitfalls of avro_schema_to_json). A schema is immutable and lives from load to destroy; all
 * strings of it live as long. */
#ifndef BUS_SCHEMA_H
#define BUS_SCHEMA_H

#include "bus/bytes.h"

enum bus_type {
    BUS_TYPE_NULL,
    BUS_TYPE_BOOLEAN,
    BUS_TYPE_INT,
    BUS_TYPE_LONG,
    BUS_TYPE_FLOAT,
    BUS_TYPE_DOUBLE,
    BUS_TYPE_BYTES,
    BUS_TYPE_STRING,
    BUS_TYPE_FIXED,
    BUS_TYPE_ENUM,
    BUS_TYPE_ARRAY,
    BUS_TYPE_MAP,
    BUS_TYPE_RECORD,
    BUS_TYPE_UNION,
};

enum bus_logical { BUS_LOGICAL_NONE, BUS_LOGICAL_DATE, BUS_LOGICAL_TIMESTAMP_MILLIS, BUS_LOGICAL_DECIMAL };

enum bus_classification {
    BUS_CLASS_NONE, /* internal records carry no classification */
    BUS_CLASS_PUBLIC,
    BUS_CLASS_SHARED,
    BUS_CLASS_AUTHORISED,
    BUS_CLASS_SECRET,
};

struct bus_field;
struct bus_schema_step; /* bus/schema_private.h: how a datum's fields are walked */

struct bus_schema_type {
    enum bus_type type;
    const char *name; /* full name of a record, enum or fixed; "" otherwise */
    enum bus_logical logical;
    int precision, scale;                   /* decimal */
    size_t fixed_size;                      /* fixed */
    const char *const *symbols;             /* enum */
    size_t symbol_count;                    /* enum */
    const struct bus_schema_type *branches; /* union */
    size_t branch_count;                    /* union */
    const struct bus_schema_type *element;  /* array and map: one */
    const struct bus_field *fields;         /* record */
    size_t field_count;                     /* record */
    const struct bus_schema_step *steps;    /* record: one a field, for the walk */
};

struct bus_field {
    const char *name;
    const char *doc; /* "" when there is none */
    struct bus_schema_type type;
    /* For the union ["null", T]: nullable, and `value` is T; otherwise `value` is &type. */
    bool nullable;
    const struct bus_schema_type *value;
    bool has_default;
    bool default_null;
    /* Attributes of Xinqiao; "" or 0 when absent. */
    enum bus_classification classification;
    bool personal;
    bool required;
    size_t max_length; /* characters; 0 = the engine's general limit */
    const char *check;
    const char *code_list;
    const char *code_separator; /* the text holds several codes of the list, joined by this */
};

struct bus_schema;

/* Parses JSON text. `source` names it in messages. REJECT when it is no Avro schema of ours (top level not a record, deeper
 * than 8, a record of more than 256 fields, unknown logical type or attribute, recursive). */
BUS_MUST_CHECK enum bus_status bus_schema_parse(struct bus_bytes text, const char *source,
                                                struct bus_schema **out_schema, struct bus_error *error);
/* The same from a file; FATAL when it cannot be read, else as parse. */
BUS_MUST_CHECK enum bus_status bus_schema_load(const char *path, struct bus_schema **out_schema,
                                               struct bus_error *error);
void bus_schema_destroy(struct bus_schema *schema);

const char *bus_schema_full_name_view(const struct bus_schema *schema);
/* The whole as a type: a record. */
const struct bus_schema_type *bus_schema_type_view(const struct bus_schema *schema);
/* The original text. */
struct bus_bytes bus_schema_text_view(const struct bus_schema *schema);
/* Parsing canonical form (Avro specification 1.11). */
struct bus_bytes bus_schema_canonical_view(const struct bus_schema *schema);
/* CRC-64-AVRO of the canonical form. */
uint64_t bus_schema_fingerprint(const struct bus_schema *schema);

size_t bus_schema_field_count(const struct bus_schema *schema);
const struct bus_field *bus_schema_field(const struct bus_schema *schema, size_t index);
/* Index of the field, or -1. */
int bus_schema_find(const struct bus_schema *schema, const char *name);
/* "string", "record" …; "public", "shared", "authorised", "secret" or "". */
const char *bus_type_name(enum bus_type type);
const char *bus_classification_name(enum bus_classification classification);

/* Appends a type as schema JSON: its parsing canonical form, or with logical types, docs and null defaults as well. A named
 * type is written out the first time and by name afterwards; `names` (count 0 at first) remembers which were. */
enum { BUS_SCHEMA_MAX_NAMES = 64 };
struct bus_schema_names {
    const char *names[BUS_SCHEMA_MAX_NAMES];
    size_t count;
};
void bus_schema_write_type(struct bus_buffer *buffer, const struct bus_schema_type *type, bool canonical,
                           struct bus_schema_names *names);
/* CRC-64-AVRO (Avro specification 1.11, schema fingerprints). */
uint64_t bus_schema_crc64(struct bus_bytes text);

/* Proves that data written with `writer` can be read with `reader` by the rules of Avro schema resolution (fields that only
 * the reader has need a default; symbols only at the end). REJECT names the field and the rule broken. */
BUS_MUST_CHECK enum bus_status bus_schema_resolves(const struct bus_schema *reader, const struct bus_schema *writer,
                                                   struct bus_error *error);

#endif
