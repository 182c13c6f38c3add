/* Row: one record of a source as it was found, and the refusal of one that goes no further. */
#ifndef ADAPTERS_ENGINE_ROW_H
#define ADAPTERS_ENGINE_ROW_H

#include "bus/bytes.h"

enum {
    ADAPTERS_COLUMNS_MAX = 256,
    ADAPTERS_FIELD_MAX = 1024 * 1024,   /* bytes of one field, as UTF-8 */
    ADAPTERS_ROW_MAX = 2 * 1024 * 1024, /* bytes of one row, as UTF-8 */
    ADAPTERS_COLUMN_NAME_SIZE = 128,
};

enum adapters_row_operation { ADAPTERS_ROW_BY_MAPPING, ADAPTERS_ROW_PUT, ADAPTERS_ROW_WITHDRAW };

/* Views borrow from the source and are valid until its next row. */
struct adapters_row {
    int64_t line;              /* where it begins, 1-based; 0: it comes from no file */
    struct bus_bytes original; /* its text as UTF-8, without the line's end; cut at ADAPTERS_ROW_MAX */
    struct bus_bytes *fields;  /* one for each column of the mapping, in its order; data NULL = absent */

    /* What the source itself knows; zero: the mapping says it. */
    enum adapters_row_operation operation;
    int64_t version;
    int64_t committed_at_ms;
    bool
        is_latest; /* it is what the source holds now: newer than all it said of the record before, whatever its time says */
};

/* Why a row, or a whole file, is refused: department staff read it. Never holds a value. */
struct adapters_refusal {
    char code[BUS_ERROR_CODE_SIZE];
    char column[ADAPTERS_COLUMN_NAME_SIZE]; /* "" when it is about the row */
    char zh[BUS_ERROR_TEXT_SIZE];
    char en[BUS_ERROR_TEXT_SIZE];
};

/* Fills the refusal (column "") and returns BUS_REJECT. */
enum bus_status adapters_refuse(struct adapters_refusal *refusal, const char *code, const char *zh, const char *en);
/* The same about one column. */
enum bus_status adapters_refuse_column(struct adapters_refusal *refusal, const char *code, const char *column,
                                       const char *zh, const char *en);
/* The same, with the shape of the value that is at fault added to both sentences. */
enum bus_status adapters_refuse_value(struct adapters_refusal *refusal, const char *code, const char *column,
                                      struct bus_bytes value, const char *zh, const char *en);

/* Writes what a value looks like and nothing of what it says, such as `18: 9999Aa字字-9…`: its length in characters, then a class for each
 * of the first characters: 9 digit, A upper, a lower case, 字 a character beyond ASCII, _ blank, others as they are. */
enum { ADAPTERS_SHAPE_SIZE = 128 };
void adapters_shape(struct bus_bytes value, char out_shape[ADAPTERS_SHAPE_SIZE]);

#endif
