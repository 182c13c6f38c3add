#include "subscribers/engine/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/agent_order.h"
#include "bus/log.h"
#include "bus/stop.h"
#include "bus/store.h"
#include "subscribers/engine/back_off.h"
#include "subscribers/engine/memory_position.h"
#include "subscribers/engine/settings.h"

/* In the view, beside what the topic has: 'M' -> i64 next offset of the topic, and the cluster's identity. */
#define PLACE_KEY "M"

enum {
    POLL_MS = 100,
    TRANSACTION_MS = 15000, /* so long a dead agent's open transaction holds up the next */
    CHANGES_LIMIT = 256 * 1024 * 1024,
    READ_BYTES = 16 * 1024 * 1024, /* of changes before they go into the view */
    NAME_SIZE = 600,
};
#define MAP_BYTES ((size_t)64 * 1024 * 1024 * 1024) /* address space, not memory */

struct subscribers_memory {
    const struct subscribers_settings *settings;
    const char *log_topic; /* xq.out.<subscriber> */
    char topic[BUS_AGENT_TOPIC_SIZE];
    char producer_name[NAME_SIZE];
    char cluster[BUS_CLUSTER_SIZE];
    struct bus_producer *producer;
    struct bus_consumer *consumer; /* of the topic, while a partition is taken */
    struct bus_store **stores;     /* by partition; NULL = not ours */
    int64_t *next;                 /* of the topic, up to which a store is complete */
    struct bus_overlay *changes;
    struct bus_buffer scratch;
};

