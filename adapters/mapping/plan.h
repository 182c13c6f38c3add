/* Plan: a mapping as it is applied, every name resolved. Private to mapping*.c and value.c. */
#ifndef ADAPTERS_MAPPING_PLAN_H
#define ADAPTERS_MAPPING_PLAN_H

#include "adapters/mapping/code_table.h"
#include "adapters/mapping/mapping.h"

enum {
    ADAPTERS_SOURCES_MAX = 8,
    ADAPTERS_WORDS_MAX = 64,
    ADAPTERS_REFUSALS_MAX = 16,
    ADAPTERS_KEY_FIELDS_MAX = 16,
    ADAPTERS_CODE_TABLES_MAX = 16,
    ADAPTERS_TARGET_FIELDS = 3,
    ADAPTERS_DEPARTMENT_SIZE = 96,
};

enum adapters_step {
    ADAPTERS_STEP_HALF_WIDTH = 1 << 0,
    ADAPTERS_STEP_UPPER = 1 << 1,
    ADAPTERS_STEP_WITHOUT_BLANKS = 1 << 2,
    ADAPTERS_STEP_ONE_LINE = 1 << 3,
    ADAPTERS_STEP_ROUND_BRACKETS = 1 << 4,
    ADAPTERS_STEP_EXCEL_TAIL = 1 << 5,
    ADAPTERS_STEP_MONTH = 1 << 6,      /* any writing of a month as YYYYMM */
    ADAPTERS_STEP_CURRENCY = 1 << 7,   /* of an amount: its currency, CNY when none is written */
    ADAPTERS_STEP_AMOUNT = 1 << 8,     /* a number with unit and currency */
    ADAPTERS_STEP_IDENTIFIER = 1 << 9, /* never in scientific notation */
};

/* Texts in the order of the file; borrowed from its settings. */
struct adapters_words {
    const char *words[ADAPTERS_WORDS_MAX];
    size_t count;
    size_t longest; /* bytes of the longest word: what is longer is none of them */
};
bool adapters_words_have(const struct adapters_words *words, struct bus_bytes text);

/* Columns by their index: tried in order, or joined. */
struct adapters_sources {
    size_t columns[ADAPTERS_SOURCES_MAX];
    size_t count;
};

/* How one field of the item is filled. */
struct adapters_field_plan {
    const struct bus_field *field;
    size_t index; /* in the schema */
    struct adapters_sources from;
    const char *join;     /* NULL: the first that is there */
    const char *constant; /* NULL: from columns */
    unsigned steps;       /* of enum adapters_step */
    size_t pad;
    int unit_exponent; /* AMOUNT: the value counts in 10^this */
    bool any_currency; /* another field says in which currency; else only yuan are taken */
    const char *split; /* NULL, or the separator of which `part` (1-based) is taken */
    size_t part;
    struct adapters_words table_from, table_to;
    const struct adapters_code_table *code_table; /* instead, from a file; NULL: none. The mapping's */
    struct adapters_words none;                   /* values that mean nothing in this field */
    const struct bus_code_list *codes;
    bool is_key;
    int only_kind; /* enum bus_subject_kind: for these subjects only; -1: for all */
};

/* Rows that are no records of the item. */
struct adapters_refusal_plan {
    size_t column;
    bool when_missing;
    struct adapters_words values;
    const char *code, *zh, *en;
};

/* The record that a right is about: its key is made as its own feed makes it. */
struct adapters_target_plan {
    const struct bus_item *item;            /* NULL: the mapping has none */
    struct adapters_field_plan *parts;      /* one for each field of the item's key, in order */
    size_t indexes[ADAPTERS_TARGET_FIELDS]; /* of target_department, target_item and target_record_key in the schema */
};

struct adapters_mapping {
    char feed[ADAPTERS_FEED_NAME_SIZE];
    struct bus_settings *file;
    const struct bus_item *item;
    const struct bus_schema *schema;

    const char *columns[ADAPTERS_COLUMNS_MAX];
    bool is_optional[ADAPTERS_COLUMNS_MAX];
    const char *ignored[ADAPTERS_COLUMNS_MAX];
    struct adapters_layout layout;
    struct adapters_delivery delivery;
    struct adapters_poll poll;
    enum adapters_encoding encoding;
    enum adapters_completion completion;

