/* Standing: how readers stand to their topics, partition by partition: what they have read, what waits, and what was deleted before they
 * read it. */
#ifndef CLI_STANDING_H
#define CLI_STANDING_H

#include "bus/topics.h"
#include "cli/command.h"

enum { CLI_GROUP_SIZE = 128 };

/* One partition as its reader stands to it. */
struct cli_standing {
    const char *topic;
    int32_t partition;
    char group[CLI_GROUP_SIZE];
    int64_t position;  /* next offset to process; BUS_OFFSET_STORED when the group has none yet */
    int64_t first;     /* the first offset that is still there */
    int64_t stable;    /* the end, as a reader of committed records sees it */
    int64_t next;      /* offset of the first record that waits; `stable` when none does */
    int64_t oldest_ms; /* its timestamp, 0 = none */
};

/* Records between the first that waits and the end; control markers between them count too, so this is an upper bound, but never says
 * that something waits where nothing does. */
static inline int64_t cli_standing_waiting(const struct cli_standing *standing)
{
    return standing->stable - standing->next;
}
/* Offsets that are gone and were not read. */
static inline int64_t cli_standing_gone(const struct cli_standing *standing)
{
    int64_t position = standing->position > 0 ? standing->position : 0;
    return standing->first > position ? standing->first - position : 0;
}

struct cli_standings {
    struct cli_standing *of; /* by group, then topic, then partition */
    size_t count;
    int64_t now_ms;
    struct bus_topic_found *topics;
    size_t topic_count;
};

/* All topics that somebody reads whose names begin with `prefix`, which begins with that of the context. RETRY when the broker is away.
 * Release whatever the status. */
BUS_MUST_CHECK enum bus_status cli_standings_read(const struct cli_context *context, const char *prefix,
                                                  struct cli_standings *out_standings, struct bus_error *error);
void cli_standings_release(struct cli_standings *standings);

#endif
