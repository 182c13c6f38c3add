#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/engine/image_private.h"
#include "bus/clock.h"
#include "bus/consumer.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    POLL_MS = 200,
    PREFETCH_BYTES = 16 * 1024 * 1024,
    WRITE_EVENTS = 20000,    /* between two writes of what was read */
    PATIENCE_MS = 90 * 1000, /* longer than a transaction of another adapter may stay open in front of ours */
    PROGRESS_MS = 10000,
    LAYOUT = 1, /* of the environment */
    IDENTITY_SIZE = 512,
    FIELDS_MAX = 512,
};

struct follow {
    struct adapters_image *image;
    struct bus_consumer *consumer;
    size_t open; /* places that are not done */
    int64_t events, unwritten;
    int64_t heard_ms, told_ms;
    bool is_other; /* a witness was not found: the topic is another one */
    struct bus_span spans[FIELDS_MAX];
    struct bus_value values[FIELDS_MAX];
};

static struct adapters_image_place *place_of(struct follow *follow, const struct bus_message *message)
{
    for (size_t i = 0; i < follow->image->place_count; i++) {
        struct adapters_image_place *place = &follow->image->places[i];
        if (place->partition == message->partition && strcmp(place->topic, message->topic) == 0)
            return place;
    }
    return NULL;
}

/* --- where to begin --- */

static enum bus_status claim(struct follow *follow, struct bus_error *error)
{
    char cluster[BUS_CLUSTER_SIZE], identity[IDENTITY_SIZE];
    const struct adapters_image_options *options = &follow->image->options;
    enum bus_status status = bus_consumer_cluster(follow->consumer, cluster, error);
    if (status != BUS_OK)
        return status;
    snprintf(identity, sizeof identity, "%d %s %s %s %d", LAYOUT, cluster, options->prefix, options->adapter,
             (int)options->partitions);
    return adapters_image_claim(follow->image, identity, error);
}

static void tell_lost(const struct adapters_image_place *place, int64_t first)
{
    bus_log(BUS_LOG_WARN, "image is not whole: the topic's retention let go of events that it had not read",
            "topic=%s partition=%d next=%" PRId64 " first=%" PRId64, place->topic, (int)place->partition, place->next,
            first);
}

/* Where reading of one place begins; *out_start -1: there is nothing to read. */
static enum bus_status begin_place(struct follow *follow, struct adapters_image_place *place, int64_t *out_start,
                                   struct bus_error *error)
{
    int64_t first, stable, high;
    enum bus_status status =
        bus_consumer_watermarks(follow->consumer, place->topic, place->partition, &first, &stable, &high, error);
    if (status != BUS_OK)
        return status;
    *out_start = -1;
    follow->is_other = follow->is_other || place->next > high;
    if (follow->is_other)
        return BUS_OK;
    if (place->next < first && (place->next >= 0 || first > 0)) {
        if (place->next >= 0 || first > 0)
            tell_lost(place, first);
        place->next = first;
        place->is_changed = true;
    }
    if (place->witness >= 0 && place->witness < first)
        place->witness = -1;
    if (place->next < 0)
        place->next = 0;
    place->target = high;
    place->is_done = place->next >= high && place->witness < 0;
    if (!place->is_done)
        *out_start = place->witness >= 0 ? place->witness : place->next;
    return BUS_OK;
}

static enum bus_status begin_places(struct follow *follow, struct bus_error *error)
{
    struct adapters_image *image = follow->image;
    struct bus_partition *starts = calloc(image->place_count + 1, sizeof *starts);
    enum bus_status status = starts != NULL ? BUS_OK : bus_fail(error, BUS_FATAL, "follow topics: out of memory");
    follow->open = 0;
    for (size_t i = 0; status == BUS_OK && i < image->place_count && !follow->is_other; i++) {
        struct adapters_image_place *place = &image->places[i];
        int64_t start;
        status = begin_place(follow, place, &start, error);
        if (status == BUS_OK && start >= 0)
            starts[follow->open++] = (struct bus_partition){place->topic, place->partition, start};
    }
    if (status == BUS_OK && follow->open > 0 && !follow->is_other)
        status = bus_consumer_assign(follow->consumer, starts, follow->open, error);
    free(starts);
    return status;
}

/* --- reading --- */

static enum bus_status fail_event(const struct bus_message *message, const char *why, struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "event at %s/%d offset %" PRId64 ": %s", message->topic, (int)message->partition,
                    message->offset, why);
}

static enum bus_status note(struct follow *follow, const struct adapters_image_place *place,
                            const struct bus_message *message, struct bus_bytes feed_name, struct bus_error *error)
{
    uint64_t fingerprint;
    uint8_t feed[ADAPTERS_IMAGE_FEED_SIZE], content[ADAPTERS_IMAGE_CONTENT_SIZE];
    if (bus_frame_fingerprint(message->value, &fingerprint, error) != BUS_OK)
        return fail_event(message, "it cannot be read", error);
    const struct bus_item_version *version = bus_item_version_by_fingerprint(place->item, fingerprint);
    if (version == NULL)
        return fail_event(message, "its schema is not in this catalogue: give the adapter the exchange's newest one",
                          error);
    const struct bus_schema *schema = version->schema;
    if (bus_schema_field_count(schema) > FIELDS_MAX ||
        bus_datum_walk(schema, message->value, follow->spans, error) != BUS_OK)
        return fail_event(message, "it cannot be read", error);
    for (size_t i = 0; i < bus_schema_field_count(schema); i++)
        follow->values[i] = bus_datum_value(bus_schema_field(schema, i), message->value, follow->spans[i]);
    enum bus_status status =
        adapters_image_entry_content(schema, follow->values, &follow->image->scratch, content, error);
    adapters_image_feed(feed_name, feed);
    if (status == BUS_OK)
        status = adapters_image_note_event(follow->image, feed, place->item, schema, follow->values, content, error);
    return status == BUS_REJECT ? fail_event(message, "it cannot be noted", error) : status;
}