    struct adapters_words missing; /* compared without regard to case */

    struct adapters_refusal_plan refusals[ADAPTERS_REFUSALS_MAX];
    size_t refusal_count;

    bool has_operation;
    size_t operation_column;
    struct adapters_words put, withdraw;

    bool has_changed_at;
    size_t changed_at;

    int subject_kind; /* enum bus_subject_kind, or -1: by column */
    size_t kind_column;
    struct adapters_words person_kinds, organisation_kinds;
    struct adapters_sources person_ids, organisation_ids;

    bool has_area;
    size_t area_column;
    const char *default_area;

    struct {
        const char *name; /* as the mapping writes it */
        struct adapters_code_table *table;
    } code_tables[ADAPTERS_CODE_TABLES_MAX]; /* each file once, however many fields use it */
    size_t code_table_count;

    struct adapters_field_plan *fields;
    size_t field_count;
    size_t key_indexes[ADAPTERS_KEY_FIELDS_MAX]; /* of the item's key fields, in the schema */

    struct adapters_target_plan target;
};

/* The text of a row for `sources`: the first that is there, trimmed; length 0 when none is. *out_column names it for messages. */
struct bus_bytes adapters_plan_text(const struct adapters_mapping *mapping, const struct adapters_sources *sources,
                                    const struct adapters_row *row, const char **out_column);
/* One column, trimmed; length 0 when it is missing or a word that means so. */
struct bus_bytes adapters_plan_column(const struct adapters_mapping *mapping, size_t column,
                                      const struct adapters_row *row);

/* What a record key is made of: the item, its key fields and their values. */
struct adapters_key_parts {
    const struct bus_item *item;
    const struct bus_field *fields[ADAPTERS_KEY_FIELDS_MAX];
    struct bus_value values[ADAPTERS_KEY_FIELDS_MAX];
};
/* Makes it in the arena. REJECT when out of memory. */
BUS_MUST_CHECK enum bus_status adapters_key_make(const struct adapters_key_parts *parts, struct bus_arena *arena,
                                                 struct bus_value *out_key, struct adapters_refusal *refusal);

/* Fills one field. `is_withdrawn`: only keys must be there. REJECT with `refusal`. */
BUS_MUST_CHECK enum bus_status adapters_value_fill(const struct adapters_mapping *mapping,
                                                   const struct adapters_field_plan *plan,
                                                   const struct adapters_row *row, bool is_withdrawn,
                                                   struct bus_arena *arena, struct bus_value *out_value,
                                                   struct adapters_refusal *refusal);
/* The parts of adapters_mapping_apply before the fields, in their order; each fills its own values of the envelope. REJECT with
 * `refusal`. */
BUS_MUST_CHECK enum bus_status adapters_mapping_pass_foreign(const struct adapters_mapping *mapping,
                                                             const struct adapters_row *row,
                                                             struct adapters_refusal *refusal);
BUS_MUST_CHECK enum bus_status adapters_mapping_operation(const struct adapters_mapping *mapping,
                                                          const struct adapters_row *row, struct bus_value *out_value,
                                                          struct adapters_refusal *refusal);
BUS_MUST_CHECK enum bus_status adapters_mapping_version(const struct adapters_mapping *mapping,
                                                        const struct adapters_row *row, struct bus_value *values,
                                                        struct adapters_refusal *refusal);
BUS_MUST_CHECK enum bus_status adapters_mapping_subject(const struct adapters_mapping *mapping,
                                                        const struct adapters_row *row, struct bus_arena *arena,
                                                        struct bus_value *values, struct adapters_refusal *refusal);
void adapters_mapping_area(const struct adapters_mapping *mapping, const struct adapters_row *row,
                           struct bus_arena *arena, struct bus_value *values);

/* Cleans an identifier: half width, upper case, without blanks and Excel's tail. */
struct bus_bytes adapters_value_identifier(struct bus_bytes text, struct bus_arena *arena);

#endif