enum bus_status subscribers_memory_open(const struct subscribers_settings *settings, const char *topic,
                                        struct subscribers_memory **out_memory, struct bus_error *error)
{
    struct subscribers_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    memory->settings = settings;
    memory->log_topic = topic;
    bus_topic_agent(settings->kafka.prefix, settings->subscriber, memory->topic);
    snprintf(memory->producer_name, sizeof memory->producer_name, "%s-%s", settings->group, settings->instance);
    memory->stores = calloc((size_t)settings->partitions, sizeof(struct bus_store *));
    memory->next = calloc((size_t)settings->partitions, sizeof *memory->next);
    memory->changes = bus_overlay_create(CHANGES_LIMIT);
    bus_buffer_init(&memory->scratch, SUBSCRIBERS_POSITION_MAX_SIZE);
    if (memory->stores == NULL || memory->next == NULL || memory->changes == NULL) {
        subscribers_memory_close(memory);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    *out_memory = memory;
    return BUS_OK;
}

void subscribers_memory_close(struct subscribers_memory *memory)
{
    if (memory == NULL)
        return;
    for (int32_t i = 0; memory->stores != NULL && i < memory->settings->partitions; i++)
        subscribers_memory_give_up(memory, i);
    bus_producer_close(memory->producer);
    bus_consumer_close(memory->consumer);
    bus_overlay_destroy(memory->changes);
    bus_buffer_release(&memory->scratch);
    free(memory->stores);
    free(memory->next);
    free(memory);
}

enum bus_status subscribers_memory_connect(struct subscribers_memory *memory, struct bus_error *error)
{
    struct bus_producer_options producer = {.transactional_id = memory->producer_name,
                                            .transaction_timeout_ms = TRANSACTION_MS};
    struct bus_consumer_options consumer = {.prefetch_bytes = 0};
    struct subscribers_back_off back_off = {0};
    const struct bus_kafka *kafka = &memory->settings->kafka.kafka;
    enum bus_status status = bus_producer_open(kafka, &producer, &memory->producer, error);
    if (status == BUS_OK)
        status = bus_consumer_open(kafka, &consumer, &memory->consumer, error);
    while (status == BUS_OK && (status = bus_consumer_cluster(memory->consumer, memory->cluster, error)) == BUS_RETRY &&
           !bus_stop_requested()) {
        subscribers_back_off_sleep(&back_off);
        status = BUS_OK;
    }
    return status;
}

/* ── the view ── */

static enum bus_status change(struct subscribers_memory *memory, struct bus_bytes key, struct bus_bytes value,
                              struct bus_error *error)
{
    struct bus_slot *slot = bus_overlay_slot(memory->changes, key);
    struct bus_bytes kept = value.length > 0 ? value : (struct bus_bytes){NULL, 0};
    if (slot == NULL || !bus_overlay_change(memory->changes, slot, kept))
        return bus_fail(error, BUS_FATAL, "no memory for what the agent remembers");
    return BUS_OK;
}

/* Writes what was changed, and that the view is complete up to `next`. */
static enum bus_status keep(struct subscribers_memory *memory, int32_t partition, int64_t next, struct bus_error *error)
{
    uint8_t place[8 + BUS_CLUSTER_SIZE];
    size_t cluster_length = strlen(memory->cluster), count;
    bus_put_u64le(place, (uint64_t)next);
    memcpy(place + 8, memory->cluster, cluster_length);
    enum bus_status status = change(memory, bus_bytes_text(PLACE_KEY), bus_bytes_of(place, 8 + cluster_length), error);
    if (status == BUS_OK) {
        struct bus_slot **slots = bus_overlay_changed_sorted(memory->changes, &count);
        status = bus_store_write(memory->stores[partition], slots, count, error);
    }
    if (status == BUS_OK)
        memory->next[partition] = next;
    bus_overlay_reset(memory->changes);
    return status;
}

/* The place up to which the view is complete, 0 when there is none of this cluster. */
static enum bus_status find_place(struct subscribers_memory *memory, int32_t partition, struct bus_error *error)
{
    struct bus_bytes value;
    enum bus_status status = bus_store_get(memory->stores[partition], bus_bytes_text(PLACE_KEY), &value, error);
    memory->next[partition] = 0;
    if (status != BUS_OK || value.length < 8)
        return status;
    if (bus_bytes_equal_text(bus_bytes_of(value.data + 8, value.length - 8), memory->cluster)) {
        memory->next[partition] = (int64_t)bus_get_u64le(value.data);
        return BUS_OK;
    }
    bus_log(BUS_LOG_WARN, "代理的本地视图属于另一个 Kafka，重新建立 / the agent's view is of another Kafka, made again",
            "partition=%d", (int)partition);
    return bus_store_clear(memory->stores[partition], error);
}

static enum bus_status open_store(struct subscribers_memory *memory, int32_t partition, struct bus_error *error)
{
    char folder[PATH_MAX + 16];
    struct subscribers_back_off back_off = {0};
    enum bus_status status;
    snprintf(folder, sizeof folder, "%s/%d", memory->settings->state_folder, (int)partition);
    while ((status = bus_store_open(folder, MAP_BYTES, &memory->stores[partition], error)) == BUS_RETRY &&
           !bus_stop_requested())
        subscribers_back_off_sleep(&back_off); /* another agent of this machine is about to let go of it */
    return status == BUS_OK ? find_place(memory, partition, error) : status;
}

/* ── from the topic into the view ── */

/* Until no transaction is open in the partition: one might still say something. */
static enum bus_status wait_for_others(struct subscribers_memory *memory, int32_t partition, int64_t *out_first,
                                       int64_t *out_end, struct bus_error *error)
{
    struct subscribers_back_off back_off = {0};
    while (!bus_stop_requested()) {
        int64_t high;
        enum bus_status status =
            bus_consumer_watermarks(memory->consumer, memory->topic, partition, out_first, out_end, &high, error);
        if (status == BUS_FATAL || (status == BUS_OK && *out_end == high))
            return status;
        subscribers_back_off_sleep(&back_off);
    }
    return bus_fail(error, BUS_RETRY, "stopped");
}

static enum bus_status take_message(struct subscribers_memory *memory, const struct bus_message *message,
                                    struct bus_error *error)
{
    if (message->key.length == 0 || message->key.length > SUBSCRIBERS_MAX_NOTE_KEY)
        return BUS_OK;
    return change(memory, message->key, message->value, error);
}

static enum bus_status read_to_end(struct subscribers_memory *memory, int32_t partition, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    int64_t next = memory->next[partition];
    size_t bytes = 0;
    bool ended = false;
    while (!ended && status == BUS_OK && !bus_stop_requested()) {
        struct bus_message message;
        status = bus_consumer_poll(memory->consumer, POLL_MS, &message, error);
        if (status == BUS_RETRY)
            status = BUS_OK;
        if (message.handle != NULL) {
            status = take_message(memory, &message, error);
            next = message.offset + 1;
            bytes += message.key.length + message.value.length;
        } else if (message.partition == partition) {
            next = message.offset > next ? message.offset : next;
            ended = true;
        }
        bus_message_release(&message);
        if (status == BUS_OK && (ended || bytes > READ_BYTES)) {
            status = keep(memory, partition, next, error);
            bytes = 0;
        }
    }
    bus_overlay_reset(memory->changes);
    return status == BUS_OK && !ended ? bus_fail(error, BUS_RETRY, "stopped") : status;
}

static enum bus_status refresh(struct subscribers_memory *memory, int32_t partition, struct bus_error *error)
{
    int64_t first, end;
    enum bus_status status = wait_for_others(memory, partition, &first, &end, error);
    if (status != BUS_OK)
        return status;
    if (memory->next[partition] > end) { /* the topic was made anew */
        status = bus_store_clear(memory->stores[partition], error);
        memory->next[partition] = 0;
    }
    struct bus_partition start = {memory->topic, partition,
                                  memory->next[partition] > first ? memory->next[partition] : first};
    if (status == BUS_OK)
        status = bus_consumer_assign(memory->consumer, &start, 1, error);
    return status == BUS_OK ? read_to_end(memory, partition, error) : status;
}

enum bus_status subscribers_memory_take(struct subscribers_memory *memory, struct subscribers_position *position,
                                        struct bus_error *error)
{
    int32_t partition = position->partition;
    struct bus_bytes value = {NULL, 0};
    subscribers_memory_give_up(memory, partition);
    enum bus_status status = open_store(memory, partition, error);
    if (status == BUS_OK)
        status = refresh(memory, partition, error);
    if (status == BUS_OK)
        status = subscribers_memory_get(memory, partition, bus_bytes_text(SUBSCRIBERS_POSITION_KEY), &value, error);
    if (status == BUS_OK && value.data != NULL)
        status = subscribers_position_decode(value, position, error);
    return status;
}

void subscribers_memory_give_up(struct subscribers_memory *memory, int32_t partition)
{
    bus_store_close(memory->stores[partition], true);
    memory->stores[partition] = NULL;
}

/* ── what couriers ask ── */

enum bus_status subscribers_memory_get(struct subscribers_memory *memory, int32_t partition, struct bus_bytes key,
                                       struct bus_bytes *out_value, struct bus_error *error)
{
    return bus_store_get(memory->stores[partition], key, out_value, error);
}

struct walk {
    struct bus_bytes prefix;
    bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value);
    void *self;
};

