/* Serve settings: the group `serve` of an agent's configuration, for xinqiao-agent --serve. */
#ifndef SUBSCRIBERS_SERVE_SETTINGS_H
#define SUBSCRIBERS_SERVE_SETTINGS_H

#include "subscribers/engine/settings.h"

/* Ends with a NULL name; for docs/configuration.md. */
extern const struct bus_option serve_options[];

enum { SERVE_HOST_SIZE = 128, SERVE_SCHEMA_SIZE = 64 };

struct serve_settings {
    const struct subscribers_settings *agent; /* borrowed, as all texts */
    char host[SERVE_HOST_SIZE];
    uint16_t port; /* 0: any that is free */
    char certificate[PATH_MAX], key[PATH_MAX];
    char client_ca[PATH_MAX]; /* "": no certificates are asked for */
    bool serves_persons;
    const char *connection; /* libpq connection string */
    char schema[SERVE_SCHEMA_SIZE];
    size_t workers, max_connections, max_connections_per_address, max_waiting, max_records, max_proofs;
    int64_t requests_per_minute, burst, header_ms, send_ms, statement_ms, proofs_ms;
};

/* `agent` is loaded and stays where it is. FATAL with file and line; also when the sink is not postgresql, or when others than this machine
 * could ask without a certificate. */
BUS_MUST_CHECK enum bus_status serve_settings_read(const struct subscribers_settings *agent,
                                                   struct serve_settings *out_settings, struct bus_error *error);

#endif
