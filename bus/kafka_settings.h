/* Kafka settings: the group of a configuration file that says where Kafka is, the same for every program.
 *
 *     kafka = {
 *         bootstrap = "127.0.0.1:9092";
 *         prefix = "xq.";
 *         properties = ( { name = "security.protocol"; value = "SSL"; } );
 *     };
 *
 * Properties are librdkafka's; those that exactly-once delivery rests on cannot be changed by them. */
#ifndef BUS_KAFKA_SETTINGS_H
#define BUS_KAFKA_SETTINGS_H

#include "bus/producer.h"
#include "bus/settings.h"

/* bootstrap, prefix, properties; for bus_settings_check of the group and for docs/configuration.md. */
extern const struct bus_option bus_kafka_options[];
/* name, value: one of `properties`. */
extern const struct bus_option bus_kafka_property_options[];

enum { BUS_KAFKA_MAX_PROPERTIES = 64 };

struct bus_kafka_settings {
    struct bus_kafka kafka; /* borrows from the settings and from `properties` below: do not copy the outer struct */
    const char *prefix;
    struct bus_kafka_setting properties[BUS_KAFKA_MAX_PROPERTIES + 1];
};

/* Checks and reads the group. `client_id` is borrowed. FATAL with file and line. */
BUS_MUST_CHECK enum bus_status bus_kafka_settings_read(const struct bus_settings_node *group, const char *client_id,
                                                       struct bus_kafka_settings *out_settings,
                                                       struct bus_error *error);

#endif
