/* Settings: the agent's configuration file. */
#ifndef SUBSCRIBERS_ENGINE_SETTINGS_H
#define SUBSCRIBERS_ENGINE_SETTINGS_H

#include <limits.h>

#include "bus/kafka_settings.h"
#include "bus/log.h"
#include "subscribers/sinks/sink.h"

enum { SUBSCRIBERS_MAX_PARTITIONS = 4096, SUBSCRIBERS_NAME_SIZE = 256 };

struct subscribers_settings {
    struct bus_settings *file;
    const char *subscriber;
    char catalogue_path[PATH_MAX];
    char keys_folder[PATH_MAX];
    char state_folder[PATH_MAX];     /* of a courier; "" = there is none */
    char receipt_key_path[PATH_MAX]; /* "" = no receipts */
    const char *instance;            /* name among the subscriber's agents */
    int64_t session_timeout_ms;
    char group[SUBSCRIBERS_NAME_SIZE];
    struct bus_kafka_settings kafka;
    int32_t partitions;
    size_t batch_records, batch_bytes;
    enum bus_log_level log_level;
    const struct subscribers_sink *sink;
    const struct bus_settings_node *sink_group;
};

/* The table of the file, for docs/configuration.md. */
extern const struct bus_option subscribers_options[];
/* Every kind of sink; the last is NULL. */
extern const struct subscribers_sink *const subscribers_sinks[];

/* FATAL with file and line. Release whatever the status. */
BUS_MUST_CHECK enum bus_status subscribers_settings_load(const char *path, struct subscribers_settings *out_settings,
                                                         struct bus_error *error);
void subscribers_settings_release(struct subscribers_settings *settings);

#endif
