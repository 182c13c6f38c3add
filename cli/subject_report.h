/* Subject report: all that the exchange holds about one subject, and to whom it was disclosed (docs/access-report.md). */
#ifndef CLI_SUBJECT_REPORT_H
#define CLI_SUBJECT_REPORT_H

#include "bus/arena.h"
#include "bus/rights.h"
#include "bus/state_entry.h"
#include "cli/command.h"
#include "cli/trail.h"

enum {
    CLI_SUBJECT_MAX_RECORDS = 20000,
    CLI_SUBJECT_MAX_VERSIONS = 100, /* of one record */
    CLI_SUBJECT_MAX_FIELDS = 256,
    CLI_SUBJECT_IDENTIFIER_SIZE = 19,
};

/* A version that xq.state or the audit still knows. */
struct cli_subject_version {
    int64_t version;
    int64_t accepted_ms;
    bool withdrawn;
};

/* A record or a rights case. Everything lies in the report's arena. */
struct cli_subject_record {
    uint8_t identity[BUS_IDENTITY_SIZE];
    struct bus_state_entry entry;
    int64_t event_offset;                   /* of the xq.state entry that holds the event, -1 = none */
    int64_t earlier_offset;                 /* of the one before it, -1 = none */
    const struct bus_item *item;            /* NULL: the catalogue has it no more */
    struct bus_bytes datum;                 /* the last event; data NULL when it is kept no more */
    const struct bus_item_version *version; /* the schema of `datum`, NULL when that cannot be read */
    const struct bus_span *spans;
    struct cli_subject_version *versions; /* newest first */
    size_t version_count;
    struct cli_trail *trail;  /* NULL of a case */
    struct bus_rights rights; /* of a case that can be read: kind other than NONE */
    uint8_t target[BUS_IDENTITY_SIZE];
    const char *target_item; /* "department/item" */
};

struct cli_subject_report {
    const struct bus_catalogue *catalogue;
    const char *prefix, *officer, *reason;
    int64_t at_ms;
    enum bus_subject_kind kind;
    char identifier[CLI_SUBJECT_IDENTIFIER_SIZE];
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    int32_t partition;
    bool from_state; /* found in the gateway's environment; else by reading the partition's whole state */
    struct bus_arena *arena;
    struct cli_subject_record *records, *cases; /* by item, newest first */
    size_t record_count, case_count;
};

/* Fills what comes behind `partition`, by the subject key; the arena is there. REJECT: a record cannot be read. RETRY: Kafka is away. */
BUS_MUST_CHECK enum bus_status cli_subject_read(const struct cli_context *context, struct cli_subject_report *report,
                                                struct bus_error *error);

/* Whether the case waits for an answer, or for the correction that it led to. */
bool cli_subject_is_open(const struct cli_subject_report *report, const struct cli_subject_record *matter);
/* Writes the proof of every disclosure whose delivery is still kept into the folder, which is made where missing, and marks it as
 * proved; a file that is there already is left as it is. *out_missing: how many deliveries are gone from their logs. */
enum { CLI_SUBJECT_PROOF_NAME_SIZE = 192 };
BUS_MUST_CHECK enum bus_status cli_subject_prove(const struct cli_context *context, struct cli_subject_report *report,
                                                 const char *folder, size_t *out_missing, struct bus_error *error);
/* Name of the file with the proof of a disclosure, below that folder. */
void cli_subject_proof_name(const struct cli_disclosure *disclosure, int32_t partition,
                            char out_name[CLI_SUBJECT_PROOF_NAME_SIZE]);

/* --- the report written out --- */

/* Documents for the subject: everything in full. */
void cli_subject_write_json(const struct cli_subject_report *report, struct bus_buffer *buffer);
void cli_subject_write_html(const struct cli_subject_report *report, struct bus_buffer *buffer);
/* For the officer's eyes at the terminal: the subject masked. False when memory ran out. */
bool cli_subject_print(const struct cli_subject_report *report);

#endif
