/* Table: rows of text in aligned columns, Chinese and English heads; East Asian characters count two columns.
 *
 * Text comes from data, so what a terminal would obey (control characters, escapes) and what is not UTF-8 is shown as U+FFFD. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "bus/bytes.h"

enum cli_align { CLI_LEFT, CLI_RIGHT };

struct cli_table;

/* NULL when out of memory; all other functions accept NULL and do nothing. */
struct cli_table *cli_table_create(void);
void cli_table_destroy(struct cli_table *table);
/* All columns stand before the first cell. The heads are copied. */
void cli_table_column(struct cli_table *table, const char *head_zh, const char *head_en, enum cli_align align);
/* The next cell, row by row. */
void cli_table_text(struct cli_table *table, struct bus_bytes text);
void cli_table_string(struct cli_table *table, const char *text);
void cli_table_cell(struct cli_table *table, const char *format, ...) BUS_PRINTF(2, 3);
/* Prints to standard output. False when memory ran out on the way: then the table is not whole. */
bool cli_table_print(const struct cli_table *table);

/* Columns that `text` takes on a terminal. */
size_t cli_text_width(struct bus_bytes text);
/* Appends `text` with what is not fit for a terminal replaced; tab and line feed pass when `lines` is true. */
void cli_text_clean(struct bus_buffer *buffer, struct bus_bytes text, bool lines);

#endif
