/* Fetch: records at known places of one partition, one after the other, some milliseconds each: much faster than reading a topic
 * through for a few of its records. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "bus/consumer.h"

struct cli_fetch;

/* Called for each place in the order in which they were asked for; `message` is NULL when there is no committed record at exactly
 * that place (gone by retention or compaction, aborted, or not written yet). A status other than OK ends the fetch with it. */
typedef enum bus_status cli_fetch_record(void *self, int64_t offset, const struct bus_message *message,
                                         struct bus_error *error);

/* `topic` is borrowed; the partition must exist. */
BUS_MUST_CHECK enum bus_status cli_fetch_open(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                              struct cli_fetch **out_fetch, struct bus_error *error);
void cli_fetch_close(struct cli_fetch *fetch);
/* RETRY: the broker is away. */
BUS_MUST_CHECK enum bus_status cli_fetch_at(struct cli_fetch *fetch, const int64_t *offsets, size_t count,
                                            cli_fetch_record *record, void *self, struct bus_error *error);

#endif
