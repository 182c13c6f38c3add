/* Receipts: what each receiver has signed for, log by log, as the gateway accepted it; and how a delivery stands by that.
 *
 * A log is a partition of a subscriber's out topic. The gateway's state holds the last accepted receipt of each, and how long the log is. */
#ifndef CLI_RECEIPTS_H
#define CLI_RECEIPTS_H

#include "bus/json.h"
#include "bus/receipt.h"
#include "bus/table.h"
#include "cli/command.h"
#include "cli/quarantine.h"
#include "cli/words.h"

/* What an officer of the exchange, or anyone, finds when the receipt is held against key and seal. */
enum cli_receipt_verdict {
    CLI_RECEIPT_NONE,      /* there is none: the receiver never signed for this log */
    CLI_RECEIPT_GOOD,      /* signed by the receiver, and size and root are those of the seal */
    CLI_RECEIPT_UNCHECKED, /* no receipt keys were given: the seal agrees, the signature was not checked */
    CLI_RECEIPT_KEY,       /* no such key is pinned for this receiver */
    CLI_RECEIPT_SIGNATURE, /* it is not its signature */
    CLI_RECEIPT_ROOT,      /* another root than the seal of the same size */
    CLI_RECEIPT_SEAL,      /* the seal itself is not genuine */
    CLI_RECEIPT_GONE,      /* the log no longer holds the seal */
    CLI_RECEIPT_VERDICTS
};

/* One log and its last accepted receipt. */
struct cli_signed_log {
    const struct bus_subscriber *subscriber;
    int32_t partition;
    uint64_t log_size; /* leaves, as the gateway's state says */
    bool is_signed;    /* the next five are of the receipt */
    uint64_t size;
    int64_t offset; /* of the seal in the out topic: a hint */
    int64_t at_ms;
    int64_t receipt_offset;   /* of the receipt in xq.receipts, same partition */
    struct bus_bytes receipt; /* as it came; ours */
    enum cli_receipt_verdict verdict;
};

/* By subscriber in the catalogue's order, then by partition. */
struct cli_signed_logs {
    struct cli_signed_log *of;
    size_t count;
    int32_t partitions;
};

/* Reads the logs of all subscribers or of `only`, of all partitions or one (CLI_ALL_PARTITIONS of cli/scan.h). From the gateway's state
 * folder where the context names one that may be read, else from xq.state. REJECT: topics are missing. RETRY: Kafka is away. Release
 * whatever the status. */
BUS_MUST_CHECK enum bus_status cli_signed_logs_read(const struct cli_context *context,
                                                    const struct bus_catalogue *catalogue,
                                                    const struct bus_subscriber *only, int32_t partition,
                                                    struct cli_signed_logs *out_logs, struct bus_error *error);
void cli_signed_logs_release(struct cli_signed_logs *logs);
/* The same in the time of a few looks, however long the state's tail is that no environment holds yet: xq.receipts is read instead of it, from
 * the receipts on that the environments hold, and the ends of the logs of those who never signed (log_size of the others is not brought up
 * to date). Needs environments and receipt keys here; without them it is as above. */
BUS_MUST_CHECK enum bus_status cli_signed_logs_recent(const struct cli_context *context,
                                                      const struct bus_catalogue *catalogue,
                                                      const struct bus_subscriber *only,
                                                      struct cli_signed_logs *out_logs, struct bus_error *error);
/* NULL when it was not read. */
const struct cli_signed_log *cli_signed_logs_find(const struct cli_signed_logs *logs,
                                                  const struct bus_subscriber *subscriber, int32_t partition);
/* Whether the receiver has signed anything at all. */
bool cli_signed_logs_has_signed(const struct cli_signed_logs *logs, const struct bus_subscriber *subscriber);
/* Whether a key of the receiver is pinned, so that it is expected to sign. */
bool cli_receipts_has_key(const struct cli_context *context, const struct bus_subscriber *subscriber);

/* Holds each receipt against the pinned key and against the seal in its log, and fills the verdicts. RETRY: Kafka is away. FATAL: a key
 * cannot be read. */
BUS_MUST_CHECK enum bus_status cli_receipts_check(const struct cli_context *context, struct cli_signed_logs *logs,
                                                  struct bus_error *error);
const struct cli_word *cli_receipt_verdict_word(enum cli_receipt_verdict verdict);
/* Whether somebody has to look into it: KEY, SIGNATURE, ROOT, SEAL. */
bool cli_receipt_is_bad(enum cli_receipt_verdict verdict);

/* --- how a delivery stands --- */

enum cli_arrival {
    CLI_ARRIVAL_APPLIED,   /* signed for */
    CLI_ARRIVAL_REFUSED,   /* signed for, and refused by the receiver */
    CLI_ARRIVAL_UNDER_WAY, /* not signed for yet */
    CLI_ARRIVAL_UNSIGNED,  /* delivered to a receiver that never signs */
    CLI_ARRIVALS
};
const struct cli_word *cli_arrival_word(enum cli_arrival arrival);

/* What is known of the deliveries in one partition, or in all. */
struct cli_arrivals {
    const char *prefix; /* of topics; borrowed */
    struct cli_signed_logs logs;
    struct cli_quarantine_list refusals; /* notices of the stage "receipt" */
};
BUS_MUST_CHECK enum bus_status cli_arrivals_read(const struct cli_context *context,
                                                 const struct bus_catalogue *catalogue, int32_t partition,
                                                 struct cli_arrivals *out_arrivals, struct bus_error *error);
void cli_arrivals_release(struct cli_arrivals *arrivals);
/* `out_refusal` (may be NULL): the notice, when it was refused. A leaf below 0 is not known. */
enum cli_arrival cli_arrival_of(const struct cli_arrivals *arrivals, const struct bus_subscriber *subscriber,
                                int32_t partition, int64_t leaf, int64_t offset,
                                const struct bus_quarantined **out_refusal);

/* --- parts of the reading --- */

/* The logs, nothing known of them yet. */
BUS_MUST_CHECK enum bus_status cli_signed_logs_list(const struct cli_context *context,
                                                    const struct bus_catalogue *catalogue,
                                                    const struct bus_subscriber *only, int32_t partition,
                                                    struct cli_signed_logs *out_logs, struct bus_error *error);
/* What the environment of a partition holds; *out_next: from where on xq.state is to be read after, BUS_OFFSET_BEGINNING when there is no
 * environment here. */
BUS_MUST_CHECK enum bus_status cli_signed_logs_look(const struct cli_context *context, struct cli_signed_logs *logs,
                                                    int32_t partition, int64_t *out_next, struct bus_error *error);
/* Puts a receipt in the place of the one before; `receipt` is copied. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status cli_signed_log_set(struct cli_signed_log *log, struct bus_bytes receipt,
                                                  struct bus_error *error);

#define CLI_RECEIPT_STAGE "receipt" /* of the notices in quarantine about refused deliveries */

/* `xinqiao receipts RECORD`. */
int cli_receipts_record(struct cli_context *context, const uint8_t identity[BUS_IDENTITY_SIZE]);
/* `xinqiao receipts --refused`. */
int cli_receipts_refused(struct cli_context *context, const struct bus_subscriber *only);
/* A line of the table of receipts, and the same in JSON. */
struct bus_table *cli_receipts_table(void);
void cli_receipts_print(struct bus_table *table, const struct cli_signed_log *log);
void cli_receipts_write(struct bus_json *json, const struct cli_signed_log *log);

#endif
