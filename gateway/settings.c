#include "gateway/settings.h"

#include <stdio.h>

enum { MIB = 1024 * 1024 };

const struct bus_option gateway_options[] = {
    {"node", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name of this machine in the exchange, each name once"},
    {"catalogue", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "path of catalogue.cfg"},
    {"kafka", BUS_OPTION_GROUP, NULL, 0, 0, NULL, "where Kafka is"},
    {"partitions", BUS_OPTION_INTEGER, "6", 1, 10000, NULL, "partitions of every topic, fixed at installation"},
    {"group", BUS_OPTION_TEXT, "xq-gateway", 0, 0, NULL, "consumer group of all gateway workers of the exchange"},
    {"workers", BUS_OPTION_INTEGER, "2", 1, GATEWAY_MAX_WORKERS, NULL, "worker processes on this machine"},
    {"state", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "folder of the partitions' state; rebuilt from xq.state when lost"},
    {"run", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "folder of the keyholder's socket, for this user only"},
    {"private_key", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "PEM file of the sealing key; the suite follows from the key"},
    {"pepper", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "file of the exchange's secret for subject keys, the same everywhere"},
    {"receipt_keys", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "folder <subscriber>/<key_id>.pem of the public keys by which subscribers sign receipts; \"\": receipts are passed over"},
    {"batch_records", BUS_OPTION_INTEGER, "10000", 1, 100000, NULL, "events in one transaction at most"},
    {"batch_bytes", BUS_OPTION_INTEGER, "16777216", 1024, 256 * MIB, NULL,
     "bytes of events in one transaction at most"},
    {"batch_ms", BUS_OPTION_INTEGER, "100", 1, 10000, NULL,
     "ms to gather one transaction at most; an idle input ends it at once"},
    {"state_map_mib", BUS_OPTION_INTEGER, "4096", 16, 1024 * 1024, NULL, "MiB to which one partition's state may grow"},
    {"session_timeout_ms", BUS_OPTION_INTEGER, "45000", 6000, 600000, NULL,
     "ms after which a silent worker's partitions go to others"},
    {"transaction_timeout_ms", BUS_OPTION_INTEGER, "60000", 5000, 600000, NULL,
     "ms after which Kafka aborts a silent worker's transaction"},
    {"rehearsal_clock", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "for drills only: a file whose number of milliseconds is added to the clock, read every second"},
    {"log_level", BUS_OPTION_TEXT, "info", 0, 0, "error|warn|info|debug", "what is logged to standard error"},
    {0},
};

static enum bus_status read_paths(const struct bus_settings_node *root, struct gateway_settings *settings,
                                  struct bus_error *error)
{
    const struct {
        const char *name;
        char *to;
        bool is_made_here;
    } paths[] = {
        {"catalogue", settings->catalogue, false},
        {"state", settings->state, true},
        {"run", settings->run, true},
        {"private_key", settings->private_key, false},
        {"pepper", settings->pepper, false},
    };
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < sizeof paths / sizeof paths[0]; i++)
        status = paths[i].is_made_here
                     ? bus_settings_resolve(settings->file, bus_settings_text(root, gateway_options, paths[i].name),
                                            paths[i].to, GATEWAY_PATH_SIZE, error)
                     : bus_settings_resolve_existing(settings->file, root, gateway_options, paths[i].name, paths[i].to,
                                                     GATEWAY_PATH_SIZE, error);
    if (status == BUS_OK && bus_settings_text(root, gateway_options, "receipt_keys")[0] != '\0')
        status = bus_settings_resolve_existing(settings->file, root, gateway_options, "receipt_keys",
                                               settings->receipt_keys, GATEWAY_PATH_SIZE, error);
    const char *rehearsal = bus_settings_text(root, gateway_options, "rehearsal_clock");
    if (status == BUS_OK && rehearsal[0] != '\0')
        status = bus_settings_resolve(settings->file, rehearsal, settings->rehearsal_clock, GATEWAY_PATH_SIZE, error);
    if (status == BUS_OK)
        snprintf(settings->socket, sizeof settings->socket, "%s/keyholder.sock", settings->run);
    return status;
}

static int64_t integer(const struct bus_settings_node *root, const char *name)
{
    return bus_settings_integer(root, gateway_options, name);
}

enum bus_status gateway_settings_load(const char *path, struct gateway_settings *out_settings, struct bus_error *error)
{
    struct gateway_settings *settings = out_settings;
    memset(settings, 0, sizeof *settings);
    enum bus_status status = bus_settings_load(path, &settings->file, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *root = bus_settings_root(settings->file);
    status = bus_settings_check(root, gateway_options, error);
    if (status == BUS_OK) {
        settings->node = bus_settings_text(root, gateway_options, "node");
        status = bus_kafka_settings_read(bus_settings_child(root, "kafka"), settings->node, &settings->kafka, error);
    }
    if (status == BUS_OK)
        status = read_paths(root, settings, error);
    if (status != BUS_OK) {
        gateway_settings_release(settings);
        return status;
    }
    settings->group = bus_settings_text(root, gateway_options, "group");
    settings->workers = (int)integer(root, "workers");
    settings->partitions = (int32_t)integer(root, "partitions");
    settings->batch_records = (size_t)integer(root, "batch_records");
    settings->batch_bytes = (size_t)integer(root, "batch_bytes");
    settings->batch_ms = integer(root, "batch_ms");
    settings->state_map_bytes = (size_t)integer(root, "state_map_mib") * MIB;
    settings->session_timeout_ms = integer(root, "session_timeout_ms");
    settings->transaction_timeout_ms = integer(root, "transaction_timeout_ms");
    settings->log_level = bus_log_level_of(bus_settings_text(root, gateway_options, "log_level"));
    return BUS_OK;
}

void gateway_settings_release(struct gateway_settings *settings)
{
    bus_settings_destroy(settings->file);
    settings->file = NULL;
}
