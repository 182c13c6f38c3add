/* Script: the lines of a scenario file, as words. */
#ifndef TEST_SUPPORT_SCRIPT_H
#define TEST_SUPPORT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEST_SCRIPT_MAX_WORDS = 64 };

/* A word is WORD, or NAME=VALUE. */
struct test_word {
    const char *name;  /* the whole word when there is no '=' */
    const char *value; /* NULL when there is no '=' */
};

/* Cuts `line` into words at blanks, in place. "…" keeps blanks, in a word's value too; '#' at the start of a word begins a comment.
 * -1 when a quote is not closed or there are too many words. */
int test_script_words(char *line, struct test_word words[TEST_SCRIPT_MAX_WORDS]);

/* 2026-11-24T09:00:00Z, with or without milliseconds, to milliseconds since 1970-01-01 UTC; 2026-11-24 to days. False when it is none. */
bool test_script_time(const char *text, int64_t *out_ms);
bool test_script_date(const char *text, int64_t *out_days);
/* "12.5" with a scale of 2 to 1250. False when there are more places than the scale has. */
bool test_script_decimal(const char *text, int scale, int64_t *out_unscaled);

#endif
