/* Losses: the ranges of sequence numbers that the gateway found missing, as its notices in xq.quarantine tell them. */
#ifndef CLI_LOSSES_H
#define CLI_LOSSES_H

#include "cli/command.h"

enum { CLI_LOSS_NAME_SIZE = 128 };

struct cli_loss {
    char department[CLI_LOSS_NAME_SIZE], item[CLI_LOSS_NAME_SIZE], adapter[CLI_LOSS_NAME_SIZE];
    char topic[BUS_TOPIC_SIZE];
    int32_t partition;
    int64_t from, to; /* sequence numbers */
    int64_t offset;   /* of the event behind them */
    int64_t at_ms;    /* when the gateway found it */
};

struct cli_losses {
    struct cli_loss *of; /* in the order of the topic's partitions */
    size_t count, capacity;
};

/* RETRY when the broker is away. Release whatever the status. */
BUS_MUST_CHECK enum bus_status cli_losses_read(const struct cli_context *context, struct cli_losses *out_losses,
                                               struct bus_error *error);
void cli_losses_release(struct cli_losses *losses);

#endif
