/* Replication settings: the group `replication` of an adapter's configuration. */
#ifndef ADAPTERS_SOURCES_REPLICATION_SETTINGS_H
#define ADAPTERS_SOURCES_REPLICATION_SETTINGS_H

#include "bus/settings.h"

/* Ends with a NULL name; for docs/configuration.md. */
extern const struct bus_option adapters_replication_options[];

struct replication_settings {
    const char *connection, *slot, *publication;
    int64_t heartbeat_ms;
    bool takes_new_snapshot; /* when the slot is lost; else the adapter stops */
};

/* FATAL with file and line. Texts borrow from the settings. */
BUS_MUST_CHECK enum bus_status replication_settings_read(const struct bus_settings_node *group,
                                                         struct replication_settings *out_settings,
                                                         struct bus_error *error);

#endif
