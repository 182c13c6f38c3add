#include "adapters/sources/push/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "bus/http_server.h"

const struct bus_option adapters_push_options[] = {
    {"listen", BUS_OPTION_TEXT, "0.0.0.0:8443", 0, 0, NULL, "address and port, [address]:port for IPv6"},
    {"certificate", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "PEM file: the server's certificate and those between it and its root"},
    {"key", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "PEM file: the private key of the certificate"},
    {"client_ca", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "PEM file: the authorities whose client certificates are believed"},
    {"clients", BUS_OPTION_LIST, NULL, 0, 0, NULL, "who may push, and what"},
    {"threads", BUS_OPTION_INTEGER, "2", 1, 64, NULL, "threads that receive"},
    {"max_connections", BUS_OPTION_INTEGER, "1024", 1, 100000, NULL, "connections at once"},
    {"max_connections_per_address", BUS_OPTION_INTEGER, "64", 1, 100000, NULL, "connections of one address at once"},
    {"max_body_bytes", BUS_OPTION_INTEGER, "16777216", 1024, 268435456, NULL, "bytes of one delivery"},
    {"max_rows", BUS_OPTION_INTEGER, "10000", 1, 50000, NULL, "rows of one delivery"},
    {"max_waiting", BUS_OPTION_INTEGER, "64", 1, 10000, NULL, "deliveries received and not yet taken"},
    {"max_at_once", BUS_OPTION_INTEGER, "8", 1, 1000, NULL, "deliveries of one client at once"},
    {"requests_per_minute", BUS_OPTION_INTEGER, "600", 1, 1000000, NULL, "requests of one client, in the long run"},
    {"burst", BUS_OPTION_INTEGER, "60", 1, 1000000, NULL, "requests of one client at one blow"},
    {"header_ms", BUS_OPTION_INTEGER, "10000", 100, 600000, NULL,
     "ms for a handshake and a request's headers, and that a connection may be idle"},
    {"body_ms", BUS_OPTION_INTEGER, "60000", 100, 3600000, NULL, "ms for the whole of a body"},
    {"answer_ms", BUS_OPTION_INTEGER, "30000", 100, 600000, NULL,
     "ms that a client waits for Kafka before it is told to come again"},
    {"send_ms", BUS_OPTION_INTEGER, "30000", 100, 600000, NULL, "ms in which a client must have read its answer"},
    {"keep_hours", BUS_OPTION_INTEGER, "72", 1, 8760, NULL,
     "hours that an answer is kept for the same idempotency key"},
    {"keep_count", BUS_OPTION_INTEGER, "100000", 100, 1000000, NULL, "answers kept at most; the oldest go first"},
    {0},
};

const struct bus_option adapters_push_client_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "common name of the client's certificate, or the SHA-256 of the certificate in hex"},
    {"feeds", BUS_OPTION_TEXTS, NULL, 0, 0, NULL, "the feeds that it may push to"},
    {0},
};

/* A SHA-256 in hex, with or without colons, as openssl x509 -fingerprint prints it; "" when `name` is none. */
static void read_fingerprint(const char *name, char out_fingerprint[ADAPTERS_PUSH_FINGERPRINT_SIZE])
{
    char hex[ADAPTERS_PUSH_FINGERPRINT_SIZE];
    uint8_t digest[BUS_DIGEST_SIZE];
    size_t length = 0;
    for (; *name != '\0' && length < sizeof hex - 1; name++)
        if (*name != ':')
            hex[length++] = *name;
    hex[length] = '\0';
    out_fingerprint[0] = '\0';
    if (*name == '\0' && bus_unhex(hex, digest, sizeof digest))
        bus_hex(digest, sizeof digest, out_fingerprint);
}

static size_t find_feed(const struct adapters_feeds *feeds, const char *name)
{
    size_t feed = 0;
    while (feed < feeds->count && strcmp(adapters_mapping_feed_view(feeds->mappings[feed]), name) != 0)
        feed++;
    return feed;
}

static enum bus_status read_feeds(const struct bus_settings_node *list, const struct adapters_feeds *feeds,
                                  struct adapters_push_client *client, struct bus_error *error)
{
    for (size_t i = 0; i < bus_settings_count(list); i++) {
        const char *name = bus_settings_as_text(bus_settings_at(list, i));
        size_t feed = find_feed(feeds, name);
        if (feed == feeds->count)
            return bus_settings_fail(list, error, "client %s: this adapter has no feed %s", client->name, name);
        client->may[feed] = true;
    }
    return BUS_OK;
}

