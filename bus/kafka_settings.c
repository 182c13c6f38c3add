#include "bus/kafka_settings.h"

const struct bus_option bus_kafka_options[] = {
    {"bootstrap", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "brokers to ask first, host:port[,host:port]"},
    {"prefix", BUS_OPTION_TEXT, "xq.", 0, 0, NULL, "what the names of all topics of the exchange begin with"},
    {"properties", BUS_OPTION_LIST, "", 0, 0, NULL, "further librdkafka properties, such as those of TLS"},
    {0},
};

const struct bus_option bus_kafka_property_options[] = {
    {"name", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "librdkafka property"},
    {"value", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "its value, as text"},
    {0},
};

static enum bus_status read_properties(const struct bus_settings_node *list, struct bus_kafka_settings *out_settings,
                                       struct bus_error *error)
{
    size_t count = list != NULL ? bus_settings_count(list) : 0;
    if (count > BUS_KAFKA_MAX_PROPERTIES)
        return bus_settings_fail(list, error, "%zu properties, at most %d are read", count, BUS_KAFKA_MAX_PROPERTIES);
    for (size_t i = 0; i < count; i++) {
        const struct bus_settings_node *node = bus_settings_at(list, i);
        enum bus_status status = bus_settings_check(node, bus_kafka_property_options, error);
        if (status != BUS_OK)
            return status;
        out_settings->properties[i] = (struct bus_kafka_setting){
            bus_settings_text(node, bus_kafka_property_options, "name"),
            bus_settings_text(node, bus_kafka_property_options, "value"),
        };
    }
    out_settings->properties[count] = (struct bus_kafka_setting){NULL, NULL};
    return BUS_OK;
}

enum bus_status bus_kafka_settings_read(const struct bus_settings_node *group, const char *client_id,
                                        struct bus_kafka_settings *out_settings, struct bus_error *error)
{
    enum bus_status status = bus_settings_check(group, bus_kafka_options, error);
    if (status == BUS_OK)
        status = read_properties(bus_settings_child(group, "properties"), out_settings, error);
    if (status != BUS_OK)
        return status;
    out_settings->prefix = bus_settings_text(group, bus_kafka_options, "prefix");
    out_settings->kafka = (struct bus_kafka){
        .bootstrap = bus_settings_text(group, bus_kafka_options, "bootstrap"),
        .client_id = client_id,
        .settings = out_settings->properties,
    };
    return BUS_OK;
}
