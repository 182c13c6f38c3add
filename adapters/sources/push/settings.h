/* Push settings: the group `push` of an adapter's configuration. */
#ifndef ADAPTERS_SOURCES_PUSH_SETTINGS_H
#define ADAPTERS_SOURCES_PUSH_SETTINGS_H

#include "adapters/engine/feeds.h"
#include "adapters/engine/settings.h"

/* End with a NULL name; for docs/configuration.md. */
extern const struct bus_option adapters_push_options[];
extern const struct bus_option adapters_push_client_options[];

enum {
    ADAPTERS_PUSH_MAX_CLIENTS = 256,
    ADAPTERS_PUSH_HOST_SIZE = 128,
    ADAPTERS_PUSH_FINGERPRINT_SIZE = 65, /* SHA-256 of a certificate as lower-case hex, and its end */
};

/* Who may push: known by the common name of a certificate, or by one certificate alone. */
struct adapters_push_client {
    const char *name;                                 /* as configured; in logs */
    char fingerprint[ADAPTERS_PUSH_FINGERPRINT_SIZE]; /* "": `name` is a common name */
    bool may[ADAPTERS_MAX_FEEDS];                     /* feeds, by their index */
};

struct adapters_push_settings {
    char host[ADAPTERS_PUSH_HOST_SIZE];
    uint16_t port; /* 0: any that is free */
    char certificate[ADAPTERS_PATH_SIZE], key[ADAPTERS_PATH_SIZE], client_ca[ADAPTERS_PATH_SIZE];
    char state[ADAPTERS_PATH_SIZE]; /* where long bodies wait */
    struct adapters_push_client clients[ADAPTERS_PUSH_MAX_CLIENTS];
    size_t client_count;
    size_t threads, max_connections, max_connections_per_address, max_body_bytes, max_rows, max_waiting, max_at_once;
    int64_t requests_per_minute, burst;
    int64_t header_ms, body_ms, answer_ms, send_ms;
    int64_t keep_hours, keep_count;
};

/* FATAL with file and line. */
BUS_MUST_CHECK enum bus_status adapters_push_settings_read(const struct adapters_settings *settings,
                                                           const struct adapters_feeds *feeds,
                                                           struct adapters_push_settings *out_settings,
                                                           struct bus_error *error);

#endif
