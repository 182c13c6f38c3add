/* Delivery: what can be told of one from its first bytes, without decoding it: operation and reason stand in front of every view. */
#ifndef CLI_DELIVERY_H
#define CLI_DELIVERY_H

#include "bus/view.h"
#include "cli/command.h"

struct cli_delivery_head {
    uint64_t fingerprint; /* of its view */
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
};

/* False when the bytes are no delivery. */
bool cli_delivery_read(struct bus_bytes value, struct cli_delivery_head *out_head);
/* Whether a receiver has to act on it, so that it matters when it has: WITHDRAW, STATUS, and a PUT that corrects. */
static inline bool cli_delivery_matters(const struct cli_delivery_head *head)
{
    return head->operation == BUS_DELIVERY_WITHDRAW || head->operation == BUS_DELIVERY_STATUS ||
           (head->operation == BUS_DELIVERY_PUT && head->reason == BUS_REASON_CORRECTED);
}
/* "收回 信用修复 / withdrawn, repaired". */
enum { CLI_DELIVERY_WORDS_SIZE = 160 };
void cli_delivery_words(enum bus_delivery_operation operation, enum bus_delivery_reason reason,
                        char out_text[CLI_DELIVERY_WORDS_SIZE]);

#endif