static bool is_witness(const struct adapters_image_place *place, const struct bus_message *message)
{
    return message->offset == place->witness && message->value.length >= BUS_FRAME_SIZE + BUS_IDENTITY_SIZE &&
           memcmp(message->value.data + BUS_FRAME_SIZE, place->witness_id, BUS_IDENTITY_SIZE) == 0;
}

/* One record of a topic: the first shows whether the topic is still the one that was read, those before `next` are known. */
static enum bus_status take(struct follow *follow, const struct bus_message *message, struct bus_error *error)
{
    struct adapters_image_place *place = place_of(follow, message);
    if (place == NULL || place->is_done)
        return BUS_OK;
    if (message->offset < place->next) {
        follow->is_other = follow->is_other || (place->witness >= message->offset && !is_witness(place, message));
        return BUS_OK;
    }
    struct bus_bytes feed = bus_message_header(message, BUS_FEED_HEADER);
    place->next = message->offset + 1;
    place->is_changed = true;
    if (feed.data == NULL || message->value.length < BUS_FRAME_SIZE + BUS_IDENTITY_SIZE ||
        !bus_bytes_equal_text(bus_message_header(message, BUS_ADAPTER_HEADER), follow->image->options.adapter))
        return BUS_OK;
    place->witness = message->offset;
    memcpy(place->witness_id, message->value.data + BUS_FRAME_SIZE, BUS_IDENTITY_SIZE);
    follow->events++;
    follow->unwritten++;
    return note(follow, place, message, feed, error);
}

/* The end of a partition is where other adapters' open transactions begin: ours behind them are waited for. */
static void take_end(struct follow *follow, const struct bus_message *message)
{
    struct adapters_image_place *place = place_of(follow, message);
    if (place == NULL || place->is_done || message->offset < place->target)
        return;
    if (message->offset > place->next) {
        place->next = message->offset;
        place->is_changed = true;
    }
    place->is_done = true;
    follow->open--;
}

static enum bus_status wait_on(struct follow *follow, struct bus_error *error)
{
    int64_t silent_ms = bus_clock_monotonic_ms() - follow->heard_ms;
    if (bus_stop_requested())
        return bus_fail(error, BUS_RETRY, "follow the adapter's own topics: a stop is requested");
    if (silent_ms > PATIENCE_MS)
        return bus_fail(error, BUS_RETRY, "follow the adapter's own topics: Kafka does not answer");
    return BUS_OK;
}

static enum bus_status write_now(struct follow *follow, struct bus_error *error)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    if (now_ms - follow->told_ms >= PROGRESS_MS) {
        bus_log(BUS_LOG_INFO, "image is being made", "events=%" PRId64, follow->events);
        follow->told_ms = now_ms;
    }
    follow->unwritten = 0;
    return adapters_image_keep(follow->image, error);
}

static enum bus_status read_all(struct follow *follow, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && follow->open > 0 && !follow->is_other) {
        struct bus_message message;
        status = bus_consumer_poll(follow->consumer, POLL_MS, &message, error);
        if (status != BUS_OK)
            return status;
        if (message.handle == NULL) {
            if (message.partition >= 0)
                take_end(follow, &message);
            status = wait_on(follow, error);
            continue;
        }
        follow->heard_ms = bus_clock_monotonic_ms();
        status = take(follow, &message, error);
        bus_message_release(&message);
        if (status == BUS_OK && follow->unwritten >= WRITE_EVENTS)
            status = write_now(follow, error);
    }
    return status;
}

/* Once: from where the image ends to the ends of the topics. */
static enum bus_status follow_once(struct follow *follow, struct bus_error *error)
{
    const struct bus_consumer_options options = {.prefetch_bytes = PREFETCH_BYTES};
    follow->is_other = false;
    follow->heard_ms = follow->told_ms = bus_clock_monotonic_ms();
    enum bus_status status = bus_consumer_open(follow->image->options.kafka, &options, &follow->consumer, error);
    if (status != BUS_OK)
        return status;
    status = claim(follow, error);
    if (status == BUS_OK)
        status = adapters_image_load_places(follow->image, error);
    if (status == BUS_OK)
        status = begin_places(follow, error);
    if (status == BUS_OK)
        status = read_all(follow, error);
    if (status == BUS_OK && !follow->is_other)
        status = write_now(follow, error);
    bus_consumer_close(follow->consumer);
    follow->consumer = NULL;
    return status;
}

enum bus_status adapters_image_catch_up(struct adapters_image *image, struct bus_error *error)
{
    struct follow *follow = calloc(1, sizeof *follow);
    if (follow == NULL)
        return bus_fail(error, BUS_FATAL, "follow topics: out of memory");
    follow->image = image;
    adapters_image_forget(image);
    enum bus_status status = follow_once(follow, error);
    if (status == BUS_OK && follow->is_other) {
        status = adapters_image_restart(image, "a topic is not the one that it was made from", error);
        if (status == BUS_OK)
            status = follow_once(follow, error);
    }
    if (status == BUS_OK && follow->is_other)
        status = bus_fail(error, BUS_RETRY, "follow the adapter's own topics: they change while they are read");
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "image follows", "events=%" PRId64, follow->events);
    if (status != BUS_OK)
        adapters_image_forget(image);
    free(follow);
    return status;
}
