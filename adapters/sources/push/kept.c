#include "adapters/sources/push/kept.h"

#include <stdio.h>

#include "bus/consumer.h"
#include "bus/stop.h"
#include "bus/topics.h"

#define KEPT "/push/"

enum {
    POLL_MS = 200,
    QUIET_MS = 30000, /* without a word from Kafka */
    KEY_SIZE = ADAPTERS_FEED_NAME_SIZE + sizeof KEPT + 2 * ADAPTERS_PUSH_ID_SIZE,
    OWN_PARTITION = 0,
};

static bool read_id(const char *adapter, struct bus_bytes key, uint8_t out_id[ADAPTERS_PUSH_ID_SIZE])
{
    size_t name = strlen(adapter), kept = strlen(KEPT), hex = 2 * ADAPTERS_PUSH_ID_SIZE;
    char text[2 * ADAPTERS_PUSH_ID_SIZE + 1] = {0};
    if (key.length != name + kept + hex || memcmp(key.data, adapter, name) != 0 ||
        memcmp(key.data + name, KEPT, kept) != 0)
        return false;
    memcpy(text, key.data + name + kept, hex);
    return bus_unhex(text, out_id, ADAPTERS_PUSH_ID_SIZE);
}

/* What cannot be read is an answer of a later version, or none: its key counts as new. */
static enum bus_status take(const struct adapters_intake *intake, struct adapters_push_desk *desk,
                            const struct bus_message *message, struct bus_error *error)
{
    uint8_t id[ADAPTERS_PUSH_ID_SIZE];
    if (!read_id(intake->settings->name, message->key, id))
        return BUS_OK;
    if (message->value.data == NULL) {
        adapters_push_desk_forget(desk, id);
        return BUS_OK;
    }
    enum bus_status status = adapters_push_desk_note(desk, id, message->value, error);
    return status == BUS_REJECT ? BUS_OK : status;
}

static enum bus_status read_to_end(const struct adapters_intake *intake, struct adapters_push_desk *desk,
                                   struct bus_consumer *consumer, struct bus_error *error)
{
    int64_t heard_ms = bus_clock_monotonic_ms();
    for (;;) {
        struct bus_message message;
        enum bus_status status = bus_consumer_poll(consumer, POLL_MS, &message, error);
        if (status != BUS_OK || (message.handle == NULL && message.partition >= 0))
            return status;
        if (message.handle == NULL) {
            if (bus_stop_requested() || bus_clock_monotonic_ms() - heard_ms > QUIET_MS)
                return bus_fail(error, BUS_RETRY, "cannot read the answers kept: Kafka does not answer");
            continue;
        }
        heard_ms = bus_clock_monotonic_ms();
        status = take(intake, desk, &message, error);
        bus_message_release(&message);
        if (status != BUS_OK)
            return status;
    }
}

enum bus_status adapters_push_kept_load(const struct adapters_intake *intake, struct adapters_push_desk *desk,
                                        struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    const struct bus_kafka_settings *kafka = &intake->settings->kafka;
    struct bus_consumer *consumer = NULL;
    bus_topic_named(kafka->prefix, BUS_TOPIC_POSITIONS, topic);
    struct bus_partition start = {topic, OWN_PARTITION, BUS_OFFSET_BEGINNING};
    enum bus_status status = bus_consumer_open(&kafka->kafka, &(struct bus_consumer_options){0}, &consumer, error);
    if (status == BUS_OK)
        status = bus_consumer_assign(consumer, &start, 1, error);
    if (status == BUS_OK)
        status = read_to_end(intake, desk, consumer, error);
    bus_consumer_close(consumer);
    return status;
}

enum bus_status adapters_push_kept_add(const struct adapters_intake *intake, const uint8_t id[ADAPTERS_PUSH_ID_SIZE],
                                       struct bus_bytes record, struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE], key[KEY_SIZE], hex[2 * ADAPTERS_PUSH_ID_SIZE + 1];
    bus_topic_named(intake->settings->kafka.prefix, BUS_TOPIC_POSITIONS, topic);
    bus_hex(id, ADAPTERS_PUSH_ID_SIZE, hex);
    snprintf(key, sizeof key, "%s" KEPT "%s", intake->settings->name, hex);
    const struct bus_record kept = {
        .topic = topic, .partition = OWN_PARTITION, .key = bus_bytes_text(key), .value = record};
    return adapters_publisher_add(intake->publisher, &kept, error);
}
