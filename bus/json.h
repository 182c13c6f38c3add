/* JSON (RFC 8259): writing (reports, --json output, NDJSON) and reading one document (schemas, NDJSON rows, API bodies).
 *
 * Our own, because a number must keep its text (jansson makes 0.2 of 0.20 and loses digits); jansson judges it in the tests. */
#ifndef BUS_JSON_H
#define BUS_JSON_H

#include "bus/bytes.h"

/* A writer that puts commas and escapes where they belong; text that is not UTF-8 is written with U+FFFD. Nests at most 32. */
struct bus_json {
    struct bus_buffer *buffer;
    uint32_t has_member; /* bit n: level n has a member already */
    int level;
    bool after_name;
};

void bus_json_init(struct bus_json *json, struct bus_buffer *buffer);
void bus_json_object(struct bus_json *json);
void bus_json_end_object(struct bus_json *json);
void bus_json_array(struct bus_json *json);
void bus_json_end_array(struct bus_json *json);
void bus_json_name(struct bus_json *json, const char *name);
void bus_json_text(struct bus_json *json, struct bus_bytes text);
void bus_json_string(struct bus_json *json, const char *text);
void bus_json_integer(struct bus_json *json, int64_t value);
void bus_json_real(struct bus_json *json, double value);
void bus_json_boolean(struct bus_json *json, bool value);
void bus_json_null(struct bus_json *json);
/* Already JSON, or a number as text. */
void bus_json_raw(struct bus_json *json, struct bus_bytes text);

/* Reading: a parsed document. */
struct bus_json_document;
struct bus_json_value; /* borrowed from its document */

enum bus_json_type {
    BUS_JSON_NULL,
    BUS_JSON_BOOLEAN,
    BUS_JSON_NUMBER,
    BUS_JSON_STRING,
    BUS_JSON_ARRAY,
    BUS_JSON_OBJECT
};

/* REJECT JSON_SYNTAX with line and column. Duplicate names are refused. Depth at most 64. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status bus_json_parse(struct bus_bytes text, struct bus_json_document **out_document,
                                              struct bus_error *error);
void bus_json_destroy(struct bus_json_document *document);
const struct bus_json_value *bus_json_root(const struct bus_json_document *document);
enum bus_json_type bus_json_type(const struct bus_json_value *value);
/* NULL when `value` is no object or has no such member. */
const struct bus_json_value *bus_json_member(const struct bus_json_value *value, const char *name);
size_t bus_json_count(const struct bus_json_value *value);
const struct bus_json_value *bus_json_at(const struct bus_json_value *value, size_t index);
/* Object members in the order of the text. */
const char *bus_json_member_name(const struct bus_json_value *value, size_t index);
const struct bus_json_value *bus_json_member_at(const struct bus_json_value *value, size_t index);
struct bus_bytes bus_json_as_text(const struct bus_json_value *value); /* strings */
/* Numbers keep their text: 0.20 stays 0.20. */
struct bus_bytes bus_json_number_text(const struct bus_json_value *value);
int64_t bus_json_as_integer(const struct bus_json_value *value); /* 0 when it is none */
bool bus_json_as_boolean(const struct bus_json_value *value);

#endif
