/* Life: all that the topics tell of one record: its state, the versions that came, the deliveries that left, the audit. */
#ifndef CLI_LIFE_H
#define CLI_LIFE_H

#include "bus/state_entry.h"
#include "bus/view.h"
#include "cli/command.h"
#include "cli/trail.h"

enum { CLI_LIFE_NAME_SIZE = 128, CLI_LIFE_MAX = 100000 };

/* A version as it came in. */
struct cli_life_version {
    int64_t offset; /* in the item's in topic */
    int64_t at_ms;  /* when it was published */
    int64_t version;
    int64_t sequence;
    enum bus_operation operation;
    bool replayed;
    char adapter[CLI_LIFE_NAME_SIZE];
};

/* An entry of xq.state. */
struct cli_life_state {
    int64_t offset;
    struct bus_state_entry entry;
    bool status_only; /* a change of status alone: no version came with it */
    bool gone;        /* the key was given up: entry is empty */
};

/* A delivery as it left. */
struct cli_life_delivery {
    const struct bus_subscriber *subscriber;
    int64_t offset; /* in the subscriber's out topic */
    int64_t leaf;   /* index in that log, -1 without the header */
    int64_t at_ms;
    bool read; /* the rest could be read: its view is known */
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
    int64_t version;
    char grant[CLI_LIFE_NAME_SIZE];
};

struct cli_life {
    uint8_t identity[BUS_IDENTITY_SIZE];
    uint8_t subject_key[BUS_SUBJECT_KEY_SIZE];
    int32_t partition; /* the same in every topic */
    const struct bus_item *item;
    struct cli_life_state *states;
    struct cli_life_version *versions;
    struct cli_life_delivery *deliveries;
    size_t state_count, version_count, delivery_count;
    struct cli_trail trail; /* its disclosures */
    struct bus_arena *arena;
};

/* Reads the topics for the record of `life->identity`. REJECT when xq.state knows no such record. Release whatever the status. */
BUS_MUST_CHECK enum bus_status cli_life_read(struct cli_context *context, struct cli_life *life,
                                             struct bus_error *error);
void cli_life_release(struct cli_life *life);

#endif
