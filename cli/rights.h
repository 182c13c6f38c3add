/* Rights as an officer sees and opens them: cases (bus/rights.h) with the records that they are about.
 *
 * Read from xq.state and the in topics of the rights items, written into those topics. A record key, a name or a number of a subject is
 * never shown: a record is named by its identity, a case by its number. */
#ifndef CLI_RIGHTS_H
#define CLI_RIGHTS_H

#include "bus/arena.h"
#include "bus/consumer.h"
#include "bus/json.h"
#include "bus/rights.h"
#include "bus/state_entry.h"
#include "cli/command.h"
#include "cli/quarantine.h"

#define CLI_RIGHTS_OFFICER_HEADER "xq-officer" /* on an event that an officer's command wrote: who ran it */

enum { CLI_RIGHTS_KINDS = 4, CLI_RIGHTS_DAY_SIZE = 16, CLI_RIGHTS_RECORD_LIMIT = 64 * 1024 };

/* --- records, as xq.state has them last (cli/rights_read.c) --- */

struct cli_rights_record {
    uint8_t identity[BUS_IDENTITY_SIZE], subject_key[BUS_SUBJECT_KEY_SIZE];
    int32_t partition;
    bool is_status; /* its last entry came from a change of status alone */
    struct bus_state_entry entry;
    struct bus_bytes event; /* framed bytes of its last event; length 0: kept no longer, or not asked for */
};

struct cli_rights_records {
    struct cli_rights_record *records; /* by identity, then subject key */
    size_t count, capacity;
    struct bus_arena *arena; /* behind the events */
};

/* Whether a record is asked for. */
typedef bool cli_rights_wants(void *self, const uint8_t identity[BUS_IDENTITY_SIZE],
                              const struct bus_state_entry *entry);

/* Reads xq.state, or one partition of it, for the records that `wants` asks for. Release the records whatever the status. */
BUS_MUST_CHECK enum bus_status cli_rights_read(const struct cli_context *context, int32_t partition,
                                               cli_rights_wants *wants, void *self, bool with_events,
                                               struct cli_rights_records *out_records, struct bus_error *error);
void cli_rights_release(struct cli_rights_records *records);
/* The same in pieces: open, take each record of xq.state in the order of its offsets, fold. */
BUS_MUST_CHECK enum bus_status cli_rights_open_records(struct cli_rights_records *out_records, struct bus_error *error);
BUS_MUST_CHECK enum bus_status cli_rights_take(struct cli_rights_records *records, const struct bus_message *message,
                                               cli_rights_wants *wants, void *self, bool with_events,
                                               struct bus_error *error);
void cli_rights_fold(struct cli_rights_records *records);
/* Of a record that has been sent about two subjects, the one that is live, else the one that changed last. NULL: none. */
const struct cli_rights_record *cli_rights_find(const struct cli_rights_records *records,
                                                const uint8_t identity[BUS_IDENTITY_SIZE]);
const struct cli_rights_record *cli_rights_find_of(const struct cli_rights_records *records,
                                                   const uint8_t identity[BUS_IDENTITY_SIZE],
                                                   const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE]);

/* --- a case's event (cli/rights_event.c) --- */

/* All that a rights event says; views borrow from the datum that it was read from, or from whoever filled it. */
struct cli_rights_content {
    struct bus_event event;
    struct bus_rights rights;
    struct bus_bytes reason, ground, scope; /* ground and scope of a restriction */
    bool has_answer_due, has_until;
    int32_t answer_due, until; /* days since 1970-01-01 */
};

/* Record key and identity of a case. False when the number is too long or empty. */
bool cli_rights_case_key(const char *case_number, char out_key[BUS_RECORD_KEY_MAX + 1]);
void cli_rights_case_identity(enum bus_rights_kind kind, const char *case_number,
                              uint8_t out_identity[BUS_IDENTITY_SIZE]);
