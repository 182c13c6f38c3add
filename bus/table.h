/* Table: rows of text in aligned columns, Chinese and English heads; East Asian characters count two columns.
 *
 * Text comes from data, so what a terminal would obey (control characters, escapes) and what is not UTF-8 is shown as U+FFFD. */
#ifndef BUS_TABLE_H
#define BUS_TABLE_H

#include "bus/bytes.h"

enum bus_table_align { BUS_TABLE_LEFT, BUS_TABLE_RIGHT };

struct bus_table;

/* NULL when out of memory; all other functions accept NULL and do nothing. */
struct bus_table *bus_table_create(void);
void bus_table_destroy(struct bus_table *table);
/* All columns stand before the first cell. The heads are copied. */
void bus_table_column(struct bus_table *table, const char *head_zh, const char *head_en, enum bus_table_align align);
/* The next cell, row by row. */
void bus_table_text(struct bus_table *table, struct bus_bytes text);
void bus_table_string(struct bus_table *table, const char *text);
void bus_table_cell(struct bus_table *table, const char *format, ...) BUS_PRINTF(2, 3);
/* Prints to standard output. False when memory ran out on the way: then the table is not whole. */
bool bus_table_print(const struct bus_table *table);

/* Columns that `text` takes on a terminal. */
size_t bus_table_width(struct bus_bytes text);
/* Appends `text` with what is not fit for a terminal replaced; tab and line feed pass when `lines` is true. */
void bus_table_clean(struct bus_buffer *buffer, struct bus_bytes text, bool lines);

#endif