static enum bus_status read_client(const struct bus_settings_node *node, const struct adapters_feeds *feeds,
                                   struct adapters_push_settings *settings, struct bus_error *error)
{
    enum bus_status status = bus_settings_check(node, adapters_push_client_options, error);
    if (status != BUS_OK)
        return status;
    struct adapters_push_client *client = &settings->clients[settings->client_count];
    *client = (struct adapters_push_client){.name = bus_settings_text(node, adapters_push_client_options, "name")};
    for (size_t i = 0; i < settings->client_count; i++)
        if (strcasecmp(settings->clients[i].name, client->name) == 0)
            return bus_settings_fail(node, error, "client %s is named twice", client->name);
    if (client->name[0] == '\0')
        return bus_settings_fail(node, error, "a client needs a name");
    read_fingerprint(client->name, client->fingerprint);
    settings->client_count++;
    return read_feeds(bus_settings_child(node, "feeds"), feeds, client, error);
}

static enum bus_status read_clients(const struct bus_settings_node *group, const struct adapters_feeds *feeds,
                                    struct adapters_push_settings *settings, struct bus_error *error)
{
    const struct bus_settings_node *list = bus_settings_child(group, "clients");
    size_t count = bus_settings_count(list);
    if (count == 0 || count > ADAPTERS_PUSH_MAX_CLIENTS)
        return bus_settings_fail(list, error, "%zu clients; 1 to %d are possible", count, ADAPTERS_PUSH_MAX_CLIENTS);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = read_client(bus_settings_at(list, i), feeds, settings, error);
    return status;
}

static void read_limits(const struct bus_settings_node *group, struct adapters_push_settings *settings)
{
    const struct {
        const char *name;
        size_t *to;
    } sizes[] = {
        {"threads", &settings->threads},
        {"max_connections", &settings->max_connections},
        {"max_connections_per_address", &settings->max_connections_per_address},
        {"max_body_bytes", &settings->max_body_bytes},
        {"max_rows", &settings->max_rows},
        {"max_waiting", &settings->max_waiting},
        {"max_at_once", &settings->max_at_once},
    };
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {
        {"requests_per_minute", &settings->requests_per_minute},
        {"burst", &settings->burst},
        {"header_ms", &settings->header_ms},
        {"body_ms", &settings->body_ms},
        {"answer_ms", &settings->answer_ms},
        {"send_ms", &settings->send_ms},
        {"keep_hours", &settings->keep_hours},
        {"keep_count", &settings->keep_count},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        *sizes[i].to = (size_t)bus_settings_integer(group, adapters_push_options, sizes[i].name);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i].to = bus_settings_integer(group, adapters_push_options, numbers[i].name);
}

enum bus_status adapters_push_settings_read(const struct adapters_settings *settings,
                                            const struct adapters_feeds *feeds,
                                            struct adapters_push_settings *out_settings, struct bus_error *error)
{
    const struct bus_settings_node *group = settings->push;
    struct adapters_push_settings *push = out_settings;
    *push = (struct adapters_push_settings){0};
    const struct {
        const char *name;
        char *to;
    } paths[] = {{"certificate", push->certificate}, {"key", push->key}, {"client_ca", push->client_ca}};
    enum bus_status status = bus_settings_check(group, adapters_push_options, error);
    if (status != BUS_OK)
        return status;
    if (settings->state[0] == '\0')
        return bus_settings_fail(group, error, "push needs `state`, a folder of this adapter's own");
    snprintf(push->state, sizeof push->state, "%s", settings->state);
    if (!bus_http_address(bus_settings_text(group, adapters_push_options, "listen"), push->host, sizeof push->host,
                          &push->port))
        return bus_settings_fail(group, error, "listen = \"%s\" is no address:port",
                                 bus_settings_text(group, adapters_push_options, "listen"));
    for (size_t i = 0; status == BUS_OK && i < sizeof paths / sizeof *paths; i++)
        status = bus_settings_resolve_existing(settings->file, group, adapters_push_options, paths[i].name, paths[i].to,
                                               ADAPTERS_PATH_SIZE, error);
    if (status == BUS_OK)
        status = read_clients(group, feeds, push, error);
    read_limits(group, push);
    return status;
}
