/* Trail: the disclosures of records, walked back through xq.audit from the entry that each record's state names.
 *
 * Each audit record that concerns any of them is read once; nothing else of the topic is read. What is told of a grant is what the
 * audit says of it, not what a catalogue says today. */
#ifndef CLI_TRAIL_H
#define CLI_TRAIL_H

#include "bus/arena.h"
#include "bus/consumer.h"
#include "bus/state_entry.h"
#include "bus/view.h"

enum { CLI_TRAIL_MAX = 100000 /* disclosures in one walk */ };

struct cli_trail_field {
    const char *name;
    enum bus_transform transform;
};

/* A grant as it was in force, and under which catalogue. */
struct cli_trail_grant {
    const char *subscriber, *grant, *department, *item, *purpose, *legal_basis, *catalogue;
    const struct cli_trail_field *fields; /* that a PUT carries */
    size_t field_count;
};

struct cli_disclosure {
    const struct cli_trail_grant *grant;
    int64_t offset; /* in xq.audit */
    int64_t at_ms;
    int64_t version;
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
    uint64_t leaf; /* in the log of (subscriber, partition) */
    bool proved;   /* left false: for who writes its proof */
};

/* Of one record. The caller fills the first two, the walk the others. */
struct cli_trail {
    uint8_t record[BUS_IDENTITY_SIZE];
    int64_t next;                       /* audit offset to read next; at first that of the record's entry, -1 = none */
    struct cli_disclosure *disclosures; /* newest first; in the arena */
    size_t count, capacity;
    bool cut; /* older ones are no longer kept */
};

/* All the records are of one subject. Names and disclosures live in `arena`. REJECT: an audit record cannot be read. FATAL: more than
 * CLI_TRAIL_MAX, or the arena is full. */
BUS_MUST_CHECK enum bus_status cli_trails_walk(const struct bus_kafka *kafka, const char *prefix, int32_t partition,
                                               const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE],
                                               struct cli_trail *trails, size_t count, struct bus_arena *arena,
                                               struct bus_error *error);

#endif
