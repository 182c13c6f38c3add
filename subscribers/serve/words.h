/* Words: how the states of records are told to officers, Chinese first. */
#ifndef SUBSCRIBERS_SERVE_WORDS_H
#define SUBSCRIBERS_SERVE_WORDS_H

#include "bus/bytes.h"

struct serve_word {
    const char *name, *zh, *en;
};

/* Of a status or a flag, as the sink writes it; unknown ones stand for themselves. */
struct serve_word serve_status_word(const char *status);
struct serve_word serve_flag_word(struct bus_bytes flag, char out_name[64]);

/* A schema's doc, "NAME 中文 / English": the Chinese, up to the first comma, colon or bracket. */
struct bus_bytes serve_doc_zh(const char *doc);
/* A moment in Beijing, 2026-11-24 16:30:05; "—" of 0. */
enum { SERVE_MOMENT_SIZE = 32 };
void serve_moment(int64_t at_ms, char out_text[SERVE_MOMENT_SIZE]);
/* The same of a time as answers have it, 2026-11-24T08:30:05.123Z; a day alone at midnight. What is no time stays as it is. */
void serve_moment_of(const char *utc, char out_text[SERVE_MOMENT_SIZE]);

#endif
