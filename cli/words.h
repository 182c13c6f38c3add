/* Words: how the states of records and what happened to them are told to people, Chinese first. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "bus/state_entry.h"
#include "bus/view.h"

struct cli_word {
    const char *name, *zh, *en; /* name as in JSON */
};

enum { CLI_STATUS_MAX = 10, CLI_MOMENT_SIZE = 32 };

/* How a record stands, the weightiest word first; at least one. Returns how many. */
size_t cli_status_words(const struct bus_state_entry *entry, const struct cli_word *out_words[CLI_STATUS_MAX]);
const struct cli_word *cli_operation_word(enum bus_delivery_operation operation);
const struct cli_word *cli_reason_word(enum bus_delivery_reason reason);
/* Of NONE three empty texts. */
const struct cli_word *cli_transform_word(enum bus_transform transform);

/* A schema's doc, "中文 / English", in its two parts; the second is empty when there is none. */
void cli_doc_words(const char *doc, struct bus_bytes *out_zh, struct bus_bytes *out_en);
/* A moment in Beijing: 2026-11-24 16:30:05. */
void cli_moment(int64_t at_ms, char out_text[CLI_MOMENT_SIZE]);
/* How long: "5分 min", the largest unit of which there are at least two. */
enum { CLI_AGE_SIZE = 48 };
void cli_age(int64_t ms, char out_text[CLI_AGE_SIZE]);
/* A day, 2026-11-24; "" of INT32_MAX. */
void cli_day(int32_t days, char out_text[CLI_MOMENT_SIZE]);

#endif
