#include "adapters/engine/settings.h"

const struct bus_option adapters_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name of this adapter in the exchange, each name once"},
    {"department", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "the department of the catalogue whose feeds it takes"},
    {"catalogue", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "path of catalogue.cfg"},
    {"mappings", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "folder of mappings: every <feed>.cfg in it is a feed"},
    {"feeds", BUS_OPTION_TEXTS, "", 0, 0, NULL, "only these of the mappings; by default all"},
    {"inbox", BUS_OPTION_TEXT, "", 0, 0, NULL, "folder into which the department puts files, in <inbox>/<feed>/"},
    {"replication", BUS_OPTION_GROUP, "", 0, 0, NULL, "instead of an inbox: a PostgreSQL database that is followed"},
    {"odbc", BUS_OPTION_GROUP, "", 0, 0, NULL, "instead of an inbox: a database that is asked through ODBC"},
    {"push", BUS_OPTION_GROUP, "", 0, 0, NULL, "instead of an inbox: an HTTPS address that is pushed to"},
    {"state", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "folder of the adapter's own state; needed for full lists and for all that is no inbox"},
    {"pepper_file", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "file of the exchange's secret for subject keys, the same everywhere"},
    {"kafka", BUS_OPTION_GROUP, NULL, 0, 0, NULL, "where Kafka is"},
    {"partitions", BUS_OPTION_INTEGER, "6", 1, 10000, NULL, "partitions of every topic, fixed at installation"},
    {"batch_rows", BUS_OPTION_INTEGER, "20000", 1, 1000000, NULL, "rows in one transaction at most"},
    {"batch_bytes", BUS_OPTION_INTEGER, "16777216", 1024, 268435456, NULL,
     "bytes of events in one transaction at most"},
    {"batch_ms", BUS_OPTION_INTEGER, "1000", 1, 30000, NULL, "ms that one transaction is kept open at most"},
    {"scan_ms", BUS_OPTION_INTEGER, "1000", 10, 3600000, NULL,
     "ms between two looks into the inbox when nothing is heard"},
    {"stable_ms", BUS_OPTION_INTEGER, "1000", 10, 3600000, NULL,
     "ms without a change after which a file counts as complete, for feeds that say so"},
    {"log_level", BUS_OPTION_TEXT, "info", 0, 0, "error|warn|info|debug", "least important line to write"},
    {0},
};

static enum bus_status read_folder(const struct bus_settings_node *root, const char *name,
                                   const struct adapters_settings *settings, char *out_path, struct bus_error *error)
{
    const char *path = bus_settings_text(root, adapters_options, name);
    return path[0] != '\0' ? bus_settings_resolve(settings->file, path, out_path, ADAPTERS_PATH_SIZE, error) : BUS_OK;
}

static enum bus_status read_paths(const struct bus_settings_node *root, struct adapters_settings *settings,
                                  struct bus_error *error)
{
    const struct {
        const char *name;
        char *to;
    } paths[] = {
        {"catalogue", settings->catalogue},
        {"mappings", settings->mappings},
        {"pepper_file", settings->pepper},
    };
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < sizeof paths / sizeof paths[0]; i++)
        status = bus_settings_resolve_existing(settings->file, root, adapters_options, paths[i].name, paths[i].to,
                                               ADAPTERS_PATH_SIZE, error);
    /* These are made where they are missing. */
    if (status == BUS_OK)
        status = read_folder(root, "inbox", settings, settings->inbox, error);
    return status == BUS_OK ? read_folder(root, "state", settings, settings->state, error) : status;
}

static enum bus_status read_source(const struct bus_settings_node *root, struct adapters_settings *settings,
                                   struct bus_error *error)
{
    settings->feeds = bus_settings_child(root, "feeds");
    settings->replication = bus_settings_child(root, "replication");
    settings->odbc = bus_settings_child(root, "odbc");
    settings->push = bus_settings_child(root, "push");
    int count = (settings->inbox[0] != '\0') + (settings->replication != NULL) + (settings->odbc != NULL) +
                (settings->push != NULL);
    if (count != 1)
        return bus_settings_fail(root, error, "an adapter has one source: inbox, replication, odbc or push");
    if (settings->inbox[0] == '\0' && settings->state[0] == '\0')
        return bus_settings_fail(root, error, "state is needed: a folder in which the adapter keeps what was said");
    return BUS_OK;
}

enum bus_status adapters_settings_load(const char *path, struct adapters_settings *out_settings,
                                       struct bus_error *error)
{
    struct adapters_settings *settings = out_settings;
    *settings = (struct adapters_settings){0};
    enum bus_status status = bus_settings_load(path, &settings->file, error);
    if (status != BUS_OK)
        return status;
    const struct bus_settings_node *root = bus_settings_root(settings->file);
    status = bus_settings_check(root, adapters_options, error);
    if (status == BUS_OK) {
        settings->name = bus_settings_text(root, adapters_options, "name");
        settings->department = bus_settings_text(root, adapters_options, "department");
        status = bus_kafka_settings_read(bus_settings_child(root, "kafka"), settings->name, &settings->kafka, error);
    }
    if (status == BUS_OK)
        status = read_paths(root, settings, error);
    if (status == BUS_OK)
        status = read_source(root, settings, error);
    if (status != BUS_OK) {
        adapters_settings_release(settings);
        return status;
    }
    settings->partitions = (int32_t)bus_settings_integer(root, adapters_options, "partitions");
    settings->batch_rows = (size_t)bus_settings_integer(root, adapters_options, "batch_rows");
    settings->batch_bytes = (size_t)bus_settings_integer(root, adapters_options, "batch_bytes");
    settings->batch_ms = bus_settings_integer(root, adapters_options, "batch_ms");
    settings->scan_ms = bus_settings_integer(root, adapters_options, "scan_ms");
    settings->stable_ms = bus_settings_integer(root, adapters_options, "stable_ms");
    settings->log_level = bus_log_level_of(bus_settings_text(root, adapters_options, "log_level"));
    return BUS_OK;
}

void adapters_settings_release(struct adapters_settings *settings)
{
    bus_settings_destroy(settings->file);
    settings->file = NULL;
}
