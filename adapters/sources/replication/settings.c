#include "adapters/sources/replication/settings.h"

#include "adapters/sources/replication/client.h"

enum { SLOT_NAME_MAX = 63 };

const struct bus_option adapters_replication_options[] = {
    {"connection", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "libpq connection string of the department's database, without a password: passfile= names the file that has it"},
    {"slot", BUS_OPTION_TEXT, NULL, 0, 0, NULL,
     "name of the replication slot, which the adapter makes; another name begins with a new snapshot"},
    {"publication", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "name of the publication, which the department makes"},
    {"heartbeat_seconds", BUS_OPTION_INTEGER, "10", 1, 3600, NULL,
     "how often the position moves on when no table of the feeds changes, so that the database frees its log"},
    {"on_lost_slot", BUS_OPTION_TEXT, "stop", 0, 0, "stop|snapshot",
     "when changes were lost with the slot: stop and say so, or read the tables again and publish the differences"},
    {0},
};

static bool is_slot_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= SLOT_NAME_MAX && name[length] == '\0';
}

enum bus_status replication_settings_read(const struct bus_settings_node *group,
                                          struct replication_settings *out_settings, struct bus_error *error)
{
    const struct bus_option *options = adapters_replication_options;
    enum bus_status status = bus_settings_check(group, options, error);
    if (status != BUS_OK)
        return status;
    *out_settings = (struct replication_settings){
        .connection = bus_settings_text(group, options, "connection"),
        .slot = bus_settings_text(group, options, "slot"),
        .publication = bus_settings_text(group, options, "publication"),
        .heartbeat_ms = bus_settings_integer(group, options, "heartbeat_seconds") * 1000,
        .takes_new_snapshot = strcmp(bus_settings_text(group, options, "on_lost_slot"), "snapshot") == 0,
    };
    if (!is_slot_name(out_settings->slot))
        return bus_settings_fail(group, error, "slot: \"%s\" is no name of a slot: a-z, 0-9 and _, at most %d",
                                 out_settings->slot, SLOT_NAME_MAX);
    if (out_settings->publication[0] == '\0')
        return bus_settings_fail(group, error, "publication: a name is needed");
    return replication_client_check(out_settings->connection, error);
}
