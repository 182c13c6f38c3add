/* Subject content: a record's fields as its subject may see them, and how a subject and a disclosure are named. */
#ifndef CLI_SUBJECT_CONTENT_H
#define CLI_SUBJECT_CONTENT_H

#include "cli/subject_report.h"
#include "cli/words.h"

/* A field of a record's last event. */
struct cli_subject_field {
    const struct bus_field *field;
    struct bus_bytes zh, en; /* what it is */
    struct bus_bytes value;  /* as text, "" of null; until the next call */
    bool is_null;
    bool hides;                   /* personal, an identifier, or it holds the subject's: masked where the subject is */
    char moment[CLI_MOMENT_SIZE]; /* of a timestamp: the value in Beijing, "" otherwise */
    const char *meaning_zh;       /* of a code, NULL otherwise */
};

/* Goes through the fields of `record` that its subject may see: not those of class `secret`, nor what belongs to transport. `*index` is 0
 * at first; `text` is the caller's, for the value. False behind the last. */
bool cli_subject_next_field(const struct cli_subject_report *report, const struct cli_subject_record *record,
                            size_t *index, struct bus_buffer *text, struct cli_subject_field *out_field);

/* A doc without what it explains behind a comma or colon. */
struct bus_bytes cli_subject_short(struct bus_bytes words);

/* The doc of a field that was disclosed, from the catalogue's schemas of the item; its name when they have it no more. */
void cli_subject_field_words(const struct cli_subject_report *report, const struct cli_trail_grant *grant,
                             const char *field, struct bus_bytes *out_zh, struct bus_bytes *out_en);
/* The names of a subscriber, of a department; the bare name when the catalogue has it no more. */
void cli_subject_subscriber_words(const struct cli_subject_report *report, const char *name, const char **out_zh,
                                  const char **out_en);
const char *cli_subject_department_zh(const struct cli_subject_report *report, struct bus_bytes name);

/* The identifier with its middle hidden. */
void cli_subject_mask(const struct cli_subject_report *report, struct bus_buffer *text);

#endif
