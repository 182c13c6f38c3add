#include "cli/life.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/seal.h"
#include "bus/topics.h"
#include "cli/scan.h"

enum { MAX_FIELDS = 256 };

#define ARENA_LIMIT ((size_t)256 * 1024 * 1024)

struct reading {
    struct cli_life *life;
    const struct bus_views *views;
    const struct bus_subscriber *subscriber; /* whose out topic is being read */
};

/* Room for one more in an array of `count`; NULL past CLI_LIFE_MAX or out of memory. */
static void *more(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array; /* the capacity is the next power of two */
    size_t capacity = count == 0 ? 1 : count * 2;
    return capacity > CLI_LIFE_MAX ? NULL : realloc(array, capacity * size);
}

#define ADD(array, count)                                                                                              \
    (__extension__({                                                                                                   \
        void *grown = more((array), (count), sizeof *(array));                                                         \
        if (grown != NULL)                                                                                             \
            (array) = grown;                                                                                           \
        grown == NULL ? NULL : &(array)[(count)++];                                                                    \
    }))

static enum bus_status too_many(struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "read a record's life: more than %d entries, or out of memory", CLI_LIFE_MAX);
}

static void copy_name(struct bus_bytes from, char to[CLI_LIFE_NAME_SIZE])
{
    size_t length = from.length < CLI_LIFE_NAME_SIZE ? from.length : CLI_LIFE_NAME_SIZE - 1;
    if (length > 0)
        memcpy(to, from.data, length);
    to[length] = '\0';
}

/* --- state --- */

static enum bus_status take_state(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct cli_life *life = ((struct reading *)self)->life;
    const uint8_t *key = message->key.data;
    bool is_status = bus_state_is_status(message->key), gone = message->value.data == NULL;
    if ((!bus_state_is_record(message->key) && !is_status) || (is_status && gone) ||
        memcmp(key + 1 + BUS_SUBJECT_KEY_SIZE, life->identity, BUS_IDENTITY_SIZE) != 0)
        return BUS_OK;
    struct cli_life_state *state = ADD(life->states, life->state_count);
    if (state == NULL)
        return too_many(error);
    *state = (struct cli_life_state){.offset = message->offset, .status_only = is_status, .gone = gone};
    memcpy(life->subject_key, key + 1, BUS_SUBJECT_KEY_SIZE);
    life->partition = message->partition;
    return state->gone ? BUS_OK : bus_state_record_read(message->value, &state->entry, NULL, error);
}

/* --- versions --- */

static bool is_ours(const struct cli_life *life, const struct bus_event *event)
{
    uint8_t identity[BUS_IDENTITY_SIZE];
    bus_event_identity(bus_bytes_text(life->item->name), event->record_key, identity);
    return memcmp(identity, life->identity, sizeof identity) == 0;
}

/* What cannot be decoded is in quarantine and no version of anything. */
static bool read_event(const struct cli_life *life, struct bus_bytes datum, struct bus_event *out_event)
{
    struct bus_error ignored;
    struct bus_span spans[MAX_FIELDS];
    uint64_t fingerprint;
    if (bus_frame_fingerprint(datum, &fingerprint, &ignored) != BUS_OK)
        return false;
    const struct bus_item_version *version = bus_item_version_by_fingerprint(life->item, fingerprint);
    if (version == NULL || bus_schema_field_count(version->schema) > MAX_FIELDS ||
        bus_datum_walk(version->schema, datum, spans, &ignored) != BUS_OK)
        return false;
    bus_event_read(version->schema, datum, spans, out_event);
    return true;
}

static enum bus_status take_version(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct cli_life *life = ((struct reading *)self)->life;
    struct bus_event event;
    if (!bus_bytes_equal(message->key, bus_bytes_of(life->subject_key, sizeof life->subject_key)) ||
        !read_event(life, message->value, &event) || !is_ours(life, &event))
        return BUS_OK;
    struct cli_life_version *version = ADD(life->versions, life->version_count);
    if (version == NULL)
        return too_many(error);
    *version = (struct cli_life_version){
        .offset = message->offset,
        .at_ms = event.published_at_ms,
        .version = event.version,
        .sequence = event.sequence,
        .operation = event.operation,
        .replayed = bus_message_header(message, BUS_REPLAY_HEADER).data != NULL,
    };
    copy_name(bus_message_header(message, BUS_ADAPTER_HEADER), version->adapter);
    return BUS_OK;
}

/* --- deliveries --- */

static void read_delivery(const struct bus_view *view, struct bus_bytes datum, struct cli_life_delivery *delivery)
{
    struct bus_error ignored;
    struct bus_span spans[BUS_DELIVERY_FIELD_COUNT];
    struct bus_value values[BUS_DELIVERY_FIELD_COUNT];
    if (bus_schema_field_count(view->schema) != BUS_DELIVERY_FIELD_COUNT ||
        bus_datum_walk(view->schema, datum, spans, &ignored) != BUS_OK)
        return;
    for (size_t i = 0; i < BUS_DELIVERY_FIELD_COUNT; i++)
        values[i] = bus_datum_value(bus_schema_field(view->schema, i), datum, spans[i]);
    delivery->read = true;
    delivery->operation = (enum bus_delivery_operation)values[BUS_DELIVERY_OPERATION].integer;
    delivery->reason = (enum bus_delivery_reason)values[BUS_DELIVERY_REASON].integer;
    delivery->version = values[BUS_DELIVERY_VERSION].integer;
    delivery->at_ms = values[BUS_DELIVERY_DELIVERED_AT].integer;
    copy_name(values[BUS_DELIVERY_GRANT].bytes, delivery->grant);
}

