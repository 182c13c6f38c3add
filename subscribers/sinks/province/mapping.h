/* Province mapping: which item becomes which kind of row, with which fields, and what the province will not take (docs/province.md).
 *
 * A libconfig file; read whole, immutable afterwards, everything in it lives until destroy. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_MAPPING_H
#define SUBSCRIBERS_SINKS_PROVINCE_MAPPING_H

#include "subscribers/engine/catalogues.h"

enum { PROVINCE_MAX_FIELDS = 100, PROVINCE_MAX_LENGTH = 20000 };

/* How a value is written. */
enum province_transform {
    PROVINCE_TEXT,    /* as people read it: dates YYYY-MM-DD, decimals with their digits, enums by symbol */
    PROVINCE_DATE,    /* YYYY-MM-DD, of a date or a time (in Beijing) */
    PROVINCE_DATE_8,  /* YYYYMMDD */
    PROVINCE_DATE_ZH, /* 2019年07月13日 */
    PROVINCE_AMOUNT,  /* in 10,000 yuan already: six decimals */
    PROVINCE_YUAN,    /* in yuan: 10,000 yuan with six decimals, 2,000 yuan is 0.200000 */
};

/* Our codes and the province's. */
struct province_code {
    const char *from, *to;
};
struct province_table {
    const char *name;
    const struct province_code *codes;
    size_t count;
};

struct province_field {
    const char *code;     /* the province's name of the field */
    const char *from;     /* ours; "" = constant */
    const char *constant; /* "" = from */
    const char *none;     /* stands for nothing, such as 2099-12-31; "" = nothing */
    enum province_transform transform;
    const struct province_table *table; /* NULL = none */
    const char *separator;              /* several codes in one text, joined by it; "" = one */
    bool required;
    const struct province_field *when; /* required when this field, which stands before, */
    const char *when_value;            /* is or contains this code; when NULL: never */
    size_t max_length;                 /* characters */
};

struct province_layout {
    const char *name;
    const char *type;         /* XK, CF, LIST, GRADE, DEBTOR */
    const char *const *items; /* "department/item", or "item" of every department that has no layout of its own */
    size_t item_count;
    const struct province_field *fields;
    size_t field_count;
    const uint8_t *order; /* indexes of fields, ascending by code */
};

/* What came from the province itself. */
struct province_origin {
    const char *const *departments; /* whose feeds are the province's */
    size_t department_count;
    const char *const *fields; /* that name the source of a record, by name or code */
    size_t field_count;
    const char *const *units; /* their values that are the province's */
    size_t unit_count;
};

struct province_mapping;

/* FATAL with file and line. */
BUS_MUST_CHECK enum bus_status province_mapping_open(const char *path, struct province_mapping **out_mapping,
                                                     struct bus_error *error);
void province_mapping_destroy(struct province_mapping *mapping);

/* Holds the mapping against the catalogue in force: every item that is granted has a layout, whose fields are granted. FATAL. */
BUS_MUST_CHECK enum bus_status province_mapping_check(const struct province_mapping *mapping,
                                                      const struct subscribers_catalogues *catalogues,
                                                      struct bus_error *error);
/* The layout of the item, that of its department first; NULL when there is none. */
const struct province_layout *province_mapping_find(const struct province_mapping *mapping,
                                                    const struct bus_item *item);
const struct province_origin *province_mapping_origin(const struct province_mapping *mapping);

/* The tables of the file, of its lists `layouts`, their `fields`, `tables` and their `codes`, and of `origin`; for docs/configuration.md. */
extern const struct bus_option province_mapping_options[], province_layout_options[], province_field_options[],
    province_table_options[], province_code_options[], province_origin_options[];

#endif
