/* Matter: one step of a case, from what an officer typed to what the gateway answers. Shared by the forms `rights open` and
 * `rights resolve`. Every function that returns an int returns an enum cli_exit, and has printed why when it is not CLI_DONE. */
#ifndef CLI_RIGHTS_MATTER_H
#define CLI_RIGHTS_MATTER_H

#include "cli/rights.h"

/* What was typed. */
struct cli_rights_given {
    const char *case_number, *document, *officer, *reason, *authority, *decided_on, *answer_due, *ground, *scope,
        *until, *department, *item, *key, *kind, *step;
    bool no_wait;
};

/* What it is about, once found. */
struct cli_rights_matter {
    struct cli_context *context;
    const struct cli_rights_given *given;
    const struct bus_catalogue *catalogue;
    int64_t now_ms;
    int32_t today;
    const struct bus_item *item, *target_item; /* of the case, of the record that it is about */
    uint8_t case_identity[BUS_IDENTITY_SIZE], target_identity[BUS_IDENTITY_SIZE];
    char case_key[BUS_RECORD_KEY_MAX + 1];
    struct cli_rights_records cases, targets;
    const struct cli_rights_record *known;  /* the case as it stands, NULL: a new one */
    const struct cli_rights_record *target; /* the record */
    struct cli_rights_content content;      /* of the event that is to be sent */
};

/* --- what was typed (cli/rights_matter.c) --- */

/* Time, catalogue and Kafka. False after saying what is missing: then CLI_WRONG_USE. */
bool cli_rights_begin(struct cli_rights_matter *matter, struct cli_context *context,
                      const struct cli_rights_given *given);
/* One sentence in each language, made from the same arguments; returns `code`. */
int cli_rights_say(int code, const char *format_zh, const char *format_en, ...) BUS_PRINTF(2, 4) BUS_PRINTF(3, 4);
bool cli_rights_is_given(const char *text);
int cli_rights_read_kind(const char *name, enum bus_rights_kind *out_kind);
/* The item of content.rights.kind. */
int cli_rights_read_item(struct cli_rights_matter *matter);
int cli_rights_read_case(struct cli_rights_matter *matter, const char *case_number);
/* A date option; `otherwise` when it was not given. */
int cli_rights_read_day(const char *option, const char *text, int32_t otherwise, int32_t *out_day);
/* What every step needs: document, officer, reason, a day that is not in the future; a known authority. */
int cli_rights_read_step(struct cli_rights_matter *matter);

/* --- what follows (cli/rights_finish.c) --- */

/* The name of the step at which a case stands. */
const char *cli_rights_step_at(const struct cli_rights_record *known);
/* Whether the authority may take this step about a record of target_item. */
int cli_rights_judge_authority(const struct cli_rights_matter *matter);
/* Gives the event its version and times, sends it, waits, and tells what came of it. Needs case_key, item, known, target, target_item,
 * target_identity and all of content but that. */
int cli_rights_finish(struct cli_rights_matter *matter);

#endif