static enum bus_status take_delivery(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct reading *reading = self;
    struct cli_life *life = reading->life;
    struct bus_error ignored;
    uint64_t fingerprint;
    if (!bus_bytes_equal(message->key, bus_bytes_of(life->identity, sizeof life->identity)))
        return BUS_OK;
    struct cli_life_delivery *delivery = ADD(life->deliveries, life->delivery_count);
    if (delivery == NULL)
        return too_many(error);
    struct bus_bytes leaf = bus_message_header(message, BUS_LEAF_HEADER);
    *delivery = (struct cli_life_delivery){
        .subscriber = reading->subscriber,
        .offset = message->offset,
        .leaf = leaf.length == sizeof(uint64_t) ? (int64_t)bus_get_u64be(leaf.data) : -1,
        .at_ms = message->timestamp_ms,
    };
    if (bus_frame_fingerprint(message->value, &fingerprint, &ignored) != BUS_OK)
        return BUS_OK;
    const struct bus_view *view = bus_views_find(reading->views, reading->subscriber->name, fingerprint);
    if (view != NULL)
        read_delivery(view, message->value, delivery);
    return BUS_OK;
}

/* --- audit --- */

static enum bus_status walk_audit(const struct cli_context *context, struct cli_life *life, struct bus_error *error)
{
    const struct cli_life_state *last = &life->states[life->state_count - 1];
    life->trail = (struct cli_trail){.next = last->gone ? -1 : last->entry.audit_offset};
    memcpy(life->trail.record, life->identity, BUS_IDENTITY_SIZE);
    life->arena = bus_arena_create(ARENA_LIMIT);
    if (life->arena == NULL)
        return too_many(error);
    return cli_trails_walk(&context->kafka, context->prefix, life->partition, life->subject_key, &life->trail, 1,
                           life->arena, error);
}

/* --- all of it --- */

static enum bus_status find_state(const struct cli_context *context, struct reading *reading, struct bus_error *error)
{
    struct cli_life *life = reading->life;
    char topic[BUS_TOPIC_SIZE], identity[2 * BUS_IDENTITY_SIZE + 1];
    bus_topic_named(context->prefix, BUS_TOPIC_STATE, topic);
    enum bus_status status = cli_scan(&context->kafka, topic, CLI_ALL_PARTITIONS, take_state, reading, error);
    if (status != BUS_OK || life->state_count > 0)
        return status;
    bus_hex(life->identity, sizeof life->identity, identity);
    bus_fail(error, BUS_REJECT, "the exchange knows no record %s", identity);
    snprintf(error->message_zh, sizeof error->message_zh, "没有这条记录：%s", identity);
    return BUS_REJECT;
}

/* The item by the last entry that still says it. */
static const struct bus_item *item_of(const struct bus_catalogue *catalogue, const struct cli_life *life)
{
    for (size_t i = life->state_count; i-- > 0;)
        if (!life->states[i].gone)
            return bus_catalogue_item_by_number(catalogue, life->states[i].entry.item);
    return NULL;
}

static enum bus_status read_topics(const struct cli_context *context, const struct bus_catalogue *catalogue,
                                   struct reading *reading, struct bus_error *error)
{
    struct cli_life *life = reading->life;
    char topic[BUS_TOPIC_SIZE];
    enum bus_status status = BUS_OK;
    if (life->item != NULL) {
        bus_topic_in(context->prefix, life->item, topic);
        status = cli_scan(&context->kafka, topic, life->partition, take_version, reading, error);
    }
    for (size_t i = 0; status == BUS_OK && i < bus_catalogue_subscriber_count(catalogue); i++) {
        reading->subscriber = bus_catalogue_subscriber(catalogue, i);
        bus_topic_out(context->prefix, reading->subscriber->name, topic);
        status = cli_scan(&context->kafka, topic, life->partition, take_delivery, reading, error);
    }
    return status == BUS_OK ? walk_audit(context, life, error) : status;
}

enum bus_status cli_life_read(struct cli_context *context, struct cli_life *life, struct bus_error *error)
{
    struct bus_views *views = NULL;
    const struct bus_catalogue *catalogue = cli_catalogue(context);
    struct reading reading = {.life = life};
    if (catalogue == NULL)
        return bus_fail(error, BUS_FATAL, "read a record's life: no catalogue");
    enum bus_status status = find_state(context, &reading, error);
    if (status == BUS_OK)
        status = bus_views_create(catalogue, &views, error);
    if (status == BUS_OK) {
        reading.views = views;
        life->item = item_of(catalogue, life);
        status = read_topics(context, catalogue, &reading, error);
    }
    bus_views_destroy(views);
    return status;
}

void cli_life_release(struct cli_life *life)
{
    free(life->states);
    free(life->versions);
    free(life->deliveries);
    bus_arena_destroy(life->arena);
}
