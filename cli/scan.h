/* Scan: reading what a topic holds now, committed records only, outside any group. */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "bus/consumer.h"

enum { CLI_ALL_PARTITIONS = -1 };

/* Called for each record, in order within a partition; borrows the message. A status other than OK ends the scan with it. */
typedef enum bus_status cli_scan_record(void *self, const struct bus_message *message, struct bus_error *error);

/* Reads a topic, or one partition of it, from its beginning to its end as found. REJECT when the topic does not exist, RETRY
 * when the broker is away. */
BUS_MUST_CHECK enum bus_status cli_scan(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                        cli_scan_record *record, void *self, struct bus_error *error);

/* The same of one partition, from an offset on. */
BUS_MUST_CHECK enum bus_status cli_scan_from(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                             int64_t offset, cli_scan_record *record, void *self,
                                             struct bus_error *error);

/* Several partitions, of any topics, each from its offset on to its end as found: records of different ones come in any order. All must
 * exist. */
BUS_MUST_CHECK enum bus_status cli_scan_places(const struct bus_kafka *kafka, const struct bus_partition *places,
                                               size_t count, cli_scan_record *record, void *self,
                                               struct bus_error *error);

/* Reads the record at exactly this place and shows it to `record`. REJECT when there is none: aborted, a marker, gone by
 * retention, or not written yet. */
BUS_MUST_CHECK enum bus_status cli_scan_one(const struct bus_kafka *kafka, const char *topic, int32_t partition,
                                            int64_t offset, cli_scan_record *record, void *self,
                                            struct bus_error *error);

/* The same with a consumer of the caller's, for many places one after the other; the partition must exist. */
BUS_MUST_CHECK enum bus_status cli_scan_at(struct bus_consumer *consumer, const char *topic, int32_t partition,
                                           int64_t offset, cli_scan_record *record, void *self,
                                           struct bus_error *error);

/* Partitions of a topic; REJECT when it does not exist. */
BUS_MUST_CHECK enum bus_status cli_scan_partitions(const struct bus_kafka *kafka, const char *topic, int32_t *out_count,
                                                   struct bus_error *error);

#endif