/* The catalogue's item of the kind; NULL when it has none. */
const struct bus_item *cli_rights_item(const struct bus_catalogue *catalogue, enum bus_rights_kind kind);
/* The envelope of any item's event. REJECT when the catalogue lacks its schema, or the bytes are none of it. */
BUS_MUST_CHECK enum bus_status cli_rights_read_event(const struct bus_item *item, struct bus_bytes datum,
                                                     struct bus_event *out_event, struct bus_error *error);
/* The whole of a rights event; REJECT likewise. */
BUS_MUST_CHECK enum bus_status cli_rights_read_content(const struct bus_item *item, struct bus_bytes datum,
                                                       struct cli_rights_content *out_content, struct bus_error *error);
/* Appends the framed event in the item's current schema; the event id is made from record key and version. REJECT names the field whose
 * text is too long or not UTF-8, or that the schema asks for and this command does not know. */
BUS_MUST_CHECK enum bus_status cli_rights_encode(const struct bus_item *item, const struct cli_rights_content *content,
                                                 struct bus_buffer *buffer, struct bus_error *error);

/* --- sending (cli/rights_send.c) --- */

enum cli_rights_result {
    CLI_RIGHTS_PUBLISHED, /* the gateway has not spoken yet */
    CLI_RIGHTS_ACCEPTED,
    CLI_RIGHTS_REFUSED,
};

struct cli_rights_outcome {
    enum cli_rights_result result;
    int32_t partition; /* of the event in its in topic */
    int64_t offset;
    struct cli_quarantine_id quarantined;                                                           /* REFUSED */
    char code[BUS_ERROR_CODE_SIZE], reason_zh[BUS_ERROR_TEXT_SIZE], reason_en[BUS_ERROR_TEXT_SIZE]; /* REFUSED */
};

/* Publishes the event together with the book of this command, in one transaction, and waits until the gateway has accepted or refused it,
 * at most `wait_ms` (0: does not wait). The event is about the subject of `target`. */
BUS_MUST_CHECK enum bus_status cli_rights_send(const struct cli_context *context, const struct bus_item *item,
                                               const struct cli_rights_record *target,
                                               const struct cli_rights_content *content, const char *officer,
                                               int64_t wait_ms, struct cli_rights_outcome *out_outcome,
                                               struct bus_error *error);

/* --- the forms of the command (cli/rights_<form>.c) --- */

int cli_rights_open(struct cli_context *context, int argc, char **argv);
int cli_rights_resolve(struct cli_context *context, int argc, char **argv);
int cli_rights_list(struct cli_context *context, int argc, char **argv);
int cli_rights_show(struct cli_context *context, int argc, char **argv);

/* --- what the forms share (cli/rights_text.c) --- */

const char *cli_rights_kind_zh(enum bus_rights_kind kind);
const char *cli_rights_step_zh(enum bus_rights_step step);
/* "-" for INT32_MAX. */
void cli_rights_day(int32_t day, char out_text[CLI_RIGHTS_DAY_SIZE]);
/* Last day on which the case may be answered; INT32_MAX when none is awaited. */
int32_t cli_rights_due(const struct cli_rights_content *content, const struct bus_state_entry *entry);
/* 有效 / live and the like, with marks; NULL entry: unknown. */
void cli_rights_status(const struct bus_state_entry *entry, struct bus_buffer *text);
/* Names of who holds it, with blanks between; "-" when nobody does. */
void cli_rights_holders(const struct bus_catalogue *catalogue, uint64_t holders, struct bus_buffer *text);
/* A member "holders" of a JSON object. */
void cli_rights_write_holders(struct bus_json *json, const struct bus_catalogue *catalogue, uint64_t holders);
/* Members of a JSON object: a case, and the record that it is about (NULL: unknown). */
void cli_rights_write(struct bus_json *json, const struct bus_catalogue *catalogue,
                      const struct cli_rights_content *content, const struct bus_state_entry *case_entry,
                      const uint8_t target_identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *target_entry,
                      int32_t today);

#endif
