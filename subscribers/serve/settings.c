#include "subscribers/serve/settings.h"

#include <stdio.h>

#include "bus/http_server.h"

const struct bus_option serve_options[] = {
    {"listen", BUS_OPTION_TEXT, "127.0.0.1:8445", 0, 0, NULL, "address and port, [address]:port for IPv6"},
    {"certificate", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "PEM file: the server's certificate and those between it and its root"},
    {"key", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "PEM file: the private key of the certificate"},
    {"client_ca", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "PEM file: the authorities whose client certificates are believed, and asked for; empty: none is asked for, and only this machine may ask"},
    {"persons", BUS_OPTION_BOOLEAN, "false", 0, 0, NULL, "whether persons may be asked for, by citizen number"},
    {"connection", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "libpq connection string of a role that reads the tables and adds to xinqiao_access; empty: the sink's"},
    {"workers", BUS_OPTION_INTEGER, "2", 1, 32, NULL, "questions answered at once"},
    {"max_connections", BUS_OPTION_INTEGER, "128", 1, 10000, NULL, "connections at once"},
    {"max_connections_per_address", BUS_OPTION_INTEGER, "32", 1, 10000, NULL, "connections of one address at once"},
    {"max_waiting", BUS_OPTION_INTEGER, "32", 1, 1000, NULL, "questions received and not yet answered"},
    {"max_records", BUS_OPTION_INTEGER, "2000", 1, 100000, NULL, "records in one answer"},
    {"max_proofs", BUS_OPTION_INTEGER, "200", 1, 10000, NULL, "proofs in one answer"},
    {"proofs_ms", BUS_OPTION_INTEGER, "20000", 100, 600000, NULL, "ms in which the proofs of one answer must be found"},
    {"statement_ms", BUS_OPTION_INTEGER, "10000", 100, 600000, NULL, "ms that a statement of the database may take"},
    {"requests_per_minute", BUS_OPTION_INTEGER, "120", 1, 1000000, NULL,
     "questions of one client (certificate, or address), in the long run"},
    {"burst", BUS_OPTION_INTEGER, "30", 1, 1000000, NULL, "questions of one client at one blow"},
    {"header_ms", BUS_OPTION_INTEGER, "10000", 100, 600000, NULL,
     "ms for a handshake and a request's headers, and that a connection may be idle"},
    {"send_ms", BUS_OPTION_INTEGER, "30000", 100, 600000, NULL, "ms in which a client must have read its answer"},
    {0},
};

static bool is_this_machine(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

static enum bus_status read_files(const struct bus_settings_node *group, struct serve_settings *settings,
                                  struct bus_error *error)
{
    const struct bus_settings *file = settings->agent->file;
    enum bus_status status = bus_settings_resolve_existing(file, group, serve_options, "certificate",
                                                           settings->certificate, sizeof settings->certificate, error);
    if (status == BUS_OK)
        status = bus_settings_resolve_existing(file, group, serve_options, "key", settings->key, sizeof settings->key,
                                               error);
    if (status == BUS_OK && bus_settings_text(group, serve_options, "client_ca")[0] != '\0')
        status = bus_settings_resolve_existing(file, group, serve_options, "client_ca", settings->client_ca,
                                               sizeof settings->client_ca, error);
    return status;
}

static void read_numbers(const struct bus_settings_node *group, struct serve_settings *settings)
{
    const struct {
        const char *name;
        size_t *out;
    } sizes[] = {
        {"workers", &settings->workers},
        {"max_connections", &settings->max_connections},
        {"max_connections_per_address", &settings->max_connections_per_address},
        {"max_waiting", &settings->max_waiting},
        {"max_records", &settings->max_records},
        {"max_proofs", &settings->max_proofs},
    };
    const struct {
        const char *name;
        int64_t *out;
    } numbers[] = {
        {"requests_per_minute", &settings->requests_per_minute},
        {"burst", &settings->burst},
        {"header_ms", &settings->header_ms},
        {"send_ms", &settings->send_ms},
        {"statement_ms", &settings->statement_ms},
        {"proofs_ms", &settings->proofs_ms},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        *sizes[i].out = (size_t)bus_settings_integer(group, serve_options, sizes[i].name);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i].out = bus_settings_integer(group, serve_options, numbers[i].name);
}

enum bus_status serve_settings_read(const struct subscribers_settings *agent, struct serve_settings *out_settings,
                                    struct bus_error *error)
{
    const struct bus_settings_node *root = bus_settings_root(agent->file);
    const struct bus_settings_node *group = bus_settings_child(root, "serve");
    *out_settings = (struct serve_settings){.agent = agent};
    if (strcmp(agent->sink->name, "postgresql") != 0)
        return bus_settings_fail(
            root, error, "--serve answers from the tables of sink = \"postgresql\"; this agent's sink is \"%s\"",
            agent->sink->name);
    if (group == NULL)
        return bus_settings_fail(root, error, "--serve needs the group serve = { … };");
    enum bus_status status = bus_settings_check(group, serve_options, error);
    if (status == BUS_OK)
        status = read_files(group, out_settings, error);
    if (status != BUS_OK)
        return status;
    const char *listen = bus_settings_text(group, serve_options, "listen");
    if (!bus_http_address(listen, out_settings->host, sizeof out_settings->host, &out_settings->port))
        return bus_settings_fail(group, error, "listen = \"%s\" is no address and port", listen);
    if (out_settings->client_ca[0] == '\0' && !is_this_machine(out_settings->host))
        return bus_settings_fail(
            group, error,
            "listen = \"%s\" is open to other machines, which needs client_ca: whoever asks shows a "
            "certificate",
            listen);
    const char *connection = bus_settings_text(group, serve_options, "connection");
    out_settings->connection =
        connection[0] != '\0' ? connection : bus_settings_text(agent->sink_group, agent->sink->options, "connection");
    snprintf(out_settings->schema, sizeof out_settings->schema, "%s",
             bus_settings_text(agent->sink_group, agent->sink->options, "schema"));
    out_settings->serves_persons = bus_settings_boolean(group, serve_options, "persons");
    read_numbers(group, out_settings);
    return BUS_OK;
}
