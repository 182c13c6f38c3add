/* Settings: the configuration file of one adapter. */
#ifndef ADAPTERS_ENGINE_SETTINGS_H
#define ADAPTERS_ENGINE_SETTINGS_H

#include "bus/kafka_settings.h"
#include "bus/log.h"

enum { ADAPTERS_PATH_SIZE = 4096 };

/* Ends with a NULL name; for docs/configuration.md. */
extern const struct bus_option adapters_options[];

struct adapters_settings {
    struct bus_settings *file;
    const char *name, *department;
    char catalogue[ADAPTERS_PATH_SIZE], mappings[ADAPTERS_PATH_SIZE], pepper[ADAPTERS_PATH_SIZE];
    char state[ADAPTERS_PATH_SIZE];        /* "" when none is set */
    const struct bus_settings_node *feeds; /* the feeds that are taken, NULL: all */
    /* Of these exactly one is set: it is the source. */
    char inbox[ADAPTERS_PATH_SIZE];
    const struct bus_settings_node *replication, *odbc, *push; /* groups, checked by their source */
    struct bus_kafka_settings kafka;
    int32_t partitions;
    size_t batch_rows, batch_bytes;
    int64_t batch_ms, scan_ms, stable_ms;
    enum bus_log_level log_level;
};

/* FATAL with file and line, also when no source is set or two are. Do not copy the struct afterwards. */
BUS_MUST_CHECK enum bus_status adapters_settings_load(const char *path, struct adapters_settings *out_settings,
                                                      struct bus_error *error);
void adapters_settings_release(struct adapters_settings *settings);

#endif