static bool walk_one(void *self, struct bus_bytes key, struct bus_bytes value)
{
    const struct walk *walk = self;
    if (key.length < walk->prefix.length || memcmp(key.data, walk->prefix.data, walk->prefix.length) != 0)
        return false;
    return walk->take(walk->self, key, value);
}

enum bus_status subscribers_memory_walk(struct subscribers_memory *memory, int32_t partition, struct bus_bytes prefix,
                                        bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value),
                                        void *self, struct bus_error *error)
{
    struct walk walk = {prefix, take, self};
    bool ended;
    return bus_store_walk(memory->stores[partition], prefix, walk_one, &walk, &ended, error);
}

/* ── what is settled ── */

static enum bus_status produce(struct subscribers_memory *memory, int32_t partition, struct bus_bytes key,
                               struct bus_bytes value, struct bus_error *error)
{
    struct bus_record record = {.topic = memory->topic,
                                .partition = partition,
                                .key = key,
                                .value = value.length > 0 ? value : (struct bus_bytes){NULL, 0}};
    return bus_producer_produce(memory->producer, &record, error);
}

static enum bus_status produce_batch(struct subscribers_memory *memory, const struct subscribers_batch *batch,
                                     struct bus_error *error)
{
    const struct subscribers_position *position = &batch->advances[0].position;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < batch->note_count; i++)
        status = produce(memory, position->partition, bus_buffer_view(&batch->notes[i].key),
                         bus_buffer_view(&batch->notes[i].value), error);
    bus_buffer_reset(&memory->scratch);
    if (status == BUS_OK)
        status = subscribers_position_encode(position, &memory->scratch, error);
    if (status == BUS_OK)
        status = produce(memory, position->partition, bus_bytes_text(SUBSCRIBERS_POSITION_KEY),
                         bus_buffer_view(&memory->scratch), error);
    return status;
}

static enum bus_status send_offsets(struct subscribers_memory *memory, struct bus_consumer *consumer,
                                    struct subscribers_batch *const *batches, size_t count, struct bus_error *error)
{
    struct bus_offset *offsets = calloc(count, sizeof *offsets);
    if (offsets == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct subscribers_position *position = &batches[i]->advances[0].position;
        offsets[i] = (struct bus_offset){memory->log_topic, position->partition, position->next};
    }
    enum bus_status status = bus_producer_send_offsets(memory->producer, consumer, offsets, count, error);
    free(offsets);
    return status;
}

static enum bus_status write_topic(struct subscribers_memory *memory, struct bus_consumer *consumer,
                                   struct subscribers_batch *const *batches, size_t count, struct bus_error *error)
{
    struct bus_error ignored;
    enum bus_status status = bus_producer_begin(memory->producer, error);
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = produce_batch(memory, batches[i], error);
    if (status == BUS_OK)
        status = send_offsets(memory, consumer, batches, count, error);
    if (status == BUS_OK)
        status = bus_producer_commit(memory->producer, error);
    if (status == BUS_RETRY && bus_producer_abort(memory->producer, &ignored) != BUS_OK) {
        *error = ignored;
        return BUS_FATAL;
    }
    return status;
}

/* The topic has it already, so what cannot be written here is read again by the next start; its place stays behind. */
static enum bus_status write_view(struct subscribers_memory *memory, const struct subscribers_batch *batch,
                                  struct bus_error *error)
{
    const struct subscribers_position *position = &batch->advances[0].position;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < batch->note_count; i++)
        status = change(memory, bus_buffer_view(&batch->notes[i].key), bus_buffer_view(&batch->notes[i].value), error);
    bus_buffer_reset(&memory->scratch);
    if (status == BUS_OK)
        status = subscribers_position_encode(position, &memory->scratch, error);
    if (status == BUS_OK)
        status = change(memory, bus_bytes_text(SUBSCRIBERS_POSITION_KEY), bus_buffer_view(&memory->scratch), error);
    if (status == BUS_OK)
        status = keep(memory, position->partition, memory->next[position->partition], error);
    bus_overlay_reset(memory->changes);
    return status;
}

enum bus_status subscribers_memory_commit(struct subscribers_memory *memory, struct bus_consumer *consumer,
                                          struct subscribers_batch *const *batches, size_t count,
                                          struct bus_error *error)
{
    enum bus_status status = write_topic(memory, consumer, batches, count, error);
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        status = write_view(memory, batches[i], error);
    return status;
}
