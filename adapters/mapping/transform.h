/* Transform: what cleans a text of the dirt of real feeds. Each gives back the text itself when there is nothing to clean, else a
 * copy in the arena (length 0, data NULL when there is no room). */
#ifndef ADAPTERS_MAPPING_TRANSFORM_H
#define ADAPTERS_MAPPING_TRANSFORM_H

#include "bus/arena.h"

/* Without blanks at both ends: ASCII blanks and controls, U+3000, U+00A0, U+200B, U+FEFF. Never copies. */
struct bus_bytes adapters_trim(struct bus_bytes text);
/* U+FF01 to U+FF5E as ASCII, U+3000 as a blank. */
struct bus_bytes adapters_half_width(struct bus_bytes text, struct bus_arena *arena);
/* ASCII letters in upper case. */
struct bus_bytes adapters_upper(struct bus_bytes text, struct bus_arena *arena);
/* Without any blank, also inside. */
struct bus_bytes adapters_without_blanks(struct bus_bytes text, struct bus_arena *arena);
/* Line ends, also a written "\n", as one blank each. */
struct bus_bytes adapters_one_line(struct bus_bytes text, struct bus_arena *arena);
/* 〔〕 【】 ［］ （） [] as (). */
struct bus_bytes adapters_round_brackets(struct bus_bytes text, struct bus_arena *arena);
/* Digits with Excel's tail ".0" without it. Never copies. */
struct bus_bytes adapters_without_excel_tail(struct bus_bytes text);
/* With zeros in front, up to `length` characters. */
struct bus_bytes adapters_padded(struct bus_bytes text, size_t length, struct bus_arena *arena);

#endif
