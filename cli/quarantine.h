/* Quarantine as the operator sees it: refused records and notices, each with the decision about it, if there is one. */
#ifndef CLI_QUARANTINE_H
#define CLI_QUARANTINE_H

#include "bus/arena.h"
#include "bus/json.h"
#include "bus/quarantine.h"
#include "cli/command.h"

enum { CLI_QUARANTINE_MAX_IDS = 1000, CLI_QUARANTINE_ID_SIZE = 40 };

/* "<partition>:<offset>" of xq.quarantine. */
struct cli_quarantine_id {
    int32_t partition;
    int64_t offset;
};
bool cli_quarantine_parse_id(struct bus_bytes text, struct cli_quarantine_id *out_id);
void cli_quarantine_print_id(struct cli_quarantine_id id, char out_text[CLI_QUARANTINE_ID_SIZE]);

struct cli_quarantined {
    struct cli_quarantine_id id;
    struct bus_quarantined record;
    const struct bus_quarantined *decision; /* the last one about it, NULL when it is open */
};

/* What is wanted; NULL texts and no ids = everything. */
struct cli_quarantine_filter {
    const char *department, *item, *stage, *code;
    const struct cli_quarantine_id *ids;
    size_t id_count;
    bool with_original; /* else original and original_key are left out */
};

struct cli_quarantine_list {
    struct cli_quarantined *entries; /* by time */
    size_t count;
    struct bus_arena *arena; /* all behind the entries */
};

/* Reads the topic to its end. Release the list whatever the status. */
BUS_MUST_CHECK enum bus_status cli_quarantine_read(const struct cli_context *context,
                                                   const struct cli_quarantine_filter *filter,
                                                   struct cli_quarantine_list *out_list, struct bus_error *error);
void cli_quarantine_release(struct cli_quarantine_list *list);
/* NULL when it is not among them. */
const struct cli_quarantined *cli_quarantine_find(const struct cli_quarantine_list *list, struct cli_quarantine_id id);

/* Members of a JSON object: all but the original bytes. */
void cli_quarantine_write(struct bus_json *json, const struct cli_quarantined *entry);

/* The forms of the command beside list. */
int cli_quarantine_show(struct cli_context *context, int argc, char **argv);
int cli_quarantine_decide(struct cli_context *context, int argc, char **argv);

#endif
