#include "subscribers/engine/settings.h"

#include <stdio.h>

#include "subscribers/sinks/https/https.h"
#include "subscribers/sinks/ndjson/ndjson.h"
#include "subscribers/sinks/postgresql/postgresql.h"
#include "subscribers/sinks/province/province.h"

const struct subscribers_sink *const subscribers_sinks[] = {&subscribers_postgresql, &subscribers_ndjson,
                                                            &subscribers_https, &subscribers_province, NULL};

const struct bus_option subscribers_options[] = {
    {"subscriber", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name of the subscriber: a folder below subscribers/receivers"},
    {"catalogue", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "the catalogue file"},
    {"kafka", BUS_OPTION_GROUP, NULL, 0, 0, NULL, "where Kafka is"},
    {"partitions", BUS_OPTION_INTEGER, "6", 1, SUBSCRIBERS_MAX_PARTITIONS, NULL, "partitions of every topic"},
    {"group", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "consumer group in which the subscriber's agents share the partitions; empty: xq-agent-<subscriber>"},
    {"instance", BUS_OPTION_TEXT, "1", 0, 0, NULL,
     "name of this agent among those of the subscriber, another one for each that runs"},
    {"session_timeout_ms", BUS_OPTION_INTEGER, "45000", 6000, 3600000, NULL,
     "how long an agent may be silent before the others take its partitions, ms"},
    {"receipt_key", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "PEM file of the subscriber's private key, by which receipts are signed; empty: no receipts"},
    {"state", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "folder of the agent's memory of its receiver, for sinks that keep no positions (https, province)"},
    {"keys", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "folder of the trusted public keys, <key_id>.pem"},
    {"sink", BUS_OPTION_TEXT, NULL, 0, 0, "postgresql|ndjson|https|province",
     "where deliveries go; the group of that name configures it"},
    {"batch_records", BUS_OPTION_INTEGER, "20000", 1, 1000000, NULL, "deliveries in one step of the sink, about"},
    {"batch_bytes", BUS_OPTION_INTEGER, "16777216", 1024, 1073741824, NULL, "bytes in one step of the sink, about"},
    {"log_level", BUS_OPTION_TEXT, "info", 0, 0, "error|warn|info|debug", "least important line to write"},
    {"postgresql", BUS_OPTION_GROUP, "", 0, 0, NULL, "the sink into tables of PostgreSQL"},
    {"ndjson", BUS_OPTION_GROUP, "", 0, 0, NULL, "the sink into files of JSON lines"},
    {"https", BUS_OPTION_GROUP, "", 0, 0, NULL, "the sink that pushes CloudEvents to a receiver by HTTPS"},
    {"province", BUS_OPTION_GROUP, "", 0, 0, NULL, "the sink that reports to the provincial platform"},
    {"serve", BUS_OPTION_GROUP, "", 0, 0, NULL, "checks on the spot, xinqiao-agent --serve"},
    {0},
};

static enum bus_status find_sink(const struct bus_settings_node *root, struct subscribers_settings *settings,
                                 struct bus_error *error)
{
    const char *name = bus_settings_text(root, subscribers_options, "sink");
    for (const struct subscribers_sink *const *sink = subscribers_sinks; *sink != NULL; sink++)
        if (strcmp((*sink)->name, name) == 0)
            settings->sink = *sink;
    if (settings->sink == NULL)
        return bus_settings_fail(root, error, "there is no sink \"%s\"", name);
    if (subscribers_sink_is_courier(settings->sink) && settings->state_folder[0] == '\0')
        return bus_settings_fail(root, error, "sink = \"%s\" needs state = \"a folder\"", name);
    settings->sink_group = bus_settings_child(root, name);
    if (settings->sink_group == NULL)
        return bus_settings_fail(root, error, "sink = \"%s\" needs the group %s = { … };", name, name);
    return bus_settings_check(settings->sink_group, settings->sink->options, error);
}

static enum bus_status resolve_paths(const struct bus_settings_node *root, struct subscribers_settings *settings,
                                     struct bus_error *error)
{
    enum bus_status status =
        bus_settings_resolve_existing(settings->file, root, subscribers_options, "catalogue", settings->catalogue_path,
                                      sizeof settings->catalogue_path, error);
    if (status == BUS_OK)
        status = bus_settings_resolve_existing(settings->file, root, subscribers_options, "keys", settings->keys_folder,
                                               sizeof settings->keys_folder, error);
    if (status == BUS_OK && bus_settings_text(root, subscribers_options, "receipt_key")[0] != '\0')
        status = bus_settings_resolve_existing(settings->file, root, subscribers_options, "receipt_key",
                                               settings->receipt_key_path, sizeof settings->receipt_key_path, error);
    const char *state = bus_settings_text(root, subscribers_options, "state");
    if (status == BUS_OK && state[0] != '\0')
        status =
            bus_settings_resolve(settings->file, state, settings->state_folder, sizeof settings->state_folder, error);
    return status;
}

static void name_group(const struct bus_settings_node *root, struct subscribers_settings *settings)
{
    const char *group = bus_settings_text(root, subscribers_options, "group");
    if (group[0] != '\0')
        snprintf(settings->group, sizeof settings->group, "%s", group);
    else
        snprintf(settings->group, sizeof settings->group, "xq-agent-%s", settings->subscriber);
}

enum bus_status subscribers_settings_load(const char *path, struct subscribers_settings *out_settings,
                                          struct bus_error *error)
{
    *out_settings = (struct subscribers_settings){0};
    enum bus_status status = bus_settings_load(path, &out_settings->file, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *root = bus_settings_root(out_settings->file);
    status = bus_settings_check(root, subscribers_options, error);
    if (status != BUS_OK)
        return status;
    out_settings->subscriber = bus_settings_text(root, subscribers_options, "subscriber");
    out_settings->partitions = (int32_t)bus_settings_integer(root, subscribers_options, "partitions");
    out_settings->batch_records = (size_t)bus_settings_integer(root, subscribers_options, "batch_records");
    out_settings->batch_bytes = (size_t)bus_settings_integer(root, subscribers_options, "batch_bytes");
    out_settings->log_level = bus_log_level_of(bus_settings_text(root, subscribers_options, "log_level"));
    out_settings->instance = bus_settings_text(root, subscribers_options, "instance");
    out_settings->session_timeout_ms = bus_settings_integer(root, subscribers_options, "session_timeout_ms");
    name_group(root, out_settings);
    status = resolve_paths(root, out_settings, error);
    if (status == BUS_OK)
        status = bus_kafka_settings_read(bus_settings_child(root, "kafka"), out_settings->group, &out_settings->kafka,
                                         error);
    return status == BUS_OK ? find_sink(root, out_settings, error) : status;
}

void subscribers_settings_release(struct subscribers_settings *settings)
{
    bus_settings_destroy(settings->file);
    *settings = (struct subscribers_settings){0};
}
