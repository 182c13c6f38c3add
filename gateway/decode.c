#include "gateway/decode.h"

#include <stdio.h>
#include <stdlib.h>

struct route {
    char topic[BUS_TOPIC_SIZE];
    const struct bus_item *item;
};

struct gateway_decode {
    size_t route_count;
    size_t last; /* events of one topic come in runs */
    struct route routes[];
};

struct gateway_decode *gateway_decode_create(const struct bus_catalogue *catalogue, const char *prefix)
{
    size_t count = bus_catalogue_item_count(catalogue);
    struct gateway_decode *decode = calloc(1, sizeof *decode + count * sizeof decode->routes[0]);
    if (decode == NULL)
        return NULL;
    decode->route_count = count;
    for (size_t i = 0; i < count; i++) {
        decode->routes[i].item = bus_catalogue_item(catalogue, i);
        bus_topic_in(prefix, decode->routes[i].item, decode->routes[i].topic);
    }
    return decode;
}

void gateway_decode_destroy(struct gateway_decode *decode)
{
    free(decode);
}

static const struct bus_item *item_of_topic(struct gateway_decode *decode, const char *topic)
{
    for (size_t i = 0; i < decode->route_count; i++) {
        size_t at = (decode->last + i) % decode->route_count;
        if (strcmp(decode->routes[at].topic, topic) == 0) {
            decode->last = at;
            return decode->routes[at].item;
        }
    }
    return NULL;
}

static enum bus_status reject_schema(const struct bus_item *item, uint64_t fingerprint, struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "数据格式版本（指纹%016llx）不是目录项%s已发布的版本，请按已发布的格式重新发送",
             (unsigned long long)fingerprint, item->name);
    snprintf(en, sizeof en, "schema fingerprint %016llx is no published version of %s; send with a published schema",
             (unsigned long long)fingerprint, item->name);
    return bus_reject(error, "SCHEMA_UNKNOWN", zh, en);
}

enum bus_status gateway_decode(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    struct gateway_decode *decode = self;
    exchange->item = item_of_topic(decode, exchange->topic);
    if (exchange->item == NULL)
        return bus_fail(error, BUS_FATAL, "topic %s is no topic of the catalogue", exchange->topic);

    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(exchange->value, &fingerprint, error);
    if (status != BUS_OK)
        return status;
    exchange->version = bus_item_version_by_fingerprint(exchange->item, fingerprint);
    if (exchange->version == NULL)
        return reject_schema(exchange->item, fingerprint, error);

    const struct bus_schema *schema = exchange->version->schema;
    struct bus_span *spans = bus_arena_allocate(exchange->arena, bus_schema_field_count(schema) * sizeof *spans);
    if (spans == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    status = bus_datum_walk(schema, exchange->value, spans, error);
    if (status != BUS_OK)
        return status;
    exchange->spans = spans;
    bus_event_read(schema, exchange->value, spans, &exchange->event);
    exchange->decoded = true;
    return BUS_OK;
}
